//! The proxy's own answers.

use crate::refusal::Refusal;

/// What tells a client to send its body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// An answer in place of the upstream's: without a body for HEAD.
pub fn refusal(refusal: &Refusal, bare: bool, closes: bool) -> Vec<u8> {
    let (status, words) = refusal.status();
    let body = refusal.error().to_json();
    let length = body.len();
    let close = if closes { "Connection: close\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status} {words}\r\nContent-Type: application/json\r\nContent-Length: {length}\
         \r\nCache-Control: no-store\r\n{close}\r\n"
    );
    let body = if bare { String::new() } else { body };
    [head, body].concat().into_bytes()
}
