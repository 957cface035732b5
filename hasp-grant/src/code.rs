//! The names of what hasp-grant refuses, and what it finds wrong with a token: hasp-exec shows them
//! as they stand here.

hasp_core::codes! {
    BAD_GRANT_ID = "bad-grant-id", [Usage], "not the id of a grant";
    BAD_OUTPUT = "bad-output", [Usage], "a token cannot be written where -o says";
    BAD_VERSION = "bad-version", [Usage], "--at names no version";
    BAD_WINDOW = "bad-window", [Usage], "a window cannot begin or end then";
    CLASS_ANY_COMMAND = "class-any-command", [Denied],
        "a secret of this class is granted to a named command only";
    CLASS_CONSUMER = "class-consumer", [Denied],
        "a secret of this class is not granted to this consumer";
    CLASS_DELIVERY = "class-delivery", [Denied],
        "a secret of this class is not delivered in this way";
    CLASS_RAW = "class-raw", [Denied],
        "a secret of this class is granted with its output redacted only";
    COMMAND_FIXED = "command-fixed", [Usage], "the target's command takes no further words";
    COMMAND_TOO_LONG = "command-too-long", [Usage], "a command has too many words for a grant";
    COMMAND_TWICE = "command-twice", [Usage], "--any-command stands beside a command";
    CONSUMER_TWICE = "consumer-twice", [Usage], "--for and --consumer name different consumers";
    DELIVERED_TWICE = "delivered-twice", [Usage], "one variable would hold two values";
    DIR_MISSING = "dir-missing", [Denied], "the approved directory is not there";
    ENV_NUL = "env-nul", [Denied], "a value with a NUL byte cannot be an environment variable";
    ENV_TOO_LARGE = "env-too-large", [Denied], "a value is too long for an environment variable";
    EXPIRED = "expired", [Denied], "the window of the grant has ended";
    FILE_ON_DISK = "file-on-disk", [Denied], "a file with a value would lie on a disk";
    GRANT_UNKNOWN = "grant-unknown", [Missing], "no grant has that id";
    LEDGER_DAMAGED = "ledger-damaged", [Denied], "the ledger's entry for a grant is damaged";
    LEDGER_MISMATCH = "ledger-mismatch", [Denied], "the ledger's entry is another grant's";
    NO_COMMAND = "no-command", [Usage, Denied], "no command was given";
    NO_LEDGER = "no-ledger", [Denied], "the ledger has nothing of the grant";
    NOT_ALLOWED = "not-allowed", [Denied], "the scope of a secret leaves this project out";
    NO_GRANT = "no-grant", [Denied], "there is no grant to use";
    NO_NEW_PRIVS = "no-new-privs", [Denied], "this system cannot keep rights from a command";
    NOT_GRANTED = "refused", [Denied], "a person answered no";
    NOT_GRANTED_HERE = "not-granted", [Denied], "a grant does not open the value that is named";
    NOT_NARROWABLE = "not-narrowable", [Denied], "no grant can be narrowed from this one";
    NOT_YET_VALID = "not-yet-valid", [Denied], "the window of the grant has not begun";
    NOTHING_GRANTED = "nothing-granted", [Usage], "neither a target nor a value was named";
    OTHER_COMMAND = "other-command", [Denied], "the grant is for another command";
    OTHER_PROJECT = "other-project", [Denied], "the grant is for another project";
    OTHER_TARGET = "other-target", [Denied], "the grant is for another target";
    OUTSIDE_HOURS = "outside-hours", [Denied],
        "policy.toml names other hours for secrets of this class";
    OVER_CEILING = "over-ceiling", [Denied], "the window is longer than the class allows";
    REASON_REQUIRED = "reason-required", [Denied],
        "a secret of this class is granted for a reason only";
    REVOKED = "revoked", [Denied], "the grant was revoked";
    RUNTIME_UNREACHED = "runtime-unreached", [Io],
        "a directory where grants may lie cannot be looked into";
    SEAL = "seal", [Denied], "the halves of a grant do not fit together";
    SECRET_REENCRYPTED = "secret-reencrypted", [Denied],
        "a granted version was encrypted again since";
    SECRET_ROTATED = "secret-rotated", [Denied], "a granted version has been replaced";
    SPENT = "spent", [Denied], "all uses of the grant are spent";
    TEMPLATE_NOT_TEXT = "template-not-text", [Denied],
        "a value cannot be written into a template as its filter says";
    TEMPLATE_TOO_LONG = "template-too-long", [Denied], "a template may become too long";
    TOKEN_CLAIMS = "token-claims", [Denied], "the claims of a token are malformed";
    TOKEN_EMPTY = "token-empty", [Denied], "an empty line stands where a token should";
    TOKEN_KEY = "token-key", [Denied], "the token was signed by a key that was replaced since";
    TOKEN_MALFORMED = "token-malformed", [Denied], "not a token";
    TOKEN_SIGNATURE = "token-signature", [Denied], "the token was not signed by this vault";
    TOKEN_TERMINAL = "token-terminal", [Usage], "a token is not written to a terminal";
    TOKEN_VAULT = "token-vault", [Denied], "the token was minted from another vault";
    TWO_VERSIONS = "two-versions", [Usage], "a reference is asked for in two versions";
    VALUE_IN_COMMAND = "value-in-command", [Denied], "a word of the command holds a value";
    VALUE_IN_REASON = "value-in-reason", [Denied], "the reason holds a value";
    WIDER = "wider", [Denied], "a narrowed grant would be wider than the one that it is from";
    WINDOW_TOO_LONG = "window-too-long", [Denied], "the window of a token is longer than 24 h";
}
