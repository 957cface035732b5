//! The names of the vault's failures. Other tools that open a vault compare with these.

pub use hasp_core::code::{
    BAD_CLASS, BAD_NAME, BAD_VAULT_ID, BUSY, EXISTS, FD_CLOSED, FOREIGN_OWNER, HOME_UNSET,
    INTERRUPTED, IO, LOCKED, NO_HOME, NO_MEMFD, NO_REPOSITORY, NO_SIBLING, NO_TERMINAL, NO_VAULT,
    NOT_FOUND, OPEN_MODE, RANDOM, SEVERAL_LINES, SYMLINK, TAMPERED, UNKNOWN_VAULT, USAGE,
    VALUE_TOO_LARGE,
};

hasp_core::codes! {
    ASKPASS_FAILED = "askpass-failed", [Locked], "the program of HASP_ASKPASS gave no passphrase";
    ASKPASS_UNTRUSTED = "askpass-untrusted", [Denied], "others can change that program";
    BAD_ALPHABET = "bad-alphabet", [Usage], "not an alphabet for passwords";
    BAD_BACKUP = "bad-backup", [Data], "a backup is damaged, cut short or not of hasp";
    BAD_IDENTITY = "bad-identity", [Data], "not an identity of age";
    BAD_IMPORT = "bad-import", [Data], "what is to be imported cannot be read as it stands";
    BAD_LENGTH = "bad-length", [Usage], "a length for a fresh value is out of bounds";
    BAD_PASSPHRASE = "bad-passphrase", [Data], "not usable as a passphrase";
    BAD_PROGRAM = "bad-program", [Usage], "a program is not named by an absolute path of text";
    BAD_RECIPIENT = "bad-recipient", [Usage, Data], "not a recipient that age can encrypt to";
    BAD_SCOPE = "bad-scope", [Usage], "not a project, nor a target of one";
    BAD_SEEN = "bad-seen", [Data], "a file of serials in the home is damaged";
    CANNOT_OPEN_ENTRY = "cannot-open-entry", [Data], "the program of pass or passage cannot be run";
    DEPOSIT_AMBIGUOUS = "deposit-ambiguous", [Missing], "several deposits have such an id";
    DEPOSIT_UNKNOWN = "deposit-unknown", [Missing], "no deposit has such an id";
    FOREIGN_IDENTITY = "foreign-identity", [Usage], "a new pin has no identity to be kept in";
    GRANTS_NOT_ENDED = "grants-not-ended", [Io], "hasp-grant did not end the grants on a secret";
    HARD_LINK = "hard-link", [Data], "a file has another name elsewhere";
    KEY_CHANGED = "key-changed", [Data], "a vault has another key than the one pinned for it";
    KEY_UNKNOWN = "key-unknown", [Usage], "a key that was named is not in the input";
    LAST_OWN_RECIPIENT = "last-own-recipient", [Denied], "your identity would not open the vault";
    LOG_UNKNOWN = "log-unknown", [Missing], "a log is not one of this vault";
    MERGE_CONFLICT = "merge-conflict", [Data], "a merge left a record in conflict";
    NEWER_FORMAT = "newer-format", [Data], "a newer hasp has written the vault";
    NO_CONFLICT = "no-conflict", [Missing], "git has no conflict about a secret";
    NO_IDENTITY = "no-identity", [Locked], "there is no identity to open the vault with";
    NO_PLUGIN = "no-plugin", [Missing], "a plugin of age is not linked in the home";
    NO_ROTATION = "no-rotation", [Missing], "a secret is not being rotated";
    NO_TREE = "no-tree", [Missing], "there is no tree of pass or passage";
    NOT_A_HEAD = "not-a-head", [Data], "not the head of a log";
    NOT_A_RECIPIENT = "not-a-recipient", [Denied], "the identity is not among the recipients";
    NOT_A_TERMINAL = "not-a-terminal", [Denied], "a value goes to a terminal, or is forced";
    NOT_DUE = "not-due", [Denied], "a record is not to be forgotten yet";
    NOT_EXPORTABLE = "not-exportable", [Data], "a value has no form in the format";
    NOT_FORCED = "not-forced", [Denied], "values in the clear were not asked for with --force";
    NOT_REMEMBERED = "not-remembered", [Io], "hasp-bind did not bind the project to the vault";
    NOTE_TOO_LONG = "note-too-long", [Usage], "a note is too long";
    NOTHING_LOST = "nothing-lost", [Usage], "the record is there";
    NOTHING_TO_IMPORT = "nothing-to-import", [Data], "the input has no values";
    OLDER_THAN_LOG = "older-than-log", [Data], "the log knows a version that the vault has not";
    OLDER_THAN_SEEN = "older-than-seen", [Denied], "this home has seen newer records";
    ORPHAN = "orphan", [Data], "a file has no place in a vault";
    OTHER_KEY = "other-key", [Denied], "a vault has another key than the one given";
    OTHER_VAULT = "other-vault", [Denied], "another vault is meant than the one that is here";
    PASSPHRASES_DIFFER = "passphrases-differ", [Data], "two passphrases that were typed differ";
    PLUGIN_FAILED = "plugin-failed", [Io], "a plugin of age did not do its work";
    PLUGIN_UNTRUSTED = "plugin-untrusted", [Denied], "others can change a plugin of age";
    PROGRAM_FAILED = "program-failed", [Io], "a program that makes a new value failed";
    PROGRAM_MISSING = "program-missing", [Missing], "a program that was named is not there";
    PROGRAM_UNAPPROVED = "program-unapproved", [Denied], "nobody agreed to a program here";
    PROGRAM_UNTRUSTED = "program-untrusted", [Denied], "others can change a program";
    PROGRAM_UNUSABLE = "program-unusable", [Denied], "a program cannot be run";
    RECIPE_OR_STDIN = "recipe-or-stdin", [Usage], "a secret has a recipe, and stdin a value";
    RECIPIENT_UNKNOWN = "recipient-unknown", [Missing], "not a recipient of the vault";
    RETIRE_FAILED = "retire-failed", [Io], "a program that takes an old value back failed";
    ROLLED_BACK = "rolled-back", [Data], "a record is older than the one seen before";
    ROTATED_ALREADY = "rotated-already", [Denied], "a secret has its new value already";
    ROTATION_OPEN = "rotation-open", [Denied], "a secret is being rotated";
    ROTATIONS_FAILED = "rotations-failed",
        [Usage, Data, Missing, Locked, Bug, Create, Io, Busy, Denied, Config],
        "some of several secrets were not rotated";
    SAME_VARIABLE = "same-variable", [Usage], "two secrets would become one variable";
    SECRET_DESTROYED = "secret-destroyed", [Denied], "a secret was destroyed";
    SECRET_EXPIRED = "secret-expired", [Denied], "a secret has expired";
    SECRET_REVOKED = "secret-revoked", [Denied], "a secret was revoked";
    SECRET_UNKNOWN = "secret-unknown", [Missing], "there is no secret of that name";
    SEVERAL_NAMES = "several-names", [Usage], "one value was given for several secrets";
    SIDE_MISSING = "side-missing", [Missing], "one side of a merge has removed a secret";
    SOURCE_TWICE = "source-twice", [Usage], "one descriptor is named for two things";
    TERMINAL = "terminal", [Usage], "a terminal cannot be read from or written to for this";
    TEST_FAILED = "test-failed", [Io], "a program that tests a new value failed";
    TOO_MANY_ROOTS = "too-many-roots", [Data], "the vault has had too many roots";
    VALUE_EMPTY = "value-empty", [Data], "a value is empty";
    VALUE_IN_NOTE = "value-in-note", [Denied], "a note holds the value";
    VALUE_IN_REASON = "value-in-reason", [Denied], "a reason holds the value";
    VALUE_UNCHANGED = "value-unchanged", [Data], "a new value is the old one";
    VANISHED = "vanished", [Data], "a secret was in the vault and is gone";
    VAULT_CHANGED = "vault-changed", [Busy], "the vault got other recipients meanwhile";
    VERSION_CURRENT = "version-current", [Denied], "the current version is not destroyed alone";
    VERSION_STAGED = "version-staged", [Denied], "a version is staged to become current";
    VERSION_UNKNOWN = "version-unknown", [Missing], "a secret has no such version";
    WORK_FACTOR = "work-factor", [Data], "a passphrase file asks for too much work";
    WRONG_PASSPHRASE = "wrong-passphrase", [Denied], "the passphrase does not open the identity";
}
