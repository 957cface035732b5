//! The command line of hasp-vault: structures only. Names and sources stay text here, so that their
//! errors keep their codes.

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};
use hasp_core::Class;
use hasp_core::tool::Common;

use crate::format::value_kind::ValueKind;

mod asked;
mod lifecycle;
mod rotation;
mod sharing;

pub use lifecycle::*;
pub use rotation::*;
pub use sharing::*;

const EXAMPLES: &str = "\
Examples:
  hasp-vault init                            make a vault, protected by a passphrase
  hasp-vault set openai/key                  store a value, asked for without echo
  pass show db | hasp-vault set db/url       ... or from a pipe; never from an argument
  hasp-vault set tls/key --from key.pem --class high --expires 90d
  hasp-vault list --expiring 14d             what runs out soon; exit 1 if anything does
  hasp-vault rotate db/url --run ./new --test ./try --retire ./drop --overlap 24h
  hasp-vault get db/url | age -d -i id       the ciphertext, for age
  hasp-vault reveal db/url                   the value, on your terminal; recorded

Names of secrets are not secret. hasp-vault(1) has the whole story.";

/// The encrypted store of hasp
#[derive(Parser, Debug)]
#[command(name = "hasp-vault", version, about, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Flags of all tools.
    #[command(flatten)]
    pub common: Common,
}

/// What hasp-vault can do.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Make a vault and the identity that opens it
    Init(InitArgs),
    /// Store a value as the new current version of NAME
    Set(SetArgs),
    /// Make a fresh value and store it
    Generate(GenerateArgs),
    /// Print the age ciphertext of a value, to pipe into age -d
    Get(GetArgs),
    /// Print a value in the clear, on a terminal; recorded
    Reveal(RevealArgs),
    /// List secrets, without unlocking
    List(ListArgs),
    /// Show what is known of a secret, never its value
    Show(ShowArgs),
    /// Show the versions of a secret
    History(ShowArgs),
    /// Exit 0 if NAME is present (and has the value given), 1 if not
    Check(CheckArgs),
    /// Exchange values: stage, test, promote, retire the old ones
    Rotate(RotateArgs),
    /// Make secrets undeliverable at once, and end every grant on them
    Revoke(RevokeArgs),
    /// Remove the values of secrets for good
    Destroy(DestroyArgs),
    /// Leave a value for somebody with the keys to accept; needs none
    Deposit(DepositArgs),
    /// List the deposits that wait
    Inbox {
        /// Only the ids, one a line
        #[arg(long)]
        names: bool,
    },
    /// Look at a deposit and store it
    Accept(AcceptArgs),
    /// Remove a deposit
    Reject(RejectArgs),
    /// Store all values of a .env or JSON file, or of a pass tree; or none
    Import(ImportArgs),
    /// Print values in the clear; recorded
    Export(ExportArgs),
    /// Change, add or remove the passphrase of the identity
    Passphrase(PassphraseArgs),
    /// Look the whole vault over; exit 1 if anything is wrong
    Fsck(FsckArgs),
    /// Make or show your identity
    #[command(subcommand)]
    Identity(IdentityVerb),
    /// Trust the vault in a directory, by its key
    Join(JoinArgs),
    /// Show, add or remove who can open the vault
    Recipients(RecipientsArgs),
    /// Settle a secret that a git merge left in conflict
    Resolve(ResolveArgs),
    /// Write the whole vault to stdout, as one age file
    Backup,
    /// Read a backup from stdin, into a home without a vault
    Restore(RestoreArgs),
    /// Show the vault, its key and its log
    Status,
    /// The fingerprints by which hasp-redact scan knows the values
    #[command(subcommand)]
    Watch(WatchVerb),
    /// Plumbing for other hasp tools
    #[command(subcommand, hide = true)]
    Key(KeyVerb),
    /// Print shell completions
    #[command(hide = true)]
    Completions {
        /// Which shell.
        shell: hasp_core::tool::Shell,
    },
}

/// `init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Keep the identity in the clear: for CI and throw-away machines
    #[arg(long)]
    pub no_passphrase: bool,
    /// Someone else who can open every value (repeatable)
    #[arg(long, value_name = "AGE1..")]
    pub recipient: Vec<String>,
    /// Make an offline recovery key too, shown once, for paper
    #[arg(long)]
    pub recovery: bool,
}

/// `set`.
#[derive(Args, Debug)]
pub struct SetArgs {
    /// Which secrets; several are asked for one after the other
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Where the value comes from: - (stdin), fd:N, env:VAR or a path
    #[arg(long, value_name = "SRC")]
    pub from: Option<OsString>,
    /// Keep the newline at the end of what stdin gives
    #[arg(long)]
    pub keep_newline: bool,
    /// What goes with the value.
    #[command(flatten)]
    pub options: ItemArgs,
}

/// What may be given with a value.
#[derive(Args, Debug, Default)]
pub struct ItemArgs {
    /// How far the damage reaches if it leaks
    #[arg(long, value_enum)]
    pub class: Option<Class>,
    /// Not delivered any more after this time, such as 90d, or never to take an expiry off
    #[arg(long, value_name = "DURATION")]
    pub expires: Option<String>,
    /// How often it should get a new value, such as 30d, or never
    #[arg(long, value_name = "DURATION")]
    pub rotate_every: Option<String>,
    /// Only this project, or target of it, may ask for it (repeatable)
    #[arg(long, value_name = "PROJECT[:TARGET]")]
    pub allow: Vec<String>,
    /// Any project may ask for it again: takes a scope off
    #[arg(long, conflicts_with = "allow")]
    pub unscoped: bool,
    /// A remark, shown by show
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// `generate`.
#[derive(Args, Debug)]
pub struct GenerateArgs {
    /// Which secret
    pub name: String,
    /// What kind of value
    #[arg(long, value_enum)]
    pub kind: ValueKind,
    /// Characters of a password, bytes of hex and base64, words of a passphrase
    #[arg(long, value_name = "N")]
    pub length: Option<usize>,
    /// The characters of a password
    #[arg(long, value_name = "SET")]
    pub alphabet: Option<String>,
    /// What goes with the value.
    #[command(flatten)]
    pub options: ItemArgs,
}

/// `get`.
#[derive(Args, Debug)]
pub struct GetArgs {
    /// Which secret, and which version if not the current one
    #[arg(value_name = "NAME[@N]")]
    pub name: String,
}

/// `reveal`.
#[derive(Args, Debug)]
pub struct RevealArgs {
    /// Which secret, and which version if not the current one
    #[arg(value_name = "NAME[@N]")]
    pub name: String,
    /// Also to a pipe or a file, exactly as it is
    #[arg(long)]
    pub force: bool,
}

/// `list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Only names that begin so
    pub prefix: Option<String>,
    /// Only what expires within this time, or has; exit 1 if there is any
    #[arg(long, value_name = "DURATION")]
    pub expiring: Option<String>,
    /// Only what should get a new value by now, or is kept no longer; exit 1 if there is any
    #[arg(long)]
    pub due: bool,
    /// Verify every signature
    #[arg(long)]
    pub verify: bool,
    /// Only the names, one a line
    #[arg(long)]
    pub names: bool,
}

/// `show` and `history`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Which secret
    pub name: String,
    /// Verify the signature
    #[arg(long)]
    pub verify: bool,
}

/// `check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Which secret
    pub name: String,
    /// The value that it should have: - (stdin), fd:N, env:VAR or a path
    #[arg(long, value_name = "SRC")]
    pub from: Option<OsString>,
    /// Keep the newline at the end of what stdin gives
    #[arg(long)]
    pub keep_newline: bool,
    /// Verify the signature
    #[arg(long)]
    pub verify: bool,
}

/// `key`: keys and signatures for the other tools, over descriptors.
#[derive(Subcommand, Debug)]
pub enum KeyVerb {
    /// Write the 32-byte audit root of a log to a descriptor
    Audit {
        /// Which log, if not the current one.
        #[arg(long, value_name = "ID")]
        log: Option<String>,
        /// Where to.
        #[arg(long, value_name = "N")]
        fd: i32,
    },
    /// Sign the head of a log that is read from stdin
    SignHead {
        /// Where to.
        #[arg(long, value_name = "N")]
        fd: i32,
    },
    /// Begin a log in the place of the current one, which is gone
    ReplaceLog,
    /// Write the fingerprint of a value to a descriptor
    Fp {
        /// As the records of this log have it, if not the current one.
        #[arg(long, value_name = "ID")]
        log: Option<String>,
        /// Where the value comes from.
        #[arg(long, value_name = "SRC")]
        from: OsString,
        /// Where to.
        #[arg(long, value_name = "N")]
        fd: i32,
    },
}
