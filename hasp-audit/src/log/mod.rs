//! Appending to the record: a record is on disk before anybody is told so, and the key that made it
//! is gone.
//!
//! An append takes the lock, replays what others wrote since the key state, writes its lines with
//! one write, gives the lock back, flushes (one fdatasync, which the file system shares among all
//! who wait), and then moves the key state forward over what that flush made durable. A crash
//! anywhere leaves the key state behind the log, never ahead of it. Copies for others are sent
//! after all this.

mod copies;
mod denials;
pub(crate) mod find;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ed25519_dalek::VerifyingKey;
use hasp_core::files::Guard;
use hasp_core::lock::Lock;
use hasp_core::text::printable_path;
use hasp_core::{Error, Home, Kind, LogId, Policy, Result, Timestamp, files, tree};

use crate::code;
use crate::record::chain::Key;
use crate::record::event::Event;
use crate::record::head::{self, Head, SignedHead};
use crate::record::kind::EventKind;
use crate::record::{line, split};
use crate::segment::replay::End;
use crate::segment::state::{self, State, StateFile};
use crate::segment::{self, lock, missing, pack, torn};

/// One log, located; every append opens it again, so that any number of processes may hold one.
#[derive(Clone, Debug)]
pub struct Log {
    id: LogId,
    home: PathBuf,
    dir: PathBuf,
    full: u64,
}

/// The directory of a log.
pub fn dir(home: &Home, id: &LogId) -> PathBuf {
    home.join("audit").join(id.as_str())
}

impl Log {
    /// Begins a log; its first record, `audit.open`, names the vault and the head of the log
    /// before, if there was one.
    ///
    /// # Errors
    /// `[exists]` (`Kind::Create`) if there is one of this id.
    pub fn create(
        home: &Home,
        id: &LogId,
        audit_root: &[u8; 32],
        vault_id: &str,
        now: Timestamp,
        previous_head: Option<String>,
    ) -> Result<Log> {
        let policy = Policy::read(home.root())?;
        let below = Path::new("audit").join(id.as_str());
        let log = Log::at(home, id, files::ensure_dirs(home.root(), &below)?);
        let lock = log.lock()?;
        if tree::is_there(&log.dir.join(state::NAME))? {
            let shown = printable_path(&log.dir);
            return Err(Error::new(
                Kind::Create,
                code::EXISTS,
                format!("there is a record in {shown} already"),
            ));
        }
        let open =
            Event::new(EventKind::AuditOpen).field("log", id.as_str()).field("vault", vault_id);
        // The first record is there before the key state, so that K_0 is never on disk.
        let start =
            State { n: 0, key: Key::first(audit_root, id), prev: [0; 32], segment: 1, offset: 0 };
        let (bytes, next) = compose(&start, now, &[open.maybe("previous", previous_head)])?;
        files::replace(&segment::path(&log.dir, 1), &bytes)?;
        next.create(&log.dir)?;
        drop(lock);
        log.copy(&policy, now, &bytes);
        Ok(log)
    }

    fn at(home: &Home, id: &LogId, dir: PathBuf) -> Log {
        Log { id: *id, home: home.root().to_owned(), dir, full: segment::FULL }
    }

    /// The same log with segments that are closed at this many bytes instead of `segment::FULL`.
    /// Every process may choose: readers go by what is there.
    #[must_use]
    pub fn with_segment_size(mut self, bytes: u64) -> Log {
        self.full = bytes;
        self
    }

    /// The log of this id; no key is needed, since the key state holds the next one.
    ///
    /// # Errors
    /// `[log-missing]` (`Kind::Data`) if there is none: it existed when the vault was made.
    pub fn open(home: &Home, id: &LogId) -> Result<Log> {
        let dir = dir(home, id);
        match files::check_dir(&dir) {
            Err(e) if e.code() == code::NOT_FOUND || missing::in_the_way(&dir).is_some() => {
                Err(missing::missing(&dir))
            }
            other => other.map(|()| Log::at(home, id, dir)),
        }
    }

    /// Whether nothing of a log is left that could be gone on from: no directory, something else
    /// in its place, or neither records nor a key state in it.
    pub fn is_gone(home: &Home, id: &LogId) -> bool {
        let dir = dir(home, id);
        dir.symlink_metadata().is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
            || missing::in_the_way(&dir).is_some()
            || missing::is_empty(&dir)
    }

    /// Makes room for the logs of a home where something that is none stands in their place, and
    /// says where that is kept.
    ///
    /// # Errors
    /// Where it cannot be moved.
    pub fn make_room(home: &Home) -> Result<Option<PathBuf>> {
        missing::set_aside(&home.join("audit"))
    }

    /// The head that was signed last and is left of a log, which may be gone itself, if `public`
    /// signed it.
    pub fn last_head(home: &Home, id: &LogId, public: &VerifyingKey) -> Option<Head> {
        let path = dir(home, id).join(head::CHECKPOINT);
        let note = files::read(&path, Guard::Private, head::MAX_NOTE).ok()?;
        let signed = SignedHead::parse(std::str::from_utf8(&note).ok()?).ok()?;
        signed.verify(public).ok().cloned()
    }

    /// The directory of the log.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The home that it is in.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// The id of the log.
    pub fn id(&self) -> &LogId {
        &self.id
    }

    /// Records events: all of them with one write and one flush, durable when this returns the
    /// number of the last.
    ///
    /// # Errors
    /// `Kind::Io` if it cannot be written (the caller releases nothing); `Kind::Busy` after 10 s;
    /// `Kind::Data` for `[key-state]`, `[tail-missing]`, `[tampered]`; `Kind::Config` for
    /// `[bad-policy]`, unless all of the events only end or refuse something.
    pub fn append(&self, now: Timestamp, events: &[Event]) -> Result<u64> {
        let policy = self.policy_for(events)?;
        let written = self.durable(now, events)?;
        self.copy(&policy, now, &written.bytes);
        Ok(written.after.n.saturating_sub(1))
    }

    /// What the policy asks for. While it cannot be told, what ends, refuses or takes back is
    /// recorded all the same, without copies: a misspelt word must not keep a grant alive.
    fn policy_for(&self, events: &[Event]) -> Result<Policy> {
        let ends = |event: &Event| EventKind::of(event.name()).is_some_and(EventKind::narrows);
        match Policy::read(&self.home) {
            Err(_) if events.iter().all(ends) => Ok(Policy::default()),
            read => read,
        }
    }

    fn durable(&self, now: Timestamp, events: &[Event]) -> Result<Written> {
        let written = self.write(now, events)?;
        self.flush(&written)?;
        self.advance(&written.kept, &written.after)?;
        Ok(written)
    }

    /// Sends copies of these lines to whom the policy names; that copies were missed is recorded,
    /// and refuses nothing.
    pub(crate) fn copy(&self, policy: &Policy, now: Timestamp, lines: &[u8]) {
        let news = copies::send(&self.dir, &policy.audit, lines);
        if news.is_empty() {
            return;
        }
        let events: Vec<Event> = news.iter().map(|n| n.event.clone()).collect();
        match self.durable(now, &events) {
            Ok(written) => copies::send_news(&self.dir, &policy.audit, &written.bytes),
            Err(_) => copies::unsaid(&self.dir, &news),
        }
    }

    /// How many records there are, and the mac of the last one; durable.
    pub fn head(&self) -> Result<Head> {
        let end = {
            let _lock = self.lock()?;
            End::find(&self.dir)?
        };
        let path = segment::path(&self.dir, end.state.segment);
        end.file.sync_data().map_err(|e| Error::io("flush", &path, e))?;
        self.advance(&end.kept, &end.state)?;
        Ok(Head { log: self.id, count: end.state.n, mac: end.state.prev })
    }

    /// Signs the head and keeps it beside the log, and packs a closed segment if there is one;
    /// called at each unlock of the vault.
    ///
    /// `sign` makes an Ed25519 signature (RFC 8032) that `public` verifies.
    pub fn checkpoint(
        &self,
        public: &VerifyingKey,
        sign: &dyn Fn(&[u8]) -> [u8; 64],
    ) -> Result<()> {
        self.keep_odd_checkpoint(public)?;
        let head = self.head()?;
        let signature = sign(head.text().as_bytes());
        self.put_checkpoint(&head.note(public, &signature))?;
        // An unlock takes its time anyway; what cannot be told now stays counted, what cannot be
        // packed is read as it is.
        let _ = self.settle(Timestamp::now());
        let _ = self.pack(1);
        Ok(())
    }

    /// Writes it, and removes what writers that died here left; those that live hold one of the
    /// locks.
    fn put_checkpoint(&self, note: &str) -> Result<()> {
        let _lock = self.lock()?;
        if let Some(_packing) = hasp_core::lock::try_lock(&self.dir.join(pack::LOCK))? {
            files::sweep_temps(&self.dir)?;
        }
        files::replace(&self.dir.join(head::CHECKPOINT), note.as_bytes())
    }

    /// A checkpoint that is no signed head of this log, or of more than there is, is evidence: it
    /// is set aside, which is on record, and never overwritten.
    fn keep_odd_checkpoint(&self, public: &VerifyingKey) -> Result<()> {
        let path = self.dir.join(head::CHECKPOINT);
        if !tree::is_there(&path)? {
            return Ok(());
        }
        let note = files::read(&path, Guard::Private, head::MAX_NOTE)?;
        let signed = std::str::from_utf8(&note).ok().and_then(|text| SignedHead::parse(text).ok());
        let count = self.head()?.count;
        let why = match signed.as_ref().map(|signed| signed.verify(public)) {
            None => "it is no signed head".to_owned(),
            Some(Err(_)) => "this vault's key did not sign it".to_owned(),
            Some(Ok(head)) if head.log != self.id => "it is of another log".to_owned(),
            Some(Ok(head)) if head.count > count => {
                format!("it says that there were {} records, and there are {count}", head.count)
            }
            Some(Ok(_)) => return Ok(()),
        };
        let kept = format!("{}-{count}", head::CHECKPOINT);
        let event = Event::new(EventKind::AuditCheckpoint).field("why", why);
        self.append(Timestamp::now(), &[event.field("kept", kept.as_str())])?;
        let aside = self.dir.join(kept);
        std::fs::rename(&path, &aside).map_err(|e| Error::io("set aside", &path, e))?;
        files::sync_parent(&aside)
    }

    /// Packs at most `limit` closed segments, oldest first; returns how many.
    pub fn pack(&self, limit: usize) -> Result<usize> {
        pack::pack(&self.dir, limit)
    }

    pub(crate) fn lock(&self) -> Result<Lock> {
        lock::take(&self.dir)
    }

    fn write(&self, now: Timestamp, events: &[Event]) -> Result<Written> {
        let _lock = self.lock()?;
        let mut end = End::find(&self.dir)?;
        let mut all = Vec::with_capacity(events.len() + 1);
        if let Some(bytes) = end.torn.take() {
            all.push(torn::set_aside(&self.dir, &end.state, &end.file, &bytes)?);
        }
        all.extend_from_slice(events);
        end.roll(&self.dir, self.full)?;
        let (bytes, after) = compose(&end.state, now, &all)?;
        let path = segment::path(&self.dir, end.state.segment);
        if let Err(e) = end.file.write_all_at(&bytes, end.state.offset) {
            // Half a line must not stay; if cutting fails too, the next append finds it torn.
            let _ = end.file.set_len(end.state.offset);
            return Err(unwritable(&path, e));
        }
        Ok(Written { before: end.state, after, bytes, file: end.file, kept: end.kept })
    }

    fn flush(&self, written: &Written) -> Result<()> {
        let Err(e) = written.file.sync_data() else {
            return Ok(());
        };
        let path = segment::path(&self.dir, written.after.segment);
        // What was refused is taken back, unless somebody wrote behind it: then it stays, whole.
        if let Ok(_lock) = self.lock() {
            let last =
                segment::size(&written.file, &path).is_ok_and(|size| size == written.after.offset);
            if last && written.kept.read().is_ok_and(|s| s.n <= written.before.n) {
                let _ = written.file.set_len(written.before.offset);
            }
        }
        Err(unwritable(&path, e))
    }

    /// Moves the key state forward, unless somebody with a later flush was faster.
    fn advance(&self, kept: &StateFile, end: &State) -> Result<()> {
        // It only ever moves forward, and its check tells a whole one: in a crowd most need not
        // take the lock again.
        if kept.read().is_ok_and(|state| state.n >= end.n) {
            return Ok(());
        }
        let _lock = self.lock()?;
        if kept.read()?.n < end.n { kept.write(end) } else { Ok(()) }
    }
}

/// Lines that were written and are not yet durable.
struct Written {
    before: State,
    after: State,
    bytes: Vec<u8>,
    file: File,
    kept: StateFile,
}

/// The lines of these events after `start`, and the state behind them.
pub(crate) fn compose(start: &State, now: Timestamp, events: &[Event]) -> Result<(Vec<u8>, State)> {
    let mut bytes = Vec::with_capacity(1024);
    let mut state = start.clone();
    for event in events {
        for body in split::bodies(event, state.n)? {
            state.prev = line::compose(&mut bytes, state.n, now, &body, &state.prev, &state.key);
            state.n += 1;
            state.key.evolve();
        }
    }
    state.offset += bytes.len() as u64;
    Ok((bytes, state))
}

fn unwritable(path: &Path, cause: std::io::Error) -> Error {
    let full = cause.kind() == std::io::ErrorKind::StorageFull;
    let error = Error::io("write the record", path, cause);
    if full {
        error.hint("make room on that file system: nothing is released without a record")
    } else {
        error
    }
}
