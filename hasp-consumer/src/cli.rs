//! The command line of hasp-consumer.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hasp_core::tool::Common;
use hasp_core::tool::Shell;

use crate::limits::Limits;

const EXAMPLES: &str = "\
Examples:
  hasp-consumer whoami                                  what a grant made here would be bound to
  hasp-consumer add claude --exe \"$(command -v claude)\" a name for a program
  hasp-grant -t test --for 1h --keep --consumer claude  a grant for it and what it starts

A registered name is a label, not a barrier: a program of the same user can run under it. See \
also: hasp(7), hasp-grant(1).";

/// Who uses a grant: sessions, processes, programs, and how each is recognised
#[derive(Parser, Debug)]
#[command(name = "hasp-consumer", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
    /// Options that every tool has
    #[command(flatten)]
    pub common: Common,
}

/// What `edit` changes; what is not typed stays as it is.
#[derive(Args, Debug)]
pub struct Changes {
    /// The program, by its absolute path; a pin of another file is dropped
    #[arg(long, value_name = "PATH")]
    pub exe: Option<PathBuf>,
    /// Recognise it by its path alone
    #[arg(long, conflicts_with = "pin")]
    pub no_pin: bool,
    /// Take away all limits first
    #[arg(long)]
    pub no_limits: bool,
    /// What it may be granted at most
    #[command(flatten)]
    pub limits: Limits,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// What a grant made here would be bound to, and the chain of processes that leads here
    Whoami,
    /// Register a name for a program
    Add {
        /// The name
        #[arg(value_name = "NAME")]
        consumer: String,
        /// The program, by its absolute path; links are resolved
        #[arg(long, value_name = "PATH")]
        exe: PathBuf,
        /// What it may be granted at most
        #[command(flatten)]
        limits: Limits,
    },
    /// Change what a registered program may be granted, or which file it is
    Edit {
        /// A registered name
        #[arg(value_name = "NAME")]
        consumer: String,
        /// What changes
        #[command(flatten)]
        how: Changes,
    },
    /// The registered names
    List {
        /// Only the names, one a line
        #[arg(long)]
        names: bool,
    },
    /// One of them, with what to be warned of
    Show {
        /// A registered name
        #[arg(value_name = "NAME")]
        consumer: String,
    },
    /// Forget a name; grants that were made for it stay as they are
    Remove {
        /// A registered name
        #[arg(value_name = "NAME")]
        consumer: String,
    },
    /// Print shell completions
    #[command(hide = true)]
    Completions {
        /// bash, zsh or fish
        shell: Shell,
    },
}
