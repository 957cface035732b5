//! The command line of `hasp-grant`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use hasp_core::Class;
use hasp_core::tool::Common;

const EXAMPLES: &str = "\
Examples:
  hasp-grant -x -t test                         mint and run at once
  hasp-grant -t test | hasp-exec                the same through a pipe
  hasp-grant -x -e DATABASE_URL=db/url -- ./migrate up
                                                ad hoc, without a hasp.toml
  hasp-grant -t test --for 8h --keep            a working day; then: hasp-exec -t test
  hasp-grant list                               what may be used now
  hasp-grant policy show                        what a grant may be, by class
  hasp-grant why -t test                        would hasp-exec take it, and why not
  hasp-grant -t test | hasp-grant narrow --only db/url | hasp-exec
                                                a weaker token from one in hand
  hasp-grant revoke --all                       end all of it";

/// Grant one named action: mint, list and revoke permissions
#[derive(Parser, Debug)]
#[command(name = "hasp-grant", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do with grants that exist
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// What to mint
    #[command(flatten)]
    pub mint: Mint,
    /// Flags of all tools
    #[command(flatten)]
    pub common: Common,
}

/// The options of minting.
#[derive(Args, Debug, Default, PartialEq)]
pub struct Mint {
    /// The target of hasp.toml
    #[arg(
        short,
        long,
        value_name = "TARGET",
        conflicts_with_all = ["env", "file", "fd", "template", "stdin"],
    )]
    pub target: Option<String>,
    /// Deliver REF in the environment variable VAR
    #[arg(short, long, value_name = "VAR=REF")]
    pub env: Vec<String>,
    /// Deliver REF in a file; VAR holds its path
    #[arg(long, value_name = "VAR=REF")]
    pub file: Vec<String>,
    /// Deliver REF on a descriptor; VAR holds its number
    #[arg(long, value_name = "VAR=REF")]
    pub fd: Vec<String>,
    /// Deliver a file of the project with values in place of {{REF}}; VAR holds its path
    #[arg(long, value_name = "VAR=PATH")]
    pub template: Vec<String>,
    /// Deliver REF on standard input
    #[arg(long, value_name = "REF")]
    pub stdin: Option<String>,
    /// In this version (db/url@3, db/url@prev), as REF@V in a delivery says it
    #[arg(long, value_name = "REF@V")]
    pub at: Vec<String>,
    /// For one use (the default)
    #[arg(long, conflicts_with_all = ["window", "uses"])]
    pub once: bool,
    /// For a duration (15m, 8h), this session, or as long as process N lives
    #[arg(long = "for", value_name = "15m|session|pid:N")]
    pub window: Option<String>,
    /// From this moment on (2026-12-24T08:00:00Z), which the window follows
    #[arg(long, value_name = "T")]
    pub not_before: Option<String>,
    /// At most N uses
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub uses: Option<u32>,
    /// Who may use it: session, parent, pid:N, user, exe:PATH or a registered name
    #[arg(long, value_name = "WHO")]
    pub consumer: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The child inherits only the deliveries and the target's pass-env
    #[arg(long)]
    pub clean_env: bool,
    /// Let the command have NAME as whoever uses the grant has it, although it can load code
    #[arg(long, value_name = "NAME", conflicts_with = "target")]
    pub keep_env: Vec<String>,
    /// Do not redact the child's output
    #[arg(long)]
    pub raw: bool,
    /// Any command may run, given to hasp-exec after --
    #[arg(long)]
    pub any_command: bool,
    /// Keep the token in the runtime directory, for hasp-exec to find
    #[arg(long, conflicts_with_all = ["exec", "output"])]
    pub keep: bool,
    /// Run hasp-exec with the token at once
    #[arg(short = 'x', long = "exec", conflicts_with = "output")]
    pub exec: bool,
    /// Write the token to FILE; - forces stdout even on a terminal
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print completions for a shell
    #[arg(long, value_name = "SHELL", hide = true)]
    pub completions: Option<hasp_core::tool::Shell>,
    /// The command
    #[arg(last = true, value_name = "ARGV")]
    pub argv: Vec<OsString>,
}

/// The verbs on grants that exist.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Show the grants that can be used now
    List {
        /// Ended ones too
        #[arg(long)]
        all: bool,
        /// Those of other homes too
        #[arg(long)]
        all_homes: bool,
        /// Only the ids, one a line
        #[arg(long)]
        names: bool,
    },
    /// Show what a token grants, without its bearer half
    Show {
        /// Where the token is: - (the default), fd:N, env:VAR, a path, or the id of a kept grant
        #[arg(value_name = "SRC")]
        source: Option<OsString>,
    },
    /// End grants at once
    Revoke(Revoke),
    /// Remove what has expired
    Sweep,
    /// What a grant may be: hasp's own limits, narrowed by policy.toml
    Policy {
        /// What to do with the policy
        #[command(subcommand)]
        verb: PolicyVerb,
    },
    /// Make a weaker token from one in hand, without vault or passphrase
    Narrow(Narrow),
    /// Whether hasp-exec would take a grant, check by check; exit 1 if it would not
    Why(Why),
    /// The narrowest targets that would have covered what ran here, as TOML for hasp.toml
    Suggest {
        /// Since then: a duration (7d, the default) or a time
        #[arg(long, value_name = "T")]
        since: Option<String>,
    },
}

/// Which grant is asked about.
#[derive(Args, Debug)]
pub struct Why {
    /// The target that is asked for
    #[arg(short, long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Where the token is: -, fd:N, env:VAR, a path, a kept grant's id, or kept (the default)
    #[arg(short, long, value_name = "SRC")]
    pub grant: Option<OsString>,
    /// The command, or further words of it
    #[arg(last = true, value_name = "ARGV")]
    pub argv: Vec<OsString>,
}

/// What is to be narrower; what is not said stays as it is.
#[derive(Args, Debug)]
pub struct Narrow {
    /// Where the token in hand is: - (the default), fd:N, env:VAR, a path, or a kept grant's id
    #[arg(short, long, value_name = "SRC")]
    pub grant: Option<OsString>,
    /// The values that stay, by reference or name; what needs another is not delivered
    #[arg(long, value_name = "REF", num_args = 1..)]
    pub only: Vec<String>,
    /// For a duration (10m), no longer than the one in hand
    #[arg(long = "for", value_name = "10m")]
    pub window: Option<String>,
    /// At most N uses, each of which is one of the token in hand
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub uses: Option<u32>,
    /// Who may use it, of those who may use the one in hand
    #[arg(long, value_name = "WHO")]
    pub consumer: Option<String>,
    /// Keep the token in the runtime directory, for hasp-exec to find
    #[arg(long, conflicts_with = "output")]
    pub keep: bool,
    /// Write the token to FILE; - forces stdout even on a terminal
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The command, of those that the token in hand allows
    #[arg(last = true, value_name = "ARGV")]
    pub argv: Vec<OsString>,
}

/// What is done with the policy.
#[derive(Subcommand, Debug)]
pub enum PolicyVerb {
    /// Show the limits of each class, and which line of policy.toml they come from
    Show {
        /// Only this class
        #[arg(value_name = "CLASS")]
        class: Option<Class>,
    },
    /// Read policy.toml, and name what in it changes nothing
    Check,
}

/// Which grants to end.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Revoke {
    /// Ids, or their first digits
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// All that this consumer may use
    #[arg(long, value_name = "C")]
    pub consumer: Option<String>,
    /// All that open this secret
    #[arg(long, value_name = "S")]
    pub secret: Option<String>,
    /// All of the project here
    #[arg(long)]
    pub project: bool,
    /// All
    #[arg(long)]
    pub all: bool,
}
