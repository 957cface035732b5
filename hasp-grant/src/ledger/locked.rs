//! What changes the ledger, under its lock: a use is spent, a grant ends, what is left of old ones
//! goes. What is written first is what ends a grant, so that a crash in between leaves it ended.

use std::os::unix::fs::MetadataExt;

use hasp_core::{Error, GrantId, Result, Timestamp, files, time, tree};

use crate::code;
use crate::ledger::due::{Due, SPENDING};
use crate::ledger::entry::Entry;
use crate::ledger::tombstone::{End, Tombstone, Why, ended};
use crate::ledger::{Locked, MAX_ENTRY};
use crate::token::claims::Terms;
use crate::token::seal::Half;

/// How long a tombstone stays at least, and how often it is looked for older ones, in seconds.
const DAY: u64 = 86_400;

/// A grant that can be spent, with the uses that are gone.
struct Link<'a> {
    terms: &'a Terms,
    entry: Entry,
    used: u32,
}

impl Locked<'_> {
    /// Spends one use of a grant, and of each that it was narrowed from, the vault's own first, and
    /// gives out the half: a tombstone made exclusively for each use, and with the last one the
    /// half is overwritten and unlinked before it is returned. `by` is told to whoever comes later.
    ///
    /// # Errors
    /// `[spent]`, `[revoked]`, `[expired]`, `[no-ledger]`: what happened since the checks.
    pub fn spend(&self, vault: &str, chain: &[&Terms], by: Option<&str>) -> Result<Half> {
        let links = self.links(vault, chain)?;
        links.iter().try_for_each(|link| self.use_one(link, by))?;
        joined(links)
    }

    /// The same half, with nothing spent: it goes into what is narrowed from the grant.
    pub fn half(&self, vault: &str, chain: &[&Terms]) -> Result<Half> {
        self.links(vault, chain).and_then(joined)
    }

    /// Each of them, if all can be used.
    fn links<'a>(&self, vault: &str, chain: &[&'a Terms]) -> Result<Vec<Link<'a>>> {
        let (boot, now) = (time::boot_id()?, time::boot_seconds());
        let mut links: Vec<Link<'a>> = Vec::with_capacity(chain.len());
        for terms in chain {
            let parent = links.last().map(|link| &link.terms.jti);
            let entry = self.ledger.entry(&terms.jti)?;
            entry.check(vault, (terms, parent), &boot, now)?;
            let used = if terms.uses.is_some() { self.ledger.uses(&terms.jti)? } else { 0 };
            if terms.uses.is_some_and(|limit| used >= limit) {
                return Err(self.ledger.denial(&terms.jti, End::Spent));
            }
            links.push(Link { terms, entry, used });
        }
        Ok(links)
    }

    fn use_one(&self, Link { terms, entry, used }: &Link<'_>, by: Option<&str>) -> Result<()> {
        let Some(limit) = terms.uses else { return Ok(()) };
        let id = &terms.jti;
        let kept = self.ledger.kept_path(id).exists();
        let tombstone = told(Why::Spent, (entry, kept), by);
        let number = (used + 1).to_string();
        if used + 1 < limit {
            return self.bury(id, &number, Some(&tombstone));
        }
        // Where there is no room for this sign, there is none for the tombstone either.
        let sign = self.ledger.runtime.join(SPENDING);
        let _ = files::create_unflushed(&sign, b"");
        self.bury(id, &number, Some(&tombstone))?;
        self.erase(id, Some(entry))?;
        let _ = std::fs::remove_file(&sign);
        Ok(())
    }

    /// Ends a grant: the tombstone first, so that a crash in between leaves it ended, then its half
    /// is erased, whether or not the tombstone could be made.
    pub fn end(&self, id: &GrantId, why: Why, by: Option<&str>) -> Result<()> {
        let end = why.end();
        let kept = self.ledger.kept_path(id).exists();
        let entry = self.ledger.entry(id).ok();
        let tombstone = entry.as_ref().map(|entry| told(why, (entry, kept), by));
        let buried = match end {
            // Its uses are its tombstones.
            End::Spent => Ok(()),
            End::Revoked | End::Expired => self.bury(id, end.word(), tombstone.as_ref()),
        };
        self.erase(id, entry.as_ref())?;
        match buried {
            Err(e) if e.code() == code::SPENT => Ok(()),
            other => other,
        }
    }

    /// All grants were looked at, and none ends by itself before this.
    pub(super) fn looked(&self, due: &Due) -> Result<()> {
        let _ = std::fs::remove_file(self.ledger.runtime.join(SPENDING));
        self.ledger.set_due(due)
    }

    /// Removes tombstones of grants whose window closed more than a day ago, and temporary files of
    /// dead writers. There may be very many tombstones: they are gone through once a day.
    pub fn tidy(&self, now: Timestamp) -> Result<()> {
        files::sweep_temps(&self.ledger.runtime.join("grants"))?;
        files::sweep_temps(&self.ledger.runtime.join("kept"))?;
        let before = |days: u64| now.before(std::time::Duration::from_secs(days * DAY)).as_second();
        let last = self.ledger.runtime.join("tidied");
        let tidied = tree::look(&last)?.map(|m| m.mtime());
        if tidied.is_some_and(|at| at > before(1) && at <= now.as_second()) {
            return Ok(());
        }
        let horizon = before(2);
        let folder = self.ledger.runtime.join("spent");
        tree::remove_files(&folder, |name| {
            let meta = folder.join(name).symlink_metadata();
            meta.is_ok_and(|m| m.mtime() < horizon)
        })?;
        self.tidy_places()?;
        files::replace(&last, b"")
    }

    /// Unlinks the half and overwrites it where it lies, and removes a kept token. What is no
    /// private regular file holds no half of ours: it is only unlinked.
    fn erase(&self, id: &GrantId, entry: Option<&Entry>) -> Result<()> {
        let path = self.ledger.entry_path(id);
        if tree::is_there(&path)? {
            let file = files::open_or_create(&path).ok();
            std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
            if let Some(file) = file {
                let length = file.metadata().map_or(0, |m| m.len());
                let zeros = vec![0; usize::try_from(length).unwrap_or(MAX_ENTRY).min(MAX_ENTRY)];
                rustix::io::pwrite(&file, &zeros, 0).map_err(|e| Error::io("erase", &path, e))?;
            }
        }
        // What was narrowed from it opens nothing any more, and the next sweep finds it.
        if std::fs::remove_file(self.ledger.runtime.join("narrowed").join(id.as_str())).is_ok() {
            self.ledger.forget_due();
        }
        match std::fs::remove_file(self.ledger.kept_path(id)) {
            Ok(()) => {
                if let Some(entry) = entry {
                    self.take_sign(&entry.place, id);
                }
                Ok(())
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Error::io("remove", &self.ledger.kept_path(id), e)),
        }
    }

    /// What it tells is for people: where there is no room for that, the file alone ends the grant.
    pub(super) fn bury(&self, id: &GrantId, suffix: &str, tells: Option<&Tombstone>) -> Result<()> {
        use rustix::fs::{CWD, Mode, OFlags};
        let path = self.ledger.tomb_path(id, suffix);
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => {
                let text = tells.and_then(|t| serde_json::to_vec(t).ok()).unwrap_or_default();
                let _ = hasp_core::output::write_all(file, &text);
                Ok(())
            }
            Err(rustix::io::Errno::EXIST) => Err(ended(id, End::Spent)),
            Err(e) => Err(Error::io("write", &path, e)),
        }
    }
}

fn told(why: Why, (entry, kept): (&Entry, bool), by: Option<&str>) -> Tombstone {
    let by = by.map(str::to_owned);
    let tombstone = Tombstone::new(why, &entry.vault, &entry.terms);
    tombstone.told(kept, by)
}

/// The ledger's half of the last of them: what it was narrowed from is a part of it, so that the
/// end of any of them is its end.
fn joined(links: Vec<Link<'_>>) -> Result<Half> {
    let below = |above: Option<Half>, Link { terms, entry, .. }: Link<'_>| match above {
        None => Some(entry.half),
        Some(above) => Some(entry.half.below(&above, &terms.jti)),
    };
    let half = links.into_iter().fold(None, below);
    half.ok_or_else(|| Error::bug("a grant without terms is used"))
}
