//! A token that somebody else wrote: taken apart or refused, and its claims as well.

use hasp_grant::{Claims, parse_token, token_line};

/// A token on a line, and the same bytes as the claims of one.
pub fn token(data: &[u8]) {
    if let Ok(parts) = token_line(data).and_then(parse_token) {
        let _ = Claims::decode(&parts.payload);
    }
    if let Ok(claims) = Claims::decode(data) {
        let again = claims.encode().expect("what was decoded can be encoded");
        let same = Claims::decode(&again).and_then(|claims| claims.encode());
        assert!(same.is_ok_and(|same| same == again), "claims change on their way");
    }
}
