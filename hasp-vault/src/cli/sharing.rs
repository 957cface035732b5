//! The words of the verbs for more than one person and more than one place: recipients, merges,
//! backups. Structures only.

use clap::{Args, Subcommand};

/// `recipients`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RecipientsArgs {
    /// Only the recipients, one a line
    #[arg(long)]
    pub names: bool,
    /// What to do with them; lists them if absent.
    #[command(subcommand)]
    pub verb: Option<RecipientsVerb>,
}

/// `recipients add` and `recipients remove`.
#[derive(Subcommand, Debug)]
pub enum RecipientsVerb {
    /// Encrypt everything to one more recipient
    Add {
        /// An age recipient, or a line of a .pub file of ssh
        #[arg(value_name = "AGE1..|SSH-..", required_unless_present = "recovery")]
        recipient: Vec<String>,
        /// Make an offline recovery key and add that, shown once, for paper
        #[arg(long, conflicts_with = "recipient")]
        recovery: bool,
    },
    /// Encrypt everything again without one, under a new key
    Remove {
        /// The recipient, as recipients shows it
        #[arg(value_name = "AGE1..|SSH-..", required = true)]
        recipient: Vec<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// `resolve`.
#[derive(Args, Debug)]
pub struct ResolveArgs {
    /// Which secret
    pub name: String,
    /// Take the value of the branch that you are on
    #[arg(long, required_unless_present = "theirs", conflicts_with = "theirs")]
    pub ours: bool,
    /// Take the value of the branch that is merged
    #[arg(long)]
    pub theirs: bool,
}

/// `restore`.
#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// Into the vault that is here: adds what is missing, keeps what is newer
    #[arg(long)]
    pub merge: bool,
    /// The key that the vault in the backup must have; then nothing is asked
    #[arg(long, value_name = "BASE64", conflicts_with = "merge")]
    pub key: Option<String>,
    /// Also if this home has seen newer records than the backup holds
    #[arg(long, conflicts_with = "merge")]
    pub older: bool,
}
