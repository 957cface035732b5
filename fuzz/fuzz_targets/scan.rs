//! See the body.
#![no_main]

#[path = "../bodies/scan.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::scan(data));
