//! The command line of `hasp-redact`, and nothing else.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hasp_core::tool::Common;

/// The command line.
#[derive(Parser, Debug)]
#[command(name = "hasp-redact", version, about = ABOUT, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
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
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
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

const ABOUT: &str = "Copies stdin to stdout and writes [hasp:NAME] in place of values, in whatever form they appear";

const EXAMPLES: &str = "\
Examples:
  make 2>&1 | hasp-redact --env API_KEY
  env -0 | grep -z '^DB_' | hasp-redact --values fd:3 3<&0 <build.log
  hasp-redact --file deploy-key=$HOME/.ssh/deploy <deploy.log
  hasp-redact explain --env API_KEY
  hasp-redact markers src config";
