//! The kinds of failures: each has one exit status, and a word for `--json`.

/// What sort of failure it was; each kind has one exit status, after `sysexits.h` where that has
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The answer to a question is no (1).
    No,
    /// Wrong usage (64).
    Usage,
    /// Malformed or tampered data (65).
    Data,
    /// No such vault, project, secret or target (66).
    Missing,
    /// Locked, and no way to ask (69).
    Locked,
    /// A bug in hasp (70).
    Bug,
    /// An output cannot be created (73).
    Create,
    /// I/O failed, or the record cannot be written (74).
    Io,
    /// Somebody else holds the lock (75).
    Busy,
    /// Denied (77).
    Denied,
    /// An invalid `hasp.toml` or policy (78).
    Config,
    /// The program was found but cannot be executed (126).
    NotExecutable,
    /// The program was not found (127).
    NotFound,
    /// The reader of our output went away; the tool ends without a word (141, as SIGPIPE would).
    ClosedPipe,
}

impl Kind {
    /// The exit status of this kind.
    pub fn status(self) -> u8 {
        match self {
            Kind::No => 1,
            Kind::Usage => 64,
            Kind::Data => 65,
            Kind::Missing => 66,
            Kind::Locked => 69,
            Kind::Bug => 70,
            Kind::Create => 73,
            Kind::Io => 74,
            Kind::Busy => 75,
            Kind::Denied => 77,
            Kind::Config => 78,
            Kind::NotExecutable => 126,
            Kind::NotFound => 127,
            Kind::ClosedPipe => 141,
        }
    }

    /// Every kind, in the order of the statuses: to be found by its word or its status, and for the
    /// manual.
    pub const ALL: [Kind; 14] = [
        Kind::No,
        Kind::Usage,
        Kind::Data,
        Kind::Missing,
        Kind::Locked,
        Kind::Bug,
        Kind::Create,
        Kind::Io,
        Kind::Busy,
        Kind::Denied,
        Kind::Config,
        Kind::NotExecutable,
        Kind::NotFound,
        Kind::ClosedPipe,
    ];

    /// The word that `--json` prints for this kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::No => "no",
            Kind::Usage => "usage",
            Kind::Data => "data",
            Kind::Missing => "missing",
            Kind::Locked => "locked",
            Kind::Bug => "bug",
            Kind::Create => "create",
            Kind::Io => "io",
            Kind::Busy => "busy",
            Kind::Denied => "denied",
            Kind::Config => "config",
            Kind::NotExecutable => "not-executable",
            Kind::NotFound => "not-found",
            Kind::ClosedPipe => "closed-pipe",
        }
    }
}
