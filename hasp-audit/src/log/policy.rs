//! `policy.toml` in the home: what its owner asks of the record beyond what is done anyway. It can
//! only add to what is recorded; nothing in it makes hasp release more. A word that is not known is
//! refused rather than passed over: a copy that somebody believes is kept, and is not, would be
//! worse than none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hasp_core::files::{self, Guard};
use hasp_core::text::{printable, printable_path};
use hasp_core::{Error, Kind, Result, platform};
use serde::Deserialize;

use crate::code;
use crate::log::retention::Retention;

/// The file's name in the home.
pub const NAME: &str = "policy.toml";
/// The largest policy, in bytes.
const MAX_SIZE: usize = 64 << 10;

/// Where a copy of each record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum To {
    /// The socket of syslog, as `logger` writes to it.
    Syslog,
    /// The native socket of systemd-journald.
    Journald,
}

impl To {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            To::Syslog => "syslog",
            To::Journald => "journald",
        }
    }
}

/// The policy of a home; the default one asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// `[audit]`.
    pub audit: Audit,
    /// `[retention]`.
    pub retention: Retention,
}

/// What is asked of the record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Audit {
    /// `copy`: where each record goes besides.
    copy: BTreeSet<To>,
    /// `syslog-socket`.
    syslog_socket: Socket,
    /// `journald-socket`.
    journald_socket: Socket,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PathBuf")]
struct Socket(PathBuf);

impl TryFrom<PathBuf> for Socket {
    type Error = &'static str;

    fn try_from(path: PathBuf) -> std::result::Result<Socket, Self::Error> {
        if path.is_absolute() {
            Ok(Socket(path))
        } else {
            Err("a socket is named by its absolute path")
        }
    }
}

impl Default for Audit {
    fn default() -> Audit {
        let socket = |path: &str| Socket(path.into());
        Audit {
            copy: BTreeSet::new(),
            syslog_socket: socket(platform::SYSLOG),
            journald_socket: socket(platform::JOURNAL),
        }
    }
}

impl Audit {
    /// Where copies go, and the socket there.
    pub fn copies(&self) -> impl Iterator<Item = (To, &Path)> {
        self.copy.iter().map(|to| match to {
            To::Syslog => (*to, self.syslog_socket.0.as_path()),
            To::Journald => (*to, self.journald_socket.0.as_path()),
        })
    }
}

impl Policy {
    /// Reads the policy of the home at `root`.
    ///
    /// # Errors
    /// `[bad-policy]` (`Kind::Config`) with line and column; as [`files::read`].
    pub fn read(root: &Path) -> Result<Policy> {
        let path = root.join(NAME);
        match files::read_if_present(&path, Guard::Private, MAX_SIZE)? {
            Some(text) => Policy::parse(&text, &path),
            None => Ok(Policy::default()),
        }
    }

    fn parse(text: &[u8], path: &Path) -> Result<Policy> {
        let text = std::str::from_utf8(text).map_err(|e| {
            let line = 1 + memchr::memchr_iter(b'\n', &text[..e.valid_up_to()]).count();
            bad(format!("{}:{line}: not UTF-8", printable_path(path)))
        })?;
        toml::from_str(text).map_err(|e| refused(&e, text, path))
    }
}

impl Retention {
    /// What the policy of the home at `root` says.
    ///
    /// # Errors
    /// `[bad-policy]` (`Kind::Config`) with line and column.
    pub fn read(root: &Path) -> Result<Retention> {
        Policy::read(root).map(|policy| policy.retention)
    }
}

/// `PATH:LINE:COLUMN: what is wrong`, then the line and a caret.
fn refused(error: &toml::de::Error, text: &str, path: &Path) -> Error {
    let at = error.span().map_or(text.len(), |span| span.start).min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let (line, start) = (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |n| n + 1));
    let column = before[start..].chars().count() + 1;
    let what = printable(error.message().as_bytes());
    // The first line of what toml shows says in its own words where it is, the next three show it.
    let shown = error.to_string();
    let shown: String =
        shown.lines().skip(1).take(3).map(|l| format!("\n{}", printable(l.as_bytes()))).collect();
    bad(format!("{}:{line}:{column}: {what}{shown}", printable_path(path)))
}

fn bad(message: String) -> Error {
    Error::new(Kind::Config, code::BAD_POLICY, message).hint(
        "nothing is done while it is not clear what shall be recorded; see POLICY in: man \
               hasp-audit",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Policy> {
        Policy::parse(text.as_bytes(), Path::new("/h/policy.toml"))
    }

    #[test]
    fn copies_go_where_it_says() {
        let none = parse("# nothing\n").unwrap();
        assert_eq!((none.audit.copies().count(), &none), (0, &Policy::default()));
        let both = parse(
            "[audit]\ncopy = [\"journald\", \"syslog\", \"syslog\"]\nsyslog-socket = \"/x/log\"\n",
        )
        .unwrap();
        let copies: Vec<_> = both.audit.copies().collect();
        assert_eq!(
            copies,
            [
                (To::Syslog, Path::new("/x/log")),
                (To::Journald, Path::new("/run/systemd/journal/socket"))
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_place() {
        for (text, place, word) in [
            ("\n[audti]\n", ":2:2: ", "`audti`"),
            ("[audit]\ncopi = [\"syslog\"]\n", ":2:1: ", "`copi`"),
            ("[audit]\ncopy = [\"syslogd\"]\n", ":2:9: ", "`syslogd`"),
            ("[audit]\nsyslog-socket = \"dev/log\"\n", ":2:17: ", "absolute"),
            ("[audit]\ncopy = \"syslog\"\n", ":2:8: ", "expected"),
            ("copy", ":1:5: ", "expected"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.kind().status(), error.code().as_str()), (78, "bad-policy"));
            let message = error.message();
            assert!(
                message.contains(place) && message.contains(word) && message.contains('^'),
                "{message}"
            );
        }
        let hostile = parse("[audit]\n\"a\\u001b[2J\u{202e}\" = 1\n").unwrap_err();
        assert!(!hostile.message().contains(['\x1b', '\u{202e}']), "{hostile:?}");
        assert!(
            Policy::parse(b"\n\xff", Path::new("p"))
                .unwrap_err()
                .message()
                .contains("p:2: not UTF-8")
        );
    }

    #[test]
    fn what_is_kept_is_said_in_words_and_no_less_than_one_version() {
        let days = |n: u64| Some(std::time::Duration::from_secs(n * 86400));
        let text = "[retention]\nversions = 5\nsuperseded = \"30d\"\nrecord = \"2y\"\n";
        let kept = parse(text).unwrap().retention;
        assert_eq!(kept.versions.map(|n| n.get()), Some(5));
        assert_eq!((kept.superseded(), kept.revoked()), (days(30), None));
        assert_eq!(kept.record(), days(730));
        for (text, word) in [
            ("versions = 0", "nonzero"),
            ("versions = -1", "integer"),
            ("superseded = 30", "string"),
            ("record = \"soon\"", "soon"),
            ("revokd = \"1d\"", "revokd"),
        ] {
            let error = parse(&format!("[retention]\n{text}\n")).unwrap_err();
            assert_eq!(error.code().as_str(), "bad-policy");
            assert!(
                error.message().contains("p:2:") || error.message().contains(":2:"),
                "{error:?}"
            );
            assert!(error.message().contains(word), "{}", error.message());
        }
    }

    #[test]
    fn it_is_the_owners_alone() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Policy::read(home.path()).unwrap(), Policy::default());
        let path = home.path().join(NAME);
        std::fs::write(&path, "[audit]\ncopy = [\"syslog\"]\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666))
            .unwrap();
        assert_eq!(Policy::read(home.path()).unwrap_err().code().as_str(), "open-mode");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        assert_eq!(Policy::read(home.path()).unwrap().audit.copies().count(), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\[audit\\]\n)?[a-z\\-]{0,8} ?=? \
            ?\\PC{0,20}\n?\\PC{0,5}", bytes: Vec<u8>) {
            for text in [text.as_bytes(), &bytes] {
                if let Err(error) = Policy::parse(text, Path::new("p")) {
                    prop_assert_eq!(error.code().as_str(), "bad-policy");
                }
            }
        }
    }
}
