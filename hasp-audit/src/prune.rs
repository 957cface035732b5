//! Removing the oldest records, as the policy asks: whole segments that were closed, never the
//! newest, and only of a record that is whole. The record that says so is written first, and bears
//! a proof that only the vault's audit root can make: whoever steals the key of the next record can
//! remove files, and not make it look like this.
//!
//! The proof is `HMAC-SHA256(K, text)` with `K = HKDF-SHA256(audit root, no salt, info =
//! "hasp/v1/audit/prune/" || 32 hex digits of the log id)` (RFC 5869) over the old head: origin
//! `hasp-audit/LOG/prune`, how many records went since the log began, and base64 of the mac of the
//! last of them, a line each.

use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use hasp_core::{Error, Kind, LogId, Result, Timestamp, files, lock, tree};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::code;
use crate::log::Log;
use crate::record::Record;
use crate::record::chain::MacBytes;
use crate::record::event::Event;
use crate::record::kind::EventKind;
use crate::record::line::{self, Frame};
use crate::segment::state::State;
use crate::segment::{self, Form, Found, Lines, index, pack};

/// HKDF info of the key of proofs, before the log id.
const PROOF: &[u8] = b"hasp/v1/audit/prune/";

/// What of a log is gone, as it was proved: all records before one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// How many there were: the number of the first that is left.
    pub count: u64,
    /// The mac of the last of them.
    pub mac: MacBytes,
}

/// Segments whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Their numbers, the oldest first.
    pub segments: Vec<u32>,
    /// The number of their first record.
    pub first: u64,
    /// The time of the newest of their records.
    pub newest: Timestamp,
    /// Where they end.
    pub end: Pruned,
}

impl Pruned {
    fn text(&self, id: &LogId) -> String {
        format!("hasp-audit/{id}/prune\n{}\n{}\n", self.count, BASE64.encode(&self.mac))
    }

    fn keyed(&self, id: &LogId, audit_root: &[u8; 32]) -> Hmac<Sha256> {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        let hkdf = Hkdf::<Sha256>::new(None, audit_root);
        // HKDF-SHA256 gives up to 8160 bytes, and 32 are asked for: this cannot fail.
        hkdf.expand_multi_info(&[PROOF, id.as_str().as_bytes()], &mut *key).expect("32 bytes");
        // HMAC takes a key of any length (RFC 2104): this cannot fail.
        Hmac::<Sha256>::new_from_slice(&*key)
            .expect("a key of 32 bytes")
            .chain_update(self.text(id).as_bytes())
    }

    /// What a record says, if its proof is right.
    fn proved(record: &Record, id: &LogId, audit_root: &[u8; 32]) -> Option<Pruned> {
        let mac = BASE64.decode(record.text("head").as_bytes()).ok()?.try_into().ok()?;
        let pruned = Pruned { count: record.object["last"].as_u64()?.checked_add(1)?, mac };
        let proof = HEXLOWER.decode(record.text("proof").as_bytes()).ok()?;
        pruned.keyed(id, audit_root).verify_slice(&proof).ok().map(|()| pruned)
    }
}

/// How far the log in `dir` was pruned, by the record that proves the most; `None` where its
/// beginning is there.
///
/// # Errors
/// I/O errors.
pub fn pruned(dir: &Path, id: &LogId, audit_root: &[u8; 32]) -> Result<Option<Pruned>> {
    // As a rule nothing was.
    if segment::list(dir)?.into_keys().next().is_none_or(|first| first == 1) {
        return Ok(None);
    }
    proved(dir, id, audit_root)
}

/// The last of these records is the one that proves the most: the segments are looked through from
/// the newest on, by their lines and not by their index, which may hide one.
fn proved(dir: &Path, id: &LogId, audit_root: &[u8; 32]) -> Result<Option<Pruned>> {
    let needle = memchr::memmem::Finder::new(b"\"event\":\"audit.prune\"");
    for number in segment::list(dir)?.into_keys().rev() {
        let (mut lines, mut line) = (Lines::open(dir, number, u64::MAX)?, Vec::new());
        let mut found = None;
        // What is no line is for the verification to name.
        while lines.next_into(&mut line)? == Found::Line {
            if needle.find(&line).is_some() {
                let record = Record::parse(&line);
                found = record.and_then(|r| Pruned::proved(&r, id, audit_root)).or(found);
            }
        }
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

impl Log {
    /// The oldest segments in which every record is from before a moment; never the newest one.
    ///
    /// # Errors
    /// `[tampered]` (`Kind::Data`) if one of them cannot be read; `[key-state]`, I/O errors.
    pub(crate) fn due(&self, before: Timestamp) -> Result<Option<Due>> {
        let dir = self.path();
        let active = State::read(dir)?.segment;
        let mut due: Option<Due> = None;
        for (number, form) in segment::list(dir)? {
            if number >= active || form != Form::Packed {
                break;
            }
            let one = read(dir, number)?;
            if one.newest >= before {
                break;
            }
            due = Some(match due {
                None => one,
                Some(so_far) => Due {
                    segments: [so_far.segments, one.segments].concat(),
                    first: so_far.first,
                    newest: so_far.newest.max(one.newest),
                    end: one.end,
                },
            });
        }
        Ok(due)
    }

    /// Removes what is due: on record first, with its proof, then file by file, the oldest first.
    /// What a crash left of that is finished by the next one. The caller has verified the log.
    ///
    /// # Errors
    /// As [`Log::append`], and I/O errors: what is not removed yet stays.
    pub(crate) fn prune(
        &self,
        audit_root: &[u8; 32],
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Due>> {
        let dir = self.path();
        let _packing = lock::lock(&dir.join(pack::LOCK))?;
        if let Some(pruned) = proved(dir, self.id(), audit_root)? {
            remove(dir, pruned.count)?;
        }
        let Some(due) = self.due(before)? else { return Ok(None) };
        let proof = due.end.keyed(self.id(), audit_root).finalize().into_bytes();
        let event = Event::new(EventKind::AuditPrune)
            .field("first", due.first)
            .field("last", due.end.count - 1)
            .field("segments", due.segments.len())
            .field("newest", due.newest.to_string())
            .field("head", BASE64.encode(&due.end.mac))
            .field("proof", HEXLOWER.encode(&proof));
        self.append(now, &[event])?;
        remove(dir, due.end.count)?;
        Ok(Some(due))
    }
}

/// What a whole segment holds.
fn read(dir: &Path, number: u32) -> Result<Due> {
    let (mut lines, mut line) = (Lines::open(dir, number, u64::MAX)?, Vec::new());
    let mut due: Option<Due> = None;
    loop {
        match lines.next_into(&mut line)? {
            Found::Line => {}
            Found::End => return due.ok_or_else(|| unread(number)),
            _ => return Err(unread(number)),
        }
        let frame = Frame::split(&line).ok_or_else(|| unread(number))?;
        let mac = HEXLOWER.decode(frame.mac).ok().and_then(|mac| mac.try_into().ok());
        let time = line::time(&line).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let (Some(mac), Some(time)) = (mac, time) else { return Err(unread(number)) };
        let first = due.as_ref().map_or(frame.n, |due| due.first);
        let newest = due.as_ref().map_or(time, |due| due.newest.max(time));
        let end = Pruned { count: frame.n + 1, mac };
        due = Some(Due { segments: vec![number], first, newest, end });
    }
}

fn unread(number: u32) -> Error {
    Error::new(Kind::Data, code::TAMPERED, format!("segment {number} cannot be read"))
        .hint("nothing is removed of a record that is not whole: hasp-audit verify")
}

/// Removes every segment of records before number `count`, the oldest first, each for good before
/// the next: what is left after a crash has no gap.
fn remove(dir: &Path, count: u64) -> Result<()> {
    let segments: Vec<u32> = segment::list(dir)?.into_keys().collect();
    for pair in segments.windows(2) {
        let [oldest, next] = pair else { break };
        if first(dir, *next)?.is_none_or(|n| n > count) {
            break;
        }
        let files = [
            index::path(dir, *oldest),
            segment::path(dir, *oldest),
            segment::packed_path(dir, *oldest),
        ];
        for path in files {
            if tree::is_there(&path)? {
                std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
                files::sync_parent(&path)?;
            }
        }
    }
    Ok(())
}

/// The number of a segment's first record.
fn first(dir: &Path, number: u32) -> Result<Option<u64>> {
    let mut line = Vec::new();
    let found = Lines::open(dir, number, u64::MAX)?.next_into(&mut line)?;
    Ok(Frame::split(&line).map(|frame| frame.n).filter(|_| found == Found::Line))
}
