//! What of a binding goes on record: each reference and target that came, changed or went, by name.

use hasp_audit::{Event, EventKind};

use crate::binding::Binding;

/// The events that lead from `old` to `new`.
pub(crate) fn between(old: Option<&Binding>, new: &Binding) -> Vec<Event> {
    let event = |kind| Event::new(kind).os("project", &new.root);
    let before = |reference| old.and_then(|o| o.refs.get(reference));
    let consented = |name: &str| old.and_then(|o| o.targets.get(name)).map(|c| c.digest.as_str());
    let mut events = Vec::new();
    for (reference, secret) in new.refs.iter().filter(|(r, s)| before(r) != Some(s)) {
        events.push(
            event(EventKind::BindAdd)
                .field("ref", reference.as_str())
                .field("secret", secret.as_str()),
        );
    }
    for (name, target) in
        new.targets.iter().filter(|(n, c)| consented(n) != Some(c.digest.as_str()))
    {
        events.push(
            event(EventKind::BindConsent)
                .field("target", name.as_str())
                .field("digest", target.digest.as_str()),
        );
    }
    for (reference, secret) in
        old.iter().flat_map(|o| &o.refs).filter(|(r, _)| !new.refs.contains_key(r))
    {
        events.push(
            event(EventKind::BindRemove)
                .field("ref", reference.as_str())
                .field("secret", secret.as_str()),
        );
    }
    for name in old.iter().flat_map(|o| o.targets.keys()).filter(|n| !new.targets.contains_key(*n))
    {
        events.push(event(EventKind::BindRemove).field("target", name.as_str()));
    }
    events.extend(about_root(old, new));
    if events.is_empty() {
        events.push(event(EventKind::BindRenew));
    }
    events
}

/// What changed of the binding itself: its vault, its name, and who may change the project.
fn about_root(old: Option<&Binding>, new: &Binding) -> Vec<Event> {
    let event = |kind| Event::new(kind).os("project", &new.root);
    let mut events = Vec::new();
    if old.map(|o| &o.vault_dir) != Some(&new.vault_dir) && new.vault_dir.is_some() {
        events.push(
            new.vault_dir.iter().fold(event(EventKind::BindVault), |e, dir| e.os("dir", dir)),
        );
    }
    if new.holds_name == Some(true)
        && old.is_none_or(|o| (o.holds_name, &o.project) != (Some(true), &new.project))
    {
        events.push(event(EventKind::BindName).field("name", new.project.as_str()));
    }
    if new.shared && !old.is_some_and(|o| o.shared) {
        events.push(event(EventKind::BindShared));
    }
    events
}

/// The end of a binding.
pub(crate) fn dropped(binding: &Binding) -> Event {
    Event::new(EventKind::BindDrop).os("project", &binding.root)
}
