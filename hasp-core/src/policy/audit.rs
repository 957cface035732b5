//! `[audit]` of policy.toml: live copies of each record elsewhere. It can only add to what is
//! recorded; nothing in it makes hasp release more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::platform;

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
