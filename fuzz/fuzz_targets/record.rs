//! See the body.
#![no_main]

#[path = "../bodies/record.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::record(data));
