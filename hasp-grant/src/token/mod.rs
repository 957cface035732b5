//! A token on its way: read with a bound from wherever it comes, built from claims, its footer
//! compared before any key is used.

pub(crate) mod claims;
pub(crate) mod heir;
pub(crate) mod line;
pub(crate) mod narrower;
pub(crate) mod paseto;
pub(crate) mod seal;
pub(crate) mod signed;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use hasp_core::{Error, Kind, Result};
use hasp_vault::{Unlocked, Vault};

use crate::code;
use crate::token::claims::Claims;
use crate::token::narrower::narrower;
use crate::token::paseto::{Parts, malformed};

/// The longest token, in bytes: an approved command may have very many words.
pub const MAX_TOKEN: usize = 4 << 20;

/// What a token says of itself without a key. It is compared with the vault at hand and never
/// selects one.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Footer {
    /// Which key signed: [`key_id`].
    pub kid: String,
    /// Which vault minted it.
    pub vault: String,
}

/// The id of a token key: the first 16 bytes of SHA-256("hasp/v1/kid\0" || public key), in
/// hexadecimal.
pub fn key_id(key: &VerifyingKey) -> String {
    let digest =
        Sha256::new().chain_update(b"hasp/v1/kid\0").chain_update(key.as_bytes()).finalize();
    data_encoding::HEXLOWER.encode(&digest[..16])
}

/// Signs the claims with the vault's key: one line without its newline.
pub fn mint(claims: &Claims, unlocked: &Unlocked) -> Result<Zeroizing<String>> {
    issue(claims, unlocked.vault(), |m| unlocked.sign_token(m))
}

/// Signs the claims with the key of what they are narrowed from.
pub fn narrow(claims: &Claims, vault: &Vault, key: &SigningKey) -> Result<Zeroizing<String>> {
    issue(claims, vault, |m| key.sign(m).to_bytes())
}

fn issue(
    claims: &Claims,
    vault: &Vault,
    sign: impl FnOnce(&[u8]) -> [u8; 64],
) -> Result<Zeroizing<String>> {
    let footer =
        footer_text(&Footer { kid: key_id(&vault.token_key()?), vault: vault.id().to_string() })?;
    let payload = claims.encode()?;
    if payload.len() > MAX_TOKEN / 2 {
        return Err(Error::new(
            Kind::Usage,
            code::COMMAND_TOO_LONG,
            "the command has too many words for a grant",
        )
        .hint("leave the further words to hasp-exec: end the command with \"...\""));
    }
    Ok(paseto::seal(&payload, footer.as_bytes(), vault.id().to_string().as_bytes(), sign))
}

/// Compares the footer with the vault at hand.
///
/// # Errors
/// `[token-malformed]`, `[token-vault]`, `[token-key]`.
pub fn check_footer(parts: &Parts, vault: &Vault) -> Result<()> {
    let footer: Footer = serde_json::from_slice(&parts.footer).map_err(|_| bad_footer())?;
    if footer_text(&footer)?.as_bytes() != parts.footer {
        return Err(bad_footer());
    }
    if footer.vault != vault.id().to_string() {
        return Err(Error::new(
            Kind::Denied,
            code::TOKEN_VAULT,
            "the token was minted from another vault",
        )
        .hint("say which vault this project uses: hasp-bind --vault DIR"));
    }
    if footer.kid != key_id(&vault.token_key()?) {
        return Err(Error::new(
            Kind::Denied,
            code::TOKEN_KEY,
            "the token was signed by a key that this vault no longer has",
        )
        .hint("mint a new one: hasp-grant -t TARGET"));
    }
    Ok(())
}

/// Verifies the signature and only then counts what the claims say. The vault signed them itself,
/// or they say from which of its grants they were narrowed, and that is followed from its key on.
///
/// # Errors
/// `[token-signature]`, `[token-claims]`, `[token-wider]`, `[window-too-long]`.
pub fn verify(parts: &Parts, vault: &Vault) -> Result<Claims> {
    verify_by(parts, &vault.token_key()?, &vault.id().to_string())
}

/// As [`verify`], by the key and id of a vault.
pub fn verify_by(parts: &Parts, key: &VerifyingKey, id: &str) -> Result<Claims> {
    if parts.verifies(key, id.as_bytes()) {
        let claims = Claims::decode(&parts.payload)?;
        return if claims.from.is_empty() { Ok(claims) } else { Err(unsigned()) };
    }
    let claims = Claims::decode(&parts.payload).map_err(|_| unsigned())?;
    let issuer = claims.issuer(key, id).ok_or_else(unsigned)?;
    if !parts.verifies(&issuer, id.as_bytes()) {
        return Err(unsigned());
    }
    let chain = claims.chain();
    chain.windows(2).try_for_each(|pair| narrower(pair[1], pair[0]))?;
    Ok(claims)
}

fn unsigned() -> Error {
    Error::new(
        Kind::Denied,
        code::TOKEN_SIGNATURE,
        "the token was not signed by this vault, or was changed since",
    )
    .hint("mint a new one: hasp-grant -t TARGET")
}

/// The token in what was read: one line.
///
/// # Errors
/// `[token-empty]` for an empty line: the command before the pipe failed.
pub fn line(text: &[u8]) -> Result<&str> {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(Error::new(
            Kind::Denied,
            code::TOKEN_EMPTY,
            "there is no token: the command before the pipe failed",
        )
        .hint("its own message says why; in a script: set -o pipefail"));
    }
    std::str::from_utf8(line).map_err(|_| malformed("it is not text"))
}

fn footer_text(footer: &Footer) -> Result<String> {
    serde_json::to_string(footer).map_err(|e| Error::bug(format!("cannot write a footer: {e}")))
}

fn bad_footer() -> Error {
    malformed("its footer is not in the form that hasp-grant writes")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    #[derive(Deserialize)]
    struct Vector {
        secret_seed: String,
        public_key: String,
        vault: String,
        payload: String,
        footer: String,
        token: String,
    }

    #[test]
    fn published_vector() {
        let v =
            serde_json::from_str::<Vector>(include_str!("../../tests/vectors/token.json")).unwrap();
        let seed: [u8; 32] = HEXLOWER.decode(v.secret_seed.as_bytes()).unwrap().try_into().unwrap();
        let key = SigningKey::from_bytes(&seed);
        assert_eq!(HEXLOWER.encode(key.verifying_key().as_bytes()), v.public_key);
        let claims = Claims::decode(v.payload.as_bytes()).unwrap();
        let footer: Footer = serde_json::from_str(&v.footer).unwrap();
        assert_eq!(footer.kid, key_id(&key.verifying_key()));
        let sign = |m: &[u8]| key.sign(m).to_bytes();
        let minted =
            paseto::seal(&claims.encode().unwrap(), v.footer.as_bytes(), v.vault.as_bytes(), sign);
        assert!(*minted == v.token);
    }
}
