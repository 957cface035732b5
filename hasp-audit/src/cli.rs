//! The command line as it is typed; words keep their form and are read where they are used.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hasp_core::tool::Common;

const EXAMPLES: &str = "Examples:
  hasp-audit                                    the whole story
  hasp-audit --secret db/url --since 7d         who touched it this week
  hasp-audit --denied -n 20                     the last refusals
  hasp-audit -f                                 watch
  hasp-audit verify                             is it whole?
  hasp-audit head >> heads.txt                  a line to keep elsewhere
  hasp-audit who --from suspect.txt             through which grants did this value pass?
  hasp-audit --asker make                       who asked: a program, or what it started
  hasp-audit touched prod/token --asker claude  did the agent touch it? 0 yes, 1 no
  hasp-audit exposed --since 24h | hasp-vault rotate -";

/// The record of what was stored, granted, run and refused
#[derive(Parser, Debug)]
#[command(name = "hasp-audit", version, about, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; `log` if nothing is said.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// The question, if no verb is given.
    #[command(flatten)]
    pub log: LogArgs,
    /// Use the log of this id, not the current one of the vault
    #[arg(long = "log", value_name = "ID", global = true)]
    pub id: Option<String>,
    /// Flags of every tool.
    #[command(flatten)]
    pub common: Common,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Show records (also without a verb)
    Log(LogArgs),
    /// Say whether the record is whole: 0 yes, 1 no (the first bad record is named), 69 without the
    /// key
    Verify(VerifyArgs),
    /// Print the signed head, one line to keep elsewhere
    Head {
        /// Print the note that C2SP tools read, five lines
        #[arg(long)]
        note: bool,
    },
    /// Through which grants did this value pass?
    Who {
        /// The value: -, fd:N, env:VAR or a path
        #[arg(long, value_name = "SRC")]
        from: OsString,
        /// Only where this program asked, itself or below: its NAME, its PATH, or pid:N
        #[arg(long, value_name = "WORD")]
        asker: Option<String>,
    },
    /// Was this secret let out? A sentence a version: 0 if one was, 1 if none ever was
    Touched {
        /// Which secret, or which version of it
        #[arg(value_name = "NAME[@N]")]
        name: String,
        /// Only where this program asked, itself or below: its NAME, its PATH, or pid:N
        #[arg(long, value_name = "WORD")]
        asker: Option<String>,
        /// Not before this time, or this long ago
        #[arg(long, value_name = "T")]
        since: Option<String>,
    },
    /// Which secret versions were released? One NAME@N a line, to revoke or rotate them
    Exposed {
        /// Not before this time, or this long ago
        #[arg(long, value_name = "T")]
        since: Option<String>,
        /// Not after this time, or this long ago
        #[arg(long, value_name = "T")]
        until: Option<String>,
        /// Only to this consumer: a name, session, user, session:PID, ..
        #[arg(long, value_name = "C")]
        consumer: Option<String>,
        /// Only where this program asked, itself or below: its NAME, its PATH, or pid:N
        #[arg(long, value_name = "WORD")]
        asker: Option<String>,
    },
    /// Print records with a signed trailer, to be verified elsewhere
    Export {
        /// Not before this time, or this long ago
        #[arg(long, value_name = "T")]
        since: Option<String>,
        /// Not after this time, or this long ago
        #[arg(long, value_name = "T")]
        until: Option<String>,
        /// Put keyed fingerprints in the place of names
        #[arg(long)]
        redacted: bool,
    },
    /// Show which records policy.toml keeps no longer: 1 if there are any
    Prune {
        /// Remove them: whole old segments, on record
        #[arg(long)]
        due: bool,
    },
    /// Rebuild a lost or damaged key state
    Recover,
    /// Go on without records that are missing; the next record says so
    AcceptLoss {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Record an event, a JSON object on stdin (plumbing)
    Append,
    /// Print a script for the shell's completion
    #[command(hide = true)]
    Completions {
        /// bash, zsh or fish
        shell: hasp_core::tool::Shell,
    },
}

/// A question.
#[derive(Args, Debug, Clone, Default, PartialEq)]
pub struct LogArgs {
    /// Only what names this secret, or this version of it
    #[arg(long, value_name = "NAME[@N]")]
    pub secret: Option<String>,
    /// Only of this consumer: a name, session, user, session:PID, ..
    #[arg(long, value_name = "C")]
    pub consumer: Option<String>,
    /// Only where this program asked, itself or below: its NAME, its PATH, or pid:N
    #[arg(long, value_name = "WORD")]
    pub asker: Option<String>,
    /// Only of the project with this root
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Only of this grant
    #[arg(long, value_name = "ID")]
    pub grant: Option<String>,
    /// Only this event, or this family of events
    #[arg(long, value_name = "E")]
    pub event: Option<String>,
    /// Only what was refused
    #[arg(long)]
    pub denied: bool,
    /// Not before this time, or this long ago
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
    /// Not after this time, or this long ago
    #[arg(long, value_name = "T")]
    pub until: Option<String>,
    /// Go on as records come
    #[arg(short, long)]
    pub follow: bool,
    /// Only the last N
    #[arg(short = 'n', value_name = "N")]
    pub count: Option<usize>,
    /// Verify first, and check each record again as it is shown; the index is not used
    #[arg(long, conflicts_with = "follow")]
    pub verify: bool,
}

/// What to verify against.
#[derive(Args, Debug, Clone)]
pub struct VerifyArgs {
    /// A head that was kept elsewhere: the line itself, or a file that ends in one
    #[arg(long, value_name = "HEAD")]
    pub expect: Option<String>,
    /// Answer yes if nothing is missing but what was accepted
    #[arg(long)]
    pub allow_accepted: bool,
    /// Verify an exported file instead, with the public key alone
    #[arg(
        long,
        value_name = "FILE",
        requires = "public_key",
        conflicts_with_all = ["expect", "allow_accepted"]
    )]
    pub export: Option<PathBuf>,
    /// The vault's public key, base64, as `hasp-vault status` shows it
    #[arg(long, value_name = "KEY")]
    pub public_key: Option<String>,
}
