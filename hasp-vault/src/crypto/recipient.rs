//! Who can open a value: public keys that age knows, its own, those of ssh and those of plugins.
//! They are used only after the record that lists them was verified.

use std::fmt;
use std::str::FromStr;

use age::ssh::ParseRecipientKeyError;
use hasp_core::{Error, Kind, Result};

use super::plugin;

use crate::code;

/// A public key that values are encrypted to.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    X25519(age::x25519::Recipient),
    Ssh(age::ssh::Recipient),
    Plugin(plugin::Recipient),
}

impl Recipient {
    /// What age encrypts to.
    pub fn age(&self) -> &(dyn age::Recipient + Sync) {
        match &self.key {
            Key::X25519(key) => key,
            Key::Ssh(key) => key,
            Key::Plugin(key) => key,
        }
    }

    /// The recipient as it is written: `age1...`, or `ssh-ed25519 ...` without a comment.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What kind of key: `x25519`, `ssh-ed25519`, `ssh-rsa`, or the name of its plugin.
    pub fn kind(&self) -> &str {
        match &self.key {
            Key::X25519(_) => "x25519",
            Key::Plugin(key) => key.name(),
            Key::Ssh(_) => self.text.split(' ').next().unwrap_or_default(),
        }
    }
}

impl From<age::x25519::Recipient> for Recipient {
    fn from(key: age::x25519::Recipient) -> Recipient {
        Recipient { text: key.to_string(), key: Key::X25519(key) }
    }
}

impl From<age::ssh::Recipient> for Recipient {
    fn from(key: age::ssh::Recipient) -> Recipient {
        Recipient { text: key.to_string(), key: Key::Ssh(key) }
    }
}

impl From<plugin::Recipient> for Recipient {
    fn from(key: plugin::Recipient) -> Recipient {
        Recipient { text: key.as_str().to_owned(), key: Key::Plugin(key) }
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Recipient) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

impl FromStr for Recipient {
    type Err = Error;

    /// # Errors
    /// `[bad-recipient]`; a secret key in its place is named as such and not shown.
    fn from_str(text: &str) -> Result<Recipient> {
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-")
            || text.starts_with("-----BEGIN")
        {
            return Err(bad("that is a secret key, not a recipient").hint(
                "age-keygen -y prints the recipient of an age key; that of an ssh key is in \
                 the file ending in .pub",
            ));
        }
        if text.starts_with("ssh-") || text.starts_with("sk-ssh-") || text.starts_with("ecdsa-") {
            return ssh(text);
        }
        if let Ok(key) = text.parse::<age::x25519::Recipient>() {
            return Ok(key.into());
        }
        plugin::Recipient::parse(text).map(Recipient::from).ok_or_else(|| {
            bad("that is not an age recipient")
                .hint("a recipient looks like age1..., or like ssh-ed25519 AAAA...")
        })
    }
}

/// A line of a `.pub` file; its comment belongs to no key and is dropped.
fn ssh(line: &str) -> Result<Recipient> {
    let words: Vec<&str> = line.split_ascii_whitespace().take(2).collect();
    words.join(" ").parse::<age::ssh::Recipient>().map(Recipient::from).map_err(|e| match e {
        ParseRecipientKeyError::RsaModulusTooSmall => {
            bad("that RSA key is too short: it must have 2048 bits or more")
        }
        ParseRecipientKeyError::RsaModulusTooLarge => {
            bad("that RSA key is too long: it may have 4096 bits")
        }
        ParseRecipientKeyError::Unsupported(_) | ParseRecipientKeyError::Ignore => {
            bad("age cannot encrypt to ssh keys of that type")
                .hint("ssh-keygen -t ed25519 makes one that it can")
        }
        ParseRecipientKeyError::Invalid(_) => bad("that is not an ssh public key")
            .hint("give the line of a .pub file, as one word: \"$(cat KEY.pub)\""),
        _ => bad("that is not an ssh public key"),
    })
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
    Error::new(Kind::Usage, code::BAD_RECIPIENT, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SSH: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";

    #[test]
    fn only_public_keys() {
        let identity = age::x25519::Identity::generate();
        let text = identity.to_public().to_string();
        assert_eq!(text.parse::<Recipient>().unwrap().to_string(), text);
        for bad in [
            "",
            "age1",
            "ssh-rsa x",
            "ssh-ed25519",
            "AGE-SECRET-KEY-1HUNTER2",
            "-----BEGIN OPENSSH hunter2",
        ] {
            let error = bad.parse::<Recipient>().unwrap_err();
            assert!(
                error.code() == code::BAD_RECIPIENT
                    && !error.message().to_uppercase().contains("HUNTER2"),
                "{bad}"
            );
        }
    }

    #[test]
    fn an_ssh_key_is_the_same_with_and_without_its_comment() {
        let plain: Recipient = SSH.parse().unwrap();
        let commented: Recipient = format!("{SSH} someone@somewhere\n").parse().unwrap();
        assert!(plain == commented && plain.as_str() == SSH && plain.kind() == "ssh-ed25519");
    }

    #[test]
    fn what_age_cannot_do_is_said() {
        let said = |text: &str| text.parse::<Recipient>().unwrap_err().message().to_owned();
        assert!(
            said("ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY=")
                .contains("ssh")
        );
    }

    proptest! {
        #[test]
        fn foreign_text_never_panics(text in "\\PC{0,80}") {
            let _ = text.parse::<Recipient>();
            let _ = format!("ssh-ed25519 {text}").parse::<Recipient>();
            let _ = format!("age1{text}").parse::<Recipient>();
        }
    }
}
