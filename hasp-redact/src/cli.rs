//! The command line of `hasp-redact`, and nothing else.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hasp_core::tool::Common;

/// The command line.
#[derive(Parser, Debug)]
#[command(name = "hasp-redact", version, about = ABOUT, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do instead of filtering.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Where the values come from.
    #[command(flatten)]
    pub values: Values,
    /// Also tell the CI system to mask the values in its own log
    #[arg(long, value_name = "SYSTEM", value_enum)]
    pub ci: Option<Ci>,
    /// At the end, print on stderr what was found as a JSON object
    #[arg(long)]
    pub json_status: bool,
    /// Flags of all tools.
    #[command(flatten)]
    pub common: Common,
}

/// Sources of values; at least one is needed.
#[derive(Args, Debug, Default)]
pub struct Values {
    /// Read values from SRC: NAME=VALUE records, each ended by NUL, as env -0 prints them
    #[arg(long, value_name = "SRC")]
    pub values: Option<OsString>,
    /// Take the value of this environment variable (may be repeated)
    #[arg(long, value_name = "VAR")]
    pub env: Vec<OsString>,
    /// Take the content of the file PATH as the value NAME (may be repeated)
    #[arg(long, value_name = "NAME=PATH")]
    pub file: Vec<OsString>,
}

impl Values {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.values.is_none() && self.env.is_empty() && self.file.is_empty()
    }
}

/// Verbs that filter nothing.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Show which forms of the values are looked for, and what may go wrong
    Explain {
        /// Where the values come from.
        #[command(flatten)]
        values: Values,
    },
    /// Find markers that were written back into files; exit 1 if there are any
    Markers {
        /// Files and directories
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Look for watched values in files and commits, with the vault locked; exit 1 if there are any
    #[command(after_help = SCAN_EXAMPLES)]
    Scan(ScanArgs),
    /// List which secrets are watched, and which are not and why
    Watch {
        /// Only the names of those that are watched, one a line
        #[arg(long)]
        names: bool,
    },
    /// Have git call the scan before each commit and push
    #[command(subcommand)]
    Hooks(HooksVerb),
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: hasp_core::tool::Shell,
    },
}

/// `scan`.
#[derive(Args, Debug)]
pub struct ScanArgs {
    /// Files and directories; this one if nothing else is said
    #[arg(conflicts_with_all = ["staged", "range", "history"])]
    pub paths: Vec<PathBuf>,
    /// What would be committed: the index, whatever the files hold by now
    #[arg(long, conflicts_with_all = ["range", "history"])]
    pub staged: bool,
    /// Everything that is new in a range of commits: contents, names, messages, who wrote them
    #[arg(long, value_name = "A..B", conflicts_with = "history")]
    pub range: Option<OsString>,
    /// Everything that any branch or tag reaches
    #[arg(long)]
    pub history: bool,
    /// With --history: what only reflogs and stashes reach, too
    #[arg(long, requires = "history")]
    pub all: bool,
    /// Look at files that git ignores, too
    #[arg(long)]
    pub no_ignore: bool,
    /// Exit 3 if nothing is found and something could not be looked into
    #[arg(long)]
    pub strict: bool,
    /// Values to look for besides those that are watched.
    #[command(flatten)]
    pub values: Values,
    /// How to print what is found
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// How findings are printed.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A line each: file, line, column, secret and form
    Text,
    /// A JSON object each, as with --json
    Json,
    /// One document of the Static Analysis Results Interchange Format, 2.1.0
    Sarif,
}

/// `hooks`.
#[derive(Subcommand, Debug)]
pub enum HooksVerb {
    /// Write the hooks pre-commit, commit-msg and pre-push; what was there is kept and called first
    Install,
    /// Show where the hooks are and what they are; exit 1 unless all are there
    Status,
    /// Take the hooks away and put back what was there before
    Remove,
    /// What the hooks call
    #[command(hide = true)]
    Run {
        /// The home of the vault that the hook was installed for
        #[arg(long)]
        home: Option<OsString>,
        /// That vault, where it is not the home's own
        #[arg(long)]
        vault: Option<OsString>,
        /// Whether it had any value that is watched
        #[arg(long)]
        watched: Option<OsString>,
        /// Values to look for, and nothing else
        #[command(flatten)]
        values: Values,
        /// Which hook
        #[arg(value_enum)]
        hook: Hook,
        /// What git tells the hook
        words: Vec<OsString>,
    },
}

/// The hooks that are installed.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Before a commit
    PreCommit,
    /// With the message of a commit
    CommitMsg,
    /// Before a push
    PrePush,
}

/// CI systems whose logs can be told to mask a value.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions: ::add-mask:: lines on stdout
    Github,
    /// GitLab: has no such command, which is said
    Gitlab,
    /// Buildkite: buildkite-agent redactor add
    Buildkite,
}

const ABOUT: &str = "Copies stdin to stdout and writes [hasp:NAME] in place of values, in \
                     whatever form they appear";

const EXAMPLES: &str = "\
Examples:
  make 2>&1 | hasp-redact --env API_KEY
  env -0 | grep -z '^DB_' | hasp-redact --values fd:3 3<&0 <build.log
  hasp-redact --file deploy-key=$HOME/.ssh/deploy <deploy.log
  hasp-redact explain --env API_KEY
  hasp-redact markers src config
  hasp-redact scan --staged
  hasp-redact hooks install";

const SCAN_EXAMPLES: &str = "\
Examples:
  hasp-redact scan                          this directory, but what git ignores
  hasp-redact scan --no-ignore .env build
  hasp-redact scan --staged                 what would be committed
  hasp-redact scan --range main..HEAD
  hasp-redact scan --history --all          everything that git still has
  hasp-redact scan --values fd:3 3<values.env0 logs
  hasp-redact scan --format sarif >hasp.sarif";
