//! Writing a private file at a place that the user names, where others may have put something
//! before: no link is followed, and nothing is written into what somebody else made.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::files::{check_owner, create, not_a_file, replace, symlink};

/// Whether there is something at a place that the user named for a private file, and that it may be
/// written: a regular file of ours is replaced, a FIFO of ours alone gets the content. What others
/// made there, or lead elsewhere from there, is refused.
///
/// # Errors
/// `[symlink]`, `[foreign-owner]`, `[not-a-file]`, and `[open-mode]` for a FIFO that others may
/// read.
pub fn check(path: &Path) -> Result<bool> {
    let meta = match path.symlink_metadata() {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(Error::io("write", path, e)),
    };
    check_kind(path, &meta).map(|()| true)
}

/// Writes a private file where the user named a place, 0600 from its first byte, after the checks
/// of [`check`].
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    if !check(path)? {
        return create(path, content);
    }
    // What others put there after this look is replaced by a rename, or refused once it is open:
    // nothing is written into it.
    if path.symlink_metadata().is_ok_and(|m| m.is_file()) {
        return replace(path, content);
    }
    let fifo = open_fifo(path)?;
    check_kind(path, &fifo.metadata().map_err(|e| Error::io("write", path, e))?)?;
    crate::output::write_all(&fifo, content)
}

fn check_kind(path: &Path, meta: &std::fs::Metadata) -> Result<()> {
    use std::os::unix::fs::FileTypeExt;
    if meta.is_symlink() {
        return Err(symlink(path));
    }
    let kind = meta.file_type();
    if !kind.is_file() && !kind.is_fifo() {
        return Err(not_a_file(path));
    }
    // A file is replaced by one of mode 0600; a FIFO may have a reader already.
    let mode = if kind.is_fifo() { meta.mode() } else { 0 };
    check_owner(path, meta.uid(), mode, "600")
}

/// Waits for a reader, as a shell's redirection does.
fn open_fifo(path: &Path) -> Result<File> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Ok(fd) => Ok(File::from(fd)),
        Err(Errno::LOOP) => Err(symlink(path)),
        Err(e) => Err(Error::io("write", path, e)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{self, Guard};
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink as link};

    fn home() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn an_output_goes_into_nothing_that_others_made() {
        let home = home();
        let at = |name: &str| home.path().join(name);
        std::fs::write(at("theirs"), "old").unwrap();
        std::fs::write(at("elsewhere"), "old").unwrap();
        link(at("elsewhere"), at("link")).unwrap();
        link(at("none"), at("dangling")).unwrap();
        let fifo = |name: &str| {
            rustix::fs::mknodat(CWD, at(name), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap()
        };
        fifo("fifo");
        std::fs::set_permissions(at("fifo"), PermissionsExt::from_mode(0o622)).unwrap();
        let mut refused = vec![
            ("link", "symlink"),
            ("dangling", "symlink"),
            ("fifo", "open-mode"),
            (".", "not-a-file"),
        ];
        if rustix::process::geteuid().is_root() {
            fifo("their-fifo");
            for name in ["theirs", "their-fifo"] {
                std::os::unix::fs::chown(at(name), Some(61_234), None).unwrap();
                refused.push((name, "foreign-owner"));
            }
        }
        for (name, code) in refused {
            assert_eq!(check(&at(name)).unwrap_err().code().as_str(), code, "{name}");
            assert_eq!(write(&at(name), b"token").unwrap_err().code().as_str(), code, "{name}");
        }
        assert!(
            std::fs::read(at("theirs")).unwrap() == b"old"
                && std::fs::read(at("elsewhere")).unwrap() == b"old"
        );
        assert!(!at("none").exists());
    }

    #[test]
    fn an_output_is_private_from_its_first_byte() {
        let home = home();
        let path = home.path().join("f");
        assert!(!check(&path).unwrap());
        write(&path, b"one").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        // Whoever has the old file open keeps the old content.
        let mut old = File::open(&path).unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(files::read(&path, Guard::Private, 10).unwrap(), b"two");
        let mut kept = Vec::new();
        old.read_to_end(&mut kept).unwrap();
        assert_eq!(kept, b"one");
    }
}
