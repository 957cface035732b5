//! Files with more than one name. A hard link to the identity or to a record stays when the file is
//! closed to others by its mode, and whoever keeps it keeps a copy that changes along.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hasp_core::lead;
use hasp_core::text::{printable_path, shell_word};

use super::{Finding, Repair};
use crate::code;
use crate::open::vault::Vault;

/// What of the home is looked through beside the vault.
const OTHERS: [&str; 4] = ["known_vaults", "audit", "bindings", "consumers"];

/// Files of the home, and of a vault in it, that have another name elsewhere.
pub fn find(vault: &Vault, findings: &mut Vec<Finding>) {
    let home = vault.home();
    for name in lead::IDENTITIES {
        look(&home.join(name), true, findings);
    }
    if vault.dir().starts_with(home.root()) {
        look(vault.dir(), true, findings);
    }
    for name in OTHERS {
        look(&home.join(name), false, findings);
    }
}

/// Other tools append to some of these: such a file is not exchanged under them.
fn look(path: &Path, mendable: bool, findings: &mut Vec<Finding>) {
    let Ok(meta) = path.symlink_metadata() else { return };
    if meta.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten();
        entries
            .filter_map(std::result::Result::ok)
            .for_each(|entry| look(&entry.path(), mendable, findings));
        return;
    }
    if !meta.is_file() || meta.nlink() < 2 {
        return;
    }
    let (shown, word) = (printable_path(path), shell_word(path.as_os_str()));
    let message = format!("{shown} has another name elsewhere ({} links)", meta.nlink());
    let advice =
        format!("while no tool of hasp runs: cp -p {word} {word}.new && mv {word}.new {word}");
    let repair = mendable.then(|| Repair::Separate(path.to_owned()));
    findings.push(Finding {
        repair,
        advice: Some(advice),
        ..Finding::new(code::HARD_LINK, message)
    });
}
