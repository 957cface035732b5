//! The head of a log as a signed checkpoint: the number of records and the last mac, which stands
//! for all before it, in the form of C2SP's signed note and tlog-checkpoint, so that tools that
//! know nothing of hasp can keep it and check its signature. The third line is that mac, where a
//! transparency log has the root of a Merkle tree: there are no consistency proofs.

use data_encoding::BASE64;
use ed25519_dalek::{Signature, VerifyingKey};
use hasp_core::{Error, Kind, LogId, Result};
use sha2::{Digest, Sha256};

use crate::code;
use crate::record::chain::MacBytes;

/// The file beside the log that holds the head of the last unlock.
pub const CHECKPOINT: &str = "checkpoint";
/// The longest note that is read, in bytes.
pub const MAX_NOTE: usize = 4096;
/// The signature type of Ed25519 in a note (C2SP signed-note).
const ED25519: u8 = 1;

/// How far a log had come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which log.
    pub log: LogId,
    /// How many records it had: the last one is number `count - 1`.
    pub count: u64,
    /// The mac of that last record.
    pub mac: MacBytes,
}

/// A head with a signature that is not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// What it claims.
    pub head: Head,
    /// In the log's own name: 4 bytes that tell the key, then the signature.
    signatures: Vec<Vec<u8>>,
}

impl Head {
    /// The checkpoint's text, which is what is signed: origin `hasp-audit/LOG`, number of records,
    /// base64 of the mac, a line each.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin(), self.count, BASE64.encode(&self.mac))
    }

    /// The signed note: the text, an empty line, and `— ORIGIN base64(key hash || signature)`.
    pub fn note(&self, public: &VerifyingKey, signature: &[u8; 64]) -> String {
        format!("{}\n{}\n", self.text(), self.signature_line(public, signature))
    }

    /// The note on one printable line: each newline a space.
    pub fn line(&self, public: &VerifyingKey, signature: &[u8; 64]) -> String {
        format!("{}{}", self.text().replace('\n', " "), self.signature_line(public, signature))
    }

    fn origin(&self) -> String {
        format!("hasp-audit/{}", self.log)
    }

    fn signature_line(&self, public: &VerifyingKey, signature: &[u8; 64]) -> String {
        let bytes = [&key_hash(&self.origin(), public)[..], signature].concat();
        format!("\u{2014} {} {}", self.origin(), BASE64.encode(&bytes))
    }
}

impl SignedHead {
    /// Reads a note, or a note on one line.
    ///
    /// # Errors
    /// `[bad-head]` (`Kind::Data`).
    pub fn parse(text: &str) -> Result<SignedHead> {
        parse(text).ok_or_else(|| {
            Error::new(Kind::Data, code::BAD_HEAD, "that is not a signed head of a record").hint(
                "a head is what `hasp-audit head` prints: one line that begins with hasp-audit/",
            )
        })
    }

    /// The head, if `public` signed it.
    ///
    /// # Errors
    /// `[head-forged]` (`Kind::Data`).
    pub fn verify(&self, public: &VerifyingKey) -> Result<&Head> {
        let (own, text) = (key_hash(&self.head.origin(), public), self.head.text());
        let signed = self.signatures.iter().filter_map(|s| s.strip_prefix(&own)).any(|signature| {
            Signature::from_slice(signature)
                .is_ok_and(|s| public.verify_strict(text.as_bytes(), &s).is_ok())
        });
        if signed {
            return Ok(&self.head);
        }
        Err(Error::new(
            Kind::Data,
            code::HEAD_FORGED,
            "that head was not signed by this vault's key",
        ))
    }
}

fn parse(text: &str) -> Option<SignedHead> {
    let mut words = text.split_ascii_whitespace();
    let mut next = || words.next();
    let origin = next()?;
    let log = origin.strip_prefix("hasp-audit/")?.parse().ok()?;
    let count = next()?;
    let number: u64 = count.parse().ok().filter(|n: &u64| *n > 0 && n.to_string() == count)?;
    let mac = BASE64.decode(next()?.as_bytes()).ok()?.try_into().ok()?;
    let mut signatures = Vec::new();
    while let Some(dash) = next() {
        let (name, signed) = (next()?, BASE64.decode(next()?.as_bytes()).ok()?);
        if dash != "\u{2014}" || signed.len() < 5 {
            return None;
        }
        // Those of witnesses are for those who know the witnesses.
        signatures.extend((name == origin).then_some(signed));
    }
    (!signatures.is_empty())
        .then_some(SignedHead { head: Head { log, count: number, mac }, signatures })
}

/// The first bytes of SHA-256 over name, newline, type and key (C2SP signed-note).
fn key_hash(origin: &str, public: &VerifyingKey) -> [u8; 4] {
    let hash = Sha256::new_with_prefix(origin)
        .chain_update([b'\n', ED25519])
        .chain_update(public.as_bytes())
        .finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use proptest::prelude::*;

    fn head() -> Head {
        Head { log: "0123456789abcdef0123456789abcdef".parse().unwrap(), count: 42, mac: [7; 32] }
    }

    fn signed() -> (SigningKey, String, String) {
        let key = SigningKey::from_bytes(&[5; 32]);
        let signature = key.sign(head().text().as_bytes()).to_bytes();
        let public = key.verifying_key();
        (key, head().note(&public, &signature), head().line(&public, &signature))
    }

    #[test]
    fn note_and_line_say_the_same() {
        let (key, note, line) = signed();
        assert_eq!(line.lines().count(), 1);
        assert_eq!(note.lines().count(), 5);
        let parsed = SignedHead::parse(&note).unwrap();
        assert_eq!(parsed, SignedHead::parse(&line).unwrap());
        assert_eq!(parsed.verify(&key.verifying_key()).unwrap(), &head());
    }

    #[test]
    fn signatures_of_witnesses_are_passed_over() {
        let (key, note, line) = signed();
        let other = format!("\u{2014} witness.example/w {}", BASE64.encode(&[1; 76]));
        let (before, after) = note.split_once("\n\n").unwrap();
        for text in [
            format!("{note}{other}\n"),
            format!("{before}\n\n{other}\n{after}"),
            format!("{line} {other}"),
        ] {
            assert_eq!(
                SignedHead::parse(&text).unwrap().verify(&key.verifying_key()).unwrap(),
                &head()
            );
        }
        assert_eq!(
            SignedHead::parse(&format!("{before}\n\n{other}\n")).unwrap_err().code().as_str(),
            "bad-head"
        );
    }

    #[test]
    fn another_key_or_another_count_is_refused() {
        let (key, note, _) = signed();
        let other = SigningKey::from_bytes(&[6; 32]).verifying_key();
        assert_eq!(
            SignedHead::parse(&note).unwrap().verify(&other).unwrap_err().code().as_str(),
            "head-forged"
        );
        let changed = SignedHead::parse(&note.replacen("\n42\n", "\n41\n", 1)).unwrap();
        assert_eq!(
            changed.verify(&key.verifying_key()).unwrap_err().code().as_str(),
            "head-forged"
        );
        for bad in
            ["", "hasp-audit/x 1", &note.replacen("\n42\n", "\n042\n", 1), &format!("{note}x")]
        {
            assert_eq!(SignedHead::parse(bad).unwrap_err().code().as_str(), "bad-head");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = SignedHead::parse(&text);
        }
    }
}
