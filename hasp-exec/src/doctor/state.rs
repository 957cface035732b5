//! Home, vault, identity and record, and the grants that exist: whether each can be used, and by
//! whom else.

use std::os::unix::fs::MetadataExt;

use hasp_core::files::{self, Guard};
use hasp_core::text::{printable_path, shell_word};
use hasp_core::{Environ, Here, Home, Runtime, Timestamp, Var};
use hasp_grant::{Ledger, State as GrantState, Which, everywhere, standings};
use hasp_vault::Vault;

use super::Findings;

/// Less room than this on the home's disk soon keeps the record from being written.
const ROOM: u64 = 8 << 20;

/// The home and what is in it; the vault of the project here, if it can be opened.
pub(super) fn home(env: &Environ, findings: &mut Findings) -> Option<Vault> {
    let home = match Home::locate(env).and_then(|home| home.check().map(|()| home)) {
        Ok(home) => home,
        Err(error) => {
            findings.wrong("home", &error);
            return None;
        }
    };
    findings.good("home", printable_path(home.root()));
    room(&home, findings);
    identity(&home, env, findings);
    vault(&home, env, findings)
}

fn room(home: &Home, findings: &mut Findings) {
    let left =
        rustix::fs::statvfs(home.root()).map(|room| room.f_bavail.saturating_mul(room.f_frsize));
    if left.is_ok_and(|left| left < ROOM) {
        let text =
            format!("less than {} MiB are left: without a record nothing is released", ROOM >> 20);
        findings.wrong_text("disk", text, format!("df -h {}", shell_word(home.root().as_os_str())));
    }
}

/// Which identity opens the vault, and whether it is ours alone.
fn identity(home: &Home, env: &Environ, findings: &mut Findings) {
    if env.var(Var::Identity).is_some() {
        return findings.good("identity", "named by HASP_IDENTITY");
    }
    let there = |name: &str| home.join(name).symlink_metadata().is_ok();
    let (name, wrapped) = match () {
        () if there("identity.age") => ("identity.age", true),
        () if there("identity") => ("identity", false),
        () => {
            let text =
                "none here: secrets can be deposited and grants used, but nothing can be granted";
            let hints: &[&str] =
                match home.join("known_vaults").exists() || home.join("vault").exists() {
                    true => &["put identity.age back from a copy, or: export HASP_IDENTITY=SRC"],
                    false => &["hasp-vault identity new, and have a member add it; \
                     or: export HASP_IDENTITY=SRC"],
                };
            return findings.note("identity", text, hints);
        }
    };
    match files::open(&home.join(name), Guard::Private) {
        Err(error) => findings.wrong("identity", &error),
        Ok(_) if wrapped => findings.good("identity", "wrapped in a passphrase"),
        Ok(_) => findings.note(
            "identity",
            "not wrapped in a passphrase: whoever reads this user's files opens the vault",
            &["hasp-vault passphrase"],
        ),
    }
}

fn vault(home: &Home, env: &Environ, findings: &mut Findings) -> Option<Vault> {
    let vault = match Vault::here(&Here::within(home, env)) {
        Ok(vault) => vault,
        Err(error) => {
            findings.wrong("vault", &error);
            return None;
        }
    };
    findings.good("vault", printable_path(vault.dir()));
    match vault.log() {
        Err(error) => findings.wrong("record", &error),
        Ok(log) if rustix::fs::access(log.path(), rustix::fs::Access::WRITE_OK).is_err() => {
            let shown = shell_word(log.path().as_os_str());
            findings.wrong_text(
                "record",
                "cannot be written: nothing is released",
                format!("ls -ld {shown}; lsattr -d {shown}"),
            );
        }
        Ok(_) => {
            findings.good("record", "can be written; whether it is whole says: hasp-audit verify")
        }
    }
    Some(vault)
}

/// The grants of this user, in every runtime directory, and how each stands.
pub(super) fn grants(env: &Environ, now: Timestamp, findings: &mut Findings) {
    let Ok(runtime) = Runtime::locate(env) else { return };
    if let Err(error) = Ledger::open(&runtime) {
        return findings.wrong("grants", &error);
    }
    let Ok(home) = Home::locate(env) else { return };
    let (standings, unreached) = match standings(env, &home, Which::Live, now) {
        Ok(found) => found,
        Err(error) => return findings.wrong("grants", &error),
    };
    unreached.iter().for_each(|error| findings.wrong("grants", error));
    let (mut usable, mut refused) = (0, 0);
    for standing in &standings {
        match &standing.state {
            GrantState::Usable => usable += 1,
            GrantState::Refused(_) => refused += 1,
            GrantState::Elsewhere | GrantState::Ended(..) => {}
            GrantState::Damaged => findings.wrong_text(
                "grants",
                format!("the ledger's entry for grant {} is damaged", standing.id.short()),
                format!("end it: hasp-grant revoke {}", standing.id),
            ),
        }
    }
    findings.good("grants", format!("{usable} can be used: hasp-grant list"));
    if refused > 0 {
        let text = format!("{refused} would be refused, each for a reason: hasp-grant list");
        findings.note("grants", text, &["mint new ones; end these: hasp-grant revoke ID"]);
    }
    let found = everywhere(env, &home, now);
    for ledger in &found.ledgers {
        halves(ledger, "kept", findings);
        halves(ledger, "grants", findings);
    }
}

/// A half of a grant that others can read, or that has a name elsewhere under which it stays, is a
/// half given away.
fn halves(ledger: &Ledger, folder: &'static str, findings: &mut Findings) {
    let Ok(entries) = ledger.runtime().join(folder).read_dir() else { return };
    for entry in entries.filter_map(std::result::Result::ok) {
        let Ok(meta) = entry.metadata() else { continue };
        let shown = shell_word(entry.path().as_os_str());
        let end = format!("end it: hasp-grant revoke {}", entry.file_name().to_string_lossy());
        match () {
            () if meta.is_symlink() => {
                findings.wrong_text(folder, format!("{shown} is a symbolic link"), end)
            }
            () if meta.mode() & 0o077 != 0 => findings.wrong_text(
                folder,
                format!("{shown} is open to other users"),
                format!("chmod 600 {shown}"),
            ),
            () if meta.is_file() && meta.nlink() > 1 => {
                let links = meta.nlink();
                let text = format!("{shown} has another name elsewhere ({links} links)");
                findings.wrong_text(folder, text, end);
            }
            () if !meta.is_file() => {
                let look = format!("see what it is: ls -ld {shown}");
                findings.wrong_text(folder, format!("{shown} is not a regular file"), look)
            }
            () => {}
        }
    }
}
