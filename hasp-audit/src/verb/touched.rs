//! `touched`: was this secret used, how often, when last, by what and at whose wish: a sentence a
//! version. The answer is no if it was never let out.

mod tally;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, VersionedName};

use crate::query;
use crate::query::filter::Filter;
use crate::record::release::Naming;
use crate::record::{Record, term};
use crate::verb::exposed::never_ran;
use crate::verb::log;
use crate::verb::place::{Place, moment};
use tally::Tally;

/// What is asked for.
pub(crate) struct Wanted {
    secret: VersionedName,
    asker: Option<String>,
    times: Filter,
}

impl Wanted {
    /// From the words that were typed.
    ///
    /// # Errors
    /// `[bad-name]`, `[bad-time]`, and `[usage]` for an asker that is none.
    pub(crate) fn read(
        name: &str,
        asker: Option<&str>,
        since: Option<&str>,
        cx: &Context,
    ) -> Result<Wanted> {
        Ok(Wanted {
            secret: name.parse()?,
            asker: asker.map(log::asker).transpose()?,
            times: Filter { since: moment(since, cx.now)?, ..Filter::default() },
        })
    }

    fn filter<const N: usize>(&self, terms: [String; N]) -> Filter {
        Filter { terms: terms.into(), ..self.times.clone() }
    }

    fn named(&self) -> String {
        let name = self.secret.name.as_str();
        match self.secret.version {
            Some(version) => term::version(&format!("{name}@{version}")),
            None => term::secret(name),
        }
    }

    /// The versions of the secret that a record names, each once.
    fn versions(&self, naming: &Naming) -> Vec<Option<u64>> {
        let own = |(name, version): (&str, Option<u64>)| {
            let asked = self.secret.version.is_none_or(|n| version == Some(u64::from(n)));
            (name == self.secret.name.as_str() && asked).then_some(version)
        };
        let mut versions: Vec<Option<u64>> = naming.uses().filter_map(own).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }
}

type Tallies = BTreeMap<Option<u64>, Tally>;

/// Says of each version what was done with it: 1 if none was let out.
pub(crate) fn run(cx: &mut Context, place: &Place, wanted: &Wanted) -> Result<Exit> {
    let log = place.packed_log(cx)?;
    let tallies = tallies(log.path(), wanted)?;
    let name = wanted.secret.name.as_str();
    let shown = |version: &Option<u64>| version.map_or(name.to_owned(), |n| format!("{name}@{n}"));
    for (version, tally) in &tallies {
        match cx.out.json {
            true => cx.out.object(&tally.object(name, *version))?,
            false => cx.out.line(&format!("{}: {}", shown(version), tally.sentence()))?,
        }
    }
    if tallies.is_empty() {
        let asked = shown(&wanted.secret.version.map(u64::from));
        match cx.out.json {
            true => cx
                .out
                .object(&Tally::default().object(name, wanted.secret.version.map(u64::from)))?,
            false => cx.out.line(&format!("{asked}: {}", Tally::default().sentence()))?,
        }
        cx.out.note(&format!("no record answers that names {asked}: see hasp-vault list"));
    }
    let released = tallies.values().any(Tally::is_released);
    Ok(if released { Exit::OK } else { Exit::NO })
}

fn tallies(dir: &Path, wanted: &Wanted) -> Result<Tallies> {
    let failed = never_ran(dir, wanted.times.since)?;
    let counts = |naming: &Naming| {
        let released = naming.release().is_some() && !failed.contains(&naming.whole());
        released || naming.refusals() > 0
    };
    let asked = wanted.asker.is_some();
    let filter = match &wanted.asker {
        Some(asker) => wanted.filter([wanted.named(), asker.clone()]),
        None => wanted.filter([wanted.named()]),
    };
    let step = |tallies: &mut Tallies, line: &[u8]| {
        let naming = Naming::read(line).filter(|n| counts(n) && !(asked && n.is_split()));
        let Some(naming) = naming else { return };
        if asked && Record::parse(line).is_none_or(|record| !filter.admits(&record)) {
            return;
        }
        for version in wanted.versions(&naming) {
            tallies.entry(version).or_default().take(&naming, line);
        }
    };
    let mut tallies = Tallies::new();
    query::fold(dir, &filter, step, |found| merge(&mut tallies, found))?;
    if let Some(asker) = &wanted.asker {
        let wholes = split_askers(dir, wanted, asker)?;
        let step = |tallies: &mut Tallies, line: &[u8]| {
            let naming = Naming::read(line).filter(|n| counts(n) && wholes.contains(&n.whole()));
            let Some(naming) = naming else { return };
            for version in wanted.versions(&naming) {
                tallies.entry(version).or_default().take(&naming, line);
            }
        };
        if !wholes.is_empty() {
            let filter = wanted.filter([wanted.named(), term::split()]);
            query::fold(dir, &filter, step, |found| merge(&mut tallies, found))?;
        }
    }
    Ok(tallies)
}

fn merge(tallies: &mut Tallies, found: Tallies) {
    for (version, tally) in found {
        tallies.entry(version).or_default().add(tally);
    }
}

/// The records that did not fit into one and that this program asked for, by number.
fn split_askers(dir: &Path, wanted: &Wanted, asker: &str) -> Result<HashSet<u64>> {
    let filter = wanted.filter([asker.to_owned(), term::split()]);
    let step = |wholes: &mut Vec<u64>, line: &[u8]| {
        let record = Record::parse(line).filter(|record| filter.admits(record));
        wholes.extend(record.map(|record| record.whole()));
    };
    let mut wholes = HashSet::new();
    query::fold(dir, &filter, step, |found| wholes.extend(found))?;
    Ok(wholes)
}
