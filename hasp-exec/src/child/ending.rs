//! How the child ended, and how hasp-exec ends after it: with the same status, or by the same
//! signal, so that a shell sees no difference, unless output was lost: then nobody may take what
//! arrived for all there was.

use signal_hook::consts::{SIGHUP, SIGPIPE};

use hasp_core::Kind;
use hasp_core::tool::Exit;

use crate::relay::Report;

/// The end of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Its exit status, unless a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// Whether it still runs, though its terminal is gone.
    pub(crate) left: bool,
    /// How long it ran.
    pub(crate) milliseconds: u64,
    /// How many values were found in its output.
    pub(crate) redactions: u64,
    /// How many processes still held its output after it had ended.
    pub(crate) stragglers: u64,
    /// What of its output was lost.
    pub(crate) lost: Lost,
}

/// Output that did not arrive, other than what a reader that went away did not want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// None.
    Nothing,
    /// It could not be written.
    Unwritten,
    /// A process that outlived the command went on writing, and nobody reads that.
    Unread,
}

impl Lost {
    /// What was lost by this report.
    pub(crate) fn of(report: &Report) -> Lost {
        match (&report.failure, report.unread) {
            (Some(_), _) => Lost::Unwritten,
            (None, true) => Lost::Unread,
            (None, false) => Lost::Nothing,
        }
    }

    /// The word on record.
    pub(crate) fn as_str(self) -> Option<&'static str> {
        match self {
            Lost::Nothing => None,
            Lost::Unwritten => Some("unwritten"),
            Lost::Unread => Some("unread"),
        }
    }
}

impl Ending {
    /// Whether the command ended well but for its output, or for the broken pipe by which we told
    /// it that nobody takes that.
    fn is_marred(&self) -> bool {
        let well =
            self.code == Some(0) || self.lost == Lost::Unwritten && self.signal == Some(SIGPIPE);
        self.lost != Lost::Nothing && well
    }

    /// What to say of lost output.
    pub(crate) fn complaint(&self, report: &Report) -> Option<String> {
        let what = match (self.lost, &report.failure) {
            (Lost::Nothing, _) => return None,
            (_, Some(failure)) => format!("output was lost: {}", failure.message()),
            (_, None) => "output was lost: what outlived the command went on writing".to_owned(),
        };
        let so =
            format!("; the command itself ended well, and this ends with {}", Kind::Io.status());
        Some(if self.is_marred() { what + &so } else { what })
    }

    /// Ends this process as the child ended: by the same signal with its default action, and where
    /// that does not end it (as PID 1), with 128 + n. Everything that must be erased has been
    /// dropped by the caller.
    pub(crate) fn exit(&self) -> Exit {
        if self.is_marred() {
            return Exit(Kind::Io.status());
        }
        let Some(signal) = self.signal.or(self.left.then_some(SIGHUP)) else {
            return Exit(u8::try_from(self.code.unwrap_or(0) & 0xff).unwrap_or(u8::MAX));
        };
        // The kernel drops default-action signals to PID 1.
        if std::process::id() != 1 {
            hasp_core::platform::die_of(signal);
        }
        Exit(u8::try_from(128 + signal).unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_output_spoils_a_good_end_and_no_other() {
        let ending = |code, signal, lost| Ending {
            code,
            signal,
            left: false,
            milliseconds: 0,
            redactions: 0,
            stragglers: 0,
            lost,
        };
        for (code, signal, lost, marred) in [
            (Some(0), None, Lost::Nothing, false),
            (Some(0), None, Lost::Unwritten, true),
            (Some(0), None, Lost::Unread, true),
            (Some(3), None, Lost::Unwritten, false),
            (Some(1), None, Lost::Unread, false),
            (None, Some(SIGPIPE), Lost::Unwritten, true),
            (None, Some(SIGPIPE), Lost::Nothing, false),
            (None, Some(SIGPIPE), Lost::Unread, false),
            (None, Some(15), Lost::Unwritten, false),
        ] {
            let ending = ending(code, signal, lost);
            assert_eq!(ending.is_marred(), marred, "{ending:?}");
        }
    }
}
