//! Who may sign what is narrowed from a grant: a key that only its bearer half makes, named in a
//! statement of whoever signed the grant. The statement holds no half, so that what was narrowed
//! can carry it and shows from where it comes to whoever knows the vault's key.

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use hasp_core::GrantId;
use serde::{Deserialize, Serialize};

use crate::token::seal::Half;

/// What the signed bytes begin with: no token begins so.
const CONTEXT: &[u8] = b"hasp/v1/heir\0";

/// The key that signs what is narrowed from a grant, and the statement of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heir {
    /// The public key, Ed25519, in base64url.
    key: String,
    /// Over context, vault id, terms and key; see [`statement`].
    sig: String,
}

/// The key that whoever holds the half signs with.
pub fn signing_key(half: &Half, id: &GrantId) -> SigningKey {
    SigningKey::from_bytes(&half.heir_seed(id))
}

impl Heir {
    /// Names the key of a grant with these canonical terms; `sign` is that of whoever signs the
    /// grant itself.
    pub fn of(
        (half, id): (&Half, &GrantId),
        terms: &str,
        vault: &str,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Heir {
        let key = signing_key(half, id).verifying_key();
        let sig = sign(&statement(vault, terms, &key));
        let (key, sig) = (BASE64URL_NOPAD.encode(key.as_bytes()), BASE64URL_NOPAD.encode(&sig));
        Heir { key, sig }
    }

    /// The key, if `issuer` says that it is the one of these terms.
    pub(super) fn verified(
        &self,
        issuer: &VerifyingKey,
        vault: &str,
        terms: &str,
    ) -> Option<VerifyingKey> {
        let key: [u8; 32] = decode(&self.key)?;
        let signature: [u8; 64] = decode(&self.sig)?;
        let key = VerifyingKey::from_bytes(&key).ok()?;
        let said = statement(vault, terms, &key);
        issuer.verify_strict(&said, &Signature::from_bytes(&signature)).ok().map(|()| key)
    }
}

/// The signed bytes: context, then vault id, terms and key, each behind its length as 64-bit little
/// endian.
fn statement(vault: &str, terms: &str, key: &VerifyingKey) -> Vec<u8> {
    let mut said = CONTEXT.to_vec();
    for part in [vault.as_bytes(), terms.as_bytes(), key.as_bytes()] {
        said.extend_from_slice(&(part.len() as u64).to_le_bytes());
        said.extend_from_slice(part);
    }
    said
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}
