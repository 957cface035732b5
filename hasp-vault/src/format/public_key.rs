//! Public keys as text: standard base64 of the 32 bytes, as ssh writes them, so that two people can
//! compare them by eye.

use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use hasp_core::{Error, Kind, Result};

use crate::code;

/// 44 characters.
pub fn encode(key: &VerifyingKey) -> String {
    BASE64.encode(key.as_bytes())
}

/// # Errors
/// `[tampered]` for text that is no Ed25519 public key.
pub fn decode(text: &str) -> Result<VerifyingKey> {
    let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
    let key = bytes.and_then(|b| VerifyingKey::from_bytes(&b).ok());
    key.ok_or_else(|| Error::new(Kind::Data, code::TAMPERED, "a public key is malformed"))
}

/// For serde's `with`.
pub mod text {
    use super::VerifyingKey;

    /// As [`super::encode`].
    pub fn serialize<S: serde::Serializer>(
        key: &VerifyingKey,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::encode(key))
    }

    /// As [`super::decode`].
    pub fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<VerifyingKey, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        super::decode(&text).map_err(|e| serde::de::Error::custom(e.message()))
    }
}
