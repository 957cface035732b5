//! Looking at directories and changing what lies in them by descriptor: nothing is followed that
//! somebody puts there meanwhile, and a look that fails is an error, never "not there".

use std::ffi::{CString, OsStr};
use std::fs::Metadata;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

use crate::code;
use crate::error::{Error, Kind, Result};
use crate::text::{printable_path, shell_word};

pub use crate::platform::{enter, set_mode};

/// Whether there is anything under this name, be it a link that leads nowhere.
///
/// # Errors
/// Where that cannot be told: whoever decides by it must refuse.
pub fn is_there(path: &Path) -> Result<bool> {
    look(path).map(|found| found.is_some())
}

/// What is under this name, links not followed: `None` if there is nothing, and only then.
///
/// # Errors
/// `[permission]`, `Kind::Denied`; `Kind::Io` where a way leads in circles, through a file, or to a
/// disk that fails.
pub fn look(path: &Path) -> Result<Option<Metadata>> {
    match path.symlink_metadata() {
        Ok(found) => Ok(Some(found)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed("look at", path, e)),
    }
}

/// A failed system call on a path; where the system refuses access the directory is named that
/// does.
pub fn failed(doing: &str, path: &Path, cause: impl Into<std::io::Error>) -> Error {
    let cause = cause.into();
    if cause.kind() != std::io::ErrorKind::PermissionDenied {
        return Error::io(doing, path, cause);
    }
    let refuses = closed(path).unwrap_or_else(|| path.to_owned());
    let by = match refuses == path {
        true => String::new(),
        false => format!(": {} may not be entered", printable_path(&refuses)),
    };
    let message = format!("cannot {doing} {}: permission denied{by}", printable_path(path));
    Error::new(Kind::Denied, code::PERMISSION, message)
        .hint(format!("see who may: ls -ld {}", shell_word(refuses.as_os_str())))
}

/// The first directory on the way to a path that does not let us through.
fn closed(path: &Path) -> Option<PathBuf> {
    let mut ways: Vec<&Path> = path.ancestors().skip(1).collect();
    ways.reverse();
    let enter = |dir: &Path| rustix::fs::accessat(CWD, dir, Access::EXEC_OK, AtFlags::EACCESS);
    ways.into_iter().find(|dir| enter(dir) == Err(Errno::ACCESS)).map(Path::to_owned)
}

/// The names in a directory, without `.` and `..`.
pub fn names(directory: impl AsFd) -> rustix::io::Result<Vec<CString>> {
    let entries = Dir::read_from(directory)?.map(|e| Ok(e?.file_name().to_owned()));
    let names: Vec<CString> = entries.collect::<rustix::io::Result<_>>()?;
    Ok(names.into_iter().filter(|n| n.as_c_str() != c"." && n.as_c_str() != c"..").collect())
}

/// Removes the files with such names from a directory; what has such a name and is a directory is
/// left.
///
/// # Errors
/// Where the directory is a link, or a file cannot be removed.
pub fn remove_files(dir: &Path, wanted: impl Fn(&OsStr) -> bool) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let failed = |e: Errno| Error::io("read", dir, e);
    let handle = openat(CWD, dir, flags, Mode::empty()).map_err(failed)?;
    for name in names(&handle).map_err(failed)? {
        let shown = OsStr::from_bytes(name.as_bytes());
        if !wanted(shown) {
            continue;
        }
        match unlinkat(&handle, name.as_c_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => {}
            Err(e) => return Err(Error::io("remove", &dir.join(shown), e)),
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn no_mode_is_changed_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (outside, inside) = (dir.path().join("outside"), dir.path().join("inside"));
        fs::create_dir(&outside).unwrap();
        fs::create_dir(&inside).unwrap();
        fs::set_permissions(&outside, PermissionsExt::from_mode(0o755)).unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        let handle = fs::File::open(&inside).unwrap();
        assert_eq!(enter(&handle, "link").unwrap_err(), Errno::NOTDIR);
        assert_eq!(set_mode(&inside.join("link"), Mode::RUSR).unwrap_err(), Errno::LOOP);
        assert_eq!(mode(&outside), 0o755);
        set_mode(&outside, Mode::RUSR).unwrap();
        assert_eq!(mode(&outside), 0o400);
    }

    #[test]
    fn a_closed_directory_is_entered() {
        let dir = tempfile::tempdir().unwrap();
        let closed = dir.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("f"), "").unwrap();
        fs::set_permissions(&closed, PermissionsExt::from_mode(0o000)).unwrap();
        let entered = enter(fs::File::open(dir.path()).unwrap(), "closed").unwrap();
        assert_eq!(names(&entered).unwrap(), [c"f".to_owned()]);
        assert_eq!(mode(&closed), 0o700);
    }

    #[test]
    fn only_wanted_files_go_and_never_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("real/t-dir")).unwrap();
        for name in ["real/t-file", "real/keep", "outside"] {
            fs::write(at(name), "").unwrap();
        }
        symlink(at("outside"), at("real/t-link")).unwrap();
        symlink(at("real"), at("link")).unwrap();
        let wanted = |name: &OsStr| name.as_bytes().starts_with(b"t-");
        assert_eq!(remove_files(&at("link"), wanted).unwrap_err().code(), code::IO);
        assert!(at("real/t-file").exists());
        remove_files(&at("real"), wanted).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(at("real")).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["keep", "t-dir"]);
        assert!(at("outside").exists());
    }

    #[test]
    fn a_look_that_fails_is_no_absence() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        assert!(is_there(&at("file")).unwrap() && is_there(&at("dangling")).unwrap());
        assert!(!is_there(&at("none")).unwrap());
        assert!(is_there(&at("file/below")).is_err());
        assert!(is_there(&at(&"n".repeat(300))).is_err());
    }
}
