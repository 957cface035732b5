//! The sealed file keys of a grant: opened only by the token's half and the ledger's half together.
//!
//! `key = HKDF-SHA256(ikm = half || ledger half, salt = jti, info = "hasp/v1/seal")` (RFC 5869),
//! `seal = ChaCha20-Poly1305(key, nonce = 0, file keys, aad = vault id || jti)` (RFC 8439). The
//! zero nonce is sound because a key seals once: both halves are drawn for this one grant.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use data_encoding::BASE64URL_NOPAD;
use hkdf::Hkdf;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use zeroize::Zeroizing;

use hasp_core::{Error, GrantId, Kind, Result};

use crate::code;

const INFO: &[u8] = b"hasp/v1/seal";
const BELOW: &[u8] = b"hasp/v1/below";
const HEIR: &[u8] = b"hasp/v1/heir";
/// Bytes of one age file key.
const FILE_KEY: usize = 16;

/// 32 random bytes, one of the two that open a seal: zeroized, never shown. They lie in one place:
/// an array that is moved leaves a copy wherever it was.
pub struct Half(Box<Zeroizing<[u8; 32]>>);

impl Half {
    /// A fresh half from the operating system.
    pub fn random() -> Result<Half> {
        let mut half = Half::zeros();
        getrandom::fill(half.0.as_mut_slice()).map_err(|_| {
            Error::new(
                Kind::Io,
                hasp_core::code::RANDOM,
                "the operating system gives no random bytes",
            )
        })?;
        Ok(half)
    }

    /// A half from bytes, for test vectors.
    pub fn from_bytes(bytes: [u8; 32]) -> Half {
        let mut half = Half::zeros();
        half.0.copy_from_slice(&bytes);
        half
    }

    /// What takes the place of this ledger half in a grant that was narrowed from another:
    /// `HKDF-SHA256(ikm = half || half of the other, salt = jti, info = "hasp/v1/below")`. When
    /// that of the other is erased, nothing makes it again.
    pub fn below(&self, above: &Half, id: &GrantId) -> Half {
        let mut both = Zeroizing::new([0; 64]);
        both[..32].copy_from_slice(self.0.as_slice());
        both[32..].copy_from_slice(above.0.as_slice());
        let mut half = Half::zeros();
        derive(both.as_ref(), id, BELOW, half.0.as_mut_slice());
        half
    }

    /// The seed of the key that signs what is narrowed from the grant whose bearer has this half,
    /// `HKDF-SHA256(ikm = half, salt = jti, info = "hasp/v1/heir")`. The half cannot be had from
    /// it.
    pub(crate) fn heir_seed(&self, id: &GrantId) -> Zeroizing<[u8; 32]> {
        let mut seed = Zeroizing::new([0; 32]);
        derive(self.0.as_slice(), id, HEIR, seed.as_mut());
        seed
    }

    fn zeros() -> Half {
        Half(Box::new(Zeroizing::new([0; 32])))
    }
}

impl std::fmt::Debug for Half {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[half]")
    }
}

impl Serialize for Half {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(self.0.as_slice()));
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Half {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Half, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let decoded = BASE64URL_NOPAD.decode(text.as_bytes()).map(Zeroizing::new);
        let decoded = decoded.map_err(|_| D::Error::custom("a half is not base64url"))?;
        let mut half = Half::zeros();
        if decoded.len() != half.0.len() {
            return Err(D::Error::custom("a half has not 32 bytes"));
        }
        half.0.copy_from_slice(&decoded);
        Ok(half)
    }
}

/// The sealed file keys.
#[derive(Clone)]
pub struct Seal(Vec<u8>);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[seal]")
    }
}

impl Serialize for Seal {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Seal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Seal, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map(Seal)
            .map_err(|_| D::Error::custom("a seal is not base64url"))
    }
}

/// Seals the file keys, 16 bytes each in the order of the items.
pub fn seal(
    file_keys: &[u8],
    half: &Half,
    ledger: &Half,
    vault: &str,
    id: &GrantId,
) -> Result<Seal> {
    let aad = associated(vault, id);
    let payload = Payload { msg: file_keys, aad: aad.as_bytes() };
    let sealed = cipher(half, ledger, id).encrypt(&Nonce::default(), payload);
    sealed.map(Seal).map_err(|_| Error::bug("the file keys could not be sealed"))
}

/// Opens a seal: the file keys, 16 bytes each.
///
/// # Errors
/// `[seal]` if the halves, the vault or the grant are not those that sealed it.
pub fn open(
    seal: &Seal,
    half: &Half,
    ledger: &Half,
    vault: &str,
    id: &GrantId,
) -> Result<Vec<Zeroizing<[u8; FILE_KEY]>>> {
    let aad = associated(vault, id);
    let payload = Payload { msg: &seal.0, aad: aad.as_bytes() };
    let opened = cipher(half, ledger, id).decrypt(&Nonce::default(), payload);
    let opened = opened.map(Zeroizing::new).map_err(|_| refused())?;
    let (keys, rest) = opened.as_chunks::<FILE_KEY>();
    if !rest.is_empty() {
        return Err(refused());
    }
    let mut own: Vec<Zeroizing<[u8; FILE_KEY]>> =
        keys.iter().map(|_| Zeroizing::new([0; FILE_KEY])).collect();
    own.iter_mut().zip(keys).for_each(|(own, key)| own.copy_from_slice(key));
    Ok(own)
}

fn cipher(half: &Half, ledger: &Half, id: &GrantId) -> ChaCha20Poly1305 {
    let mut both = Zeroizing::new([0; 64]);
    both[..32].copy_from_slice(half.0.as_slice());
    both[32..].copy_from_slice(ledger.0.as_slice());
    let mut key = Zeroizing::new([0; 32]);
    derive(both.as_ref(), id, INFO, key.as_mut());
    ChaCha20Poly1305::new((&*key).into())
}

fn derive(material: &[u8], id: &GrantId, info: &[u8], into: &mut [u8]) {
    let derived = Hkdf::<Sha256>::new(Some(id.as_str().as_bytes()), material).expand(info, into);
    // HKDF-SHA256 gives up to 8160 bytes; 32 always fit.
    debug_assert!(derived.is_ok());
}

fn associated(vault: &str, id: &GrantId) -> String {
    format!("{vault}{}", id.as_str())
}

/// The denial for halves that do not belong together.
pub(crate) fn refused() -> Error {
    Error::new(Kind::Denied, code::SEAL, "the two halves of this grant do not fit together")
        .hint("mint a new one: hasp-grant -t TARGET")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    #[derive(Deserialize)]
    struct Vector {
        vault: String,
        jti: GrantId,
        half: String,
        ledger_half: String,
        file_keys: String,
        seal: String,
    }

    fn vector() -> Vector {
        serde_json::from_str(include_str!("../../tests/vectors/seal.json")).unwrap()
    }

    fn half(hex: &str) -> Half {
        Half::from_bytes(HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap())
    }

    #[test]
    fn published_vector() {
        let v = vector();
        let keys = HEXLOWER.decode(v.file_keys.as_bytes()).unwrap();
        let sealed = seal(&keys, &half(&v.half), &half(&v.ledger_half), &v.vault, &v.jti).unwrap();
        assert_eq!(HEXLOWER.encode(&sealed.0), v.seal);
        let opened =
            open(&sealed, &half(&v.half), &half(&v.ledger_half), &v.vault, &v.jti).unwrap();
        assert_eq!(opened.iter().flat_map(|k| k.to_vec()).collect::<Vec<_>>(), keys);
    }

    #[test]
    fn every_part_is_needed() {
        let (a, b, id) =
            (Half::random().unwrap(), Half::random().unwrap(), GrantId::random().unwrap());
        let sealed = seal(&[9; 32], &a, &b, "vault", &id).unwrap();
        assert!(open(&sealed, &a, &b, "vault", &id).is_ok());
        let other = Half::random().unwrap();
        let denied = [
            open(&sealed, &other, &b, "vault", &id),
            open(&sealed, &a, &other, "vault", &id),
            open(&sealed, &b, &a, "vault", &id),
            open(&sealed, &a, &b, "other", &id),
            open(&sealed, &a, &b, "vault", &GrantId::random().unwrap()),
        ];
        assert!(denied.into_iter().all(|d| d.err().is_some_and(|e| e.code().as_str() == "seal")));
    }

    #[test]
    fn debug_tells_nothing() {
        let half = Half::random().unwrap();
        assert_eq!(format!("{half:?}"), "[half]");
    }
}
