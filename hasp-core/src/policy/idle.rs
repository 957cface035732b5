//! What is written in policy.toml and narrows nothing: its author should know that the line does
//! not do what it seems to say.

use crate::class::Class;
use crate::policy::class::Rules;
use crate::policy::limits::{Limit, Limits};

/// A line without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    /// The class that it is for.
    pub class: Class,
    /// The key.
    pub key: &'static str,
    /// Its line, from 1.
    pub line: usize,
}

/// The keys of a class that change nothing.
pub(super) fn idle(class: Class, rules: &Rules) -> Vec<Idle> {
    let limits = Limits::built_in(class).narrowed(rules);
    let lines = [
        ("window", rules.window.as_ref().map(|s| s.line), taken(&limits.window)),
        ("uses", rules.uses.as_ref().map(|s| s.line), taken(&limits.uses)),
        ("deliver", rules.deliver.as_ref().map(|s| s.line), taken(&limits.deliver)),
        ("raw", rules.raw.as_ref().map(|s| s.line), taken(&limits.raw)),
        ("any-command", rules.any_command.as_ref().map(|s| s.line), taken(&limits.any_command)),
        ("consumer", rules.consumer.as_ref().map(|s| s.line), taken(&limits.consumer)),
        ("reason", rules.reason.as_ref().map(|s| s.line), taken(&limits.reason)),
        ("hours", rules.hours.as_ref().map(|s| s.line), taken(&limits.hours)),
        ("confirm", rules.confirm.as_ref().map(|s| s.line), taken(&limits.confirm)),
    ];
    let idle = lines.into_iter().filter(|(_, _, taken)| !taken);
    idle.filter_map(|(key, line, _)| Some(Idle { class, key, line: line? })).collect()
}

fn taken<T>(limit: &Limit<T>) -> bool {
    limit.line.is_some()
}
