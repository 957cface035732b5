//! Asking git, which is called so that nothing a repository or its configuration names is run: no
//! hooks, monitors, pagers, filters, external diffs, and nothing is fetched.

mod batch;
mod changes;
mod names;

pub(crate) use batch::{ObjectKind, each_object};
pub(crate) use changes::{Entry, first_commits, range, staged, submodules};
pub(crate) use names::{filtered, people, references};

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::code;
use hasp_core::{Environ, Error, Kind, Result};

/// Settings that win over those of the repository and the user.
const SETTINGS: [&str; 7] = [
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.pager=cat",
    "core.attributesFile=/dev/null",
    "diff.external=",
    "protocol.allow=never",
    "gc.auto=0",
];

/// Variables that name programs to run, or change what is read.
const DROPPED: [&str; 9] = [
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_PROXY_COMMAND",
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_REPLACE_REF_BASE",
    "GIT_GRAFT_FILE",
];

/// Variables that keep git from writing, asking, fetching and translating.
const ADDED: [(&str, &str); 6] = [
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("LC_ALL", "C"),
];

/// git in a directory.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    dir: PathBuf,
    env: Vec<(OsString, OsString)>,
}

impl Git {
    /// git as started in this directory, in this environment: where a hook is run, it holds the
    /// index and the directory to use.
    pub fn new(dir: impl Into<PathBuf>, env: &Environ) -> Git {
        let kept = env.for_child().filter(|(n, _)| !DROPPED.iter().any(|d| n == d));
        let mut env: Vec<(OsString, OsString)> =
            kept.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        env.extend(ADDED.map(|(n, v)| (n.into(), v.into())));
        Git { dir: dir.into(), env }
    }

    /// git in another repository: what a hook was told of this one does not hold there.
    pub fn elsewhere(&self, dir: impl Into<PathBuf>) -> Git {
        let told = [
            "GIT_DIR",
            "GIT_INDEX_FILE",
            "GIT_WORK_TREE",
            "GIT_COMMON_DIR",
            "GIT_PREFIX",
            "GIT_OBJECT_DIRECTORY",
        ];
        let env = self.env.iter().filter(|(n, _)| !told.iter().any(|t| n == t)).cloned().collect();
        Git { dir: dir.into(), env }
    }

    /// A command that reads.
    pub fn command<W: AsRef<OsStr>>(&self, words: &[W]) -> Command {
        self.start(&["-c", "core.hooksPath=/dev/null"], words)
    }

    /// As [`Git::command`], for the commands that tell where hooks are and run none.
    pub fn telling_hooks<W: AsRef<OsStr>>(&self, words: &[W]) -> Command {
        self.start(&[], words)
    }

    fn start<W: AsRef<OsStr>>(&self, before: &[&str], words: &[W]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().envs(self.env.iter().map(|(n, v)| (n, v)));
        command.arg("-C").arg(&self.dir).args(["--no-pager", "--no-optional-locks"]);
        command.args(SETTINGS.iter().flat_map(|s| ["-c", s])).args(before).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What a command prints.
    ///
    /// # Errors
    /// `[no-git]`, `[no-repository]`, `[git-failed]` with git's own words.
    pub fn read<W: AsRef<OsStr>>(&self, words: &[W]) -> Result<Vec<u8>> {
        output(&mut self.command(words))
    }

    /// The directory that it was started in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// What a command prints.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().map_err(|e| no_git(&e))?;
    if output.status.success() { Ok(output.stdout) } else { Err(failed(&output.stderr)) }
}

fn no_git(cause: &std::io::Error) -> Error {
    Error::new(Kind::Missing, code::NO_GIT, format!("git cannot be run: {}", cause.kind()))
        .hint("install git, or scan files only: hasp-redact scan --no-ignore PATH")
}

/// git's first line, without its label.
fn failed(stderr: &[u8]) -> Error {
    let text = hasp_core::text::printable(
        stderr.split(|b| *b == b'\n').find(|l| !l.is_empty()).unwrap_or_default(),
    );
    let text = text.trim_start_matches("fatal: ").trim_start_matches("error: ");
    if text.starts_with("not a git repository") {
        return Error::new(Kind::Missing, code::NO_REPOSITORY, "there is no git repository here")
            .hint("go into one, or name files: hasp-redact scan PATH");
    }
    let error = Error::new(Kind::Io, code::GIT_FAILED, format!("git: {text}"));
    if text.contains("dubious ownership") {
        return error.hint("if you trust it: git config --global --add safe.directory DIRECTORY");
    }
    error
}
