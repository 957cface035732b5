//! `exposed`: after an incident, exactly the secret versions that were let out, to be rotated.

use std::collections::{BTreeMap, BTreeSet};

use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, Timestamp};
use serde_json::json;

use crate::query::filter::Filter;
use crate::query::{self, By};
use crate::record::kind::{self, EventKind};
use crate::record::{Record, Use, term};
use crate::verb::log;
use crate::verb::place::{Place, moment};

/// Which releases count.
pub(crate) struct Wanted {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    consumer: Option<String>,
    asker: Option<String>,
}

impl Wanted {
    /// From the words that were typed.
    ///
    /// # Errors
    /// `[bad-time]`, and `[usage]` for an asker that is none.
    pub(crate) fn read(
        since: Option<String>,
        until: Option<String>,
        consumer: Option<String>,
        asker: Option<String>,
        cx: &Context,
    ) -> Result<Wanted> {
        Ok(Wanted {
            since: moment(since.as_deref(), cx.now)?,
            until: moment(until.as_deref(), cx.now)?,
            consumer: consumer.as_deref().map(term::consumer),
            asker: asker.as_deref().map(log::asker).transpose()?,
        })
    }

    fn filter(&self, family: &str, term: Option<&String>) -> Filter {
        let terms = [term.cloned(), Some(term::event(family))].into_iter().flatten().collect();
        Filter { terms, since: self.since, until: self.until }
    }
}

/// Prints `NAME@N` of every version that was released, sorted.
pub(crate) fn run(cx: &mut Context, place: &Place, wanted: &Wanted) -> Result<Exit> {
    let log = place.packed_log(cx)?;
    let mut found = Released::default();
    for family in ["exec", "vault"] {
        let filter = wanted.filter(family, wanted.consumer.as_ref());
        query::run(log.path(), &filter, By::Index, &mut |record| {
            found.take(&record);
            Ok(())
        })?;
    }
    if let Some(asker) = &wanted.asker {
        // Who asked and what was released may stand in two records where one was too long.
        let mut asked = BTreeSet::new();
        for family in ["exec", "vault"] {
            let filter = wanted.filter(family, Some(asker));
            query::run(log.path(), &filter, By::Index, &mut |record| {
                asked.insert(start_of(&record));
                Ok(())
            })?;
        }
        found.0.retain(|start, _| asked.contains(start));
    }
    // The end of a run may be later than the time that was asked for, and does not name its
    // consumer.
    let terms = vec![term::event(EventKind::ExecEnd.name())];
    let ends = Filter { terms, since: wanted.since, until: None };
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

/// The number of the record that this one is, or is a part of.
fn start_of(record: &Record) -> u64 {
    record.object["of"].as_u64().unwrap_or(record.n())
}

/// What was released, by the record that says so.
#[derive(Default)]
struct Released(BTreeMap<u64, BTreeSet<Use>>);

impl Released {
    fn take(&mut self, record: &Record) {
        let part = record.object["of"].is_u64();
        let event = if part { record.text("for") } else { record.event() };
        if kind::releases(event) && !record.is_plumbing() {
            self.0.entry(start_of(record)).or_default().extend(record.uses());
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
