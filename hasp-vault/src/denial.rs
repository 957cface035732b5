//! Refusals on record: a wrong passphrase, a value that may not be had, a question that was
//! answered with no. They are written without an unlock, wherever the record can be reached; where
//! it cannot, the refusal stands all the same.

use hasp_audit::{Event, EventKind};
use hasp_core::tool::Context;
use hasp_core::{Error, Here, Kind};

use crate::open::vault::Vault;

/// Records that a tool refused, or that a person did when asked; `more` adds what is known.
pub fn record_denial(
    error: &Error,
    kind: EventKind,
    cx: &Context,
    more: impl FnOnce(Event) -> Event,
) {
    let refused = match error.kind() {
        Kind::Denied | Kind::No => true,
        // Consent that could not be asked for is not given; a vault that is locked is no refusal.
        Kind::Locked => kind != EventKind::VaultDeny,
        _ => false,
    };
    if refused {
        record_refusal(error, kind, cx, more);
    }
}

/// Records it whatever kind of failure it is.
pub(crate) fn record_refusal(
    error: &Error,
    kind: EventKind,
    cx: &Context,
    more: impl FnOnce(Event) -> Event,
) {
    let log = Here::find(&cx.env).and_then(|here| Vault::here(&here)?.log());
    let event = more(Event::new(kind).field("code", error.code().as_str()));
    // What cannot be recorded is refused all the same, and the error has been said.
    let _ = log.and_then(|log| log.deny(cx.now, event));
}
