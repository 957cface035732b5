//! What a verb is called on record, where it was refused.

use crate::cli::Verb;

impl Verb {
    /// What it is called on record, where it is refused.
    pub(crate) fn asked(&self) -> &'static str {
        match self {
            Verb::Init(_) => "init",
            Verb::Set(_) => "set",
            Verb::Generate(_) => "generate",
            Verb::Get(_) => "get",
            Verb::Reveal(_) => "reveal",
            Verb::List(_) => "list",
            Verb::Show(_) => "show",
            Verb::History(_) => "history",
            Verb::Check(_) => "check",
            Verb::Rotate(_) => "rotate",
            Verb::Revoke(_) => "revoke",
            Verb::Destroy(_) => "destroy",
            Verb::Deposit(_) => "deposit",
            Verb::Inbox { .. } => "inbox",
            Verb::Accept(_) => "accept",
            Verb::Reject(_) => "reject",
            Verb::Import(_) => "import",
            Verb::Export(_) => "export",
            Verb::Passphrase(_) => "passphrase",
            Verb::Fsck(_) => "fsck",
            Verb::Identity(_) => "identity",
            Verb::Join(_) => "join",
            Verb::Backup => "backup",
            Verb::Restore(_) => "restore",
            Verb::Resolve(_) => "resolve",
            Verb::Recipients(_) => "recipients",
            Verb::Status => "status",
            Verb::Watch(_) => "watch",
            Verb::Key(_) => "key",
            Verb::Completions { .. } => "completions",
        }
    }
}
