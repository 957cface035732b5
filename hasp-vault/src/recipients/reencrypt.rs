//! Encrypting values again, several at a time: the new files lie beside the old ones, unflushed and
//! named by no record yet.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use data_encoding::HEXLOWER;
use hasp_core::{Result, Secret, SecretName};
use sha2::{Digest, Sha256};

use crate::crypto::age_file;
use crate::crypto::keys::Keys;
use crate::crypto::recipient::Recipient;
use crate::format::item::Item;
use crate::format::version::Version;
use crate::item::set::write_new;
use crate::open::fault::at_path;
use crate::open::vault::Vault;

/// How many secrets a thread takes at a time.
const BATCH: usize = 16;
const MAX_THREADS: usize = 8;

/// From one encryption to the other.
pub struct Reencrypt<'a> {
    /// Where the old files are.
    pub from: &'a Vault,
    /// What opens them.
    pub identities: &'a [Box<dyn age::Identity + Send + Sync>],
    /// Where the new ones go.
    pub to: &'a Vault,
    /// Whom they are for.
    pub recipients: &'a [Recipient],
    /// Under whose keys values are fingerprinted.
    pub keys: &'a Keys,
    /// Called after each secret.
    pub progress: &'a (dyn Fn() + Sync),
}

/// A record that names new files, and the files that nothing names once it is committed.
pub struct Renewed {
    /// Not signed yet; the serial is still the old one.
    pub item: Item,
    /// Names of value files in the secret's directory.
    pub stale: Vec<String>,
}

impl Renewed {
    /// The files that were written for it.
    pub fn fresh(&self, vault: &Vault) -> Vec<PathBuf> {
        let dir = vault.item_dir(&self.item.name);
        self.item
            .versions
            .iter()
            .filter(|v| v.destroyed.is_none())
            .map(|v| dir.join(&v.file))
            .collect()
    }
}

impl Reencrypt<'_> {
    /// Renews all of them, or none: after a failure the files that were written are removed again.
    pub fn all(&self, items: Vec<Item>) -> Result<Vec<Renewed>> {
        let written = Mutex::new(Vec::new());
        let outcome = self.in_parallel(&items, &written);
        if outcome.is_err() {
            let written = written.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            written.iter().for_each(|path: &PathBuf| drop(std::fs::remove_file(path)));
        }
        outcome
    }

    /// X25519 is what takes the time, and runs as well on every core.
    fn in_parallel(&self, items: &[Item], written: &Mutex<Vec<PathBuf>>) -> Result<Vec<Renewed>> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = || -> Result<Vec<Renewed>> {
            let mut done = Vec::new();
            while !failed.load(Ordering::Relaxed) {
                let start = next.fetch_add(BATCH, Ordering::Relaxed);
                let Some(batch) =
                    items.get(start..items.len().min(start + BATCH)).filter(|b| !b.is_empty())
                else {
                    break;
                };
                for item in batch {
                    let renewed = self
                        .one(item, written)
                        .inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
                    done.push(renewed);
                    (self.progress)();
                }
            }
            Ok(done)
        };
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(MAX_THREADS));
        let threads = threads.min(items.len().div_ceil(BATCH)).max(1);
        let parts: Vec<Result<Vec<Renewed>>> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            let rest = others
                .into_iter()
                .map(|t| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p)));
            std::iter::once(own).chain(rest).collect()
        });
        let mut all: Vec<Renewed> =
            parts.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        all.sort_unstable_by(|a, b| a.item.name.cmp(&b.item.name));
        Ok(all)
    }

    /// Every version that still has its value, whatever it is kept for.
    fn one(&self, item: &Item, written: &Mutex<Vec<PathBuf>>) -> Result<Renewed> {
        let mut renewed = Renewed { item: item.clone(), stale: Vec::new() };
        let dir = self.to.make_item_dir_unflushed(&item.name)?;
        let live = renewed.item.versions.iter_mut().filter(|v| v.destroyed.is_none());
        let mut number = item.next_file;
        for version in live {
            let value = self.value(&item.name, version)?;
            let file = age_file::encrypt(&value, self.recipients)?;
            number = write_new(&dir, number, &file)?;
            let name = format!("{number}.age");
            written.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(dir.join(&name));
            renewed.stale.push(std::mem::replace(&mut version.file, name));
            version.sha256 = HEXLOWER.encode(&Sha256::digest(&file));
            version.fp = self.keys.fingerprint(&value);
            number += 1;
        }
        renewed.item.next_file = number;
        Ok(renewed)
    }

    fn value(&self, name: &SecretName, version: &Version) -> Result<Secret> {
        let file = self.from.value_file(name, &version.file, &version.sha256)?;
        let path = || self.from.item_dir(name).join(&version.file);
        age_file::decrypt(&file, self.identities).map_err(|e| at_path(&e, &path()))
    }
}
