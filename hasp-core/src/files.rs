//! File discipline: private means 0700 and 0600, owned by us and no symlink, or it is refused with
//! the command that mends it; every whole-file write leaves the old content or the new one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::code;
use crate::error::{Error, Kind, Result};
use crate::platform;
use crate::text::{printable_path, shell_word};
use crate::tree;
use crate::trust;

/// Who may own a file that is read, and with which mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// In the home and the runtime directory: ours alone.
    Private,
    /// Signed ciphertext in a repository: owner and mode say nothing.
    Signed,
}

/// Temporary files begin so; a sweep may remove them when no writer holds the lock.
pub const TEMP_PREFIX: &str = ".hasp-";
/// ... and end so, which no name of a secret does.
pub const TEMP_SUFFIX: &str = ".tmp";
/// A temporary file of this age has no writer any more.
const STALE: std::time::Duration = std::time::Duration::from_secs(3600);

/// Reads a whole regular file of at most `limit` bytes without following a symlink.
///
/// # Errors
/// `[symlink]`, `[foreign-owner]`, `[open-mode]`, `[not-a-file]`, `[file-too-large]`; `Kind::Io`
/// with code `not-found` if absent.
pub fn read(path: &Path, guard: Guard, limit: usize) -> Result<Vec<u8>> {
    read_open(open(path, guard)?, path, limit)
}

/// As [`read`], with `None` for a file that does not exist.
pub fn read_if_present(path: &Path, guard: Guard, limit: usize) -> Result<Option<Vec<u8>>> {
    match read(path, guard, limit) {
        Err(e) if e.code() == code::NOT_FOUND => Ok(None),
        other => other.map(Some),
    }
}

/// Opens a regular file for reading after the checks of `guard`.
pub fn open(path: &Path, guard: Guard) -> Result<File> {
    let file = open_with(path, OFlags::RDONLY)?;
    check_open(&file, path, guard)?;
    Ok(file)
}

/// Opens a private file that is there for reading and writing in place.
///
/// # Errors
/// As [`read`].
pub fn open_existing(path: &Path) -> Result<File> {
    let file = open_with(path, OFlags::RDWR)?;
    check_open(&file, path, Guard::Private)?;
    Ok(file)
}

/// Opens (or creates, 0600) a private file for reading and writing in place: logs, key states,
/// locks.
pub fn open_or_create(path: &Path) -> Result<File> {
    let file = open_with(path, OFlags::RDWR | OFlags::CREATE)?;
    check_open(&file, path, Guard::Private)?;
    Ok(file)
}

/// Replaces (or makes) a whole file: temp file created exclusively in the same directory, fsync,
/// rename, fsync of the directory.
pub fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let temp = write_temp(path, content)?;
    temp.persist(path).map_err(|e| Error::io("write", path, e.error))?;
    sync_parent(path)
}

/// Makes a file that must not exist yet, with the durability of [`replace`].
///
/// # Errors
/// `Kind::Create`, `[exists]` if there is one already.
pub fn create(path: &Path, content: &[u8]) -> Result<()> {
    let temp = write_temp(path, content)?;
    temp.persist_noclobber(path).map_err(|e| match e.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => Error::io("write", path, e.error),
    })?;
    sync_parent(path)
}

/// Makes a file that was not there; its durability a later [`flush`] or [`flush_all`] gives. One
/// that could not be written whole is removed at once: a full disk must not get fuller with each
/// try.
///
/// # Errors
/// `[exists]`.
pub fn create_unflushed(path: &Path, content: &[u8]) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened =
        rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR).map_err(|e| match e {
            Errno::EXIST => exists(path),
            e => Error::io("create", path, e),
        });
    let written = File::from(opened?).write_all(content).map_err(|e| Error::io("write", path, e));
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

/// Replaces a whole file; its durability a later [`flush_all`] gives. The caller holds the lock
/// that writers there take.
pub fn rename_over(path: &Path, content: &[u8]) -> Result<()> {
    let temp = parent(path).join(format!("{TEMP_PREFIX}batch{TEMP_SUFFIX}"));
    // Under the lock nobody else has this name; what a dead writer left of it is stale.
    let _ = std::fs::remove_file(&temp);
    create_unflushed(&temp, content)?;
    std::fs::rename(&temp, path).map_err(|e| Error::io("write", path, e))
}

/// Flushes a new file and its name; one that cannot be flushed is removed.
pub fn flush(path: &Path) -> Result<()> {
    let synced =
        File::open(path).and_then(|f| f.sync_all()).map_err(|e| Error::io("write", path, e));
    let synced = synced.and_then(|()| sync_parent(path));
    if synced.is_err() {
        let _ = std::fs::remove_file(path);
    }
    synced
}

/// Flushes all that was written below a directory, at once where the system can.
pub fn flush_all(dir: &Path) -> Result<()> {
    platform::flush(dir).map_err(|e| Error::io("flush", dir, e))
}

/// A synced temporary file beside `path`, removed on drop unless it is persisted.
pub fn write_temp(path: &Path, content: &[u8]) -> Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let temp = builder.prefix(TEMP_PREFIX).suffix(TEMP_SUFFIX).tempfile_in(parent(path));
    let mut temp = temp.map_err(|e| Error::io("write beside", path, e))?;
    temp.write_all(content)
        .and_then(|()| temp.as_file().sync_all())
        .map_err(|e| Error::io("write", path, e))?;
    Ok(temp)
}

/// Makes one private directory (0700); an existing one must pass [`check_dir`].
pub fn ensure_dir(path: &Path) -> Result<()> {
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Ok(()) => sync_parent(path),
        Err(Errno::EXIST) => check_dir(path),
        Err(e) => Err(tree::failed("create", path, e)),
    }
}

/// Makes each missing private directory from `base` (which exists) down to `base/below`.
pub fn ensure_dirs(base: &Path, below: &Path) -> Result<PathBuf> {
    let mut path = base.to_owned();
    for part in below.components() {
        path.push(part);
        ensure_dir(&path)?;
    }
    Ok(path)
}

/// Refuses a directory that is a symlink, somebody else's, or open to group or world.
pub fn check_dir(path: &Path) -> Result<()> {
    let meta = std::fs::symlink_metadata(path).map_err(|e| tree::failed("open", path, e))?;
    if meta.is_symlink() {
        return Err(symlink(path));
    }
    if !meta.is_dir() {
        return Err(Error::new(
            Kind::Denied,
            code::NOT_A_DIRECTORY,
            format!("{} is not a directory", printable_path(path)),
        ));
    }
    check_owner(path, meta.uid(), meta.mode(), "700")
}

/// Flushes the directory that holds `path`, so that a rename or a new name in it survives a crash.
pub fn sync_parent(path: &Path) -> Result<()> {
    let dir = parent(path);
    let synced = File::open(dir).and_then(|d| d.sync_all());
    synced.map_err(|e| Error::io("flush", dir, e))
}

/// Removes temporary files that a dead writer left in `dir`; the caller holds the lock that writers
/// there take.
pub fn sweep_temps(dir: &Path) -> Result<()> {
    tree::remove_files(dir, is_temp)
}

/// Removes temporary files that were left in `dir` long ago: for a directory in which several write
/// under locks of their own.
pub fn sweep_stale_temps(dir: &Path) -> Result<()> {
    let long_ago = std::time::SystemTime::now().checked_sub(STALE);
    let stale = |name: &OsStr| {
        let written = dir.join(name).symlink_metadata().and_then(|meta| meta.modified());
        is_temp(name) && written.is_ok_and(|at| long_ago.is_some_and(|long_ago| at < long_ago))
    };
    tree::remove_files(dir, stale)
}

/// Whether a name is one of our temporary files'.
pub fn is_temp(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(TEMP_PREFIX.as_bytes()) && name.ends_with(TEMP_SUFFIX.as_bytes())
}

/// NOFOLLOW so that a planted link cannot redirect us, NONBLOCK so that a planted FIFO cannot hang
/// us.
fn open_with(path: &Path, how: OFlags) -> Result<File> {
    let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(fd) => Ok(File::from(fd)),
        Err(Errno::LOOP) => Err(symlink(path)),
        Err(Errno::NXIO) => Err(not_a_file(path)),
        Err(e) => Err(tree::failed("open", path, e)),
    }
}

fn check_open(file: &File, path: &Path, guard: Guard) -> Result<()> {
    let meta = file.metadata().map_err(|e| Error::io("open", path, e))?;
    if !meta.is_file() {
        return Err(not_a_file(path));
    }
    match guard {
        Guard::Private => check_owner(path, meta.uid(), meta.mode(), "600"),
        Guard::Signed => Ok(()),
    }
}

fn read_open(file: File, path: &Path, limit: usize) -> Result<Vec<u8>> {
    let size = file.metadata().map_or(0, |m| usize::try_from(m.len()).unwrap_or(limit)).min(limit);
    // Room for the whole file and for the read that finds its end: two system calls instead of a
    // dozen small ones.
    let mut content = Vec::with_capacity(size + 64);
    let bound = limit as u64 + 1;
    file.take(bound).read_to_end(&mut content).map_err(|e| Error::io("read", path, e))?;
    if content.len() > limit {
        let shown = printable_path(path);
        return Err(Error::new(
            Kind::Data,
            code::FILE_TOO_LARGE,
            format!("{shown} is longer than {limit} bytes"),
        ));
    }
    Ok(content)
}

pub(crate) fn check_owner(path: &Path, uid: u32, mode: u32, wanted: &str) -> Result<()> {
    let me = rustix::process::geteuid().as_raw();
    // Written for a fault only: ten thousand files are looked at for a list.
    let shown = || printable_path(path);
    let typed = || shell_word(path.as_os_str());
    if uid != me {
        return Err(Error::new(
            Kind::Denied,
            code::FOREIGN_OWNER,
            format!("{} belongs to user {uid}, not to you", shown()),
        )
        .hint(trust::hint_of_owner(path, uid)));
    }
    if mode & 0o077 != 0 {
        return Err(Error::new(
            Kind::Denied,
            code::OPEN_MODE,
            format!("{} is open to other users (mode {:03o})", shown(), mode & 0o777),
        )
        .hint(format!("chmod {wanted} {}", typed())));
    }
    Ok(())
}

pub(crate) fn symlink(path: &Path) -> Error {
    let typed = shell_word(path.as_os_str());
    Error::new(Kind::Denied, code::SYMLINK, format!("{} is a symbolic link", printable_path(path)))
        .hint(format!("look at it with: ls -l {typed}; then replace it by what it points to"))
}

pub(crate) fn not_a_file(path: &Path) -> Error {
    Error::new(
        Kind::Denied,
        code::NOT_A_FILE,
        format!("{} is not a regular file", printable_path(path)),
    )
}

fn exists(path: &Path) -> Error {
    Error::new(Kind::Create, code::EXISTS, format!("{} exists already", printable_path(path)))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink as link};

    fn home() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_replaced_file_is_private_and_leaves_no_temp() {
        let home = home();
        let path = home.path().join("f");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(read(&path, Guard::Private, 10).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn create_never_replaces() {
        let home = home();
        let path = home.path().join("f");
        create(&path, b"one").unwrap();
        assert_eq!(create(&path, b"two").unwrap_err().code(), code::EXISTS);
        assert_eq!(read(&path, Guard::Private, 10).unwrap(), b"one");
    }

    #[test]
    fn open_modes_links_fifos_and_directories_are_refused() {
        let home = home();
        let path = home.path().join("f");
        replace(&path, b"x").unwrap();
        link(&path, home.path().join("l")).unwrap();
        assert_eq!(open(&home.path().join("l"), Guard::Private).unwrap_err().code(), code::SYMLINK);
        assert_eq!(open_or_create(&home.path().join("l")).unwrap_err().code(), code::SYMLINK);
        assert_eq!(open(home.path(), Guard::Private).unwrap_err().code(), code::NOT_A_FILE);
        rustix::fs::mknodat(CWD, home.path().join("p"), rustix::fs::FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
        assert_eq!(
            open(&home.path().join("p"), Guard::Private).unwrap_err().code(),
            code::NOT_A_FILE
        );
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = open(&path, Guard::Private).unwrap_err();
        assert_eq!(error.code(), code::OPEN_MODE);
        assert!(error.hints()[0].starts_with("chmod 600 /"));
        assert!(open(&path, Guard::Signed).is_ok());
    }

    #[test]
    fn reads_are_bounded() {
        let home = home();
        let path = home.path().join("f");
        replace(&path, &[1; 11]).unwrap();
        assert_eq!(read(&path, Guard::Private, 10).unwrap_err().code(), code::FILE_TOO_LARGE);
        assert!(read_if_present(&home.path().join("none"), Guard::Private, 10).unwrap().is_none());
        assert_eq!(open_existing(&home.path().join("none")).unwrap_err().code(), code::NOT_FOUND);
        assert!(!home.path().join("none").exists() && open_existing(&path).is_ok());
    }

    #[test]
    fn directories_are_made_private_and_checked() {
        let home = home();
        let deep = ensure_dirs(home.path(), Path::new("a/b/c")).unwrap();
        assert_eq!(std::fs::metadata(&deep).unwrap().mode() & 0o777, 0o700);
        std::fs::set_permissions(&deep, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(ensure_dir(&deep).unwrap_err().code(), code::OPEN_MODE);
    }

    #[test]
    fn a_sweep_removes_only_our_temps() {
        let home = home();
        std::fs::write(home.path().join(".hasp-abc.tmp"), "x").unwrap();
        let others = ["keep.tmp", ".hasp-keep", ".hasp-keep.tmp.old"];
        others.iter().for_each(|name| std::fs::write(home.path().join(name), "x").unwrap());
        sweep_temps(home.path()).unwrap();
        assert!(!home.path().join(".hasp-abc.tmp").exists());
        assert!(
            others.iter().all(|name| !is_temp(name.as_ref()) && home.path().join(name).exists())
        );
    }
}
