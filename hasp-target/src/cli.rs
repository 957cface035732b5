//! The command line of hasp-target.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hasp_core::tool::Common;
use hasp_core::tool::Shell;

const EXAMPLES: &str = "\
Examples:
  hasp-target init                                            write a hasp.toml to start from
  hasp-target add test -e DATABASE_URL=db/url -- pytest ...   a target with one delivery; any \
  further words after pytest
  hasp-target add dev --from-env .env --prefix api -- npm start
  hasp-target list
  hasp-target explain test                                    in plain words
  hasp-target check                                           what is missing before it can run; \
  exit 1 if anything is

A target approves nothing: hasp-bind consents, hasp-grant permits. See also: hasp(7), \
hasp.toml(5).";

/// Named workflows of a project: what each needs and how it is delivered, in hasp.toml
#[derive(Parser, Debug)]
#[command(name = "hasp-target", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
    /// Options that every tool has
    #[command(flatten)]
    pub common: Common,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Write a hasp.toml to start from; never replaces one
    Init,
    /// The targets, one a line
    List {
        /// Only the names
        #[arg(long)]
        names: bool,
    },
    /// One target, field by field
    Show {
        /// A target
        #[arg(value_name = "TARGET")]
        target: String,
    },
    /// What is missing before a target can run; exit 1 if anything is
    Check {
        /// A target; all of them without
        #[arg(value_name = "TARGET")]
        target: Option<String>,
    },
    /// What a target does, in plain words
    Explain {
        /// A target
        #[arg(value_name = "TARGET")]
        target: String,
    },
    /// Commands that run a target, to copy
    Examples {
        /// A target
        #[arg(value_name = "TARGET")]
        target: String,
        /// Put them into hasp.toml, as a comment over the target
        #[arg(long)]
        write: bool,
    },
    /// Add a target, or deliveries to one; comments and order of the file stay
    Add(Box<AddArgs>),
    /// Print shell completions
    #[command(hide = true)]
    Completions {
        /// bash, zsh or fish
        shell: Shell,
    },
}

/// What to add.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// The target
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Deliver a reference in a variable
    #[arg(short = 'e', long = "env", value_name = "VAR=REF")]
    pub env: Vec<String>,
    /// Deliver it as a file whose path is in the variable
    #[arg(long, value_name = "VAR=REF")]
    pub file: Vec<String>,
    /// Deliver it on a descriptor whose number is in the variable
    #[arg(long, value_name = "VAR=REF")]
    pub fd: Vec<String>,
    /// Deliver it on standard input
    #[arg(long, value_name = "REF")]
    pub stdin: Vec<String>,
    /// Deliver each variable of this file that is a secret by its name; values are not copied
    #[arg(long, value_name = "FILE")]
    pub from_env: Option<PathBuf>,
    /// With --from-env: references are called PREFIX/VAR
    #[arg(long, value_name = "PREFIX", requires = "from_env")]
    pub prefix: Option<String>,
    /// Deliver a file of the project with values in place of {{ref}}; the variable holds its path
    #[arg(long, value_name = "VAR=PATH")]
    pub template: Vec<String>,
    /// What the target is for
    #[arg(long, value_name = "TEXT")]
    pub about: Option<String>,
    /// The directory that it runs in, below the project's root
    #[arg(long = "dir", value_name = "DIR")]
    pub runs_in: Option<String>,
    /// The command; a last "..." stands for any further words
    #[arg(last = true, value_name = "ARGV")]
    pub argv: Vec<OsString>,
}
