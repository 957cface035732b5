//! The stable names of failures. One is made in the `code.rs` of a crate and nowhere else, so that
//! a comparison with a misspelt one does not compile, and the manual lists them all.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::kind::Kind;

/// The name of a failure, as printed in brackets and in `--json`: it does not change from one
/// version to the next. It is compared with constants, never with text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code {
    name: &'static str,
    kinds: &'static [Kind],
    meaning: &'static str,
}

impl Code {
    /// For [`codes!`](crate::codes) alone.
    #[doc(hidden)]
    pub const fn new(name: &'static str, kinds: &'static [Kind], meaning: &'static str) -> Code {
        Code { name, kinds, meaning }
    }

    /// The name, to be printed.
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// The kinds of failure that have this name.
    pub const fn kinds(self) -> &'static [Kind] {
        self.kinds
    }

    /// What it means, as the manual has it: a phrase that begins in lower case.
    pub const fn meaning(self) -> &'static str {
        self.meaning
    }

    /// The name that another tool's failure has: one of this crate's, or a name to be printed and
    /// compared with nothing.
    pub(crate) fn relayed(name: &str) -> Code {
        let known = ALL.iter().find(|code| code.name == name);
        // A tool ends with one failure, so that one name is all that is ever kept.
        known.copied().unwrap_or_else(|| Code::new(name.to_owned().leak(), &[], ""))
    }

    /// Whether a failure of this kind may have this name.
    pub(crate) fn fits(self, kind: Kind) -> bool {
        // One made from text has no kinds.
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.name)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

/// Makes the constants of a crate and `ALL`, the slice of them:
///
/// ```
/// mod code {
///     hasp_core::codes! {
///         NO_PROJECT = "no-project", [Missing], "there is no project here";
///         TAMPERED = "tampered", [Data, No], "what was read was not written by hasp";
///     }
/// }
/// assert_eq!(code::ALL.len(), 2);
/// ```
#[macro_export]
macro_rules! codes {
    ($($name:ident = $text:literal, [$($kind:ident),+], $meaning:literal;)+) => {
        $(
            #[doc = $meaning]
            pub const $name: $crate::Code =
                $crate::Code::new($text, &[$($crate::Kind::$kind),+], $meaning);
        )+
        /// Every code of this crate.
        pub const ALL: &[$crate::Code] = &[$($name),+];
    };
}

codes! {
    BAD_CLASS = "bad-class", [Usage], "not a class of a secret";
    BAD_DURATION = "bad-duration", [Usage], "a duration is malformed";
    BAD_GRANT_ID = "bad-grant-id", [Usage], "not the id of a grant";
    BAD_LOG_ID = "bad-log-id", [Usage], "not the id of a log";
    BAD_NAME = "bad-name", [Usage, Data], "not a valid name";
    BAD_POLICY = "bad-policy", [Config], "policy.toml is not understood";
    BAD_SOURCE = "bad-source", [Usage], "not a source of a value";
    BAD_TIME = "bad-time", [Usage], "a time is malformed";
    BAD_VAULT_ID = "bad-vault-id", [Data], "not the id of a vault";
    BUG = "bug", [Bug], "a bug in hasp";
    BUSY = "busy", [Busy], "another process holds a lock";
    CLOSED_PIPE = "closed-pipe", [ClosedPipe], "the reader of the output went away";
    DISK_FULL = "disk-full", [Io], "a file system is full";
    ENV_UNSET = "env-unset", [Usage], "a source names a variable that is not set";
    EXISTS = "exists", [Create], "what is to be created exists already";
    FD_CLOSED = "fd-closed", [Usage], "a descriptor that was named is not open";
    FILE_TOO_LARGE = "file-too-large", [Data], "a file is larger than its kind may be";
    FOREIGN_OWNER = "foreign-owner", [Denied], "a file or directory belongs to another user";
    HOME_RELATIVE = "home-relative", [Usage], "a variable that names a directory is not absolute";
    HOME_UNSET = "home-unset", [Usage], "nothing says where the home is";
    INTERRUPTED = "interrupted", [No], "a question was answered with no, or a prompt interrupted";
    IO = "io", [Io], "a system call failed";
    LINE_TOO_LONG = "line-too-long", [Data], "a line that was typed is too long";
    LOCKED = "locked", [Locked], "the vault is locked, and there is no way to ask";
    IN_PROJECT = "in-project", [Denied], "the home or the runtime directory is inside a project";
    NETWORK_HOME = "network-home", [Denied], "the home is on a network file system";
    NO_HOME = "no-home", [Missing], "there is no home";
    NO_MEMFD = "no-memfd", [Denied, Io], "the system refuses files in memory";
    NO_REPOSITORY = "no-repository", [Missing], "there is no git repository here";
    NO_RUNTIME = "no-runtime", [Create], "no directory in memory can be the runtime directory";
    NO_SIBLING = "no-sibling", [Missing], "another tool of hasp is not installed beside this one";
    NO_SUCH_FILE = "no-such-file", [Missing], "a file that was named is not there";
    NO_TERMINAL = "no-terminal", [Locked], "there is no terminal to ask on";
    NO_VAULT = "no-vault", [Missing], "there is no vault in the directory";
    NOT_A_DIRECTORY = "not-a-directory", [Denied], "something else stands where a directory should";
    NOT_A_FILE = "not-a-file", [Denied], "something else stands where a regular file should";
    NOT_FOUND = "not-found", [Io], "a file that should be there is not";
    OPEN_MODE = "open-mode", [Denied], "other users can open a file or directory";
    OPEN_PARENT = "open-parent", [Denied], "other users can replace what is in a directory above";
    PERMISSION = "permission", [Denied, Io], "the system refuses access to a file";
    RANDOM = "random", [Io], "the system gives no random bytes";
    READ_ONLY = "read-only", [Io], "a file system cannot be written";
    SET_ID = "set-id", [Denied],
        "the program was started with rights that its caller does not have";
    SEVERAL_LINES = "several-lines", [Data], "a prompt was given more than one line";
    SYMLINK = "symlink", [Denied], "a symbolic link stands where none is accepted";
    TAMPERED = "tampered", [Data, No], "what was read is damaged or was not written by hasp";
    UNKNOWN_VAULT = "unknown-vault", [Denied], "this home has not pinned the vault";
    USAGE = "usage", [Usage], "the command line is malformed";
    VALUE_TOO_LARGE = "value-too-large", [Data], "a value is longer than a value may be";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_printed_as_its_name() {
        assert_eq!(format!("{NO_HOME} {NO_HOME:?}"), "no-home [no-home]");
        assert_eq!(serde_json::json!({ "code": NO_HOME }).to_string(), r#"{"code":"no-home"}"#);
    }

    #[test]
    fn each_name_is_a_word_of_its_own() {
        for code in ALL {
            let plain = code.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            assert!(plain && !code.kinds.is_empty() && !code.meaning.is_empty(), "{code}");
            assert_eq!(ALL.iter().filter(|c| c.name == code.name).count(), 1, "{code}");
        }
    }
}
