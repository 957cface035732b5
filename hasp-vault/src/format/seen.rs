//! The highest serial seen of each record, kept in the home: it catches a vault put back by git or
//! from a backup. It is no barrier to a program of the same user, which can write these files too.

use std::path::{Path, PathBuf};

use hasp_core::files::{self, Guard};
use hasp_core::text::{printable_path, shell_word};
use hasp_core::{Error, Home, Kind, Result, SecretName, VaultId, lock};

use super::signed;

use crate::code;

/// The serials seen of one vault.
#[derive(Clone, Debug)]
pub struct Seen {
    home: Home,
    vault: VaultId,
}

impl Seen {
    /// Those that `home` keeps of `vault`.
    pub fn of(home: &Home, vault: VaultId) -> Seen {
        Seen { home: home.clone(), vault }
    }

    /// The highest serial seen of a record; 0 if none was.
    ///
    /// # Errors
    /// `[bad-seen]` for a file that holds no number.
    pub fn highest(&self, kind: &str, name: &str) -> Result<u64> {
        let path = self.path(kind, name);
        let Some(content) = files::read_if_present(&path, Guard::Private, 64)? else {
            return Ok(0);
        };
        parse(&content).ok_or_else(|| damaged(&path))
    }

    /// Refuses a serial below the highest seen of a record, which lies at `path`.
    ///
    /// # Errors
    /// `[rolled-back]`.
    pub fn check(&self, kind: &str, name: &str, serial: u64, path: &Path) -> Result<()> {
        let highest = self.highest(kind, name)?;
        if serial >= highest {
            return Ok(());
        }
        let shown = printable_path(path);
        let message =
            format!("{shown} is older than what was seen here (serial {serial}, seen {highest})");
        Err(Error::new(Kind::Data, code::ROLLED_BACK, message)
            .hint("an old copy was put back: git pull, or restore the newest backup"))
    }

    /// Raises the serial seen of a record; never lowers it.
    pub fn raise(&self, kind: &str, name: &str, serial: u64) -> Result<()> {
        if self.highest(kind, name)? >= serial {
            return Ok(());
        }
        files::ensure_dirs(self.home.root(), &self.below())?;
        // Two readers that raise at once must not leave the lower of their serials.
        let _held = lock::lock(&self.dir().join(".lock"))?;
        if self.highest(kind, name)? >= serial {
            return Ok(());
        }
        files::replace(&self.path(kind, name), format!("{serial}\n").as_bytes())
    }

    /// Raises many, without a flush of its own.
    pub fn raise_all<'a>(
        &self,
        kind: &str,
        serials: impl Iterator<Item = (&'a str, u64)>,
    ) -> Result<()> {
        files::ensure_dirs(self.home.root(), &self.below())?;
        let _held = lock::lock(&self.dir().join(".lock"))?;
        for (name, serial) in serials {
            if self.highest(kind, name)? < serial {
                files::rename_over(&self.path(kind, name), format!("{serial}\n").as_bytes())?;
            }
        }
        Ok(())
    }

    /// Forgets a record that no longer exists.
    pub fn forget(&self, kind: &str, name: &str) -> Result<()> {
        let path = self.path(kind, name);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", &path, e))
            }
            _ => Ok(()),
        }
    }

    /// Forgets the settings and every secret: an older state was restored on purpose.
    pub fn forget_all(&self) -> Result<()> {
        let _held = lock::lock(&self.dir().join(".lock"))?;
        self.forget(signed::VAULT, "")?;
        self.names(signed::ITEM)
            .iter()
            .try_for_each(|name| self.forget(signed::ITEM, name.as_str()))
    }

    /// The names of the records of a kind that were seen.
    pub fn names(&self, kind: &str) -> Vec<SecretName> {
        let entries =
            std::fs::read_dir(self.dir()).into_iter().flatten().filter_map(std::result::Result::ok);
        let name = |file: String| {
            file.strip_prefix(kind)?.strip_prefix('%')?.replace('%', "/").parse().ok()
        };
        entries.filter_map(|e| name(e.file_name().into_string().ok()?)).collect()
    }

    /// The directory of this vault's serials.
    pub fn dir(&self) -> PathBuf {
        self.home.join(self.below())
    }

    fn below(&self) -> PathBuf {
        Path::new("seen").join(self.vault.to_string())
    }

    /// One flat file a record: `%` is no character of a name, so `db` and `db/url` cannot collide
    /// with a directory.
    fn path(&self, kind: &str, name: &str) -> PathBuf {
        let name = name.replace('/', "%");
        self.dir().join(if name.is_empty() { kind.to_owned() } else { format!("{kind}%{name}") })
    }
}

fn parse(content: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(content).ok()?.strip_suffix('\n')?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn damaged(path: &Path) -> Error {
    Error::new(
        Kind::Data,
        code::BAD_SEEN,
        format!("{} does not hold a serial", printable_path(path)),
    )
    .hint(format!("if the vault is the newest that you know: rm {}", shell_word(path.as_os_str())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn serials_only_rise() {
        let dir = tempfile::tempdir().unwrap();
        let seen = Seen::of(&Home::at(dir.path()), VaultId::random().unwrap());
        assert_eq!(seen.highest("item", "db/url").unwrap(), 0);
        seen.raise("item", "db/url", 3).unwrap();
        seen.raise("item", "db/url", 2).unwrap();
        seen.raise("item", "db", 9).unwrap();
        assert_eq!(seen.highest("item", "db/url").unwrap(), 3);
        seen.forget("item", "db/url").unwrap();
        assert_eq!(seen.highest("item", "db/url").unwrap(), 0);
        assert_eq!(seen.highest("item", "db").unwrap(), 9);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let seen = Seen::of(&Home::at(dir.path()), VaultId::random().unwrap());
        seen.raise("vault", "", 1).unwrap();
        for damage in ["", "1", "x\n", "-1\n", "+1\n", "99999999999999999999999\n"] {
            files::replace(&seen.dir().join("vault"), damage.as_bytes()).unwrap();
            assert_eq!(seen.highest("vault", "").unwrap_err().code(), code::BAD_SEEN);
        }
    }
}
