//! The checks of a request, in their order: nothing goes upstream before all of them. What makes a
//! request malformed was found when its head was read.

use std::sync::atomic::Ordering;

use hasp_target::route::admitted;

use crate::head::request::Request;
use crate::record::RequestKind;
use crate::refusal::Refusal;
use crate::serve::site::{MOST_CONNECTIONS, Shared, Site};

/// Lets a request through; returns the kind under which it counts.
///
/// # Errors
/// The first check that fails.
pub fn check(shared: &Shared, site: &Site<'_>, request: &Request) -> Result<RequestKind, Refusal> {
    let names = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{}", site.port));
    if !names.iter().any(|name| request.host.eq_ignore_ascii_case(name.as_bytes())) {
        return Err(Refusal::OtherHost);
    }
    shared.window.check()?;
    if !site.route.credential.is_in(request) {
        return Err(Refusal::NoPlaceholder);
    }
    let path = request.path().ok_or(Refusal::BadPath)?;
    let host = site.route.peer.to().host();
    if !admitted(&site.route.rules, host, &request.method, &path) {
        return Err(Refusal::OtherRequest);
    }
    if shared.connections.load(Ordering::Relaxed) > MOST_CONNECTIONS {
        return Err(Refusal::Busy);
    }
    let kind = RequestKind::of(site.index, &request.method, request.raw_path());
    let kind = shared.record.admit(kind)?;
    // The record may have been waited for.
    shared.window.check()?;
    Ok(kind)
}
