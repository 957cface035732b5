//! Signed records: `vault.toml`, each `meta.toml`, the bindings. age proves no origin, so
//! everything that decides something is signed by the vault and verified with the pinned key before
//! a byte of it is used.

use std::borrow::Cow;
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, VerifyingKey};
use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result, VaultId};

use crate::crypto::line_ends::lf;

use crate::code;

/// The kind of `vault.toml`; its name is empty.
pub const VAULT: &str = "vault";
/// The kind of a secret's `meta.toml`.
pub const ITEM: &str = "item";
/// The kind of a project's binding, which hasp-bind writes; its name is the one of its file.
pub const BINDING: &str = "binding";

const FIRST: &str = "signature = \"";
const SERIAL: &str = "serial = ";

/// What a record is, besides its text: all of it is covered by the signature.
#[derive(Clone, Copy)]
pub struct Label<'a> {
    /// The vault that signs.
    pub vault: VaultId,
    /// The sort of record, such as `vault`, `item`, `binding`.
    pub kind: &'a str,
    /// Which one of its sort.
    pub name: &'a str,
}

impl Label<'_> {
    /// The bytes that Ed25519 signs: `"hasp/v1/<kind>\0"`, then vault id (32 hex digits), name,
    /// serial (8 bytes little endian) and body, each prefixed by its length as 8 bytes little
    /// endian.
    pub fn message(&self, serial: u64, body: &str) -> Vec<u8> {
        let mut message = format!("hasp/v1/{}\0", self.kind).into_bytes();
        let vault = self.vault.to_string();
        for part in [vault.as_bytes(), self.name.as_bytes(), &serial.to_le_bytes(), body.as_bytes()]
        {
            message.extend_from_slice(&(part.len() as u64).to_le_bytes());
            message.extend_from_slice(part);
        }
        message
    }

    /// The whole text of a record: the signature's line, then the body, which begins with the
    /// serial's line.
    pub fn sign(&self, serial: u64, body: &str, sign: impl Fn(&[u8]) -> [u8; 64]) -> String {
        let first = format!("{SERIAL}{serial}\n");
        let body = if body.starts_with(&first) { body.to_owned() } else { first + body };
        let signature = BASE64URL_NOPAD.encode(&sign(&self.message(serial, &body)));
        format!("{FIRST}{signature}\"\n{body}")
    }

    /// Verifies a record's text with a key, without regard to what was seen before.
    ///
    /// # Errors
    /// `None` for anything but the text of this very record, signed with that key.
    pub fn verify(&self, key: &VerifyingKey, text: &[u8]) -> Option<Verified> {
        let (signature, record) = split(text)?;
        let message = self.message(record.serial, &record.body);
        key.verify_strict(&message, &signature).ok().map(|()| record)
    }
}

/// A record whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Rises by one with each change.
    pub serial: u64,
    /// The TOML after the signature's line; its first line is `serial = N`.
    pub body: String,
}

/// Reads and verifies a record that another process may be replacing: one that was replaced between
/// the look at its file and the look at what was seen is read again. `None` if there is none.
///
/// # Errors
/// Those of `read` and `verify`.
pub fn read<T>(
    read: impl Fn() -> Result<Option<Vec<u8>>>,
    verify: impl Fn(&[u8]) -> Result<T>,
) -> Result<Option<T>> {
    let Some(mut text) = read()? else { return Ok(None) };
    loop {
        let error = match verify(&text) {
            Err(error) if error.code() == code::ROLLED_BACK => error,
            outcome => return outcome.map(Some),
        };
        match read()? {
            Some(newer) if newer != text => text = newer,
            _ => return Err(error),
        }
    }
}

/// The error for a record that is damaged, forged, or another one's.
pub fn tampered(path: &Path) -> Error {
    let shown = printable_path(path);
    Error::new(
        Kind::Data,
        code::TAMPERED,
        format!("{shown} is damaged or was not written by this vault"),
    )
    .hint("put it back from git or a backup, then: hasp-vault status")
}

/// Takes a record apart without verifying it: for reading that authorises nothing.
pub fn unverified(text: &[u8]) -> Option<Verified> {
    split(text).map(|(_, record)| record)
}

/// The text as it was signed: a checkout may have turned the line ends of a vault in a repository,
/// a formatter may have added a newline at the end. Neither is in a text that is signed here, so
/// that no two of them become one.
fn as_signed(text: &[u8]) -> Cow<'_, [u8]> {
    let turned = text.windows(2).any(|w| w == b"\r\n");
    let longer = text.ends_with(b"\n\n") || turned;
    if !longer {
        return Cow::Borrowed(text);
    }
    let mut plain = lf(text);
    while plain.ends_with(b"\n\n") {
        plain.pop();
    }
    Cow::Owned(plain)
}

/// Whether a merge left its marks in a text.
pub fn in_conflict(text: &[u8]) -> bool {
    text.split(|b| *b == b'\n').any(|line| line.starts_with(b"<<<<<<< "))
}

fn split(text: &[u8]) -> Option<(Signature, Verified)> {
    let text = as_signed(text);
    let text = std::str::from_utf8(&text).ok()?;
    let (first, body) = text.split_once('\n')?;
    let encoded = first.strip_prefix(FIRST)?.strip_suffix('"')?;
    let bytes = BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?;
    let signature = Signature::from_slice(&bytes).ok()?;
    let digits = body.split('\n').next()?.strip_prefix(SERIAL)?;
    let serial: u64 = digits.parse().ok()?;
    // One spelling of one number: "+7" and "007" would be other bytes with the same meaning.
    (serial.to_string() == digits).then(|| (signature, Verified { serial, body: body.to_owned() }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::crypto::keys::Keys;
    use proptest::prelude::*;

    fn label(name: &str) -> Label<'_> {
        Label { vault: "00112233445566778899aabbccddeeff".parse().unwrap(), kind: ITEM, name }
    }

    fn signed(keys: &Keys, serial: u64, body: &str) -> String {
        label("db/url").sign(serial, body, |m| keys.sign_record(m))
    }

    #[test]
    fn the_message_is_length_prefixed() {
        let message = Label { name: "a", ..label("") }.message(258, "b");
        let expected = b"hasp/v1/item\0\x20\0\0\0\0\0\0\x0000112233445566778899aabbccddeeff\
            \x01\0\0\0\0\0\0\0a\x08\0\0\0\0\0\0\0\x02\x01\0\0\0\0\0\0\x01\0\0\0\0\0\0\0b";
        assert_eq!(message, expected);
    }

    #[test]
    fn only_the_very_record_verifies() {
        let keys = Keys::derive(&[1; 32]);
        let text = signed(&keys, 7, "a = 1\n");
        let key = keys.record_key();
        let record = label("db/url").verify(&key, text.as_bytes()).unwrap();
        assert_eq!((record.serial, record.body.as_str()), (7, "serial = 7\na = 1\n"));
        assert!(label("db/other").verify(&key, text.as_bytes()).is_none());
        assert!(Label { kind: VAULT, ..label("db/url") }.verify(&key, text.as_bytes()).is_none());
        let other = Label { vault: VaultId::random().unwrap(), ..label("db/url") };
        assert!(other.verify(&key, text.as_bytes()).is_none());
        assert!(
            label("db/url").verify(&Keys::derive(&[2; 32]).record_key(), text.as_bytes()).is_none()
        );
    }

    #[test]
    fn a_body_that_has_its_serial_keeps_it() {
        let keys = Keys::derive(&[1; 32]);
        assert_eq!(signed(&keys, 7, "a = 1\n"), signed(&keys, 7, "serial = 7\na = 1\n"));
    }

    #[test]
    fn every_flipped_or_missing_byte_is_refused() {
        let keys = Keys::derive(&[1; 32]);
        let text = signed(&keys, 7, "a = 1\n").into_bytes();
        let accepts = |text: &[u8]| label("db/url").verify(&keys.record_key(), text).is_some();
        assert!(accepts(&text));
        for index in 0..text.len() {
            for bit in 0..8 {
                let mut flipped = text.clone();
                flipped[index] ^= 1 << bit;
                assert!(!accepts(&flipped), "byte {index} bit {bit}");
            }
            assert!(!accepts(&text[..index]));
        }
        assert!(!accepts(&[&text[..], b"x\n"].concat()));
    }

    #[test]
    fn a_checkout_may_turn_line_ends_and_a_formatter_add_one() {
        let keys = Keys::derive(&[1; 32]);
        let text = signed(&keys, 7, "a = 1\nb = \"x\"\n");
        let whole = label("db/url").verify(&keys.record_key(), text.as_bytes()).unwrap();
        for same in [text.replace('\n', "\r\n"), format!("{text}\n"), format!("{text}\r\n\n")] {
            let read = label("db/url").verify(&keys.record_key(), same.as_bytes());
            assert_eq!(read.as_ref(), Some(&whole), "{same:?}");
            assert_eq!(unverified(same.as_bytes()).unwrap().body, whole.body);
        }
        let other = text.replace('\n', "\r");
        assert!(label("db/url").verify(&keys.record_key(), other.as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn foreign_text_never_panics(text: Vec<u8>, tail in "\\PC{0,60}") {
            let _ = split(&text);
            let _ = split(format!("{FIRST}{tail}").as_bytes());
        }
    }
}
