//! What hasp-exec puts on record: who asked for what, what ran and which versions went how; how it
//! ended; and every denial.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::broker::digest;
use crate::child::ending::Ending;
use hasp_audit::{Event, EventKind};
use hasp_consumer::Caller;
use hasp_core::text::printable_path;
use hasp_core::{Error, Runtime, SecretName};
use hasp_grant::{Check, GrantId, Terms};
use hasp_redact::{Filter, Patterns};

/// What is about to start.
pub(crate) struct Start<'a> {
    /// What was approved.
    pub(crate) terms: &'a Terms,
    /// The absolute program.
    pub(crate) program: &'a Path,
    /// Its words.
    pub(crate) argv: &'a [OsString],
}

/// `exec.start`; the values of this grant are redacted from the words.
pub(crate) fn start(
    start: &Start<'_>,
    caller: &Caller,
    runtime: &Runtime,
    patterns: &Arc<Patterns>,
) -> Event {
    let terms = start.terms;
    let words: Vec<OsString> = start.argv.iter().map(|w| redacted(w, patterns)).collect();
    Event::new(EventKind::ExecStart)
        .field("grant", terms.jti.as_str())
        .os("project", terms.project.as_os())
        .maybe("target", terms.action.target.clone())
        .os("program", start.program)
        .maybe("program_sha256", digest::of_program(start.program, runtime))
        .argv(&words)
        .field("consumer", terms.consumer.selector())
        .field("secrets", secrets(terms))
        .field("asker", caller.recorded())
}

/// `exec.end`, with the number of its start.
pub(crate) fn end(start: u64, grant: &GrantId, ending: &Ending) -> Event {
    Event::new(EventKind::ExecEnd)
        .field("start", start)
        .field("grant", grant.as_str())
        .maybe("status", ending.code)
        .maybe("signal", ending.signal)
        .field("ms", ending.milliseconds)
        .field("redactions", ending.redactions)
        .field("stragglers", ending.stragglers)
        .maybe("lost", ending.lost.as_str())
        .maybe("left", ending.left.then_some(true))
}

/// `exec.end` of a start that led to no child.
pub(crate) fn failed(start: u64, grant: &GrantId, error: &Error) -> Event {
    Event::new(EventKind::ExecEnd)
        .field("start", start)
        .field("grant", grant.as_str())
        .field("failed", error.code().as_str())
}

/// `exec.deny`: which check failed, and of which grant if the token could be read.
pub(crate) fn deny(error: &Error, denied: &Denied<'_>, caller: &Caller) -> Event {
    Event::new(EventKind::ExecDeny)
        .field("code", error.code().as_str())
        .maybe("check", denied.check.map(Check::label))
        .maybe("grant", denied.terms.as_ref().map(|terms| terms.jti.as_str()))
        .maybe("project", denied.project.map(printable_path))
        .maybe("target", denied.target)
        .maybe("secrets", denied.terms.as_ref().map(named))
        .field("asker", caller.recorded())
}

/// What is known of a denied attempt.
pub(crate) struct Denied<'a> {
    /// Which check failed; none did if no token was found.
    pub(crate) check: Option<Check>,
    /// What the grant is for, once its signature was verified.
    pub(crate) terms: Option<Terms>,
    /// The project's root, if there is a project.
    pub(crate) project: Option<&'a Path>,
    /// The target that was asked for, if it is one.
    pub(crate) target: Option<&'a str>,
}

/// Which versions a grant would have opened.
fn named(terms: &Terms) -> Value {
    terms.items.iter().map(|i| json!({"name": i.name, "version": i.version})).collect()
}

/// Which version of which secret went by which way.
fn secrets(terms: &Terms) -> Value {
    let entry = |reference: &SecretName, channel: Value, var: Option<&str>| {
        let item = terms.items.iter().find(|i| i.reference == *reference)?;
        Some(json!({
            "name": item.name, "version": item.version, "ref": item.reference,
            "channel": channel, "var": var,
        }))
    };
    let delivered = terms
        .action
        .deliveries
        .iter()
        .filter_map(|d| entry(&d.reference, json!(d.channel), d.variable.as_deref()));
    let templates =
        terms.action.templates.iter().flat_map(|t| t.references().into_iter().map(move |r| (t, r)));
    let written = templates.filter_map(|(template, reference)| {
        entry(reference, json!("template"), Some(template.variable()))
    });
    delivered.chain(written).collect()
}

fn redacted(word: &OsString, patterns: &Arc<Patterns>) -> OsString {
    let mut filter = Filter::new(Arc::clone(patterns));
    let mut clean = Vec::with_capacity(word.len());
    filter.push(word.as_encoded_bytes(), false, &mut clean);
    filter.finish(&mut clean);
    OsString::from_vec(clean)
}
