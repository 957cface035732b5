//! What weakens a program as the name of a consumer: an interpreter runs anybody's code, and a file
//! that its user can write is whatever that user, or an agent, makes of it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result};

use crate::code;

/// Programs that run what they are told; a version may follow, as in `python3.12`.
const INTERPRETERS: [&str; 44] = [
    "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "busybox", "toybox",
    "pwsh", "python", "pypy", "node", "nodejs", "deno", "bun", "perl", "ruby", "php", "lua",
    "luajit", "tclsh", "wish", "awk", "gawk", "mawk", "java", "env", "make", "gmake", "ninja",
    "npm", "npx", "xargs", "find", "git", "ssh", "tmux", "screen", "vim", "emacs",
];

/// The real path of a program that can be executed.
///
/// # Errors
/// `[bad-consumer]` for a relative path or one that is not UTF-8; `[no-program]` if there is no
/// such program.
pub(crate) fn real_path(path: &Path) -> Result<PathBuf> {
    let shown = printable_path(path);
    if !path.is_absolute() {
        return Err(Error::new(
            Kind::Usage,
            code::BAD_CONSUMER,
            format!("{shown} is not an absolute path"),
        )
        .hint("give the whole path, for example: \"$(command -v claude)\""));
    }
    let missing = |what: &str| {
        Error::new(Kind::Missing, code::NO_PROGRAM, format!("{shown} {what}"))
            .hint("find it with: command -v NAME")
    };
    let real = path.canonicalize().map_err(|_| missing("does not exist"))?;
    let meta = real.metadata().map_err(|_| missing("cannot be looked at"))?;
    if !meta.is_file() || meta.permissions().mode() & 0o111 == 0 {
        return Err(missing("is not a program"));
    }
    if real.to_str().is_none_or(|text| hasp_core::text::printable(text.as_bytes()) != text) {
        return Err(Error::new(
            Kind::Usage,
            code::BAD_CONSUMER,
            "the program's path is not plain UTF-8 text",
        ));
    }
    Ok(real)
}

/// What a person should know before this program, given by its real path, names a consumer.
pub fn warnings(real: &Path) -> Vec<String> {
    let shown = printable_path(real);
    let mut warnings = Vec::new();
    if interpreter(real) || script(real) {
        warnings.push(format!(
            "{shown} runs any code that it is given: this names no particular program"
        ));
    }
    if let Some(open) = [Some(real), real.parent()].into_iter().flatten().find(|p| writable(p)) {
        warnings.push(format!(
            "{} can be written by this user: so can whatever runs as it",
            printable_path(open)
        ));
    }
    warnings
}

fn interpreter(real: &Path) -> bool {
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    INTERPRETERS.contains(&bare) || INTERPRETERS.contains(&name.as_ref())
}

/// A script's process runs its interpreter, so the script itself is never seen as `exe`.
fn script(real: &Path) -> bool {
    use std::io::Read;
    let mut begin = [0; 2];
    std::fs::File::open(real)
        .and_then(|mut f| f.read_exact(&mut begin))
        .is_ok_and(|()| &begin == b"#!")
}

/// By owner and mode: root can write everything, which says nothing.
fn writable(path: &Path) -> bool {
    let Ok(meta) = path.symlink_metadata() else { return false };
    let uid = rustix::process::getuid().as_raw();
    let sticky = meta.is_dir() && meta.mode() & 0o1000 != 0;
    let others = meta.mode() & 0o022 != 0 && !sticky;
    others || (uid != 0 && meta.uid() == uid)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_are_known_with_their_versions() {
        for name in [
            "sh",
            "bash",
            "python3",
            "python3.12",
            "node",
            "nodejs",
            "perl5.36",
            "env",
            "make",
            "ruby3.1",
            "busybox",
            "lua5.4",
        ] {
            assert!(interpreter(&Path::new("/usr/bin").join(name)), "{name}");
        }
        for name in ["claude", "psql", "cargo", "pytest", "shfmt", "makeself", "environ"] {
            assert!(!interpreter(&Path::new("/usr/bin").join(name)), "{name}");
        }
    }

    #[test]
    fn only_real_programs_by_absolute_path() {
        assert_eq!(real_path(Path::new("sh")).unwrap_err().code(), code::BAD_CONSUMER);
        assert_eq!(real_path(Path::new("/no/such")).unwrap_err().code(), code::NO_PROGRAM);
        assert_eq!(real_path(Path::new("/usr")).unwrap_err().code(), code::NO_PROGRAM);
        assert_eq!(real_path(Path::new("/etc/passwd")).unwrap_err().code(), code::NO_PROGRAM);
        assert_eq!(
            real_path(Path::new("/bin/sh")).unwrap(),
            Path::new("/bin/sh").canonicalize().unwrap()
        );
    }

    #[test]
    fn what_others_can_write_is_warned_of() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("tool");
        std::fs::copy("/bin/true", &program).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o757)).unwrap();
        assert_eq!(warnings(&program).len(), 1);
        std::fs::write(&program, "#!/bin/sh\n").unwrap();
        assert_eq!(warnings(&program).len(), 2);
        assert_eq!(warnings(Path::new("/usr/bin/mandoc")), Vec::<String>::new());
    }
}
