//! Where a proxied value may go: one https origin, the place of the credential in a request, and
//! the requests that are let through. The text of each part is kept as it was written, since that
//! text is what a person consents to.

mod minting;
mod origin;
mod path;
mod place;
mod rule;

pub use minting::makes_credentials;
pub use origin::Origin;
pub use path::Path;
pub use place::{Place, is_of_the_connection, overrides_the_request};
pub use rule::{Rule, admitted, read_only};

/// What a placeholder begins with, where nothing else is said.
pub const LIKE: &str = "hasp-";

/// The longest beginning of a placeholder, in bytes.
const MAX_LIKE: usize = 16;

/// Refuses a beginning that cannot stand in each place of a request.
///
/// # Errors
/// What is wrong, in words.
pub fn check_like(like: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if (1..=MAX_LIKE).contains(&like.len()) && like.bytes().all(plain) {
        return Ok(());
    }
    Err(format!("'like' is 1 to {MAX_LIKE} letters, digits, '_' and '-'"))
}

#[cfg(test)]
mod tests;
