//! Looking the whole vault over: every signature and hash, what lies about, what is missing. Repair
//! does only what loses nothing that a record still names; the rest is said.

mod links;
mod strangers;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hasp_core::files::{self, Guard};
use hasp_core::text::printable_path;
use hasp_core::{Code, Error, Result, SecretName, platform, tree};

use crate::code;
use crate::format::item::Item;
use crate::format::signed;
use crate::format::version::file_number;
use crate::open::vault::Vault;
use crate::open::writer::Writer;

/// Something that is not as it should be.
#[derive(Debug)]
pub struct Finding {
    /// A stable code.
    pub code: Code,
    /// What and where.
    pub message: String,
    /// What repair would do; nothing if only a person can.
    pub repair: Option<Repair>,
    /// What such a person types.
    pub advice: Option<String>,
}

/// What loses nothing that a record names.
#[derive(Debug)]
pub enum Repair {
    /// Remove a file that was never committed, or whose version was destroyed.
    Remove(PathBuf),
    /// Remove a directory that nothing but an interrupted restore made.
    RemoveDir(PathBuf),
    /// Put a copy in the place of a file that has another name elsewhere.
    Separate(PathBuf),
    /// Close a file or directory to other users.
    Close(PathBuf, u32),
}

impl Finding {
    fn of(error: &Error) -> Finding {
        let advice = error.hints().first().filter(|_| error.code() == code::MERGE_CONFLICT);
        let found = Finding::new(error.code(), error.message().to_owned());
        Finding { advice: advice.cloned(), ..found }
    }

    fn new(code: Code, message: String) -> Finding {
        Finding { code, message, repair: None, advice: None }
    }
}

/// The longest file that is copied.
const MAX_SEPARATE: usize = 64 << 20;

/// Looks the vault over; with the lock held, so that nothing is half-way. What a dead writer has
/// left is finished or swept by taking it.
pub fn check(vault: &Vault) -> Result<Vec<Finding>> {
    let writer = Writer::begin(vault)?;
    let mut findings = Vec::new();
    strangers::find(vault, &mut findings)?;
    links::find(vault, &mut findings);
    if strangers::leads_elsewhere(vault).is_err() {
        writer.done()?;
        return Ok(findings);
    }
    if vault.guard() == Guard::Private {
        modes(vault.dir(), &mut findings)?;
    }
    let names = vault.names()?;
    let survey = vault.survey(&names);
    findings.extend(survey.faults.iter().filter(|f| f.code() != code::OPEN_MODE).map(Finding::of));
    for item in &survey.items {
        values(vault, item, &mut findings);
        leftovers(vault, item, &mut findings)?;
    }
    let broken: BTreeSet<&SecretName> =
        names.iter().filter(|n| find(&survey.items, n.as_str()).is_none()).collect();
    vanished(vault, &names, &mut findings);
    if let Err(error) = recorded(vault, &survey.items, &broken, &mut findings) {
        findings.push(Finding::of(&error));
    }
    deposits(vault, &mut findings)?;
    writer.done()?;
    Ok(findings)
}

impl Repair {
    /// Does it.
    pub fn apply(&self) -> Result<()> {
        match self {
            Repair::Remove(path) => {
                std::fs::remove_file(path).map_err(|e| Error::io("remove", path, e))
            }
            Repair::RemoveDir(path) => {
                std::fs::remove_dir_all(path).map_err(|e| Error::io("remove", path, e))
            }
            Repair::Separate(path) => {
                let content = files::read(path, Guard::Private, MAX_SEPARATE)?;
                files::replace(path, &content)
            }
            // What others put there since the look is not followed.
            Repair::Close(path, mode) => {
                tree::set_mode(path, platform::mode(*mode)).map_err(|e| Error::io("close", path, e))
            }
        }
    }
}

/// Items are sorted by name.
fn find<'a>(items: &'a [Item], name: &str) -> Option<&'a Item> {
    items.binary_search_by(|i| i.name.as_str().cmp(name)).ok().map(|at| &items[at])
}

/// Symlinks are not followed, and nothing of another user's is touched.
fn modes(path: &Path, findings: &mut Vec<Finding>) -> Result<()> {
    let meta = path.symlink_metadata().map_err(|e| Error::io("open", path, e))?;
    let shown = printable_path(path);
    if meta.is_symlink() {
        findings.push(Finding::new(code::SYMLINK, format!("{shown} is a symbolic link")));
        return Ok(());
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        findings.push(Finding::new(
            code::FOREIGN_OWNER,
            format!("{shown} belongs to user {}", meta.uid()),
        ));
    } else if meta.mode() & 0o077 != 0 {
        let message = format!("{shown} is open to other users (mode {:03o})", meta.mode() & 0o777);
        let wanted = if meta.is_dir() { 0o700 } else { 0o600 };
        let repair = Some(Repair::Close(path.to_owned(), wanted));
        findings.push(Finding { repair, ..Finding::new(code::OPEN_MODE, message) });
    }
    if meta.is_dir() {
        for entry in std::fs::read_dir(path)
            .map_err(|e| Error::io("read", path, e))?
            .filter_map(std::result::Result::ok)
        {
            modes(&entry.path(), findings)?;
        }
    }
    Ok(())
}

/// Every value file that a record names is there and has the signed hash.
fn values(vault: &Vault, item: &Item, findings: &mut Vec<Finding>) {
    for version in item.versions.iter().filter(|v| v.destroyed.is_none()) {
        match vault.value_file(&item.name, &version.file, &version.sha256) {
            Err(e) if e.code() != code::OPEN_MODE => findings.push(Finding::of(&e)),
            _ => {}
        }
    }
}

/// Files beside a record that it does not name. Removed is only what was never committed or was
/// destroyed: what an older record does not know yet may be all that is left of a newer one, so
/// anything else is for a person.
fn leftovers(vault: &Vault, item: &Item, findings: &mut Vec<Finding>) -> Result<()> {
    let dir = vault.item_dir(&item.name);
    let entries = std::fs::read_dir(&dir).map_err(|e| Error::io("read", &dir, e))?;
    for entry in entries
        .filter_map(std::result::Result::ok)
        .filter(|e| e.file_type().is_ok_and(|t| !t.is_dir()))
    {
        let (path, name) = (entry.path(), entry.file_name());
        let version = item.versions.iter().find(|v| name == *v.file);
        if name == "meta.toml" || version.is_some_and(|v| v.destroyed.is_none()) {
            continue;
        }
        let ours = files::is_temp(&name)
            || version.is_some()
            || file_number(&name).is_some_and(|n| n >= item.next_file);
        findings.push(match ours {
            true => Finding {
                repair: Some(Repair::Remove(path.clone())),
                ..Finding::new(code::ORPHAN, format!("no record names {}", printable_path(&path)))
            },
            false if file_number(&name).is_some() => {
                Finding::new(code::ORPHAN, format!("no record names {}", printable_path(&path)))
            }
            false => strangers::stranger(&entry),
        });
    }
    Ok(())
}

/// Secrets that were seen here and are gone without having been forgotten.
fn vanished(vault: &Vault, names: &[SecretName], findings: &mut Vec<Finding>) {
    for name in vault.seen().names(signed::ITEM).iter().filter(|n| names.binary_search(n).is_err())
    {
        findings.push(Finding::new(code::VANISHED, format!("{name} was in the vault and is gone")));
    }
}

/// Versions that the log knows and the vault does not: an older copy was put back, or a write was
/// recorded and never committed.
fn recorded(
    vault: &Vault,
    items: &[Item],
    broken: &BTreeSet<&SecretName>,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    vault.log()?.each(&mut |record| {
        let version = record.object.get("version").and_then(serde_json::Value::as_u64);
        match (record.event(), version) {
            // A restore puts an older state in place on purpose, a resolve the version of one side.
            ("vault.restore", None) => newest.clear(),
            (
                "vault.set" | "vault.import" | "vault.rotate-stage" | "vault.interrupted"
                | "vault.resolve" | "vault.restore",
                Some(version),
            ) => {
                newest.insert(record.text("secret").to_owned(), version);
            }
            ("vault.forget", _) => {
                newest.remove(record.text("secret"));
            }
            _ => {}
        }
        Ok(())
    })?;
    for (name, version) in newest {
        let known =
            find(items, &name).and_then(|i| i.versions.last()).map_or(0, |v| u64::from(v.number));
        if known < version && !broken.iter().any(|b| b.as_str() == name) {
            let message = format!(
                "the log knows version {version} of {name}, the vault has {known}: a write \
                 that never came to its end, or an old copy put back"
            );
            findings.push(Finding::new(code::OLDER_THAN_LOG, message));
        }
    }
    Ok(())
}

fn deposits(vault: &Vault, findings: &mut Vec<Finding>) -> Result<()> {
    for waiting in vault.waiting()? {
        if let Err(error) = vault.read_deposit(&waiting) {
            findings.push(Finding::of(&error));
        }
    }
    Ok(())
}
