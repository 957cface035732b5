//! The kinds of fresh values, as the command line and a signed recipe name them.

/// What kind of value.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[value(rename_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum ValueKind {
    /// Characters of an alphabet.
    Password,
    /// Bytes as hex digits.
    Hex,
    /// Bytes as base64.
    Base64,
    /// A random UUID.
    Uuid,
    /// Words.
    Passphrase,
    /// An age identity.
    Age,
    /// An OpenSSH key pair.
    SshEd25519,
}

impl ValueKind {
    /// The kind in words.
    pub fn as_str(self) -> &'static str {
        match self {
            ValueKind::Password => "password",
            ValueKind::Hex => "hex",
            ValueKind::Base64 => "base64",
            ValueKind::Uuid => "uuid",
            ValueKind::Passphrase => "passphrase",
            ValueKind::Age => "age identity",
            ValueKind::SshEd25519 => "ssh-ed25519 key",
        }
    }
}
