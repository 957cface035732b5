//! Random names of vaults, logs and grants: 16 bytes, written as 32 lower hexadecimal digits in one
//! spelling, safe as the name of a file and safe to show.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::code;
use crate::error::{Error, Kind, Result};
use crate::random;

/// How many digits an id has.
const DIGITS: usize = 32;
/// How many of them are enough for people.
const SHORT: usize = 8;

/// The digits of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Digits([u8; DIGITS]);

impl Digits {
    fn random() -> Result<Digits> {
        let mut bytes = [0; DIGITS / 2];
        random::fill(&mut bytes)?;
        let mut digits = [0; DIGITS];
        HEXLOWER.encode_mut(&bytes, &mut digits);
        Ok(Digits(digits))
    }

    fn parse(text: &str) -> Option<Digits> {
        let digits: [u8; DIGITS] = text.as_bytes().try_into().ok()?;
        let hex = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
        digits.iter().all(hex).then_some(Digits(digits))
    }

    fn as_str(&self) -> &str {
        // They are ASCII: nothing else is ever put in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A type for each sort of id, so that none is taken for another: what it is called, how it is
/// refused, and what lists them.
macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident($what:literal, $kind:ident, $code:ident, $list:literal)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Digits);

        impl $name {
            /// A fresh one.
            ///
            /// # Errors
            /// `[random]` if the kernel gives no random bytes.
            pub fn random() -> Result<$name> {
                Digits::random().map($name)
            }

            /// All 32 digits.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The first digits, enough for people.
            pub fn short(&self) -> &str {
                &self.as_str()[..SHORT]
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<$name> {
                Digits::parse(text).map($name).ok_or_else(|| {
                    let message = concat!($what, " is 32 lower hexadecimal digits");
                    Error::new(Kind::$kind, code::$code, message)
                        .hint(format!("see them with: {}", $list))
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<$name, D::Error> {
                let id = String::deserialize(d)?.parse::<$name>();
                id.map_err(|e| serde::de::Error::custom(e.message()))
            }
        }
    };
}

hex_id! {
    /// The identity of a vault, which every signature in it covers, so that a record of one vault
    /// can never stand in another.
    VaultId("the id of a vault", Data, BAD_VAULT_ID, "hasp-vault status")
}
hex_id! {
    /// The name of one log: a vault has one in each home, and two homes must not continue each
    /// other's.
    LogId(
        "the id of a log",
        Usage,
        BAD_LOG_ID,
        "ls \"${HASP_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/hasp}/audit\""
    )
}
hex_id! {
    /// The name of a grant, `jti` in its claims.
    GrantId("the id of a grant", Usage, BAD_GRANT_ID, "hasp-grant list")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        let id = VaultId::random().unwrap();
        assert_eq!(id.to_string().parse::<VaultId>().unwrap(), id);
        assert_ne!(VaultId::random().unwrap(), id);
        let slash = format!("{}/", "a".repeat(31));
        let wrong = [("A", 32), ("g", 32), ("a", 31), ("a", 33)].map(|(c, n)| c.repeat(n));
        for bad in ["", "../..", "0123", &slash].into_iter().chain(wrong.iter().map(String::as_str))
        {
            assert_eq!(bad.parse::<VaultId>().unwrap_err().code(), code::BAD_VAULT_ID);
            assert_eq!(bad.parse::<LogId>().unwrap_err().code(), code::BAD_LOG_ID);
            assert_eq!(bad.parse::<GrantId>().unwrap_err().code(), code::BAD_GRANT_ID);
            assert!(serde_json::from_value::<LogId>(bad.into()).is_err());
        }
    }
}
