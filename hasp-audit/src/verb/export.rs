//! `export`: records for somebody who has no vault: as they are or with names hidden, and a trailer
//! that the vault's public key verifies.

use std::collections::BTreeSet;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, VerifyingKey};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, LogId, Result};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::code;
use crate::query::filter::Filter;
use crate::query::{self, By};
use crate::record::Record;
use crate::record::event::json as ascii;
use crate::verb::keys;
use crate::verb::place::{Place, moment};

/// Fields whose text says what happened and not to whom.
const KEPT: [&str; 17] = [
    "v", "n", "t", "event", "prev", "mac", "class", "channel", "grant", "code", "for", "why",
    "via", "exp", "fp", "sha256", "parts",
];
/// HKDF info of the key of `--redacted`.
const PSEUDONYM: &[u8] = b"hasp/v1/audit/pseudonym";

/// Prints the records of a time, and the trailer.
pub fn run(
    cx: &mut Context,
    place: &Place,
    since: Option<&str>,
    until: Option<&str>,
    redacted: bool,
) -> Result<Exit> {
    let log = place.packed_log(cx)?;
    let filter =
        Filter { terms: Vec::new(), since: moment(since, cx.now)?, until: moment(until, cx.now)? };
    let veil = if redacted { Some(Veil::new(&*keys::audit_root(&place.id, cx)?)) } else { None };
    let (mut hash, mut count) = (Sha256::new(), 0u64);
    query::run(log.path(), &filter, By::Scan, &mut |record| {
        let line = match &veil {
            Some(veil) => veil.line(&record),
            None => record.line,
        };
        hash.update(&line);
        hash.update(b"\n");
        count += 1;
        cx.out.data(&line)?;
        cx.out.data(b"\n")
    })?;
    let hash: [u8; 32] = hash.finalize().into();
    let signature = keys::sign_head(text(&place.id, count, &hash).as_bytes(), cx)?;
    let public = place.public()?;
    cx.out.object(&json!({"v": 1, "export": {
        "log": place.id, "records": count, "redacted": redacted, "sha256": HEXLOWER.encode(&hash),
        "public_key": BASE64.encode(public.as_bytes()), "signature": BASE64.encode(&signature),
    }}))?;
    Ok(Exit::OK)
}

/// What is signed: a line each for origin, number of records, and base64 of SHA-256 over all lines
/// with their newlines.
fn text(id: &LogId, count: u64, hash: &[u8; 32]) -> String {
    format!("hasp-audit/{id}/export\n{count}\n{}\n", BASE64.encode(hash))
}

/// Verifies an exported file with the public key alone.
///
/// # Errors
/// `Kind::No`, `[export-forged]`, if it is not what this key signed.
pub fn verify(cx: &mut Context, file: &Path, key: &str) -> Result<Exit> {
    let public = keys::public_key(key).ok_or_else(|| {
        Error::new(Kind::Usage, code::BAD_KEY, "that is not a public key")
            .hint("take the one of: hasp-vault status")
    })?;
    let content = std::fs::read(file).map_err(|e| Error::io("read", file, e))?;
    let count = signed(&content, &public).ok_or_else(|| {
        Error::new(Kind::No, code::EXPORT_FORGED, "this file is not what the key signed")
            .hint("ask for it again: hasp-audit export")
    })?;
    match cx.out.json {
        true => cx.out.object(&json!({"v": 1, "outcome": "whole", "records": count}))?,
        false => cx.out.line(&format!("whole: {count} exported records"))?,
    }
    Ok(Exit::OK)
}

/// How many records the trailer rightly vouches for.
fn signed(content: &[u8], public: &VerifyingKey) -> Option<u64> {
    let body = content.strip_suffix(b"\n")?;
    let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
    let (lines, trailer) = body.split_at(start);
    let trailer: Value = serde_json::from_slice(trailer).ok()?;
    let trailer = &trailer["export"];
    let signature = BASE64.decode(trailer["signature"].as_str()?.as_bytes()).ok()?;
    let id: LogId = trailer["log"].as_str()?.parse().ok()?;
    let count = memchr::memchr_iter(b'\n', lines).count() as u64;
    let text = text(&id, count, &Sha256::digest(lines).into());
    let signature = Signature::from_slice(&signature).ok()?;
    public.verify_strict(text.as_bytes(), &signature).ok().map(|()| count)
}

/// Names as keyed fingerprints: the same name is the same everywhere, and says nothing without the
/// key.
struct Veil([u8; 32]);

impl Veil {
    fn new(audit_root: &[u8; 32]) -> Veil {
        let mut key = [0; 32];
        // HKDF-SHA256 gives up to 8160 bytes, and 32 are asked for: this cannot fail.
        Hkdf::<Sha256>::new(None, audit_root).expand(PSEUDONYM, &mut key).expect("32 bytes");
        Veil(key)
    }

    fn line(&self, record: &Record) -> Vec<u8> {
        let kept: BTreeSet<&str> = KEPT.into_iter().collect();
        ascii(&self.cover(&record.object, &kept)).into_bytes()
    }

    fn cover(&self, value: &Value, kept: &BTreeSet<&str>) -> Value {
        match value {
            Value::String(text) => Value::String(self.name(text)),
            Value::Array(values) => values.iter().map(|v| self.cover(v, kept)).collect(),
            Value::Object(map) => {
                let covered = |(k, v): (&String, &Value)| {
                    let open = kept.contains(k.as_str()) && !v.is_object() && !v.is_array();
                    (k.clone(), if open { v.clone() } else { self.cover(v, kept) })
                };
                map.iter().map(covered).collect()
            }
            other => other.clone(),
        }
    }

    fn name(&self, text: &str) -> String {
        // HMAC takes a key of any length (RFC 2104): this cannot fail.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of 32 bytes");
        mac.update(text.as_bytes());
        HEXLOWER.encode(&mac.finalize().into_bytes()[..8])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use proptest::prelude::*;

    fn exported(key: &SigningKey) -> Vec<u8> {
        let lines = b"{\"n\":1}\n{\"n\":2}\n";
        let id = LogId::random().unwrap();
        let signature = key.sign(text(&id, 2, &Sha256::digest(lines).into()).as_bytes()).to_bytes();
        let trailer = json!({"export": {"log": id, "signature": BASE64.encode(&signature)}});
        [&lines[..], trailer.to_string().as_bytes(), b"\n"].concat()
    }

    #[test]
    fn only_what_was_signed_is_whole() {
        let key = SigningKey::from_bytes(&[4; 32]);
        let content = exported(&key);
        assert_eq!(signed(&content, &key.verifying_key()), Some(2));
        assert_eq!(signed(&content, &SigningKey::from_bytes(&[5; 32]).verifying_key()), None);
        for at in 0..16 {
            let mut changed = content.clone();
            changed[at] ^= 1;
            assert_eq!(signed(&changed, &key.verifying_key()), None, "byte {at}");
            assert_eq!(signed(&content[..at], &key.verifying_key()), None);
        }
        assert_eq!(signed(&content[8..], &key.verifying_key()), None);
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused(content: Vec<u8>) {
            let key = SigningKey::from_bytes(&[4; 32]).verifying_key();
            prop_assert_eq!(signed(&content, &key), None);
        }
    }

    #[test]
    fn names_are_hidden_and_still_comparable() {
        let veil = Veil::new(&[1; 32]);
        let record = |name: &str| {
            let line = json!({
                "n": 1, "event": "exec.start", "project": "/home/me", "argv": ["psql", name],
                "secrets": [{"name": name, "version": 2}],
            });
            String::from_utf8(veil.line(&Record::parse(line.to_string().as_bytes()).unwrap()))
                .unwrap()
        };
        let text = record("db/url");
        assert!(
            text.contains("exec.start")
                && !text.contains("db/url")
                && !text.contains("/home")
                && !text.contains("psql")
        );
        assert_eq!(text.matches(&veil.name("db/url")).count(), 2);
        assert_ne!(veil.name("db/url"), Veil::new(&[2; 32]).name("db/url"));
    }
}
