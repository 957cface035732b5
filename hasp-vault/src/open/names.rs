//! Walking the vault: the names in it and, for lists, all records at once. A directory of a secret
//! may hold other secrets, so `db` and `db/url` can both be there.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use hasp_core::{Error, Result, SecretName, files, tree};

use crate::code;
use crate::format::item::{self, Item};
use crate::open::vault::Vault;

/// More threads than this do not read small files any faster.
const MAX_THREADS: usize = 8;
/// More bytes than any usual record has.
const USUAL: usize = 8192;
/// How many records a thread takes at a time.
const BATCH: usize = 64;

/// All records of a vault, and what could not be read.
#[derive(Debug, Default)]
pub struct Survey {
    /// Sorted by name.
    pub items: Vec<Item>,
    /// Each names its file.
    pub faults: Vec<Error>,
}

impl Vault {
    /// The names of all secrets, sorted.
    pub fn names(&self) -> Result<Vec<SecretName>> {
        // One that cannot be looked at counts: reading it says why.
        self.directories(|dir| tree::is_there(&dir.join("meta.toml")).unwrap_or(true))
    }

    /// Every record whose name begins so, without verifying it: good for lists, authorises nothing.
    pub fn survey_unverified(&self, prefix: &str) -> Result<Survey> {
        // Reading tells which directory is that of a secret: that needs no call of its own.
        let mut names = self.directories(|_| true)?;
        names.retain(|name| name.as_str().starts_with(prefix));
        let mut found = survey(&names, |name| {
            self.read_listed(name).and_then(|text| self.parse_unverified(name, &text))
        });
        found.faults.retain(|fault| fault.code() != code::NOT_FOUND);
        Ok(found)
    }

    /// The names that those directories stand for that count, sorted.
    fn directories(&self, counts: impl Fn(&Path) -> bool + Sync) -> Result<Vec<SecretName>> {
        let mut names = Vec::new();
        let root = self.dir().join("items");
        if tree::is_there(&root)? && root.symlink_metadata().is_ok_and(|m| m.is_dir()) {
            walk(&root, &mut String::new(), &counts, &mut names)?;
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The walk that found the name followed no symlink, so the way to it need not be looked at
    /// again.
    fn read_listed(&self, name: &SecretName) -> Result<Vec<u8>> {
        let path = self.meta_path(name);
        let mut file = files::open(&path, self.guard())?;
        let fault = |e| Error::io("read", &path, e);
        // Any usual record, all of which one read of a file gives: with ten thousand of them, calls
        // are what counts.
        let mut text = vec![0; USUAL];
        let first = file.read(&mut text).map_err(fault)?;
        let whole = first < text.len();
        text.truncate(first);
        if !whole {
            file.take(item::MAX_FILE as u64).read_to_end(&mut text).map_err(fault)?;
        }
        Ok(text)
    }

    /// Every record, verified.
    pub fn survey(&self, names: &[SecretName]) -> Survey {
        survey(names, |name| self.item(name))
    }
}

fn survey(names: &[SecretName], read: impl Fn(&SecretName) -> Result<Item> + Sync) -> Survey {
    let mut all = Survey::default();
    for outcome in in_parallel(names, read) {
        match outcome {
            Ok(item) => all.items.push(item),
            Err(fault) => all.faults.push(fault),
        }
    }
    all
}

/// Does the same to all, in their order: ten thousand small files are bound by system calls, which
/// several threads make side by side.
fn in_parallel<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let batches: Vec<&[T]> = all.chunks(BATCH).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(batch) = batches.get(number) else { return done };
            done.push((number, batch.iter().map(&work).collect::<Vec<R>>()));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(MAX_THREADS));
    let mut done: Vec<(usize, Vec<R>)> = std::thread::scope(|scope| {
        // Where no more threads may be made, those that are there do it all.
        let other = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads.min(batches.len())).filter_map(other).collect();
        let own = work();
        // A thread that panicked is a bug in the reader; its part must not be missing silently.
        let rest =
            others.into_iter().map(|t| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p)));
        std::iter::once(own).chain(rest).flatten().collect()
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

/// Enters directories only, and only those whose name can be part of a secret's; symlinks are not
/// followed.
fn walk(
    dir: &Path,
    prefix: &mut String,
    counts: &(impl Fn(&Path) -> bool + Sync),
    names: &mut Vec<SecretName>,
) -> Result<()> {
    let fault = |e| Error::io("read", dir, e);
    let mut below = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let file = entry.file_name();
        let Some(part) = file.to_str().filter(|p| p.parse::<SecretName>().is_ok()) else {
            continue;
        };
        if entry.file_type().map_err(fault)?.is_dir() {
            below.push((part.to_owned(), entry.path()));
        }
    }
    let looked = in_parallel(&below, |(_, dir)| (counts(dir), is_leaf(dir)));
    for ((part, dir), (is_secret, leaf)) in below.iter().zip(looked) {
        let length = prefix.len();
        prefix.push_str(part);
        if is_secret {
            names.extend(prefix.parse::<SecretName>());
        }
        if !leaf {
            prefix.push('/');
            walk(dir, prefix, counts, names)?;
        }
        prefix.truncate(length);
    }
    Ok(())
}

/// A directory with two links (its name and its `.`) has no directories in it, which spares reading
/// it; file systems that do not count links so say 1 (as find(1) knows).
fn is_leaf(dir: &Path) -> bool {
    dir.symlink_metadata().is_ok_and(|m| m.nlink() == 2)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nested_names_are_both_found_and_strangers_are_not() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["db", "db/url", "a/b/c", ".git/x", "x.tmp", "UPPER"] {
            let item = dir.path().join(name);
            std::fs::create_dir_all(&item).unwrap();
            std::fs::write(item.join("meta.toml"), "").unwrap();
        }
        std::fs::create_dir_all(dir.path().join("empty")).unwrap();
        std::fs::write(dir.path().join("meta.toml"), "").unwrap();
        std::os::unix::fs::symlink("db", dir.path().join("link")).unwrap();
        let mut names = Vec::new();
        walk(dir.path(), &mut String::new(), &|dir| dir.join("meta.toml").exists(), &mut names)
            .unwrap();
        names.sort_unstable();
        let names: Vec<&str> = names.iter().map(SecretName::as_str).collect();
        assert_eq!(names, ["UPPER", "a/b/c", "db", "db/url"]);
    }

    #[test]
    fn a_survey_misses_nothing() {
        let names: Vec<SecretName> =
            (0..1000).map(|n| format!("n{n:04}").parse().unwrap()).collect();
        let read = |name: &SecretName| match name.as_str().ends_with('7') {
            true => Err(crate::format::signed::tampered(Path::new(name.as_str()))),
            false => Ok(Item::new(name.clone())),
        };
        let all = survey(&names, read);
        assert_eq!((all.items.len(), all.faults.len()), (900, 100));
        assert!(all.items.windows(2).all(|w| w[0].name < w[1].name));
        assert!(survey(&[], read).items.is_empty());
    }
}
