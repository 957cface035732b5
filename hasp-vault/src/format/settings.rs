//! `vault.toml`: which vault this is, who can open it, and the public keys that speak for it. Its
//! recipients are used only after it verified.

use ed25519_dalek::VerifyingKey;
use hasp_core::{Error, Kind, Result, VaultId};
use serde::{Deserialize, Serialize};

use super::public_key;
use crate::code;
use crate::crypto::recipient::Recipient;

/// The format that this version writes and reads.
pub const FORMAT: u32 = 1;
/// The longest `vault.toml`: some thousand recipients.
pub const MAX_FILE: usize = 1 << 20;

/// The body of `vault.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Rises by one with each change.
    pub serial: u64,
    /// The version of the format.
    pub format: u32,
    /// Which vault.
    pub id: VaultId,
    /// The key that verifies its records; what counts is the pin, this one only tells a changed key
    /// from a damaged file.
    #[serde(with = "public_key::text")]
    pub record_key: VerifyingKey,
    /// The key that verifies its tokens.
    #[serde(with = "public_key::text")]
    pub token_key: VerifyingKey,
    /// Who can open its values.
    #[serde(with = "recipients_text")]
    pub recipients: Vec<Recipient>,
}

impl Settings {
    /// Reads a body.
    ///
    /// # Errors
    /// A reason without a path: `[newer-format]`, `[tampered]`.
    pub fn parse(body: &str) -> Result<Settings> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let damaged = || Error::new(Kind::Data, code::TAMPERED, "vault.toml is damaged");
        let found: Format = toml::from_str(body).map_err(|_| damaged())?;
        if found.format != FORMAT {
            return Err(Error::new(
                Kind::Data,
                code::NEWER_FORMAT,
                format!(
                    "the vault has format {}; this version of hasp reads format {FORMAT}",
                    found.format
                ),
            )
            .hint("install a newer hasp"));
        }
        toml::from_str(body).map_err(|_| damaged())
    }

    /// The body as it is signed.
    pub fn render(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::bug(format!("cannot write TOML: {e}")))
    }
}

mod recipients_text {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Recipient;

    pub fn serialize<S: Serializer>(
        recipients: &[Recipient],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(recipients.iter().map(Recipient::as_str))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Recipient>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let parsed: hasp_core::Result<Vec<Recipient>> = texts.iter().map(|t| t.parse()).collect();
        parsed.map_err(|e| serde::de::Error::custom(e.message()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::crypto::keys::Keys;
    use proptest::prelude::*;

    fn settings() -> Settings {
        let keys = Keys::derive(&[1; 32]);
        Settings {
            serial: 1,
            format: FORMAT,
            id: VaultId::random().unwrap(),
            record_key: keys.record_key(),
            token_key: keys.token_key(),
            recipients: vec![age::x25519::Identity::generate().to_public().into()],
        }
    }

    #[test]
    fn read_back() {
        let written = settings();
        let body = written.render().unwrap();
        assert!(body.starts_with("serial = 1\nformat = 1\n"));
        let read = Settings::parse(&body).unwrap();
        assert_eq!((read.id, &read.recipients), (written.id, &written.recipients));
    }

    #[test]
    fn another_format_is_named() {
        let body = settings().render().unwrap().replace("format = 1", "format = 2");
        assert_eq!(Settings::parse(&body).unwrap_err().code(), code::NEWER_FORMAT);
    }

    proptest! {
        #[test]
        fn foreign_text_never_panics(text in "\\PC{0,80}") {
            let _ = Settings::parse(&text);
        }
    }
}
