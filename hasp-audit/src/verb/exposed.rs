//! `exposed`: after an incident, exactly the secret versions that were let out, to be rotated. What
//! is held is what is printed, not the releases: there may be ten million of them.

use std::collections::HashSet;
use std::path::Path;

use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, Timestamp};
use serde_json::json;

use crate::query;
use crate::query::filter::Filter;
use crate::record::kind::EventKind;
use crate::record::release::{Naming, Versions};
use crate::record::{Record, term};
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

    fn filter(&self, event: EventKind, asker: Option<&String>) -> Filter {
        let event = term::event(event.name());
        let terms = [Some(event), self.consumer.clone(), asker.cloned()];
        Filter { terms: terms.into_iter().flatten().collect(), ..self.times() }
    }

    fn times(&self) -> Filter {
        Filter { since: self.since, until: self.until, ..Filter::default() }
    }
}

/// Prints `NAME@N` of every version that was released, sorted.
pub(crate) fn run(cx: &mut Context, place: &Place, wanted: &Wanted) -> Result<Exit> {
    let log = place.packed_log(cx)?;
    let failed = never_ran(log.path(), wanted.since)?;
    let mut released = Versions::default();
    for event in EventKind::ALL.iter().copied().filter(|kind| kind.releases()) {
        released.extend(of_event(log.path(), wanted, event, &failed)?);
    }
    for version in released.into_uses() {
        match cx.out.json {
            true => cx
                .out
                .object(&json!({"v": 1, "secret": version.name, "version": version.version}))?,
            false => cx.out.line(&version.to_string())?,
        }
    }
    Ok(Exit::OK)
}

/// The starts that led to no child and so released nothing, by number. The end of a run may be
/// later than the time that was asked for, and does not name its consumer.
pub(crate) fn never_ran(dir: &Path, since: Option<Timestamp>) -> Result<HashSet<u64>> {
    let filter = Filter { since, ..Filter::term(term::failed()) };
    let mut failed = HashSet::new();
    let step = |starts: &mut Vec<u64>, line: &[u8]| {
        let end = Record::parse(line).filter(|r| filter.admits(r) && !r.is_plumbing());
        starts.extend(end.and_then(|r| r.object["start"].as_u64()));
    };
    query::fold(dir, &filter, step, |starts| failed.extend(starts))?;
    Ok(failed)
}

/// What was found in one segment.
#[derive(Default)]
struct Found {
    versions: Versions,
    /// Records whose rest stands in others.
    split: Vec<u64>,
}

fn of_event(
    dir: &Path,
    wanted: &Wanted,
    event: EventKind,
    failed: &HashSet<u64>,
) -> Result<Versions> {
    let filter = wanted.filter(event, wanted.asker.as_ref());
    let simple = filter.terms.len() == 1;
    let step = |found: &mut Found, line: &[u8]| {
        let Some(naming) = Naming::read(line).filter(|n| n.release() == Some(event)) else {
            return;
        };
        // A term is looked up by a hash; that of the event was compared just now.
        if !simple && Record::parse(line).is_none_or(|record| !filter.admits(&record)) {
            return;
        }
        if wanted.asker.is_some() && naming.is_split() {
            found.split.push(naming.whole());
        } else if !failed.contains(&naming.whole()) {
            naming.uses().for_each(|(name, version)| found.versions.insert(name, version));
        }
    };
    let (mut versions, mut split) = (Versions::default(), HashSet::new());
    query::fold(dir, &filter, step, |found| {
        versions.extend(found.versions);
        split.extend(found.split);
    })?;
    split.retain(|start| !failed.contains(start));
    if !split.is_empty() {
        versions.extend(of_split(dir, wanted, event, &split)?);
    }
    Ok(versions)
}

/// Who asked and what was released may stand in two records where one was too long: those of these
/// numbers, whoever asked.
fn of_split(
    dir: &Path,
    wanted: &Wanted,
    event: EventKind,
    split: &HashSet<u64>,
) -> Result<Versions> {
    let mut versions = Versions::default();
    let step = |found: &mut Versions, line: &[u8]| {
        let naming = Naming::read(line).filter(|n| split.contains(&n.whole()));
        let naming = naming.filter(|n| n.release() == Some(event));
        naming.iter().flat_map(Naming::uses).for_each(|(name, n)| found.insert(name, n));
    };
    let mut filter = wanted.filter(event, None);
    filter.terms.push(term::split());
    query::fold(dir, &filter, step, |found| versions.extend(found))?;
    Ok(versions)
}
