//! See the body.
#![no_main]

#[path = "../bodies/token.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::token(data));
