//! `exposed`: after an incident, exactly the secret versions that were let out, to be rotated.

use std::collections::{BTreeMap, BTreeSet};

use hasp_core::Result;
use hasp_core::tool::{Context, Exit};
use serde_json::json;

use crate::query::filter::Filter;
use crate::query::{self, By};
use crate::record::kind;
use crate::record::{Record, Use, term};
use crate::verb::place::{Place, moment};

/// Prints `NAME@N` of every version that was released, sorted.
pub fn run(
    cx: &mut Context,
    place: &Place,
    since: Option<&str>,
    until: Option<&str>,
    consumer: Option<&str>,
) -> Result<Exit> {
    let log = place.packed_log(cx)?;
    let (since, until) = (moment(since, cx.now)?, moment(until, cx.now)?);
    let mut found = Released::default();
    for family in ["exec", "vault"] {
        let terms = [Some(term::event(family)), consumer.map(term::consumer)]
            .into_iter()
            .flatten()
            .collect();
        query::run(log.path(), &Filter { terms, since, until }, By::Index, &mut |record| {
            found.take(&record);
            Ok(())
        })?;
    }
    // The end of a run may be later than the time that was asked for, and does not name its
    // consumer.
    let ends = Filter { terms: vec![term::event("exec.end")], since, until: None };
    query::run(log.path(), &ends, By::Index, &mut |record| {
        found.end(&record);
        Ok(())
    })?;
    for version in found.all() {
        match cx.out.json {
            true => cx
                .out
                .object(&json!({"v": 1, "secret": version.name, "version": version.version}))?,
            false => cx.out.line(&version.to_string())?,
        }
    }
    Ok(Exit::OK)
}

/// What was released, by the record that says so.
#[derive(Default)]
struct Released(BTreeMap<u64, BTreeSet<Use>>);

impl Released {
    fn take(&mut self, record: &Record) {
        let of = record.object["of"].as_u64();
        let start = if of.is_some() { record.text("for") } else { record.event() };
        if kind::releases(start) && !record.is_plumbing() {
            self.0.entry(of.unwrap_or(record.n())).or_default().extend(record.uses());
        }
    }

    /// A start that led to no child released nothing.
    fn end(&mut self, record: &Record) {
        if !record.text("failed").is_empty() && !record.is_plumbing() {
            record.object["start"].as_u64().map(|start| self.0.remove(&start));
        }
    }

    fn all(self) -> BTreeSet<Use> {
        self.0.into_values().flatten().collect()
    }
}
