//! The vault's own keys: everything is derived from one 32-byte root, each purpose with an info
//! string of its own, so that no key can be used for another purpose.

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hasp_core::{Error, Kind, Result, Secret};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::code;

/// Bytes of a root and of every key derived from it.
pub const KEY_BYTES: usize = 32;
/// More earlier roots than this are refused: each comes from the removal of a recipient.
const MAX_ROOTS: usize = 1024;

/// The current root and the earlier ones, newest first; the earlier ones serve old logs and
/// fingerprints only.
pub struct Roots(Secret);

impl Roots {
    /// One fresh root.
    pub fn generate() -> Result<Roots> {
        let mut root = Zeroizing::new([0u8; KEY_BYTES]);
        getrandom::fill(&mut *root).map_err(|e| {
            Error::new(Kind::Io, code::RANDOM, format!("cannot draw random bytes: {e}"))
        })?;
        Secret::copy_of(&*root).map(Roots)
    }

    /// Reads the plaintext of `keys.age`: 32 bytes a root, the current one first.
    ///
    /// # Errors
    /// `[tampered]` for another length.
    pub fn parse(plain: Secret) -> Result<Roots> {
        let whole = plain.len().is_multiple_of(KEY_BYTES)
            && !plain.is_empty()
            && plain.len() <= MAX_ROOTS * KEY_BYTES;
        if whole {
            Ok(Roots(plain))
        } else {
            Err(Error::new(Kind::Data, code::TAMPERED, "keys.age does not hold keys"))
        }
    }

    /// The same roots once more.
    pub fn copy(&self) -> Result<Roots> {
        Secret::copy_of(self.0.expose()).map(Roots)
    }

    /// A fresh root before these.
    ///
    /// # Errors
    /// `[too-many-roots]`.
    pub fn with_new(&self) -> Result<Roots> {
        if self.0.len() >= MAX_ROOTS * KEY_BYTES {
            return Err(Error::new(
                Kind::Data,
                code::TOO_MANY_ROOTS,
                "the vault has had more roots than it can keep",
            )
            .hint("export the values into a new vault"));
        }
        let mut all = Secret::with_capacity(self.0.len() + KEY_BYTES)?;
        all.push(Roots::generate()?.0.expose())?;
        all.push(self.0.expose())?;
        Ok(Roots(all))
    }

    /// The plaintext of `keys.age`.
    pub fn plain(&self) -> &Secret {
        &self.0
    }

    /// The keys under the current root.
    pub fn current(&self) -> Keys {
        self.at(0)
    }

    /// The keys of all roots, the current ones first.
    pub fn all(&self) -> impl Iterator<Item = Keys> {
        (0..self.0.len() / KEY_BYTES).map(|index| self.at(index))
    }

    fn at(&self, index: usize) -> Keys {
        Keys::derive(&self.0.expose()[index * KEY_BYTES..(index + 1) * KEY_BYTES])
    }
}

/// What one root gives.
pub struct Keys {
    record: SigningKey,
    token: SigningKey,
    audit: Zeroizing<[u8; KEY_BYTES]>,
    fingerprint: Zeroizing<[u8; KEY_BYTES]>,
}

impl Keys {
    /// HKDF-SHA256 (RFC 5869) of the root, no salt, with the info strings of the format.
    pub fn derive(root: &[u8]) -> Keys {
        Keys {
            record: SigningKey::from_bytes(&expand(root, "hasp/v1/record-signing")),
            token: SigningKey::from_bytes(&expand(root, "hasp/v1/token-signing")),
            audit: expand(root, "hasp/v1/audit-root"),
            fingerprint: expand(root, "hasp/v1/fingerprint"),
        }
    }

    /// Signs a record's message (Ed25519, RFC 8032).
    pub fn sign_record(&self, message: &[u8]) -> [u8; 64] {
        self.record.sign(message).to_bytes()
    }

    /// Signs a token's message.
    pub fn sign_token(&self, message: &[u8]) -> [u8; 64] {
        self.token.sign(message).to_bytes()
    }

    /// The key that verifies records: the pin.
    pub fn record_key(&self) -> VerifyingKey {
        self.record.verifying_key()
    }

    /// The key that verifies tokens.
    pub fn token_key(&self) -> VerifyingKey {
        self.token.verifying_key()
    }

    /// The root of the record's chain.
    pub fn audit_root(&self) -> &[u8; KEY_BYTES] {
        &self.audit
    }

    /// First 16 bytes of HMAC-SHA256(fingerprint key, value), 32 hex digits.
    pub fn fingerprint(&self, value: &Secret) -> String {
        // HMAC takes a key of any length: this cannot fail.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&*self.fingerprint).expect("HMAC takes any key");
        mac.update(value.expose());
        HEXLOWER.encode(&mac.finalize().into_bytes()[..16])
    }
}

fn expand(root: &[u8], info: &str) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut key = Zeroizing::new([0u8; KEY_BYTES]);
    // 32 bytes are below HKDF's limit of 255 * 32 (RFC 5869, section 2.3): this cannot fail.
    Hkdf::<Sha256>::new(None, root)
        .expand(info.as_bytes(), &mut *key)
        .expect("HKDF gives 32 bytes");
    key
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_its_own_key() {
        let keys = Keys::derive(&[7; 32]);
        let all = [keys.record.to_bytes(), keys.token.to_bytes(), *keys.audit, *keys.fingerprint];
        for (index, key) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(key) && key != &[7; 32]);
        }
    }

    #[test]
    fn roots_are_whole() {
        for (length, good) in [(0, false), (31, false), (32, true), (33, false), (96, true)] {
            assert_eq!(Roots::parse(Secret::copy_of(&vec![1; length]).unwrap()).is_ok(), good);
        }
        let two = Roots::parse(Secret::copy_of(&[[1u8; 32], [2; 32]].concat()).unwrap()).unwrap();
        assert_eq!(two.current().record_key(), Keys::derive(&[1; 32]).record_key());
        assert_eq!(two.all().count(), 2);
    }

    #[test]
    fn equal_values_have_equal_fingerprints() {
        let keys = Keys::derive(&[7; 32]);
        let print = |v: &[u8]| keys.fingerprint(&Secret::copy_of(v).unwrap());
        assert_eq!(print(b"a"), print(b"a"));
        assert_ne!(print(b"a"), print(b"b"));
        assert_eq!(print(b"a").len(), 32);
    }
}
