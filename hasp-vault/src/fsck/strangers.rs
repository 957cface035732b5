//! What has no place in a vault: what desktops and synchronisers drop, copies that they make of
//! records in conflict, links that lead elsewhere. None of it is followed, and of none of it is a
//! secret said to be damaged.

use std::fs::DirEntry;
use std::path::Path;

use hasp_audit::LogId;
use hasp_core::files::{self, Guard};
use hasp_core::text::{printable_path, shell_word};
use hasp_core::{Error, Result, SecretName, tree};

use super::{Finding, Repair};
use crate::backup::STAGING;
use crate::code;
use crate::open::gitattributes;
use crate::open::vault::Vault;

/// What a vault's own directory holds.
const OWN: [&str; 5] = ["vault.toml", "keys.age", "items", "inbox", gitattributes::NAME];
/// Names that desktops, editors and synchronisers leave wherever they have been.
const DROPPED: [&str; 12] = [
    ".DS_Store",
    ".localized",
    ".Trashes",
    ".Spotlight-V100",
    ".fseventsd",
    "Thumbs.db",
    "desktop.ini",
    ".directory",
    ".stfolder",
    ".stignore",
    ".stversions",
    "Icon\r",
];
/// Beginnings and endings of such names.
const BEGINNINGS: [&str; 7] =
    ["._", ".~lock.", ".nfs", ".fuse_hidden", ".dropbox", ".owncloud", ".sync_"];
const ENDINGS: [&str; 6] = ["~", ".swp", ".orig", ".rej", ".bak", ".part"];

/// Looks through the vault's directories and those of the home that belong to it.
pub fn find(vault: &Vault, findings: &mut Vec<Finding>) -> Result<()> {
    // A repository has files of its own beside those of the vault, but none of ours.
    let shared = vault.guard() == Guard::Signed;
    for entry in entries(vault.dir()) {
        let name = entry.file_name();
        let ours = OWN.iter().any(|own| name == *own);
        if !ours && (!shared || files::is_temp(&name) || copy_of_record(&name.to_string_lossy())) {
            findings.push(stranger(&entry));
        }
    }
    for name in ["items", "inbox"] {
        let path = vault.dir().join(name);
        if path.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
            findings.push(link(&path));
        } else if name == "items" {
            items(&path, false, findings);
        } else {
            let deposit = |e: &DirEntry| e.file_name().to_string_lossy().ends_with(".age");
            strangers(&path, findings, |e| is_file(e) && deposit(e));
        }
    }
    strangers(&vault.seen().dir(), findings, is_serial);
    strangers(&vault.home().join("audit"), findings, |e| {
        e.file_name().to_string_lossy().parse::<LogId>().is_ok()
    });
    restore(vault, findings)
}

/// Files belong to secrets, and those of a secret are looked at with its record.
fn items(dir: &Path, secret: bool, findings: &mut Vec<Finding>) {
    for entry in entries(dir) {
        let kind = entry.file_type().ok();
        let part = entry.file_name().to_string_lossy().parse::<SecretName>().is_ok();
        let below = entry.path();
        match kind {
            Some(kind) if kind.is_symlink() => findings.push(link(&below)),
            Some(kind) if kind.is_dir() && part => {
                items(&below, below.join("meta.toml").symlink_metadata().is_ok(), findings);
            }
            Some(kind) if kind.is_file() && secret => {}
            _ => findings.push(stranger(&entry)),
        }
    }
}

fn strangers(dir: &Path, findings: &mut Vec<Finding>, expected: impl Fn(&DirEntry) -> bool) {
    let strange = entries(dir).into_iter().filter(|e| !expected(e));
    findings.extend(strange.map(|e| stranger(&e)));
}

fn entries(dir: &Path) -> Vec<DirEntry> {
    std::fs::read_dir(dir).into_iter().flatten().filter_map(std::result::Result::ok).collect()
}

fn is_file(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|t| t.is_file())
}

/// A serial that was seen, of a record of any kind, and the lock beside them.
fn is_serial(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy().into_owned();
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "._-%".contains(c));
    // The next writer overwrites or sweeps what an interrupted one has left there.
    let expected = name == ".lock" || files::is_temp(entry.file_name().as_ref());
    is_file(entry) && (expected || !name.starts_with('.') && plain(&name))
}

/// What an interrupted restore has left may go.
fn restore(vault: &Vault, findings: &mut Vec<Finding>) -> Result<()> {
    let left = vault.dir().with_file_name(STAGING);
    if tree::is_there(&left)? {
        let message = format!("an interrupted restore has left {}", printable_path(&left));
        let repair = Some(Repair::RemoveDir(left));
        findings.push(Finding { repair, ..Finding::new(code::ORPHAN, message) });
    }
    Ok(())
}

/// The finding for what lies where it has no place.
pub(super) fn stranger(entry: &DirEntry) -> Finding {
    let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
    let shown = printable_path(&path);
    if files::is_temp(entry.file_name().as_ref()) && is_file(entry) {
        let message = format!("an interrupted command has left {shown}");
        let repair = Some(Repair::Remove(path));
        return Finding { repair, ..Finding::new(code::ORPHAN, message) };
    }
    let flag = if entry.file_type().is_ok_and(|t| t.is_dir()) { "-r " } else { "" };
    let remove = format!("rm {flag}{}", shell_word(path.as_os_str()));
    let (what, advice) = if copy_of_record(&name) {
        let what = "is a copy of a record that a synchroniser made in a conflict";
        (what, format!("compare it with the one beside it, then: {remove}"))
    } else if dropped(&name) {
        ("was dropped by a desktop or a synchroniser", format!("remove it: {remove}"))
    } else {
        ("is no part of a vault", format!("remove it: {remove}"))
    };
    Finding { advice: Some(advice), ..Finding::new(code::ORPHAN, format!("{shown} {what}")) }
}

/// The finding for a symbolic link, behind which nothing is looked at.
fn link(path: &Path) -> Finding {
    let message = format!("{} is a symbolic link", printable_path(path));
    let advice = format!("see where it leads, then: rm {}", shell_word(path.as_os_str()));
    Finding { advice: Some(advice), ..Finding::new(code::SYMLINK, message) }
}

fn dropped(name: &str) -> bool {
    DROPPED.contains(&name)
        || BEGINNINGS.iter().any(|b| name.starts_with(b))
        || ENDINGS.iter().any(|e| name.ends_with(e))
}

/// `meta (conflicted copy).toml`, `1.sync-conflict-20260101.age` and the like.
fn copy_of_record(name: &str) -> bool {
    let lower = name.to_lowercase();
    let record = lower.ends_with(".toml") || lower.ends_with(".age");
    record && ["conflict", "(copy", " copy"].iter().any(|sign| lower.contains(sign))
}

/// Refuses nothing: a directory of records that is a link is found before anything is read there.
pub(super) fn leads_elsewhere(vault: &Vault) -> std::result::Result<(), Error> {
    for name in ["items", "inbox"] {
        let path = vault.dir().join(name);
        if path.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
            return Err(crate::format::signed::tampered(&path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_droppings_from_copies_of_records() {
        for name in [".DS_Store", "._meta.toml", "meta.toml~", ".nfs0001", "Thumbs.db", "a.swp"] {
            assert!(dropped(name) && !copy_of_record(name), "{name}");
        }
        for name in [
            "meta (ann's conflicted copy 2026-01-01).toml",
            "1.sync-conflict-20260101-101010-ABC.age",
            "vault (Copy).toml",
        ] {
            assert!(copy_of_record(name), "{name}");
        }
        for name in ["notes.txt", "meta.toml", "1.age"] {
            assert!(!dropped(name) && !copy_of_record(name), "{name}");
        }
    }
}
