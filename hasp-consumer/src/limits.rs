//! The options that `add` and `edit` have in common, and what they make of a registered program.

use clap::Args;
use hasp_core::time::parse_duration;
use hasp_core::{Class, Result};

use crate::consumer::ceiling::{Ceiling, digest};
use crate::consumer::registry::Entry;

/// What the program may be granted at most.
#[derive(Args, Debug, Default)]
pub struct Limits {
    /// Recognise the program by its content too: once it has changed it is refused
    #[arg(long)]
    pub pin: bool,
    /// The longest window of a grant for it (30m)
    #[arg(long, value_name = "D")]
    pub max_window: Option<String>,
    /// The most uses of a grant for it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_uses: Option<u32>,
    /// The classes of which it may be granted secrets (low,medium)
    #[arg(long, value_name = "CLASS", value_delimiter = ',')]
    pub classes: Vec<Class>,
    /// Each grant for it says what it is for
    #[arg(long)]
    pub require_reason: bool,
}

impl Limits {
    /// The entry with what was typed; what was not typed stays as it is.
    ///
    /// # Errors
    /// `[bad-duration]`; `Kind::Io` if a program that is to be pinned cannot be read.
    pub(crate) fn put_on(&self, mut entry: Entry) -> Result<Entry> {
        if self.pin {
            entry.pin = Some(digest(&entry.exe)?);
        }
        let Ceiling { max_window, max_uses, classes, require_reason } = &mut entry.ceiling;
        if let Some(text) = &self.max_window {
            *max_window = Some(parse_duration(text)?.as_secs());
        }
        *max_uses = self.max_uses.or(*max_uses);
        if !self.classes.is_empty() {
            *classes = Some(self.classes.iter().copied().collect());
        }
        *require_reason |= self.require_reason;
        Ok(entry)
    }
}
