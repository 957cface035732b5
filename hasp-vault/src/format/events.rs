//! The vault's events, as the log has them: names, versions and fingerprints, never a value.

use hasp_audit::{Event, EventKind};
use hasp_core::SecretName;

use crate::format::item::Item;

/// An event about one version of a secret.
pub fn of_version(event: EventKind, item: &Item, number: u32) -> Event {
    let version = item.versions.iter().find(|v| v.number == number);
    of_secret(event, &item.name)
        .field("version", number)
        .maybe("fp", version.map(|v| v.fp.clone()))
        .maybe("parts", version.filter(|v| !v.parts.is_empty()).map(|v| v.parts.clone()))
        .field("class", item.class.as_str())
}

/// An event about a secret as a whole.
pub fn of_secret(event: EventKind, name: &SecretName) -> Event {
    Event::new(event).field("secret", name.as_str())
}
