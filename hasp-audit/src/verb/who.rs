//! `who`: where one very value went. It is known by its keyed fingerprint alone: fingerprint, then
//! version, then records.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};

use crate::code;
use crate::query::filter::Filter;
use crate::query::{self, By};
use crate::record::{Record, Use, term};
use crate::verb::keys;
use crate::verb::log;
use crate::verb::place::Place;
use crate::verb::render::Render;

/// Prints every record of the versions that held this value: 1 if it was never stored here.
pub fn run(cx: &mut Context, place: &Place, from: &OsStr, asker: Option<&str>) -> Result<Exit> {
    let asker = asker.map(log::asker).transpose()?;
    let earlier = (!place.is_current()?).then_some(&place.id);
    let fp = keys::fingerprint(from, earlier, cx)?;
    let log = place.packed_log(cx)?;
    let Versions { whole, part } = versions(log.path(), &fp)?;
    if whole.is_empty() && part.is_empty() {
        return Err(Error::new(Kind::No, code::VALUE_UNKNOWN, "no record knows this value")
            .hint("mind the end of it: one trailing newline is dropped, anything else counts"));
    }
    let mut found = Vec::new();
    for version in whole.union(&part) {
        let named = term::version(&version.to_string());
        found.extend(passed(log.path(), named, asker.as_deref())?);
    }
    found.sort_by_key(Record::n);
    found.dedup_by_key(|r| r.n());
    for (word, versions) in [("was", &whole), ("is a part of", &part)] {
        if !versions.is_empty() {
            cx.out.note(&format!("this value {word} {}", list(versions)));
        }
    }
    let mut render = Render::new(cx, log.path());
    found.iter().try_for_each(|record| render.print(cx, record))?;
    render.done(cx);
    Ok(Exit::OK)
}

/// The records that name a version: all of them, or those that this program asked for. Who asked
/// and for what may stand in several records where one was too long.
fn passed(dir: &Path, named: String, asker: Option<&str>) -> Result<Vec<Record>> {
    let all = |terms: Vec<String>| {
        let (filter, mut found) = (Filter { terms, ..Filter::default() }, Vec::new());
        query::run(dir, &filter, By::Index, &mut |record| {
            found.push(record);
            Ok(())
        })?;
        Ok(found)
    };
    let Some(asker) = asker else { return all(vec![named]) };
    let mut found = all(vec![named.clone(), asker.to_owned()])?;
    let wholes: BTreeSet<u64> =
        all(vec![asker.to_owned(), term::split()])?.iter().map(Record::whole).collect();
    if !wholes.is_empty() {
        let parts = all(vec![named, term::split()])?;
        found.extend(parts.into_iter().filter(|record| wholes.contains(&record.whole())));
    }
    Ok(found)
}

/// Versions of secrets that a value is.
#[derive(Default)]
struct Versions {
    /// All of it.
    whole: BTreeSet<Use>,
    /// Part of it, such as the password of a URL.
    part: BTreeSet<Use>,
}

/// The versions that records say had this fingerprint, or have a part that had.
fn versions(dir: &Path, fp: &str) -> Result<Versions> {
    let mut versions = Versions::default();
    query::run(dir, &Filter::term(term::fingerprint(fp)), By::Index, &mut |record| {
        versions.whole.extend(record.uses_of(fp));
        versions.part.extend(record.uses_of_part(fp));
        Ok(())
    })?;
    Ok(versions)
}

fn list(versions: &BTreeSet<Use>) -> String {
    let shown: Vec<String> = versions.iter().map(Use::to_string).collect();
    shown.join(", ")
}
