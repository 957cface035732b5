//! The name of a grant, `jti` in its claims: 128 random bits, safe as a file name and safe to show.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use hasp_core::{Error, Kind, Result};

/// 32 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantId(String);

impl GrantId {
    /// A fresh id.
    pub fn random() -> Result<GrantId> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| {
            Error::new(Kind::Io, "random", "the operating system gives no random bytes")
        })?;
        Ok(GrantId(HEXLOWER.encode(&bytes)))
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first digits, enough for people.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

impl FromStr for GrantId {
    type Err = Error;

    fn from_str(text: &str) -> Result<GrantId> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 32 && text.bytes().all(hex) {
            return Ok(GrantId(text.to_owned()));
        }
        Err(Error::new(Kind::Usage, "bad-grant-id", "a grant's id is 32 hexadecimal digits")
            .hint("see them with: hasp-grant list"))
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for GrantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for GrantId {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<GrantId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|e: Error| D::Error::custom(e.message()))
    }
}
