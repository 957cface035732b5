//! The name of one log: random, since a vault root has one log in each home and two homes must not
//! continue each other's.

use std::fmt;
use std::str::FromStr;

use hasp_core::{Error, Kind, Result};

use crate::code;

/// 128 random bits, written as 32 lower hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(String);

impl LogId {
    /// A fresh id.
    ///
    /// # Errors
    /// `Kind::Io` if the kernel gives no random bytes.
    pub fn random() -> Result<LogId> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes)
            .map_err(|e| Error::system("draw random bytes", std::io::Error::from(e)))?;
        Ok(LogId(data_encoding::HEXLOWER.encode(&bytes)))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogId {
    type Err = Error;

    fn from_str(text: &str) -> Result<LogId> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 32 && text.bytes().all(hex) {
            return Ok(LogId(text.to_owned()));
        }
        Err(Error::new(Kind::Usage, code::BAD_LOG_ID, "a log id is 32 lower hex digits").hint(
            "see the logs of this home with: ls \"${HASP_HOME:-$HOME/.local/share/hasp}/audit\"",
        ))
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for LogId {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for LogId {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<LogId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|e: Error| serde::de::Error::custom(e.message()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_32_lower_hex_digits() {
        let id = LogId::random().unwrap();
        assert_eq!(id.to_string().parse::<LogId>().unwrap(), id);
        for bad in
            ["", "../..", "0123", &"A".repeat(32), &"a".repeat(33), &format!("{}/", "a".repeat(31))]
        {
            assert_eq!(bad.parse::<LogId>().unwrap_err().code().as_str(), "bad-log-id");
        }
    }
}
