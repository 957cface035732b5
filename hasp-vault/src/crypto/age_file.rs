//! age files (<https://age-encryption.org/v1>): made for recipients, opened by an identity or by
//! the file key alone. A file that opens proves nothing about who wrote it: callers compare a
//! signed hash first.

use std::cell::RefCell;
use std::io::{BufRead, Write};
use std::iter;

use age::secrecy::{ExposeSecret, SecretString};
use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, EncryptError, Encryptor};
use age_core::format::{FileKey as AgeFileKey, Stanza};
use hasp_core::secret::MAX_VALUE;
use hasp_core::{Error, Kind, Result, Secret};

use super::file_key::FileKey;
use super::line_ends;
use super::recipient::Recipient;

use crate::code;

/// The scrypt work factor of passphrase files, log2 of N: about a second and 256 MiB. Fixed, never
/// measured, so that a file made on a fast machine opens on a slow one.
pub const WORK_FACTOR: u8 = 18;
/// The highest work factor that is accepted when reading.
pub const MAX_WORK_FACTOR: u8 = 20;
/// No age file of a vault is longer: 1 MiB of value with its tags, and a header of up to a thousand
/// recipients.
pub const MAX_FILE: usize = MAX_VALUE + (1 << 18);
/// The longest plaintext: a value and the slip of a deposit before it.
const MAX_PLAIN: usize = MAX_VALUE + 4096;
/// What every age file begins with.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// Encrypts a value to all recipients.
pub fn encrypt(plain: &Secret, recipients: &[Recipient]) -> Result<Vec<u8>> {
    seal(plain, recipients.iter().map(|r| r.age() as &dyn age::Recipient))
}

/// Encrypts under a passphrase with the fixed work factor.
pub fn encrypt_with_passphrase(plain: &Secret, passphrase: &SecretString) -> Result<Vec<u8>> {
    let mut recipient = age::scrypt::Recipient::new(passphrase.clone());
    recipient.set_work_factor(WORK_FACTOR);
    seal(plain, iter::once(&recipient as &dyn age::Recipient))
}

/// Encrypts to all recipients what is written, to be finished by the caller.
pub fn writer<W: Write>(out: W, recipients: &[Recipient]) -> Result<StreamWriter<W>> {
    let all = recipients.iter().map(|r| r.age() as &dyn age::Recipient);
    encryptor(all)?.wrap_output(out).map_err(|e| Error::system("encrypt", e))
}

/// Decrypts what is read; the end of it is authentic only once it was reached.
///
/// # Errors
/// `[not-a-recipient]`, `[tampered]`.
pub fn reader<R: BufRead>(
    file: R,
    identities: &[Box<dyn age::Identity + Send + Sync>],
) -> Result<StreamReader<R>> {
    let decryptor = Decryptor::new_buffered(file).map_err(|e| failure(&e))?;
    decryptor
        .decrypt(identities.iter().map(|i| &**i as &dyn age::Identity))
        .map_err(|e| failure(&e))
}

/// Decrypts with identities.
///
/// # Errors
/// `[not-a-recipient]` if none of them opens the file, `[tampered]` if it is damaged.
pub fn decrypt(file: &[u8], identities: &[Box<dyn age::Identity + Send + Sync>]) -> Result<Secret> {
    open(file, identities.iter().map(|i| &**i as &dyn age::Identity))
}

/// As [`decrypt`], also a file whose line ends a checkout has turned.
///
/// # Errors
/// As [`decrypt`].
pub fn decrypt_checked_out(
    file: &[u8],
    identities: &[Box<dyn age::Identity + Send + Sync>],
) -> Result<Secret> {
    decrypt(file, identities).or_else(|error| {
        let plain = line_ends::lf(file);
        if plain.len() == file.len() { Err(error) } else { decrypt(&plain, identities) }
    })
}

/// Decrypts with the file key and nothing else.
pub fn decrypt_with_file_key(file: &[u8], key: &FileKey) -> Result<Secret> {
    open(file, iter::once(&Known(key) as &dyn age::Identity))
}

/// Decrypts a passphrase file.
///
/// # Errors
/// `[wrong-passphrase]`, the same whatever was wrong with it; `[work-factor]` before any work is
/// done.
pub fn decrypt_with_passphrase(file: &[u8], passphrase: &SecretString) -> Result<Secret> {
    check_work_factor(file)?;
    let mut identity = age::scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let decryptor = Decryptor::new_buffered(file).map_err(|e| failure(&e))?;
    match decryptor.decrypt(iter::once(&identity as &dyn age::Identity)) {
        Ok(mut plain) => Secret::read_from(&mut plain, MAX_PLAIN).map_err(|_| damaged()),
        Err(
            DecryptError::DecryptionFailed
            | DecryptError::NoMatchingKeys
            | DecryptError::KeyDecryptionFailed,
        ) => Err(Error::new(Kind::Denied, code::WRONG_PASSPHRASE, "the passphrase is wrong")),
        Err(e) => Err(failure(&e)),
    }
}

/// Unwraps the file key of a file, having verified the MAC of its header with it.
pub fn file_key(
    file: &[u8],
    identities: &[Box<dyn age::Identity + Send + Sync>],
) -> Result<FileKey> {
    let capture = Capture { identities, key: RefCell::new(None) };
    let decryptor = Decryptor::new_buffered(file).map_err(|e| failure(&e))?;
    decryptor.decrypt(iter::once(&capture as &dyn age::Identity)).map_err(|e| failure(&e))?;
    capture.key.into_inner().ok_or_else(damaged)
}

/// Whether these bytes claim to be an age file.
pub fn is_age_file(file: &[u8]) -> bool {
    file.starts_with(MAGIC)
}

/// Refuses a header that asks for more work than [`MAX_WORK_FACTOR`], so that a planted file can
/// neither stall us nor eat memory.
///
/// # Errors
/// `[work-factor]`; `[tampered]` if it is no passphrase file.
pub fn check_work_factor(file: &[u8]) -> Result<()> {
    let stanza = file.strip_prefix(MAGIC).and_then(|rest| rest.split(|b| *b == b'\n').next());
    let stanza = stanza.and_then(|line| std::str::from_utf8(line).ok()).ok_or_else(damaged)?;
    let words: Vec<&str> = stanza.split(' ').collect();
    let ["->", "scrypt", _, factor] = words[..] else { return Err(damaged()) };
    match factor.parse::<u8>() {
        Ok(1..=MAX_WORK_FACTOR) => Ok(()),
        _ => Err(Error::new(
            Kind::Data,
            code::WORK_FACTOR,
            format!(
                "the identity asks for more work than a passphrase may (log2 N above \
                 {MAX_WORK_FACTOR})"
            ),
        )
        .hint("it was not written by hasp: put the right identity back from a backup")),
    }
}

fn seal<'a>(
    plain: &Secret,
    recipients: impl Iterator<Item = &'a dyn age::Recipient>,
) -> Result<Vec<u8>> {
    let encryptor = encryptor(recipients)?;
    let mut file = Vec::with_capacity(plain.len() + 1024);
    let mut writer = encryptor.wrap_output(&mut file).map_err(|e| Error::system("encrypt", e))?;
    writer.write_all(plain.expose()).map_err(|e| Error::system("encrypt", e))?;
    writer.finish().map_err(|e| Error::system("encrypt", e))?;
    Ok(file)
}

fn encryptor<'a>(recipients: impl Iterator<Item = &'a dyn age::Recipient>) -> Result<Encryptor> {
    Encryptor::with_recipients(recipients).map_err(|error| match error {
        EncryptError::Io(cause) => {
            of_plugin(&cause).unwrap_or_else(|| Error::system("encrypt", cause))
        }
        _ => Error::new(Kind::Data, code::BAD_RECIPIENT, "the recipients cannot be used together"),
    })
}

fn open<'a>(
    file: &[u8],
    identities: impl Iterator<Item = &'a dyn age::Identity>,
) -> Result<Secret> {
    let decryptor = Decryptor::new_buffered(file).map_err(|e| failure(&e))?;
    let mut plain = decryptor.decrypt(identities).map_err(|e| failure(&e))?;
    Secret::read_from(&mut plain, MAX_PLAIN).map_err(|_| damaged())
}

/// age's own texts are not used: they are for its own command line.
fn failure(error: &DecryptError) -> Error {
    match error {
        DecryptError::NoMatchingKeys => Error::new(
            Kind::Denied,
            code::NOT_A_RECIPIENT,
            "your identity is not among those that can open this",
        ),
        DecryptError::Io(cause) => of_plugin(cause).unwrap_or_else(damaged),
        _ => damaged(),
    }
}

/// What one of our own plugins said.
fn of_plugin(cause: &std::io::Error) -> Option<Error> {
    cause.get_ref()?.downcast_ref::<Error>().cloned()
}

fn damaged() -> Error {
    Error::new(Kind::Data, code::TAMPERED, "an age file is damaged")
}

/// Gives back one file key and knows nothing else, whatever the stanzas say; the header's MAC still
/// has to match.
struct Known<'a>(&'a FileKey);

impl age::Identity for Known<'_> {
    fn unwrap_stanza(&self, _: &Stanza) -> Option<std::result::Result<AgeFileKey, DecryptError>> {
        Some(Ok(AgeFileKey::init_with_mut(|bytes| bytes.copy_from_slice(self.0.expose()))))
    }
}

/// Unwraps as other identities do, and keeps a copy of the file key that came out.
struct Capture<'a> {
    identities: &'a [Box<dyn age::Identity + Send + Sync>],
    key: RefCell<Option<FileKey>>,
}

impl age::Identity for Capture<'_> {
    fn unwrap_stanza(
        &self,
        stanza: &Stanza,
    ) -> Option<std::result::Result<AgeFileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(
        &self,
        stanzas: &[Stanza],
    ) -> Option<std::result::Result<AgeFileKey, DecryptError>> {
        let found = self.identities.iter().find_map(|i| i.unwrap_stanzas(stanzas))?;
        if let Ok(key) = &found {
            *self.key.borrow_mut() = Some(FileKey::copy_of(key.expose_secret()));
        }
        Some(found)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Identities = Vec<Box<dyn age::Identity + Send + Sync>>;

    fn pair() -> (Identities, Recipient) {
        let identity = age::x25519::Identity::generate();
        let recipient = identity.to_public().into();
        (vec![Box::new(identity)], recipient)
    }

    fn secret(bytes: &[u8]) -> Secret {
        Secret::copy_of(bytes).unwrap()
    }

    #[test]
    fn the_file_key_opens_its_file_and_no_other() {
        let (mine, to) = pair();
        let (one, two) =
            (encrypt(&secret(b"one"), std::slice::from_ref(&to)), encrypt(&secret(b"two"), &[to]));
        let (one, two) = (one.unwrap(), two.unwrap());
        let key = file_key(&one, &mine).unwrap();
        assert!(decrypt_with_file_key(&one, &key).unwrap().expose() == b"one");
        assert_eq!(decrypt_with_file_key(&two, &key).unwrap_err().code(), code::TAMPERED);
        assert!(decrypt(&two, &mine).unwrap().expose() == b"two");
    }

    #[test]
    fn strangers_and_damage_are_told_apart() {
        let (mine, to) = pair();
        let (other, _) = pair();
        let file = encrypt(&secret(b"value"), &[to]).unwrap();
        assert_eq!(decrypt(&file, &other).unwrap_err().code(), code::NOT_A_RECIPIENT);
        assert_eq!(file_key(&file, &other).unwrap_err().code(), code::NOT_A_RECIPIENT);
        for length in 0..file.len() {
            assert!(decrypt(&file[..length], &mine).is_err());
        }
        for index in 0..file.len() {
            let mut flipped = file.clone();
            flipped[index] ^= 1;
            assert!(decrypt(&flipped, &mine).is_err(), "byte {index}");
        }
    }

    #[test]
    fn a_greedy_header_is_refused_before_any_work() {
        let file = b"age-encryption.org/v1\n-> scrypt c2FsdHNhbHRzYWx0c2E 30\nbody\n--- mac\n";
        let start = std::time::Instant::now();
        let error = decrypt_with_passphrase(file, &SecretString::from("x".to_owned())).unwrap_err();
        assert_eq!((error.code(), error.kind().status()), (code::WORK_FACTOR, 65));
        assert!(start.elapsed().as_millis() < 500);
        for (factor, good) in
            [("1", true), ("20", true), ("21", false), ("0", false), ("999", false), ("x", false)]
        {
            let header = format!("age-encryption.org/v1\n-> scrypt salt {factor}\n");
            assert_eq!(check_work_factor(header.as_bytes()).is_ok(), good, "{factor}");
        }
    }

    proptest! {
        #[test]
        fn values_come_back_to_the_byte(value in proptest::collection::vec(any::<u8>(),
        1..70_000)) {
            let (mine, to) = pair();
            let file = encrypt(&secret(&value), &[to]).unwrap();
            prop_assert!(decrypt(&file, &mine).unwrap().expose() == value);
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let (mine, _) = pair();
            let mut file = MAGIC.to_vec();
            file.extend_from_slice(&bytes);
            prop_assert!(decrypt(&file, &mine).is_err() && file_key(&bytes, &mine).is_err());
            let _ = check_work_factor(&file);
        }
    }
}
