//! `--status-fd`: one JSON line when the child starts and one when it ends, or one for a refusal,
//! for scripts.

use std::os::fd::{OwnedFd, RawFd};

use serde_json::json;

use hasp_core::output::{without_tokens, write_all};
use hasp_core::{Error, Kind, Result, code, platform};

use crate::child::ending::Ending;

/// Where the lines go, if anywhere.
#[derive(Default)]
pub(crate) struct StatusFd(Option<OwnedFd>);

impl StatusFd {
    /// A duplicate of the descriptor, which no child inherits.
    ///
    /// # Errors
    /// `[fd-closed]`.
    pub(crate) fn open(number: Option<RawFd>) -> Result<StatusFd> {
        let Some(number) = number else { return Ok(StatusFd(None)) };
        let duplicate = platform::duplicate(number).map_err(|_| {
            Error::new(Kind::Usage, code::FD_CLOSED, format!("descriptor {number} is not open"))
                .hint(format!("open it in the shell: {number}>FILE after the command"))
        })?;
        Ok(StatusFd(Some(duplicate)))
    }

    /// The child runs.
    pub(crate) fn started(&self, pid: u32, grant: &str, record: u64) {
        self.write(&json!({
            "v": 1, "event": "start", "pid": pid, "grant": grant, "record": record,
        }));
    }

    /// The child ended.
    pub(crate) fn ended(&self, ending: &Ending) {
        self.write(&json!({
            "v": 1, "event": "end", "status": ending.code, "signal": ending.signal,
            "ms": ending.milliseconds, "redactions": ending.redactions,
            "stragglers": ending.stragglers, "lost": ending.lost.as_str(),
        }));
    }

    /// Nothing was started.
    pub(crate) fn refused(&self, error: &Error, status: u8) {
        let message = without_tokens(error.message());
        self.write(&json!({
            "v": 1,
            "event": "refused",
            "code": error.code().as_str(),
            "message": message,
            "status": status,
        }));
    }

    /// A reader that went away must not change what the child's end means.
    fn write(&self, object: &serde_json::Value) {
        if let StatusFd(Some(fd)) = self {
            let _ = write_all(fd, format!("{object}\n").as_bytes());
        }
    }
}
