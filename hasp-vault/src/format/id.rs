//! The identity of a vault: 128 random bits that every signature in it covers, so that a record of
//! one vault can never stand in another.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use hasp_core::{Error, Kind, Result};

use crate::code;

/// 32 lower hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VaultId([u8; 16]);

impl VaultId {
    /// A fresh id from the kernel's random numbers.
    pub fn random() -> Result<VaultId> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|e| {
            Error::new(Kind::Io, code::RANDOM, format!("cannot draw random bytes: {e}"))
        })?;
        Ok(VaultId(id))
    }
}

impl fmt::Display for VaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl FromStr for VaultId {
    type Err = Error;

    fn from_str(text: &str) -> Result<VaultId> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        let id = bytes.and_then(|b| b.try_into().ok());
        id.map(VaultId).ok_or_else(|| {
            Error::new(Kind::Data, code::BAD_VAULT_ID, "a vault id has 32 lower hex digits")
        })
    }
}

impl serde::Serialize for VaultId {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for VaultId {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<VaultId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|e: Error| serde::de::Error::custom(e.message()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        let id = VaultId::random().unwrap();
        assert_eq!(id.to_string().parse::<VaultId>().unwrap(), id);
        for bad in ["", "0", &"A".repeat(32), &"a".repeat(31), &"a".repeat(33), &"g".repeat(32)] {
            assert_eq!(bad.parse::<VaultId>().unwrap_err().code(), code::BAD_VAULT_ID);
        }
    }
}
