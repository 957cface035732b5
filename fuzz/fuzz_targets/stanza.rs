//! See the body.
#![no_main]

#[path = "../bodies/stanza.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::stanza(data));
