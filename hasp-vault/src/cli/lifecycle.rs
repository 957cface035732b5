//! The words of the verbs that come after storing: taking back, exchanging, sharing, mending.
//! Structures only.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ItemArgs;

/// `revoke`.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// Which secrets
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Why; shown to whoever is refused
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `destroy`.
#[derive(Args, Debug)]
pub struct DestroyArgs {
    /// Which secrets, or versions of them; - reads them from stdin, one a line
    #[arg(value_name = "NAME[@N]", required_unless_present = "due", conflicts_with = "due")]
    pub names: Vec<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Remove the record of the secret as well
    #[arg(long)]
    pub forget: bool,
    /// Keep the record for this long before it is forgotten
    #[arg(long, value_name = "DURATION", requires = "forget")]
    pub retain: Option<String>,
    /// Destroy what policy.toml keeps no longer, and forget the records whose time has come
    #[arg(long)]
    pub due: bool,
}

/// `deposit`.
#[derive(Args, Debug)]
pub struct DepositArgs {
    /// For which secret
    pub name: String,
    /// Where the value comes from: - (stdin), fd:N, env:VAR or a path
    #[arg(long, value_name = "SRC")]
    pub from: Option<OsString>,
    /// Keep the newline at the end of what stdin gives
    #[arg(long)]
    pub keep_newline: bool,
}

/// `accept`.
#[derive(Args, Debug)]
pub struct AcceptArgs {
    /// Which deposit, by the beginning of its id
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub id: Option<String>,
    /// All that replace nothing; exit 1 if others are left
    #[arg(long)]
    pub all: bool,
    /// Do not ask before a value is replaced
    #[arg(long, conflicts_with = "all")]
    pub yes: bool,
}

/// `reject`.
#[derive(Args, Debug)]
pub struct RejectArgs {
    /// Which deposit, by the beginning of its id
    pub id: String,
}

/// `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// What the input is, if its name does not tell
    #[arg(long, value_enum)]
    pub format: Option<ImportFormat>,
    /// Where it comes from: - (stdin), fd:N, env:VAR or a path; a directory for pass and passage
    #[arg(long, value_name = "SRC")]
    pub from: Option<OsString>,
    /// Names become P/KEY
    #[arg(long, value_name = "P")]
    pub prefix: Option<String>,
    /// Only these keys
    #[arg(long, value_name = "KEY,..", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Not these keys
    #[arg(long, value_name = "KEY,..", value_delimiter = ',')]
    pub except: Vec<String>,
    /// The key OLD becomes NEW, below the prefix (repeatable)
    #[arg(long, value_name = "OLD=NEW")]
    pub rename: Vec<String>,
    /// Say nothing of variables without a value; they are skipped
    #[arg(long)]
    pub skip_empty: bool,
    /// What to do about a secret that is there with another value
    #[arg(long, value_enum, default_value = "error")]
    pub on_conflict: Conflict,
    /// Of each entry of pass or passage only the first line, the password
    #[arg(long)]
    pub first_line: bool,
    /// Only print what would be stored
    #[arg(long)]
    pub dry_run: bool,
    /// What goes with the values.
    #[command(flatten)]
    pub options: ItemArgs,
}

/// Where values come from.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// Assignments, as in a .env file.
    Env,
    /// An object, flat or nested.
    Json,
    /// A tree of pass(1), opened by pass itself.
    Pass,
    /// A tree of passage, opened by age.
    Passage,
}

impl ImportFormat {
    /// Whether each entry is a file of several lines.
    pub fn is_tree(self) -> bool {
        match self {
            ImportFormat::Env | ImportFormat::Json => false,
            ImportFormat::Pass | ImportFormat::Passage => true,
        }
    }
}

/// What values are exchanged as.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Assignments, as in a .env file.
    Env,
    /// An object.
    Json,
}

/// What to do about a secret that is there with another value.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Import nothing.
    Error,
    /// Leave it as it is.
    Skip,
    /// Give it the new value.
    Overwrite,
}

/// `export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Which secrets
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// What to write; assignments if absent
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Yes, in the clear
    #[arg(long)]
    pub force: bool,
}

/// `passphrase`.
#[derive(Args, Debug)]
pub struct PassphraseArgs {
    /// Where the new one comes from, if not the terminal: - (stdin), fd:N, env:VAR or a path
    #[arg(long, value_name = "SRC", conflicts_with = "remove")]
    pub new: Option<OsString>,
    /// Keep the identity in the clear
    #[arg(long)]
    pub remove: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `fsck`.
#[derive(Args, Debug)]
pub struct FsckArgs {
    /// Mend what loses nothing
    #[arg(long)]
    pub repair: bool,
}

/// `identity`.
#[derive(Subcommand, Debug)]
pub enum IdentityVerb {
    /// Make an identity for a vault that others made; prints its recipient
    New {
        /// Keep it in the clear: for CI and throw-away machines
        #[arg(long)]
        no_passphrase: bool,
        /// Where there is one that nobody can open any more: keep it under another name
        #[arg(long)]
        replace: bool,
    },
    /// Print the recipients of the identity
    Show,
}

/// `join`.
#[derive(Args, Debug)]
pub struct JoinArgs {
    /// Where the vault is
    #[arg(value_name = "DIR")]
    pub vault: PathBuf,
    /// The key that it must have, from somebody whom you trust; then nothing is asked
    #[arg(long, value_name = "BASE64")]
    pub key: Option<String>,
}

/// `watch`.
#[derive(Subcommand, Debug)]
pub enum WatchVerb {
    /// Take the fingerprints of all values again
    Rebuild,
    /// Look for values that have none in what a hook of git is given (plumbing)
    #[command(hide = true)]
    Look {
        /// Which hook
        #[arg(value_enum)]
        hook: hasp_redact::Hook,
        /// What git tells it
        words: Vec<std::ffi::OsString>,
    },
}
