//! Who can open a value: public keys that age knows. They are used only after the record that lists them was verified.

use std::fmt;
use std::str::FromStr;

use hasp_core::{Error, Kind, Result};

/// A public key that values are encrypted to.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    text: String,
    key: age::x25519::Recipient,
}

impl Recipient {
    /// What age encrypts to.
    pub fn age(&self) -> &dyn age::Recipient {
        &self.key
    }

    /// The recipient as it is written: `age1...`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<age::x25519::Recipient> for Recipient {
    fn from(key: age::x25519::Recipient) -> Recipient {
        Recipient { text: key.to_string(), key }
    }
}

impl FromStr for Recipient {
    type Err = Error;

    /// # Errors
    /// `[bad-recipient]`; a secret key in its place is named as such and not shown.
    fn from_str(text: &str) -> Result<Recipient> {
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(bad("that is a secret key, not a recipient").hint("age-keygen -y prints its recipient"));
        }
        let key = text.parse::<age::x25519::Recipient>();
        let key = key.map_err(|_| bad("that is not an age recipient").hint("a recipient looks like age1..."))?;
        Ok(key.into())
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn bad(message: &str) -> Error {
    Error::new(Kind::Usage, "bad-recipient", message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_public_keys() {
        let identity = age::x25519::Identity::generate();
        let text = identity.to_public().to_string();
        assert_eq!(text.parse::<Recipient>().unwrap().to_string(), text);
        for bad in ["", "age1", "ssh-rsa x", "AGE-SECRET-KEY-1HUNTER2"] {
            let error = bad.parse::<Recipient>().unwrap_err();
            assert!(error.code() == "bad-recipient" && !error.message().contains("HUNTER2"));
        }
    }
}
