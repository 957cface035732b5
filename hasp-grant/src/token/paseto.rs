//! PASETO v4.public framing: pre-authentication encoding, one base64url spelling, Ed25519 verified
//! strictly.
//!
//! Specification: <https://github.com/paseto-standard/paseto-spec>, version 4. Checked against the
//! official vectors.

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, VerifyingKey};
use zeroize::Zeroizing;

use hasp_core::{Error, Kind, Result};

use crate::code;

/// What every v4.public token begins with.
pub const HEADER: &str = "v4.public.";

/// A token taken apart, not yet verified.
pub struct Parts {
    /// The message: JSON claims, which hold the bearer half.
    pub payload: Zeroizing<Vec<u8>>,
    /// Ed25519 over the pre-authentication encoding.
    pub signature: [u8; 64],
    /// Readable without a key.
    pub footer: Vec<u8>,
}

/// Builds the token for `payload`; `sign` returns an Ed25519 signature of its argument.
pub fn seal(
    payload: &[u8],
    footer: &[u8],
    implicit: &[u8],
    sign: impl FnOnce(&[u8]) -> [u8; 64],
) -> Zeroizing<String> {
    let signature = sign(&encode(payload, footer, implicit));
    let mut body = Zeroizing::new(Vec::with_capacity(payload.len() + signature.len()));
    body.extend_from_slice(payload);
    body.extend_from_slice(&signature);
    let room = HEADER.len()
        + BASE64URL_NOPAD.encode_len(body.len())
        + 1
        + BASE64URL_NOPAD.encode_len(footer.len());
    let mut token = Zeroizing::new(String::with_capacity(room));
    token.push_str(HEADER);
    BASE64URL_NOPAD.encode_append(&body, &mut token);
    if !footer.is_empty() {
        token.push('.');
        BASE64URL_NOPAD.encode_append(footer, &mut token);
    }
    token
}

/// Takes a token apart.
///
/// # Errors
/// `[token-malformed]` for another version or purpose, padding, other alphabets, white space, stray
/// bits or a short body.
pub fn parse(token: &str) -> Result<Parts> {
    let body =
        token.strip_prefix(HEADER).ok_or_else(|| malformed("it does not begin with v4.public."))?;
    let (message, footer) = match body.split_once('.') {
        Some((_, "")) => return Err(malformed("its footer is empty")),
        Some((message, footer)) => (message, decode(footer)?),
        None => (body, Vec::new()),
    };
    let mut payload = Zeroizing::new(decode(message)?);
    let split = payload.len().checked_sub(64).ok_or_else(|| malformed("it is too short"))?;
    let mut signature = [0; 64];
    signature.copy_from_slice(&payload[split..]);
    payload.truncate(split);
    Ok(Parts { payload, signature, footer })
}

impl Parts {
    /// Whether the signature is that of `key`, by the strict rules (no small-order key, canonical S
    /// and R).
    pub fn verifies(&self, key: &VerifyingKey, implicit: &[u8]) -> bool {
        let message = encode(&self.payload, &self.footer, implicit);
        key.verify_strict(&message, &Signature::from_bytes(&self.signature)).is_ok()
    }
}

/// PAE: the number of pieces, then each with its length, all as 64-bit little endian.
fn encode(payload: &[u8], footer: &[u8], implicit: &[u8]) -> Zeroizing<Vec<u8>> {
    let pieces = [HEADER.as_bytes(), payload, footer, implicit];
    let size = 8 + pieces.iter().map(|p| 8 + p.len()).sum::<usize>();
    let mut encoded = Zeroizing::new(Vec::with_capacity(size));
    encoded.extend_from_slice(&(pieces.len() as u64).to_le_bytes());
    for piece in pieces {
        encoded.extend_from_slice(&(piece.len() as u64).to_le_bytes());
        encoded.extend_from_slice(piece);
    }
    encoded
}

fn decode(text: &str) -> Result<Vec<u8>> {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| malformed("it is not base64url in its one spelling"))
}

/// The denial for what is no token. Never the token itself: whoever reads the message could use it.
pub fn malformed(why: &str) -> Error {
    Error::new(Kind::Denied, code::TOKEN_MALFORMED, format!("that is not a grant token: {why}"))
        .hint("a token is the one line that hasp-grant prints: hasp-grant -t TARGET | hasp-exec")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use ed25519_dalek::{Signer, SigningKey};
    use proptest::prelude::*;

    fn vectors() -> Vec<serde_json::Value> {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/paseto-v4-public.json"))
                .unwrap();
        file["tests"].as_array().unwrap().clone()
    }

    #[test]
    fn official_vectors() {
        assert_eq!(vectors().len(), 3);
        for vector in vectors() {
            let text = |name: &str| vector[name].as_str().unwrap().to_owned();
            let secret = HEXLOWER.decode(text("secret-key").as_bytes()).unwrap();
            let key = SigningKey::from_bytes(secret[..32].try_into().unwrap());
            let (footer, implicit) = (text("footer"), text("implicit-assertion"));
            let payload = text("payload");
            let sign = |m: &[u8]| key.sign(m).to_bytes();
            let token = seal(payload.as_bytes(), footer.as_bytes(), implicit.as_bytes(), sign);
            assert_eq!(*token, text("token"), "{}", text("name"));
            let parts = parse(&token).unwrap();
            assert!(parts.verifies(&key.verifying_key(), implicit.as_bytes()));
            assert!(!parts.verifies(&key.verifying_key(), b"other"));
            assert_eq!(*parts.payload, payload.as_bytes());
        }
    }

    #[test]
    fn there_is_one_spelling() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let token = seal(b"{}", b"f", b"", |m| key.sign(m).to_bytes());
        let (body, footer) = token.strip_prefix(HEADER).unwrap().split_once('.').unwrap();
        let variants = [
            format!("v4.public.{body}=.{footer}"),
            format!("v4.public.{body}.{footer}="),
            format!("v4.public. {body}.{footer}"),
            format!("v4.public.{body}\n.{footer}"),
            format!("v4.public.{body}."),
            format!("v4.local.{body}.{footer}"),
            format!("v3.public.{body}.{footer}"),
            format!("V4.public.{body}.{footer}"),
            format!("v4.public.{body}.{footer}.{footer}"),
            format!("v4.public.{body}.Zh"),
            "v4.public.".to_owned(),
            String::new(),
        ];
        for variant in variants {
            assert_eq!(parse(&variant).err().map(|e| e.code().as_str()), Some("token-malformed"));
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC*|v4\\.public\\.[A-Za-z0-9_.-]{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_changed_byte_is_refused(at in 0usize..400, bit in 0u8..8) {
            let key = SigningKey::from_bytes(&[7; 32]);
            let token = seal(&[b'x'; 150], b"footer", b"vault", |m| key.sign(m).to_bytes());
            let mut bytes = token.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let parsed = String::from_utf8(bytes).ok().and_then(|t| parse(&t).ok());
            let accepted = parsed.is_some_and(|p| p.verifies(&key.verifying_key(), b"vault"));
            prop_assert!(!accepted);
        }
    }
}
