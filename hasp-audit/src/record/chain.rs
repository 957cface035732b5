//! The key of each record: derived from the one before by a one-way step, so that a key that was
//! erased cannot be had back from the one that is there.

use hasp_core::LogId;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What the key of the next record is the MAC of.
const EVOLVE: &[u8] = b"hasp/v1/audit/evolve";
/// HKDF info of the first key, before the log id.
const FIRST: &[u8] = b"hasp/v1/audit/log/";

/// The authenticator of one record: HMAC-SHA256, 32 bytes.
pub type MacBytes = [u8; 32];

/// `K_n`: authenticates record `n` and no other.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    /// `K_0 = HKDF-SHA256(audit root, no salt, info = "hasp/v1/audit/log/" || 32 hex digits of the
    /// log id)` (RFC 5869).
    pub fn first(audit_root: &[u8; 32], id: &LogId) -> Key {
        let mut key = Key([0; 32]);
        let hkdf = Hkdf::<Sha256>::new(None, audit_root);
        // HKDF-SHA256 gives up to 8160 bytes, and 32 are asked for: this cannot fail.
        hkdf.expand_multi_info(&[FIRST, id.as_str().as_bytes()], &mut key.0).expect("32 bytes");
        key
    }

    /// The key whose bytes were kept in the key state.
    pub fn from_bytes(bytes: &[u8; 32]) -> Key {
        Key(*bytes)
    }

    /// The bytes, for the key state.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// `HMAC-SHA256(K_n, line)`.
    pub fn mac(&self, line: &[u8]) -> MacBytes {
        hmac(&self.0, line)
    }

    /// [`Key::mac`] and `K_{n+1}`, at the price of little more than one of them: both MACs begin
    /// with the same two blocks.
    pub fn mac_and_next(&self, line: &[u8]) -> (MacBytes, Key) {
        let keyed = keyed(&self.0);
        let next = keyed.clone().chain_update(EVOLVE).finalize().into_bytes();
        (keyed.chain_update(line).finalize().into_bytes().into(), Key(next.into()))
    }

    /// Becomes `K_{n+1} = HMAC-SHA256(K_n, "hasp/v1/audit/evolve")`; `K_n` is overwritten.
    pub fn evolve(&mut self) {
        let next = hmac(&self.0, EVOLVE);
        self.0.copy_from_slice(&next);
    }

    /// [`Key::evolve`] this often.
    pub fn advance(&mut self, steps: u64) {
        (0..steps).for_each(|_| self.evolve());
    }
}

impl PartialEq for Key {
    /// In constant time: one side may be a guess.
    fn eq(&self, other: &Key) -> bool {
        self.0.iter().zip(other.0).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[key]")
    }
}

fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    keyed(key).chain_update(message).finalize().into_bytes().into()
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC takes a key of any length (RFC 2104): this cannot fail.
    Hmac::new_from_slice(key).expect("a key of 32 bytes")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_the_one_of_rfc_4231() {
        // Case 2 has a short key; padding it with zeros to 32 bytes gives the same HMAC.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mac = Key::from_bytes(&key).mac(b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(data_encoding::HEXLOWER.encode(&mac), expected);
    }

    #[test]
    fn logs_of_one_root_share_no_key() {
        let ids = ["0".repeat(32), "1".repeat(32)].map(|t| t.parse::<LogId>().unwrap());
        assert!(Key::first(&[7; 32], &ids[0]) != Key::first(&[7; 32], &ids[1]));
        let (mut walked, mut jumped) =
            (Key::first(&[7; 32], &ids[0]), Key::first(&[7; 32], &ids[0]));
        walked.evolve();
        let (mac, next) = walked.mac_and_next(b"line");
        assert_eq!(mac, walked.mac(b"line"));
        walked.evolve();
        jumped.advance(2);
        assert!(walked == jumped && walked == next);
    }
}
