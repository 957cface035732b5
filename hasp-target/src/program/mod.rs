//! The program that a grant approves: found as a shell would find it, except that a relative
//! directory in PATH is never searched, and told apart from what execve would refuse.

pub(crate) mod files;
pub(crate) mod make;
pub(crate) mod runners;
pub(crate) mod warnings;

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hasp_core::text::{printable_os, printable_path};
use hasp_core::trust::{self, Stranger};
use hasp_core::{Error, Kind, Result};

use crate::code;
use crate::program::files::interpreted;

/// Finds the absolute path of `word` as typed in `dir` with this PATH.
///
/// # Errors
/// `[program-missing]` (127 in hasp-exec), naming where it was looked for.
pub fn find(word: &OsStr, dir: &Path, search: Option<&OsStr>) -> Result<PathBuf> {
    if word.is_empty() {
        return Err(Error::new(Kind::NotFound, code::PROGRAM_MISSING, "the command is empty"));
    }
    if word.as_bytes().contains(&b'/') {
        let path = dir.join(word);
        return if path.exists() { Ok(tidy(&path)) } else { Err(missing(word)) };
    }
    let directories: Vec<PathBuf> =
        search.map(|s| std::env::split_paths(s).collect()).unwrap_or_default();
    let absolute = directories.iter().filter(|d| d.is_absolute());
    let found = absolute.map(|d| d.join(word)).find(|p| is_candidate(p));
    found.ok_or_else(|| relative_hint(word, &directories, missing(word)))
}

/// Refuses what execve would refuse, as far as it can be seen beforehand: nothing there, a
/// directory, no execute permission, neither ELF nor `#!`.
///
/// # Errors
/// `[program-missing]` (127), `[program-not-executable]` (126).
pub fn check(path: &Path) -> Result<()> {
    let shown = printable_path(path);
    let refuse = |why: &str| {
        Error::new(Kind::NotExecutable, code::PROGRAM_NOT_EXECUTABLE, format!("{shown} {why}"))
    };
    let meta = path.metadata().map_err(|e| match e.kind() {
        std::io::ErrorKind::PermissionDenied => refuse("cannot be reached: permission denied"),
        _ => missing(path.as_os_str()),
    })?;
    if !meta.is_file() {
        return Err(
            refuse("is not a regular file").hint("name the program itself, for example ./bin/tool")
        );
    }
    if rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_err() || meta.mode() & 0o111 == 0 {
        return Err(refuse("is not executable")
            .hint(format!("chmod +x {}", hasp_core::text::shell_word(path.as_os_str()))));
    }
    match magic(path) {
        // A program that may be executed but not read: only execve can tell.
        None => Ok(()),
        Some(start) if start.starts_with(b"\x7fELF") || start.starts_with(b"#!") => Ok(()),
        Some(_) => Err(refuse("is neither an ELF program nor a script with #!")
            .hint("begin a script with a line like #!/bin/sh")),
    }
}

/// Why whoever uses the grant could change what the approved command does, one sentence for each
/// file.
pub fn writable_warnings(
    program: &Path,
    argv: &[OsString],
    dir: &Path,
    project: &Path,
) -> Vec<String> {
    let exposed = interpreted(program, argv, dir).into_iter().filter(|f| is_writable(f, project));
    exposed
        .map(|f| format!("{} can be changed by whoever uses this grant", printable_path(&f)))
        .collect()
}

/// Who else can change such a file: in the project itself or a directory of it, elsewhere in any
/// directory on its way.
pub fn stranger(file: &Path, project: &Path) -> Option<Stranger> {
    // A link of the project may lead out of it.
    let leaves = || file.canonicalize().is_ok_and(|real| !real.starts_with(project));
    let within = file.starts_with(project).then(|| trust::stranger_below(project, file)).flatten();
    within.or_else(|| if leaves() { trust::stranger_on_the_way(file) } else { None })
}

/// The refusal of a file of the project that another user can change.
pub fn foreign(stranger: &Stranger) -> Error {
    let message = format!("{}, and would run or be read in your name", stranger.text());
    Error::new(Kind::Denied, crate::code::FOREIGN_FILE, message)
        .hint(stranger.hint())
        .hint("or say that this is meant, for the whole project: hasp-bind --shared")
}

/// Directories of PATH that come before the program's and could hold another program of its name
/// tomorrow.
pub fn search_warnings(search: Option<&OsStr>, program: &Path) -> Vec<String> {
    let directories: Vec<PathBuf> =
        search.map(|s| std::env::split_paths(s).collect()).unwrap_or_default();
    let before = directories.iter().take_while(|d| Some(d.as_path()) != program.parent());
    let relative = before.filter(|d| !d.is_absolute());
    relative.map(|d| format!("PATH holds '{}', which is not searched", printable_path(d))).collect()
}

fn is_candidate(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.is_file() && m.mode() & 0o111 != 0)
}

/// Root can write everything; what matters then is what lies in the project or is open to others.
fn is_writable(path: &Path, project: &Path) -> bool {
    let Ok(meta) = path.metadata() else { return false };
    let me = rustix::process::geteuid().as_raw();
    let ours = me != 0 && meta.uid() == me;
    ours || meta.mode() & 0o022 != 0 || path.canonicalize().is_ok_and(|p| p.starts_with(project))
}

/// The first bytes, or `None` if the file cannot be read.
fn magic(path: &Path) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    std::fs::File::open(path).ok()?.take(4).read_to_end(&mut start).ok()?;
    Some(start)
}

/// Without `.` parts, so that the record reads well; symlinks stay, since argv[0] programs depend
/// on their name.
fn tidy(path: &Path) -> PathBuf {
    path.components().filter(|c| !matches!(c, std::path::Component::CurDir)).collect()
}

fn missing(word: &OsStr) -> Error {
    Error::new(
        Kind::NotFound,
        code::PROGRAM_MISSING,
        format!("there is no program {}", printable_os(word)),
    )
    .hint(format!("look for it with: command -v {}", hasp_core::text::shell_word(word)))
}

fn relative_hint(word: &OsStr, directories: &[PathBuf], error: Error) -> Error {
    let relative =
        directories.iter().filter(|d| !d.is_absolute()).find(|d| is_candidate(&d.join(word)));
    match relative {
        Some(d) => error.hint(format!(
            "relative directories in PATH are not searched; type ./{}",
            printable_path(&d.join(word))
        )),
        None => error,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn place(dir: &Path, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn relative_directories_of_path_are_not_searched() {
        let dir = tempfile::tempdir().unwrap();
        let tool = place(dir.path(), "tool", b"#!/bin/sh\n", 0o755);
        let here = std::env::join_paths([Path::new(""), Path::new("."), Path::new("bin")]).unwrap();
        assert_eq!(
            find(OsStr::new("tool"), dir.path(), Some(&here)).unwrap_err().code().as_str(),
            "program-missing"
        );
        assert_eq!(find(OsStr::new("./tool"), dir.path(), Some(&here)).unwrap(), tool);
        assert_eq!(
            find(OsStr::new("tool"), Path::new("/"), Some(dir.path().as_os_str())).unwrap(),
            tool
        );
        assert_eq!(find(OsStr::new(""), dir.path(), None).unwrap_err().kind().status(), 127);
        assert_eq!(search_warnings(Some(&here), &tool).len(), 3);
    }

    #[test]
    fn what_execve_would_refuse_is_seen_beforehand() {
        let dir = tempfile::tempdir().unwrap();
        let code = |path: &Path| check(path).map_err(|e| e.kind().status());
        assert_eq!(code(&dir.path().join("none")), Err(127));
        assert_eq!(code(dir.path()), Err(126));
        assert_eq!(code(&place(dir.path(), "plain", b"#!/bin/sh\n", 0o644)), Err(126));
        assert_eq!(code(&place(dir.path(), "text", b"echo hi\n", 0o755)), Err(126));
        assert_eq!(code(&place(dir.path(), "empty", b"", 0o755)), Err(126));
        assert_eq!(code(&place(dir.path(), "script", b"#!/bin/sh\n", 0o755)), Ok(()));
        assert_eq!(code(Path::new("/bin/true")), Ok(()));
    }

    #[test]
    fn what_the_consumer_could_change_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let script = place(dir.path(), "migrate.py", b"print()", 0o644);
        let argv: Vec<OsString> = ["python3.11", "-u", "migrate.py"].map(OsString::from).into();
        let warnings =
            writable_warnings(Path::new("/usr/bin/python3.11"), &argv, dir.path(), dir.path());
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains(script.to_str().unwrap()));
        assert!(
            writable_warnings(Path::new("/bin/true"), &argv[..1], dir.path(), dir.path())
                .is_empty()
        );
    }
}
