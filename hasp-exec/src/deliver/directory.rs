//! Values delivered as files: 0400 in a fresh 0700 directory in memory, removed when the broker
//! ends however it ends.
//!
//! A reaper, a process in a session of its own that holds only the directory and one end of a
//! socket, sees the other end close and removes the directory by descriptor. The directory carries
//! a lock that both hold; a start sweeps directories whose lock is free.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

use hasp_core::output::write_all;
use hasp_core::{Error, Result, Runtime, Secret, lock, tree};

/// The folder of the runtime directory that holds delivery directories.
const FOLDER: &str = "files";
/// Whoever makes or sweeps delivery directories holds this.
const LOCK: &str = "files.lock";

/// How deep a tree below a delivery directory is followed.
const MAX_DEPTH: u32 = 64;

/// A delivery directory with its reaper. Dropping it removes it.
pub(crate) struct Directory {
    path: PathBuf,
    handle: File,
    /// The reaper waits for the other end of this to close.
    _leash: UnixStream,
}

impl Directory {
    /// Makes an empty directory and its reaper; no file is written before the reaper has left our
    /// session.
    pub(crate) fn create(runtime: &Runtime) -> Result<Directory> {
        let folder = runtime.dir(FOLDER)?;
        // Between making a directory and locking it, a sweep would take it for a dead owner's.
        let _sweeps = lock::lock(&runtime.join(LOCK))?;
        let made = tempfile::Builder::new().prefix("d").rand_bytes(16).tempdir_in(&folder);
        let path = made.map_err(|e| Error::io("create a directory in", &folder, e))?.keep();
        let handle = open_directory(&path)?;
        if !lock::take(&handle).map_err(|e| Error::io("lock", &path, e))? {
            return Err(Error::bug("a fresh delivery directory is locked"));
        }
        let leash = start_reaper(&path, &handle)?;
        Ok(Directory { path, handle, _leash: leash })
    }

    /// A value as a file that was opened read-only, 0400, before its name went.
    pub(crate) fn nameless(&self, value: &Secret) -> Result<OwnedFd> {
        const NAME: &str = ".nameless";
        let path = self.write(NAME, value)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let opened = openat(&self.handle, NAME, flags, Mode::empty());
        let gone = unlinkat(&self.handle, NAME, AtFlags::empty());
        gone.and(opened).map_err(|e| Error::io("deliver", &path, e))
    }

    /// Writes a value as a new file, 0400, and returns its path.
    pub(crate) fn write(&self, name: &str, value: &Secret) -> Result<PathBuf> {
        let path = self.path.join(name);
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = openat(&self.handle, name, flags, Mode::RUSR)
            .map_err(|e| Error::io("write", &path, e))?;
        write_all(&file, value.expose()).map_err(|e| {
            let shown = hasp_core::text::printable_path(&path);
            Error::new(e.kind(), e.code(), format!("cannot write {shown}: {}", e.message()))
        })?;
        Ok(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let name = self.path.file_name().unwrap_or_default();
        let _ = remove(&self.handle, name);
    }
}

/// Removes what owners left that died together with their reapers: their lock is free. Skipped
/// while somebody makes one.
pub(crate) fn sweep(runtime: &Runtime) -> Result<()> {
    let folder = runtime.join(FOLDER);
    let left = folder.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if left && let Some(_sweeps) = lock::try_lock(&runtime.join(LOCK))? {
        sweep_folder(&folder);
    }
    Ok(())
}

/// The reaper's main: a session of its own, then a byte to say so, then wait for the broker's end
/// to close, then remove.
///
/// Standard input is the socket and standard output the directory; nothing else is open.
pub(crate) fn reap(name: &OsStr) -> Result<()> {
    let ignored =
        [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP];
    for signal in ignored {
        let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        signal_hook::flag::register(signal, flag)
            .map_err(|e| Error::system("ignore signals", e))?;
    }
    rustix::process::setsid().map_err(|e| Error::system("leave the session", e))?;
    write_all(rustix::stdio::stdin(), b"r")?;
    let mut byte = [0u8; 1];
    // Only the end counts: nobody but the broker has the other side, and it writes nothing.
    while !matches!(rustix::io::read(rustix::stdio::stdin(), &mut byte), Ok(0)) {}
    remove(rustix::stdio::stdout(), name).map_err(|e| Error::system("remove delivered files", e))
}

/// Starts the reaper and waits until it has left our session, so that a signal to our process group
/// cannot reach it.
fn start_reaper(path: &Path, handle: &File) -> Result<UnixStream> {
    let pair = UnixStream::pair().map_err(|e| Error::system("make a socket", e))?;
    let (mut ours, theirs) = pair;
    let own =
        std::env::current_exe().map_err(|e| Error::system("find this program's own path", e))?;
    let directory = handle.try_clone().map_err(|e| Error::io("open", path, e))?;
    let mut command = Command::new(own);
    command.arg("--reap").arg(path.file_name().unwrap_or_default()).env_clear().current_dir("/");
    command.stdin(OwnedFd::from(theirs)).stdout(OwnedFd::from(directory)).stderr(Stdio::null());
    command.spawn().map_err(|e| Error::system("start the reaper", e))?;
    drop(command);
    let mut ready = [0u8; 1];
    ours.read_exact(&mut ready).map_err(|e| Error::system("start the reaper", e))?;
    ours.flush().map_err(|e| Error::system("start the reaper", e))?;
    Ok(ours)
}

fn sweep_folder(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.filter_map(std::result::Result::ok) {
        if let Ok(handle) = open_directory(&entry.path())
            && lock::take(&handle).unwrap_or(false)
        {
            let _ = remove(&handle, &entry.file_name());
        }
    }
}

fn open_directory(path: &Path) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty()).map(File::from).map_err(|e| Error::io("open", path, e))
}

/// Empties the directory, then removes it by its name in its parent.
fn remove(directory: impl AsFd, name: &OsStr) -> rustix::io::Result<()> {
    let emptied = empty(&directory, 0);
    let parent = openat(
        &directory,
        "..",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    emptied.and(unlinkat(parent, name, AtFlags::REMOVEDIR))
}

/// Unlinks everything below, whatever the child has put beside the values, and goes on after a
/// failure. Values lie at the top and go first: a subdirectory can hide none of them.
fn empty(directory: &impl AsFd, depth: u32) -> rustix::io::Result<()> {
    let (mut below, mut outcome) = (Vec::new(), Ok(()));
    for name in tree::names(directory)? {
        match unlinkat(directory, name.as_c_str(), AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => below.push(name),
            other => outcome = outcome.and(other),
        }
    }
    for name in below {
        outcome = outcome.and(remove_below(directory, &name, depth));
    }
    outcome
}

fn remove_below(directory: &impl AsFd, name: &CString, depth: u32) -> rustix::io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(Errno::NAMETOOLONG);
    }
    let opened = tree::enter(directory, name.as_c_str())?;
    empty(&opened, depth + 1)?;
    unlinkat(directory, name.as_c_str(), AtFlags::REMOVEDIR)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn memory() -> tempfile::TempDir {
        let place = hasp_core::platform::memory_place().unwrap();
        tempfile::tempdir_in(place.parent().unwrap()).unwrap()
    }
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_sweep_spares_what_is_locked() {
        let base = memory();
        for name in ["live", "dead"] {
            std::fs::create_dir(base.path().join(name)).unwrap();
            std::fs::write(base.path().join(name).join("VALUE"), "x").unwrap();
        }
        let held = open_directory(&base.path().join("live")).unwrap();
        assert!(lock::take(&held).unwrap());
        sweep_folder(base.path());
        assert!(base.path().join("live/VALUE").exists());
        assert!(!base.path().join("dead").exists());
    }

    #[test]
    fn whatever_the_child_puts_beside_a_value_goes_too() {
        let base = memory();
        let path = base.path().join("d");
        std::fs::create_dir_all(path.join("cache/deep/deeper")).unwrap();
        std::fs::write(path.join("VALUE"), "x").unwrap();
        std::fs::write(path.join("cache/deep/file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", path.join("cache/link")).unwrap();
        rustix::fs::mknodat(CWD, path.join("fifo"), rustix::fs::FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o000);
        std::fs::set_permissions(path.join("cache/deep"), closed).unwrap();
        remove(open_directory(&path).unwrap(), OsStr::new("d")).unwrap();
        assert!(!path.exists() && Path::new("/etc/hostname").exists());
    }

    #[test]
    fn a_nameless_file_can_be_read_and_neither_found_nor_written() {
        use std::os::fd::AsRawFd;
        let base = memory();
        let path = base.path().join("d");
        std::fs::create_dir(&path).unwrap();
        let (leash, _other) = UnixStream::pair().unwrap();
        let directory =
            Directory { handle: open_directory(&path).unwrap(), path: path.clone(), _leash: leash };
        let values = ["one", "two"].map(|v| Secret::copy_of(v.as_bytes()).unwrap());
        let files = values.map(|v| File::from(directory.nameless(&v).unwrap()));
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
        for (file, value) in files.iter().zip(["one", "two"]) {
            assert!(rustix::io::write(file, b"x").is_err());
            assert_eq!(
                std::fs::read_to_string(format!("/dev/fd/{}", file.as_raw_fd())).unwrap(),
                value
            );
        }
    }

    #[test]
    fn files_are_read_only_to_their_owner() {
        let base = memory();
        let path = base.path().join("d");
        std::fs::create_dir(&path).unwrap();
        let handle = open_directory(&path).unwrap();
        let (leash, _other) = UnixStream::pair().unwrap();
        let directory = Directory { path: path.clone(), handle, _leash: leash };
        let file = directory.write("VALUE", &Secret::copy_of(b"1\0\n").unwrap()).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o400);
        assert!(std::fs::read(&file).unwrap() == b"1\0\n");
        drop(directory);
        assert!(!path.exists());
    }
}
