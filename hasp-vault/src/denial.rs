//! Refusals on record: a wrong passphrase, a value that may not be had. They are written without an
//! unlock, wherever the record can be reached; where it cannot, the refusal stands all the same.

use hasp_audit::{Event, EventKind};
use hasp_core::tool::Context;
use hasp_core::{Error, Here, Kind, code};

use crate::open::vault::Vault;

/// Records that a tool refused, or that a person did when asked; `more` adds what is known.
pub fn record_denial(
    error: &Error,
    kind: EventKind,
    cx: &Context,
    more: impl FnOnce(Event) -> Event,
) {
    if error.kind() != Kind::Denied && error.code() != code::INTERRUPTED {
        return;
    }
    let log = Here::find(&cx.env).and_then(|here| Vault::here(&here)?.log());
    let event = more(Event::new(kind).field("code", error.code().as_str()));
    // What cannot be recorded is refused all the same, and the error has been said.
    let _ = log.and_then(|log| log.deny(cx.now, event));
}
