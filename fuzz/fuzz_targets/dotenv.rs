//! See the body.
#![no_main]

#[path = "../bodies/dotenv.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::dotenv(data));
