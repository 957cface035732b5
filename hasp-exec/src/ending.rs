//! How the child ended, and how hasp-exec ends after it: with the same status, or by the same signal, so that a shell sees no difference.

use hasp_core::tool::Exit;

/// The end of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its exit status, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// How long it ran.
    pub milliseconds: u64,
    /// How many values were found in its output.
    pub redactions: u64,
    /// How many processes still held its output after it had ended.
    pub stragglers: u64,
}

impl Ending {
    /// Ends this process as the child ended: by the same signal with its default action, and where that does not end it (as
    /// PID 1), with 128 + n. Everything that must be erased has been dropped by the caller.
    pub fn exit(&self) -> Exit {
        let Some(signal) = self.signal else {
            return Exit(u8::try_from(self.code.unwrap_or(0) & 0xff).unwrap_or(u8::MAX));
        };
        // The kernel drops default-action signals to PID 1.
        if std::process::id() != 1 {
            hasp_core::system::die_of(signal);
        }
        Exit(u8::try_from(128 + signal).unwrap_or(u8::MAX))
    }
}
