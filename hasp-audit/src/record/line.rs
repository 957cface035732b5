//! The bytes of one record: one line with a fixed key order, so that what was authenticated and
//! what is read are the same bytes and there is one spelling of each record.
//!
//! `{"v":1,"n":N,"t":"TIME","event":"NAME",FIELDS,"prev":"HEX","mac":"HEX"}` and a newline, at most
//! 4096 bytes, ASCII only. `prev` is the mac of the record before (64 zeros in record 0); `mac` is
//! `HMAC-SHA256(K_n, all bytes before `,"mac":`)`.

use data_encoding::HEXLOWER;
use hasp_core::Timestamp;

use crate::record::chain::{Key, MacBytes};

/// The longest record with its newline, in bytes: one page, written at once.
pub const MAX_LINE: usize = 4096;
/// What is not event name and fields, at its longest: frame, 20 digits of `n`, a time, two macs.
pub const FRAME: usize = 48 + 20 + 24 + 2 * 64 + 20;

const START: &[u8] = b"{\"v\":1,\"n\":";
const PREV: &[u8] = b",\"prev\":\"";
const MAC: &[u8] = b",\"mac\":\"";
/// `,"mac":"` + 64 digits + `"}`.
const MAC_LEN: usize = 8 + 64 + 2;
/// `,"prev":"` + 64 digits + `"`.
const PREV_LEN: usize = 9 + 64 + 1;

/// The number, the links and the authenticated bytes of a line, as they stand there: nothing is
/// verified yet.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The number that the line claims.
    pub n: u64,
    /// The hex digits of the previous mac.
    pub prev: &'a [u8],
    /// The hex digits of its own mac.
    pub mac: &'a [u8],
    /// What the mac is over.
    pub covered: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes a line (without its newline) apart; `None` if it has not exactly the form of a record.
    pub fn split(line: &'a [u8]) -> Option<Frame<'a>> {
        if line.len() >= MAX_LINE || line.len() < START.len() + PREV_LEN + MAC_LEN {
            return None;
        }
        let (covered, tail) = line.split_at(line.len() - MAC_LEN);
        let mac = tail.strip_prefix(MAC)?.strip_suffix(b"\"}")?;
        let prev = covered[covered.len() - PREV_LEN..].strip_prefix(PREV)?.strip_suffix(b"\"")?;
        Some(Frame { n: number(line)?, prev, mac, covered })
    }

    /// The mac of this record and the key of the next, if it is record `n`, follows `prev` and was
    /// authenticated with `key`; else why not.
    pub fn check_and_next(
        &self,
        n: u64,
        prev: &MacBytes,
        key: &Key,
    ) -> Result<(MacBytes, Key), &'static str> {
        if self.n != n {
            return Err("it has another number");
        }
        if !same_hex(self.prev, prev) {
            return Err("it does not follow the record before it");
        }
        let (mac, next) = key.mac_and_next(self.covered);
        if same_hex(self.mac, &mac) {
            Ok((mac, next))
        } else {
            Err("its mac is not that of its content and its key")
        }
    }
}

/// The number in the fixed place of a line, written without sign or leading zeros.
fn number(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(START)?;
    let digits = rest.iter().position(|b| !b.is_ascii_digit()).filter(|p| (1..=20).contains(p))?;
    if digits > 1 && rest[0] == b'0' || rest.get(digits) != Some(&b',') {
        return None;
    }
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// The time in its fixed place of a line, as it stands there.
pub fn time(line: &[u8]) -> Option<&[u8]> {
    // Eleven bytes stand before the number, six between it and the time.
    let rest = line.get(START.len()..)?;
    let rest = rest.get(memchr::memchr(b',', rest)? + 6..)?;
    rest.get(..memchr::memchr(b'"', rest)?)
}

fn same_hex(digits: &[u8], bytes: &MacBytes) -> bool {
    let mut hex = [0; 64];
    HEXLOWER.encode_mut(bytes, &mut hex);
    digits == hex
}

/// Appends record `n` to `to` and returns its mac; `body` is the event name and fields from
/// `Event::body`.
pub fn compose(
    to: &mut Vec<u8>,
    n: u64,
    now: Timestamp,
    body: &str,
    prev: &MacBytes,
    key: &Key,
) -> MacBytes {
    let start = to.len();
    to.extend_from_slice(START);
    to.extend_from_slice(format!("{n},\"t\":\"{now}\",{body}").as_bytes());
    to.extend_from_slice(PREV);
    to.extend_from_slice(HEXLOWER.encode(prev).as_bytes());
    to.push(b'"');
    let mac = key.mac(&to[start..]);
    to.extend_from_slice(MAC);
    to.extend_from_slice(HEXLOWER.encode(&mac).as_bytes());
    to.extend_from_slice(b"\"}\n");
    mac
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> Key {
        Key::from_bytes(&[3; 32])
    }

    fn line(n: u64) -> Vec<u8> {
        let mut line = Vec::new();
        compose(
            &mut line,
            n,
            Timestamp::from_second(0),
            "\"event\":\"x.y\",\"a\":1",
            &[9; 32],
            &key(),
        );
        line
    }

    #[test]
    fn what_was_composed_is_taken_apart() {
        let text = line(7);
        assert!(text.starts_with(
            br#"{"v":1,"n":7,"t":"1970-01-01T00:00:00Z","event":"x.y","a":1,"prev":"0909"#
        ));
        let frame = Frame::split(&text[..text.len() - 1]).unwrap();
        assert!(frame.check_and_next(7, &[9; 32], &key()).is_ok());
        assert!(frame.check_and_next(8, &[9; 32], &key()).is_err());
        assert!(frame.check_and_next(7, &[8; 32], &key()).is_err());
        assert!(frame.check_and_next(7, &[9; 32], &Key::from_bytes(&[4; 32])).is_err());
    }

    #[test]
    fn the_frame_is_at_most_what_is_reserved() {
        let mut line = Vec::new();
        let body = "\"event\":\"x.y\"";
        compose(&mut line, u64::MAX, Timestamp::from_second(i64::MIN), body, &[255; 32], &key());
        assert!(line.len() - body.len() <= FRAME, "{}", line.len() - body.len());
    }

    #[test]
    fn numbers_have_one_spelling() {
        let text = line(12);
        for bad in ["012", "+12", "12.0", "1e1", "-1", "", "99999999999999999999"] {
            let changed =
                String::from_utf8(text.clone()).unwrap().replacen(":12,", &format!(":{bad},"), 1);
            assert!(Frame::split(changed.trim_end().as_bytes()).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_apart_or_refused(bytes: Vec<u8>) {
            let _ = Frame::split(&bytes);
        }

        #[test]
        fn any_flipped_byte_fails(at in 0usize..250, to: u8) {
            let mut text = line(7);
            text.pop();
            let at = at % text.len();
            prop_assume!(text[at] != to);
            text[at] = to;
            let good = |f: Frame| f.check_and_next(7, &[9; 32], &key()).is_ok();
            prop_assert!(!Frame::split(&text).is_some_and(good));
        }
    }
}
