//! The operator's age identity as text, also one of a plugin, or an ssh private key in its place.
//! Comments in it pin the vaults it was made for, so that the pin is as safe as the key itself:
//! with a passphrase, nobody else can change either.

use std::io::BufReader;

use age::secrecy::{ExposeSecret, SecretString};
use age::ssh;
use ed25519_dalek::VerifyingKey;
use hasp_core::{Error, Kind, Result, Secret, Timestamp, VaultId};

use crate::code;
use crate::crypto::plugin;
use crate::crypto::recipient::Recipient;
use crate::format::public_key;

/// The longest identity text.
pub const MAX_TEXT: usize = 64 * 1024;
const PIN: &str = "# hasp vault ";
const SSH_BEGIN: &[u8] = b"-----BEGIN ";

type Keys = Vec<Box<dyn age::Identity + Send + Sync>>;

/// An identity: secret keys and the vaults pinned beside them.
pub struct Identity {
    text: Secret,
    keys: Keys,
    recipients: Vec<Recipient>,
    pins: Vec<(VaultId, VerifyingKey)>,
}

impl Identity {
    /// A fresh X25519 identity with one pin.
    pub fn generate(vault: VaultId, pin: &VerifyingKey, now: Timestamp) -> Result<Identity> {
        Identity::fresh(now, &format!("{}\n", pin_line(vault, pin)))
    }

    /// A fresh X25519 identity that is not for a vault yet.
    pub fn generate_unpinned(now: Timestamp) -> Result<Identity> {
        Identity::fresh(now, "")
    }

    fn fresh(now: Timestamp, pins: &str) -> Result<Identity> {
        let key = age::x25519::Identity::generate();
        let mut text = Secret::with_capacity(1024)?;
        let head = format!("# created: {now}\n# public key: {}\n{pins}", key.to_public());
        text.push(head.as_bytes())?;
        text.push(key.to_string().expose_secret().as_bytes())?;
        text.push(b"\n")?;
        Identity::parse(text)
    }

    /// Reads identity text: age's own form, and our comments.
    ///
    /// # Errors
    /// `[bad-identity]`, naming a line by number and never showing it.
    pub fn parse(text: Secret) -> Result<Identity> {
        let mut identity =
            Identity { text, keys: Vec::new(), recipients: Vec::new(), pins: Vec::new() };
        let copy = identity.text.expose();
        let lines = std::str::from_utf8(copy).map_err(|_| bad("it is not text"))?;
        let (mut keys, mut recipients, mut pins) = (Keys::new(), Vec::new(), Vec::new());
        let (mut behind_plugins, mut said) = (Keys::new(), None);
        for (index, line) in lines.lines().enumerate() {
            let wrong = || bad(&format!("line {} is neither a key nor a comment", index + 1));
            if let Some(pin) = line.strip_prefix(PIN) {
                pins.push(read_pin(pin).ok_or_else(wrong)?);
            } else if line.starts_with('#') {
                said = line.split_whitespace().find_map(plugin::Recipient::parse).or(said);
            } else if let Some(key) = plugin::Identity::parse(line.trim()) {
                let known = said.take().filter(|r| r.name() == key.name());
                recipients.push(known.ok_or_else(|| unknown_recipient(index + 1))?.into());
                behind_plugins.push(Box::new(key));
            } else if !line.trim().is_empty() {
                let key: age::x25519::Identity = line.trim().parse().map_err(|_| wrong())?;
                recipients.push(key.to_public().into());
                keys.push(Box::new(key));
            }
        }
        // No plugin is asked for what a key that is here opens.
        keys.append(&mut behind_plugins);
        if keys.is_empty() {
            return Err(bad("it holds no key"));
        }
        (identity.keys, identity.recipients, identity.pins) = (keys, recipients, pins);
        Ok(identity)
    }

    /// Whether this text is an ssh private key rather than age's own form.
    pub fn is_ssh(text: &Secret) -> bool {
        text.expose().starts_with(SSH_BEGIN)
    }

    /// Reads an ssh private key; `passphrase` is asked for only if the key is encrypted.
    ///
    /// # Errors
    /// `[bad-identity]`, `[wrong-passphrase]`, and whatever `passphrase` gives.
    pub fn parse_ssh(
        text: Secret,
        passphrase: impl FnOnce() -> Result<SecretString>,
    ) -> Result<Identity> {
        let key = match read_ssh(&text)? {
            ssh::Identity::Encrypted(locked) => {
                ssh::Identity::from(locked.decrypt(passphrase()?).map_err(|_| {
                    Error::new(
                        Kind::Denied,
                        code::WRONG_PASSPHRASE,
                        "the passphrase of the ssh key is wrong",
                    )
                })?)
            }
            other => other,
        };
        let recipient = ssh::Recipient::try_from(key.clone()).map_err(|_| unsupported())?;
        Ok(Identity {
            text,
            keys: vec![Box::new(key)],
            recipients: vec![recipient.into()],
            pins: Vec::new(),
        })
    }

    /// Whether it pins this vault.
    pub fn pins(&self, vault: VaultId) -> bool {
        self.pins.iter().any(|(id, _)| *id == vault)
    }

    /// Whether it pins this vault by another key.
    pub fn pins_otherwise(&self, vault: VaultId, key: &VerifyingKey) -> bool {
        self.pins.iter().any(|(id, pinned)| *id == vault && pinned != key)
    }

    /// The same identity with this pin of a vault in place of any other.
    pub fn repinned(&self, vault: VaultId, key: &VerifyingKey) -> Result<Identity> {
        let mut text = Secret::with_capacity(self.text.len() + 256)?;
        let stale = format!("{PIN}{vault} ");
        for line in self
            .text
            .expose()
            .split_inclusive(|b| *b == b'\n')
            .filter(|l| !l.starts_with(stale.as_bytes()))
        {
            text.push(line)?;
        }
        if !text.expose().ends_with(b"\n") {
            text.push(b"\n")?;
        }
        text.push(format!("{}\n", pin_line(vault, key)).as_bytes())?;
        Identity::parse(text)
    }

    /// What age decrypts with.
    pub fn keys(&self) -> &[Box<dyn age::Identity + Send + Sync>] {
        &self.keys
    }

    /// The public halves of its keys.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// The text itself, to be written or wrapped.
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// Refuses a vault whose key differs from the one that a comment pins; a vault without a
    /// comment was joined.
    ///
    /// # Errors
    /// `[key-changed]`.
    pub fn check_pin(&self, vault: VaultId, key: &VerifyingKey) -> Result<()> {
        let mut pins = self.pins.iter().filter(|(id, _)| *id == vault);
        if pins.all(|(_, pinned)| pinned == key) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Data,
            code::KEY_CHANGED,
            "known_vaults names another key for this vault than your identity does",
        )
        .hint("somebody changed known_vaults in the home: put it back from a backup"))
    }
}

fn read_ssh(text: &Secret) -> Result<ssh::Identity> {
    let key = ssh::Identity::from_buffer(BufReader::new(text.expose()), None);
    match key.map_err(|_| bad("the ssh key in it cannot be read"))? {
        ssh::Identity::Unsupported(_) => Err(unsupported()),
        key => Ok(key),
    }
}

fn unsupported() -> Error {
    bad("age cannot use an ssh key of that type or cipher")
        .hint("ssh-keygen -t ed25519 makes one that it can")
}

/// The comment that pins a vault.
pub fn pin_line(vault: VaultId, pin: &VerifyingKey) -> String {
    format!("{PIN}{vault} ed25519 {}", public_key::encode(pin))
}

fn read_pin(text: &str) -> Option<(VaultId, VerifyingKey)> {
    let (id, key) = text.split_once(" ed25519 ")?;
    Some((id.parse().ok()?, public_key::decode(key).ok()?))
}

/// Only the plugin could tell, and would perhaps have to ask for a touch.
fn unknown_recipient(line: usize) -> Error {
    bad(&format!("no comment above the plugin's key in line {line} says its recipient")).hint(
        "put the line there that the plugin printed with the key, like: # Recipient: age1NAME1...",
    )
}

fn bad(why: &str) -> Error {
    Error::new(Kind::Data, code::BAD_IDENTITY, format!("the identity cannot be used: {why}"))
        .hint("an identity is what age-keygen or ssh-keygen writes")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::crypto::keys::Keys;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Identity> {
        Identity::parse(Secret::copy_of(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_generated_identity_reads_back_with_its_pin() {
        let (vault, pin) = (VaultId::random().unwrap(), Keys::derive(&[1; 32]).record_key());
        let made = Identity::generate(vault, &pin, Timestamp::now()).unwrap();
        let read = Identity::parse(Secret::copy_of(made.text().expose()).unwrap()).unwrap();
        assert_eq!(read.recipients(), made.recipients());
        read.check_pin(vault, &pin).unwrap();
        let other = Keys::derive(&[2; 32]).record_key();
        assert_eq!(read.check_pin(vault, &other).unwrap_err().code(), code::KEY_CHANGED);
        read.check_pin(VaultId::random().unwrap(), &other).unwrap();
    }

    #[test]
    fn a_new_pin_takes_the_place_of_the_old_one_and_of_no_other() {
        let (vault, other) = (VaultId::random().unwrap(), VaultId::random().unwrap());
        let keys: Vec<VerifyingKey> = (1..4).map(|n| Keys::derive(&[n; 32]).record_key()).collect();
        let made = Identity::generate(vault, &keys[0], Timestamp::now())
            .unwrap()
            .repinned(other, &keys[1])
            .unwrap();
        let moved = made.repinned(vault, &keys[2]).unwrap();
        moved.check_pin(vault, &keys[2]).unwrap();
        moved.check_pin(other, &keys[1]).unwrap();
        assert!(moved.pins_otherwise(vault, &keys[0]) && moved.recipients() == made.recipients());
        assert!(moved.pins.len() == 2);
    }

    #[test]
    fn lines_are_named_and_never_shown() {
        let key = age::x25519::Identity::generate();
        let key = key.to_string();
        let good = format!("# made elsewhere\r\n\n{}\n", key.expose_secret());
        assert!(parse(&good).is_ok());
        for bad in
            ["", "# only\n", "hunter2\n", "# hasp vault x ed25519 y\n", "AGE-SECRET-KEY-1HUNTER2\n"]
        {
            let error = parse(bad).err().unwrap();
            assert_eq!(error.code(), code::BAD_IDENTITY);
            assert!(!error.message().to_lowercase().contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn foreign_text_never_panics(text in "\\PC{0,80}") {
            let _ = parse(&text);
            let _ = parse(&format!("{PIN}{text}"));
        }
    }
}
