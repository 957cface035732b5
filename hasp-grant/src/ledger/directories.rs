//! Where grants of this user can lie: in the runtime directories that the environment names, in
//! those that he has without it (cron, su and ssh know no XDG_RUNTIME_DIR), and in those that the
//! home remembers because a grant was minted into them from here. What ends grants and what finds
//! them both ask here: a grant that only one of them sees goes on after it was revoked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use hasp_core::files::{self, Guard};
use hasp_core::text::{printable_path, shell_word};
use hasp_core::time::boot_id;
use hasp_core::{Environ, Error, Home, Kind, Result, Runtime, Timestamp, lock};

use crate::action::arg::Arg;
use crate::code;
use crate::ledger::Ledger;

/// The file of the home with the directories, a line of JSON each.
const REMEMBERED: &str = "runtimes";
/// The most of it that is read, in bytes.
const MAX_REMEMBERED: usize = 1 << 20;
/// A moment is rounded up to this, in seconds: not every grant writes the file again.
const ROUNDED: i64 = 3600;

/// A directory into which a grant was minted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    path: Arg,
    /// No grant outlives the boot in which it was minted.
    boot: String,
    /// No grant in it is usable after this.
    until: Timestamp,
}

/// The ledgers of all runtime directories that this user may have.
#[derive(Debug, Default)]
pub struct Everywhere {
    /// Those that can be used, the one of this environment first.
    pub ledgers: Vec<Ledger>,
    /// Why others cannot be, in which grants may lie.
    pub unreached: Vec<Error>,
}

/// Looks in all of them.
pub fn everywhere(env: &Environ, home: &Home, now: Timestamp) -> Everywhere {
    let mut found = Everywhere::default();
    let mut roots = Vec::new();
    for runtime in Runtime::all(env) {
        roots.push(runtime.root().to_owned());
        found.open(&runtime);
    }
    let remembered = read(home).unwrap_or_else(|error| {
        found.unreached.push(error);
        Vec::new()
    });
    for one in remembered.iter().filter(|one| !roots.iter().any(|r| r == one.path.as_path())) {
        match files::check_dir(one.path.as_path()) {
            Ok(()) => found.open(&Runtime::at(one.path.as_path())),
            Err(_) if !one.matters(now) => {}
            Err(error) => found.unreached.push(one.unreached(&error)),
        }
    }
    found
}

/// Has the home remember a directory before a grant is minted into it. Those that everybody looks
/// into are not written down.
pub fn remember(home: &Home, runtime: &Runtime, until: Timestamp, now: Timestamp) -> Result<()> {
    let usual = Runtime::all(&Environ::default());
    if usual.iter().any(|other| other.root() == runtime.root()) {
        return Ok(());
    }
    let rounded = until.as_second().div_euclid(ROUNDED).saturating_add(1).saturating_mul(ROUNDED);
    let new = Remembered {
        path: Arg::from(runtime.root()),
        boot: boot_id()?,
        until: Timestamp::from_second(rounded),
    };
    let _changing = lock::lock(&home.join("runtimes.lock"))?;
    let mut all = read(home)?;
    if all.iter().any(|old| old.path == new.path && old.boot == new.boot && old.until >= new.until)
    {
        return Ok(());
    }
    all.retain(|old| old.path != new.path && old.matters(now));
    all.push(new);
    let mut text = Vec::new();
    for one in &all {
        let line = serde_json::to_string(one);
        text.extend(
            line.map_err(|e| Error::bug(format!("cannot write a directory: {e}")))?.bytes(),
        );
        text.push(b'\n');
    }
    files::replace(&home.join(REMEMBERED), &text)
}

fn read(home: &Home) -> Result<Vec<Remembered>> {
    let path = home.join(REMEMBERED);
    let text = files::read_if_present(&path, Guard::Private, MAX_REMEMBERED)?.unwrap_or_default();
    let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(|_| damaged(home))).collect()
}

fn damaged(home: &Home) -> Error {
    let path = home.join(REMEMBERED);
    let message = format!(
        "{}, which names the directories where grants lie, is damaged",
        printable_path(&path)
    );
    let word = shell_word(path.as_os_str());
    Error::new(Kind::Data, hasp_core::code::TAMPERED, message)
        .hint(format!("look at it, and if no line is of use: rm {word}"))
}

impl Everywhere {
    fn open(&mut self, runtime: &Runtime) {
        match Ledger::open(runtime) {
            Ok(ledger) => self.ledgers.push(ledger),
            Err(error) => self.unreached.push(error),
        }
    }
}

impl Remembered {
    /// Whether a grant in it could still be used if the directory came back.
    fn matters(&self, now: Timestamp) -> bool {
        // A clock that was set back shows a moment that is too far: better asked once too often.
        now < self.until.after(Duration::from_secs(1)) && boot_id().is_ok_and(|b| b == self.boot)
    }

    fn unreached(&self, error: &Error) -> Error {
        let shown = printable_path(self.path.as_path());
        let message = format!(
            "grants may lie in {shown}, usable until {}, and it cannot be looked into: {}",
            self.until.local(),
            error.message()
        );
        Error::new(Kind::Io, code::RUNTIME_UNREACHED, message)
            .hint("if it was removed, its grants ended with it")
            .hint("if it was moved, put it back and type: hasp-grant revoke --all")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn world() -> (tempfile::TempDir, Home, Runtime) {
        let base = {
            let memory = hasp_core::platform::memory_place().unwrap();
            tempfile::tempdir_in(memory.parent().unwrap()).unwrap()
        };
        let home = Home::at(base.path().join("home"));
        files::ensure_dir(home.root()).unwrap();
        let runtime = Runtime::at(base.path().join("run"));
        files::ensure_dir(runtime.root()).unwrap();
        (base, home, runtime)
    }

    fn looked_at(home: &Home, runtime: &Runtime, now: Timestamp) -> (bool, usize) {
        let found = everywhere(&Environ::default(), home, now);
        let seen = found.ledgers.iter().any(|l| l.runtime().root() == runtime.root());
        (seen, found.unreached.len())
    }

    #[test]
    fn a_directory_is_remembered_and_missed_as_long_as_a_grant_in_it_could_live() {
        let (_base, home, runtime) = world();
        let now = Timestamp::now();
        let hour = Duration::from_secs(3600);
        assert_eq!(looked_at(&home, &runtime, now), (false, 0));
        remember(&home, &runtime, now.after(hour), now).unwrap();
        let written = std::fs::read(home.join(REMEMBERED)).unwrap();
        remember(&home, &runtime, now.after(hour), now).unwrap();
        assert_eq!(std::fs::read(home.join(REMEMBERED)).unwrap(), written);
        assert_eq!(looked_at(&home, &runtime, now), (true, 0));
        let away = runtime.root().with_extension("away");
        std::fs::rename(runtime.root(), &away).unwrap();
        assert_eq!(looked_at(&home, &runtime, now), (false, 1));
        assert_eq!(looked_at(&home, &runtime, now.after(3 * hour)), (false, 0));
        std::fs::rename(&away, runtime.root()).unwrap();
        assert_eq!(looked_at(&home, &runtime, now.after(3 * hour)), (true, 0));
    }

    #[test]
    fn one_of_another_boot_is_not_missed_and_a_damaged_list_is_said() {
        let (_base, home, runtime) = world();
        let now = Timestamp::now();
        let other = serde_json::json!({"path": runtime.root(), "boot": "0", "until": now.after(
            Duration::from_secs(60))});
        files::replace(&home.join(REMEMBERED), other.to_string().as_bytes()).unwrap();
        assert_eq!(looked_at(&home, &runtime, now), (true, 0));
        std::fs::remove_dir_all(runtime.root()).unwrap();
        assert_eq!(looked_at(&home, &runtime, now), (false, 0));
        files::replace(&home.join(REMEMBERED), b"{\n").unwrap();
        assert_eq!(looked_at(&home, &runtime, now), (false, 1));
    }
}
