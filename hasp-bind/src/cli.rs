//! The command line of hasp-bind.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hasp_core::tool::Common;
use hasp_core::tool::Shell;

const EXAMPLES: &str = "\
Examples:
  hasp-bind                           see what this project's hasp.toml asks for, and consent
  hasp-bind --yes                     the same in a script: what it asks for is printed, not asked
  hasp-bind add db/url                bind a reference to the secret of the same name
  hasp-bind add db/url=staging/db     ... or to another one
  hasp-bind list --all                every binding of this home
  hasp-bind drop                      withdraw all consent for this project
  hasp-bind --moved-from ~/old/api    take the consent along after moving a project
  hasp-bind --also                    consent in a second copy or worktree of a project

Consent is to names: secrets that do not exist yet can be bound. See also: hasp(7), hasp.toml(5).";

/// Consent to what a project asks for: which secret each reference means, and which targets may run
/// as they stand
#[derive(Parser, Debug)]
#[command(name = "hasp-bind", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; without a verb: consent
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Options of consenting
    #[command(flatten)]
    pub options: Options,
    /// Options that every tool has
    #[command(flatten)]
    pub common: Common,
}

/// Options of consenting.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// Do not ask: what is consented to is printed on stderr
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Use the vault in DIR for this project, now and from now on
    #[arg(long, value_name = "DIR", global = true)]
    pub vault: Option<PathBuf>,
    /// Take the project as it is, although other users own its files or can change them; remembered
    #[arg(long, global = true)]
    pub shared: bool,
    /// This is a further copy or worktree of the project that has this name already: what may go
    /// there may go here too
    #[arg(long, global = true)]
    pub also: bool,
    /// This project was moved here from DIR: take its consent along
    #[arg(long, value_name = "DIR")]
    pub moved_from: Option<PathBuf>,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Bind references to secrets by name, with or without a manifest
    Add {
        /// REF, or REF=SECRET where the secret has another name
        #[arg(required = true, value_name = "REF[=SECRET]")]
        references: Vec<String>,
    },
    /// Withdraw consent to references
    Remove {
        /// References
        #[arg(required = true, value_name = "REF")]
        references: Vec<String>,
    },
    /// Show what was consented to; needs no unlock
    List {
        /// Every binding of this home, not only this project's
        #[arg(long)]
        all: bool,
        /// Only the names: of references, or with --all of projects, one a line
        #[arg(long)]
        names: bool,
    },
    /// Withdraw all consent for this project; needs no unlock
    Drop,
    /// Plumbing for hasp-vault join: the vault of --vault for a project that has no binding yet;
    /// consents to nothing
    #[command(hide = true)]
    Remember,
    /// Print shell completions
    #[command(hide = true)]
    Completions {
        /// bash, zsh or fish
        shell: Shell,
    },
}
