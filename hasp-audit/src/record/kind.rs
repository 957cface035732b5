//! The events of the record, all of them: questions are answered from names and fields that several
//! tools must agree on, so that each stands here once and no tool can write another.
//!
//! What the fields hold (each is left out where there is nothing to say):
//!
//! | field | content |
//! |---|---|
//! | `secret`, `version`, `fp`, `class` | one secret: its name, version number, keyed fingerprint
//! (32 hex digits), class |
//! | `parts` | a list of keyed fingerprints: those of the parts of the value that are secret by
//! themselves |
//! | `secrets` | a list of objects with `name`, `version` and, where known, `ref`, `fp`, `class`,
//! `channel` (`env file fd stdin`), `var`; in `vault.backup`, `restore` and `recipient` a count |
//! | `grant`, `parent` | the id (`jti`) of a grant; of the one that it was narrowed from |
//! | `project`, `target` | the real path of the project's root; the name of a target |
//! | `consumer` | who: `session:PID`, `process:PID`, `user:UID`, `exe:PATH`, or a registered name |
//! | `asker` | a list of `{pid, start, exe}` from the caller upwards, with `comm` where a program
//! calls itself otherwise than its file |
//! | `argv` (`argc`, `argv_sha256`) | a command line with values redacted; see
//! [`crate::Event::argv`] |
//! | `code` | the code of a denial, as on stderr without its brackets |
//! | `count` | for how many denials the record stands, where too many came to record each |
//! | `reason` | what a person said it is for |

/// Makes the enum, its names and its fields from one table.
macro_rules! events {
    ($($kind:ident = $name:literal $fields:expr, $meaning:literal;)+) => {
        /// An event of the record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $(#[doc = $meaning] $kind,)+
        }

        impl EventKind {
            /// Every event.
            pub const ALL: &[EventKind] = &[$(EventKind::$kind),+];

            /// Its name in the record: family, a full stop, and what happened.
            pub const fn name(self) -> &'static str {
                match self { $(EventKind::$kind => $name,)+ }
            }

            /// The fields that it may have, besides those of a list that did not fit.
            pub const fn fields(self) -> &'static [&'static str] {
                match self { $(EventKind::$kind => &$fields,)+ }
            }
        }
    };
}

events! {
    VaultInit = "vault.init" ["vault"], "a vault was made";
    VaultJoin = "vault.join" ["vault"], "this home joined a vault";
    VaultSet = "vault.set" ["secret", "version", "fp", "parts", "class"], "a value was stored";
    VaultImport = "vault.import" ["secret", "version", "fp", "parts", "class"],
        "a value was imported";
    VaultParts = "vault.parts" ["secret", "version", "fp", "parts", "class"],
        "the parts of a value that was stored before were looked for";
    VaultDeposit = "vault.deposit" ["secret"], "a value was left in the inbox";
    VaultAccept = "vault.accept" ["secret", "deposit", "by"], "a deposit was accepted";
    VaultReject = "vault.reject" ["deposit"], "a deposit was thrown away";
    VaultGet = "vault.get" ["secret", "version", "fp", "parts", "class"],
        "an encrypted value was given away";
    VaultReveal = "vault.reveal" ["secret", "version", "fp", "parts", "class", "asker"],
        "a value was shown";
    VaultExport = "vault.export" ["secret", "version", "fp", "parts", "class", "asker"],
        "a value was exported";
    VaultRevoke = "vault.revoke" ["secret", "version", "fp", "parts", "class", "reason"],
        "a secret is not delivered any more";
    VaultDestroy = "vault.destroy" ["secret", "version", "class", "why"],
        "a value was destroyed";
    VaultForget = "vault.forget" ["secret"], "a destroyed secret's name was forgotten";
    VaultResolve = "vault.resolve" ["secret", "version", "fp", "parts", "class"],
        "one of two versions of a merge was chosen";
    VaultInterrupted = "vault.interrupted" ["secret", "version"],
        "a write was cut short: how far the secret really is";
    VaultBackup = "vault.backup" ["secrets"], "a backup was made";
    VaultRestore = "vault.restore"
        ["secrets", "made", "secret", "version", "fp", "parts", "class"],
        "a backup was put back";
    VaultRecipient = "vault.recipient" ["what", "recipient", "secrets", "values"],
        "whoever can open the vault changed";
    VaultPassphrase = "vault.passphrase" ["what", "recipient"],
        "the passphrase or the identity changed";
    VaultRotateBegin = "vault.rotate-begin" ["secret", "version", "fp", "parts", "class"],
        "a rotation began";
    VaultRotateStage = "vault.rotate-stage" ["secret", "version", "fp", "parts", "class"],
        "a new value was stored and is not current yet";
    VaultRotateTest = "vault.rotate-test" ["secret", "version", "fp", "parts", "class"],
        "the new value was tried";
    VaultRotatePromote = "vault.rotate-promote"
        ["secret", "version", "fp", "parts", "class", "was"],
        "the new value became current";
    VaultRotateRetire = "vault.rotate-retire" ["secret", "version", "fp", "parts", "class"],
        "the old value was taken back and destroyed";
    VaultRotateAbort = "vault.rotate-abort" ["secret", "version", "why"],
        "a rotation was given up";
    VaultRotateProgram = "vault.rotate-program" ["secret", "version", "step", "program", "code"],
        "a program of a rotation is given a value";
    VaultRotateFailed = "vault.rotate-failed" ["secret", "version", "step", "program", "code"],
        "a program of a rotation failed";
    VaultDeny = "vault.deny" ["code", "verb", "asker", "count"],
        "the vault refused: a wrong passphrase, a value that may not be had";
    VaultItem = "vault.item" ["secret", "parts", "for", "of"], "a part of a list of another event";
    BindAdd = "bind.add" ["project", "ref", "secret"], "a reference was bound to a secret";
    BindConsent = "bind.consent" ["project", "target", "digest"], "a target was consented to";
    BindRemove = "bind.remove" ["project", "ref", "secret", "target"],
        "a reference or a consent was taken back";
    BindVault = "bind.vault" ["project", "dir"], "a project uses another vault";
    BindName = "bind.name" ["project", "name"], "a project holds a name";
    BindShared = "bind.shared" ["project"], "a project of another user is consented to";
    BindRenew = "bind.renew" ["project"], "a binding was signed again";
    BindDrop = "bind.drop" ["project"], "a binding was dropped";
    BindDeny = "bind.deny" ["code", "project", "asker", "count"], "a consent was refused";
    ConsumerAdd = "consumer.add" ["consumer", "exe"], "a program was given a name";
    ConsumerRemove = "consumer.remove" ["consumer", "exe"], "the name of a program was forgotten";
    GrantMint = "grant.mint"
        [
            "grant", "project", "target", "program", "argv", "argc", "argv_sha256", "further",
            "consumer", "secrets", "uses", "exp", "keep", "raw", "reason", "kept", "asker",
        ],
        "a grant was made";
    GrantNarrow = "grant.narrow"
        [
            "grant", "parent", "project", "target", "program", "argv", "argc", "argv_sha256",
            "further", "consumer", "secrets", "uses", "exp", "keep", "raw", "reason", "asker",
        ],
        "a weaker grant was made from another";
    GrantRevoke = "grant.revoke" ["grant", "why"], "a grant was ended by a person";
    GrantSweep = "grant.sweep" ["grant", "why"], "what was left of an ended grant was erased";
    GrantDeny = "grant.deny" ["code", "project", "target", "secrets", "asker", "count"],
        "a grant was refused";
    GrantItem = "grant.item"
        ["grant", "project", "consumer", "secrets", "argv", "asker", "keep", "for", "of"],
        "a part of a list of another event";
    ExecStart = "exec.start"
        [
            "grant", "project", "target", "program", "program_sha256", "argv", "argc",
            "argv_sha256", "consumer", "secrets", "asker",
        ],
        "a command is about to be given its values";
    ExecEnd = "exec.end"
        [
            "start", "grant", "status", "signal", "ms", "redactions", "stragglers", "lost", "left",
            "failed",
        ],
        "a command ended, or never ran";
    ExecDeny = "exec.deny"
        ["code", "check", "grant", "project", "target", "secrets", "asker", "count"],
        "a grant was shown and refused";
    ExecItem = "exec.item" ["grant", "project", "consumer", "secrets", "asker", "for", "of"],
        "a part of a list of another event";
    ScanLeak = "scan.leak" ["place", "secrets", "count", "files", "directory", "via"],
        "a scan found values";
    ScanSkip = "scan.skip" ["hook", "reason", "directory", "via"], "a hook was told not to scan";
    AuditOpen = "audit.open" ["log", "vault", "previous"], "the first record of a log";
    AuditTorn = "audit.torn" ["segment", "offset", "bytes", "sha256", "kept"],
        "what a crash left of an append was set aside";
    AuditLoss = "audit.loss" ["first", "last", "log", "kept"],
        "records are missing, which somebody accepted";
    AuditPrune = "audit.prune" ["first", "last", "segments", "newest", "head", "proof"],
        "old records were removed, as the policy asks";
    AuditRecover = "audit.recover" ["records"], "the key state was rebuilt from the vault's key";
    AuditCheckpoint = "audit.checkpoint" ["why", "kept"],
        "a checkpoint that was no signed head of this log was set aside";
    AuditCopy = "audit.copy" ["to", "state", "why", "missed"],
        "copies of the record began to be missed, or are taken again";
}

/// The end of the name of every denial, also of those that this version does not know.
const DENY: &str = ".deny";

impl EventKind {
    /// The event of this name; `None` for one of another version, or of a program that is no part
    /// of hasp.
    pub fn of(name: &str) -> Option<EventKind> {
        EventKind::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// What stands before the full stop.
    pub fn family(self) -> &'static str {
        self.name().split_once('.').map_or("", |(family, _)| family)
    }

    /// Whether it says that values left the vault in the clear.
    pub const fn releases(self) -> bool {
        use EventKind::*;
        match self {
            ExecStart | VaultReveal | VaultExport | VaultRotateProgram => true,
            VaultInit | VaultJoin | VaultSet | VaultImport | VaultParts | VaultDeposit
            | VaultAccept | VaultReject | VaultGet | VaultRevoke | VaultDestroy | VaultForget
            | VaultResolve | VaultInterrupted | VaultBackup | VaultRestore | VaultRecipient
            | VaultPassphrase | VaultRotateBegin | VaultRotateStage | VaultRotateTest
            | VaultRotatePromote | VaultRotateRetire | VaultRotateAbort | VaultRotateFailed
            | VaultDeny | VaultItem | BindAdd | BindConsent | BindRemove | BindVault | BindName
            | BindShared | BindRenew | BindDrop | BindDeny | ConsumerAdd | ConsumerRemove
            | GrantMint | GrantNarrow | GrantRevoke | GrantSweep | GrantDeny | GrantItem
            | ExecEnd | ExecDeny | ExecItem | ScanLeak | ScanSkip | AuditOpen | AuditTorn
            | AuditLoss | AuditPrune | AuditRecover | AuditCheckpoint | AuditCopy => false,
        }
    }

    /// Whether it only tells that something ended, was taken back or was refused: after it less is
    /// allowed than before.
    pub fn narrows(self) -> bool {
        self.denial()
            || matches!(
                self,
                EventKind::GrantRevoke
                    | EventKind::GrantSweep
                    | EventKind::GrantItem
                    | EventKind::ExecEnd
                    | EventKind::ExecItem
                    | EventKind::VaultRevoke
                    | EventKind::VaultItem
                    | EventKind::BindRemove
                    | EventKind::BindDrop
                    | EventKind::ConsumerRemove
            )
    }

    /// Whether it is a denial.
    pub fn denial(self) -> bool {
        is_denial(self.name())
    }
}

/// Whether an event of this name is a denial, known or not.
pub(crate) fn is_denial(event: &str) -> bool {
    event.ends_with(DENY)
}

/// Whether a record of this name says that values left the vault.
pub(crate) fn releases(event: &str) -> bool {
    EventKind::of(event).is_some_and(EventKind::releases)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_that_leads_back_to_it() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::of(kind.name()), Some(*kind));
            assert!(kind.name().starts_with(kind.family()) && !kind.family().is_empty());
        }
        assert_eq!(EventKind::of("exec.future"), None);
    }

    #[test]
    fn denials_and_releases() {
        let denials = EventKind::ALL.iter().filter(|k| k.denial()).count();
        assert_eq!(denials, 4);
        assert!(is_denial("future.deny") && releases("vault.rotate-program"));
        assert!(!releases("vault.get") && !releases("exec.future"));
    }
}
