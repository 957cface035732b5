//! What is written of a plugin's keys, and where its program is.

use std::collections::HashSet;
use std::path::PathBuf;

use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};
use age_core::primitives::bech32_decode;
use hasp_core::text::{printable_path, shell_word};
use hasp_core::{Environ, Error, Home, Kind, Result};
use zeroize::Zeroizing;

use super::client::PluginClient;
use crate::code;
use crate::trusted;

/// The directory of the home with the programs.
const DIR: &str = "plugins";
/// What a recipient begins with, before the name of its plugin.
const RECIPIENT: &str = "age1";
/// What an identity begins with, before the name of its plugin; a dash follows that.
const IDENTITY: &str = "AGE-PLUGIN-";
/// The longest name of a plugin.
const MAX_NAME: usize = 64;

/// A public key that a plugin knows.
#[derive(Clone)]
pub struct Recipient {
    name: String,
    text: String,
}

/// What a plugin finds its secret key by.
pub struct Identity {
    name: String,
    text: Zeroizing<String>,
}

impl Recipient {
    /// `age1NAME1...`; `None` for anything else, and for age's own recipients.
    pub fn parse(text: &str) -> Option<Recipient> {
        let name = prefix(text)?.strip_prefix(RECIPIENT)?.to_owned();
        is_name(&name).then(|| Recipient { name, text: text.to_owned() })
    }

    /// The name of its plugin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The recipient as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Identity {
    /// `AGE-PLUGIN-NAME-1...`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Identity> {
        let name = prefix(text)?.to_ascii_uppercase();
        let name = name.strip_prefix(IDENTITY)?.strip_suffix('-')?.to_ascii_lowercase();
        is_name(&name).then(|| Identity { name, text: Zeroizing::new(text.to_owned()) })
    }

    /// The name of its plugin.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What stands before the data of a well-formed Bech32 text (BIP 173, without its limit of length).
fn prefix(text: &str) -> Option<String> {
    bech32_decode(text, |_| (), |_| Ok(()), |prefix, _| Ok(prefix.to_string())).ok()
}

/// What may be part of a file's name.
fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_');
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(allowed)
}

/// The program of a plugin.
///
/// # Errors
/// `[no-plugin]`, `[plugin-untrusted]`.
fn program(name: &str) -> Result<PathBuf> {
    let home = Home::locate(&Environ::capture())?;
    home.check()?;
    let link = home.join(DIR).join(format!("age-plugin-{name}"));
    if link.symlink_metadata().is_err() {
        let (shown, typed) =
            (printable_path(&home.join(DIR)), shell_word(home.join(DIR).as_os_str()));
        return Err(Error::new(
            Kind::Missing,
            code::NO_PLUGIN,
            format!("there is no age-plugin-{name} in {shown}"),
        )
        .hint(format!(
            "link the one that you trust: mkdir -p {typed} && ln -s \"$(command -v \
             age-plugin-{name})\" {typed}/"
        ))
        .hint("no other is run, since a plugin sees the key of every value"));
    }
    trusted::find(&link).map_err(|why| {
        Error::new(
            Kind::Denied,
            code::PLUGIN_UNTRUSTED,
            format!("age-plugin-{name} is not run: {why}"),
        )
        .hint(
            "only you or root may be able to change the program and every directory and \
                 link on the way to it",
        )
    })
}

impl age::Recipient for Recipient {
    fn wrap_file_key(
        &self,
        key: &FileKey,
    ) -> std::result::Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let wrapped = program(&self.name).and_then(|p| {
            PluginClient::begin(&self.name, &p, "recipient-v1")?.wrap(&self.text, key)
        });
        wrapped.map_err(|e| EncryptError::Io(std::io::Error::other(e)))
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(
        &self,
        stanzas: &[Stanza],
    ) -> Option<std::result::Result<FileKey, DecryptError>> {
        let key = program(&self.name).and_then(|p| {
            PluginClient::begin(&self.name, &p, "identity-v1")?.unwrap(&self.text, stanzas)
        });
        key.map_err(|e| DecryptError::Io(std::io::Error::other(e))).transpose()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_before_the_data() {
        let recipient = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t";
        assert_eq!(Recipient::parse(recipient).unwrap().name(), "yubikey");
        assert!(Recipient::parse(&format!("{recipient}q")).is_none(), "a wrong checksum");
        let plain = age::x25519::Identity::generate().to_public().to_string();
        assert!(Recipient::parse(&plain).is_none());
        for bad in ["", "age1", "age11", "ssh-ed25519 AAAA", "AGE-PLUGIN--1QQQQ"] {
            assert!(Recipient::parse(bad).is_none() && Identity::parse(bad).is_none(), "{bad}");
        }
    }
}
