//! Ed25519 key pairs in OpenSSH's own form (PROTOCOL.key in its sources), unencrypted: the vault is
//! what protects the private half.

use data_encoding::BASE64;
use ed25519_dalek::SigningKey;
use hasp_core::{Result, Secret};
use zeroize::Zeroizing;

use super::random;

const KIND: &[u8] = b"ssh-ed25519";
const LINE: usize = 70;

/// A fresh pair: the private half as the text of a key file, the public one as a line of
/// `authorized_keys`.
pub fn generate(comment: &str) -> Result<(Secret, String)> {
    let seed = random::bytes(32)?;
    let mut bytes = Zeroizing::new([0u8; 32]);
    bytes.copy_from_slice(&seed);
    let key = SigningKey::from_bytes(&bytes);
    let check = random::bytes(4)?;
    let public = public_blob(&key);
    let line = format!("ssh-ed25519 {} {comment}", BASE64.encode(&public));
    Ok((armour(&private_blob(&key, &public, comment, &check))?, line))
}

fn public_blob(key: &SigningKey) -> Vec<u8> {
    let mut blob = Vec::new();
    field(&mut blob, KIND);
    field(&mut blob, key.verifying_key().as_bytes());
    blob
}

fn private_blob(
    key: &SigningKey,
    public: &[u8],
    comment: &str,
    check: &[u8],
) -> Zeroizing<Vec<u8>> {
    // Room for all of it, so that growing leaves no copy of the key behind.
    let mut inner = Zeroizing::new(Vec::with_capacity(1024));
    inner.extend_from_slice(&[check, check].concat());
    field(&mut inner, KIND);
    field(&mut inner, key.verifying_key().as_bytes());
    field(&mut inner, &*Zeroizing::new(key.to_keypair_bytes()));
    field(&mut inner, comment.as_bytes());
    let padding = inner.len().wrapping_neg() % 8;
    inner.extend((1..=8u8).take(padding));
    let mut blob = Zeroizing::new(Vec::with_capacity(2048));
    blob.extend_from_slice(b"openssh-key-v1\0");
    for part in [&b"none"[..], b"none", b""] {
        field(&mut blob, part);
    }
    blob.extend_from_slice(&1u32.to_be_bytes());
    field(&mut blob, public);
    field(&mut blob, &inner);
    blob
}

/// A length as 4 bytes big endian, then the bytes (RFC 4251, section 5).
fn field(blob: &mut Vec<u8>, bytes: &[u8]) {
    // Names have at most 200 bytes, keys 64: far below 4 GiB.
    blob.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    blob.extend_from_slice(bytes);
}

fn armour(blob: &[u8]) -> Result<Secret> {
    let encoded = Zeroizing::new(BASE64.encode(blob));
    let mut text = Secret::with_capacity(encoded.len() * 2)?;
    text.push(b"-----BEGIN OPENSSH PRIVATE KEY-----\n")?;
    for line in encoded.as_bytes().chunks(LINE) {
        text.push(line)?;
        text.push(b"\n")?;
    }
    text.push(b"-----END OPENSSH PRIVATE KEY-----\n")?;
    Ok(text)
}
