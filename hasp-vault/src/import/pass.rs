//! Trees of `pass` and `passage`: one file an entry. Each is opened by the program that it belongs
//! to, with the keys and agents that its owner has set up; hasp never sees a private key of theirs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hasp_core::secret::MAX_VALUE;
use hasp_core::text::{printable, printable_path};
use hasp_core::tool::Context;
use hasp_core::{Environ, Error, Kind, Result, cause_text, hint};

use super::{Entry, Fault, Seen};
use crate::captured::capture;
use crate::code;

/// The deepest tree.
const MAX_DEPTH: usize = 32;

/// An entry, or why it cannot be taken.
pub type Opened = std::result::Result<Entry, Fault>;

/// A tree and the program that opens its entries.
pub struct Tree {
    store: Store,
    dir: PathBuf,
}

/// Whose tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// `pass`: files for gpg, opened by `pass show`.
    Pass,
    /// `passage`: files for age, opened by `age` as passage does, whose whole work on them that is.
    Passage,
}

impl Tree {
    /// The tree in `dir`, else where the program itself would look.
    ///
    /// # Errors
    /// `[no-tree]`.
    pub fn locate(store: Store, dir: Option<&Path>, env: &Environ) -> Result<Tree> {
        let (variable, below) = match store {
            Store::Pass => ("PASSWORD_STORE_DIR", ".password-store"),
            Store::Passage => ("PASSAGE_DIR", ".passage/store"),
        };
        let named = dir.map(Path::to_owned).or_else(|| env.get(variable).map(PathBuf::from));
        let dir = named.or_else(|| env.get("HOME").map(|home| Path::new(home).join(below)));
        let dir = dir.filter(|d| d.is_dir()).and_then(|d| std::path::absolute(d).ok());
        dir.map(|dir| Tree { store, dir }).ok_or_else(|| {
            Error::new(
                Kind::Missing,
                code::NO_TREE,
                format!("there is no tree of {} to import", store.program()),
            )
            .hint("name it: hasp-vault import --format pass --from DIR")
        })
    }

    /// The names of all entries, sorted. What begins with a dot is the program's own.
    pub fn keys(&self) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        self.walk(&self.dir, "", 0, &mut keys)?;
        keys.sort();
        Ok(keys)
    }

    fn walk(&self, dir: &Path, prefix: &str, depth: usize, keys: &mut Vec<String>) -> Result<()> {
        for entry in std::fs::read_dir(dir).map_err(|e| Error::io("read", dir, e))? {
            let entry = entry.map_err(|e| Error::io("read", dir, e))?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|n| !n.starts_with('.')) else { continue };
            // Links are followed, as the programs do; a loop of them ends by its depth.
            let meta = entry.path().metadata().map_err(|e| Error::io("open", &entry.path(), e))?;
            if meta.is_dir() && depth < MAX_DEPTH {
                self.walk(&entry.path(), &format!("{prefix}{name}/"), depth + 1, keys)?;
            } else if let Some(stem) =
                name.strip_suffix(self.store.extension()).filter(|_| meta.is_file())
            {
                keys.push(format!("{prefix}{stem}"));
            }
        }
        Ok(())
    }

    /// Opens one entry: all of it, or its first line, which is the password by convention; or why
    /// it cannot be taken, which is told with all else that stands in the way.
    ///
    /// # Errors
    /// `[cannot-open-entry]` where the program cannot be run: it would open no other either.
    pub fn open(&self, key: &str, first_line: bool, cx: &Context) -> Result<Opened> {
        let program = self.store.program();
        let mut command = self.command(key, &cx.env);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().map_err(|e| {
            let (key, cause) = (printable(key.as_bytes()), cause_text(&e));
            let message = format!("{key}: {program} cannot be run: {cause}; nothing was imported");
            Error::new(Kind::Data, code::CANNOT_OPEN_ENTRY, message)
                .hint(hint!("see whether it is installed: command -v {}", self.store.opener()))
        })?;
        // gpg may leave an agent behind.
        let captured = match capture(child, MAX_VALUE + 2) {
            Err(e) if e.code() == code::VALUE_TOO_LARGE => {
                return Ok(Err(Fault::of(key, e.message())));
            }
            captured => captured?,
        };
        if !captured.status.success() {
            return Ok(Err(Fault::of(key, format!("{program} could not open it"))));
        }
        let mut value = captured.output;
        if first_line && let Some(end) = value.expose().iter().position(|b| *b == b'\n') {
            value.truncate(end);
        }
        value.trim_newline();
        Ok(Ok(Entry { key: key.to_owned(), value, seen: Seen::default() }))
    }

    fn command(&self, key: &str, env: &Environ) -> Command {
        let mut command = Command::new(match self.store {
            Store::Pass => "pass".into(),
            Store::Passage => env.get("PASSAGE_AGE").unwrap_or("age".as_ref()).to_owned(),
        });
        command.env_clear().envs(env.for_child());
        match self.store {
            Store::Pass => {
                command.env("PASSWORD_STORE_DIR", &self.dir).args(["show", "--", key]);
            }
            Store::Passage => {
                let named = env.get("PASSAGE_IDENTITIES_FILE").map(PathBuf::from);
                let beside = self.dir.parent().unwrap_or(&self.dir).join("identities");
                command.args(["-d", "-i"]).arg(named.unwrap_or(beside));
                command.arg(self.dir.join(format!("{key}{}", self.store.extension())));
            }
        }
        command
    }

    /// Where it lies, for display.
    pub fn shown(&self) -> String {
        printable_path(&self.dir)
    }
}

impl Store {
    fn extension(self) -> &'static str {
        match self {
            Store::Pass => ".gpg",
            Store::Passage => ".age",
        }
    }

    /// What is looked for on PATH.
    fn opener(self) -> &'static str {
        match self {
            Store::Pass => "pass",
            Store::Passage => "age",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Store::Pass => "pass",
            Store::Passage => "passage",
        }
    }
}
