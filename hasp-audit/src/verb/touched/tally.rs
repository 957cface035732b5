//! What was done with one version of a secret, counted, and the last of it as it stands on record.

use std::path::Path;

use hasp_core::text::{printable, shell_words};
use serde_json::{Value, json};

use crate::record::Record;
use crate::record::asker::{self, Asker};
use crate::record::kind::EventKind;
use crate::record::release::Naming;

/// How many characters of a command line a sentence shows.
const MOST: usize = 60;

/// Releases and refusals of one version.
#[derive(Debug, Default)]
pub(super) struct Tally {
    runs: u64,
    shown: u64,
    exported: u64,
    programs: u64,
    refused: u64,
    /// The last release, and the last refusal: number and line.
    released: Option<(u64, Vec<u8>)>,
    denied: Option<(u64, Vec<u8>)>,
}

impl Tally {
    /// Takes in a record that names the version.
    pub(super) fn take(&mut self, naming: &Naming, line: &[u8]) {
        match naming.release() {
            Some(EventKind::ExecStart) => self.runs += 1,
            Some(EventKind::VaultReveal) => self.shown += 1,
            Some(EventKind::VaultExport) => self.exported += 1,
            Some(_) => self.programs += 1,
            None => self.refused += naming.refusals(),
        }
        let last = if naming.release().is_some() { &mut self.released } else { &mut self.denied };
        let (n, kept) = last.get_or_insert_with(Default::default);
        *n = naming.whole();
        kept.clear();
        kept.extend_from_slice(line);
    }

    /// Takes in what stands in later records.
    pub(super) fn add(&mut self, later: Tally) {
        self.runs += later.runs;
        self.shown += later.shown;
        self.exported += later.exported;
        self.programs += later.programs;
        self.refused += later.refused;
        let newer = |one: Option<(u64, Vec<u8>)>, other: Option<(u64, Vec<u8>)>| {
            one.into_iter().chain(other).max_by_key(|(n, _)| *n)
        };
        self.released = newer(self.released.take(), later.released);
        self.denied = newer(self.denied.take(), later.denied);
    }

    /// Whether it was let out at all.
    pub(super) fn is_released(&self) -> bool {
        self.released.is_some()
    }

    /// `2 runs, 1 refused; last 2026-11-27 14:02:11Z by make deploy, asked by claude`.
    pub(super) fn sentence(&self) -> String {
        let counted = |n: u64, one: &str, more: &str| match n {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{n} {more}")),
        };
        let mut counts: Vec<String> = [
            counted(self.runs, "run", "runs"),
            counted(self.shown, "time shown", "times shown"),
            counted(self.exported, "time exported", "times exported"),
            counted(self.programs, "rotation program", "rotation programs"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if counts.is_empty() {
            counts.push("never released".to_owned());
        }
        counts.extend((self.refused > 0).then(|| format!("{} refused", self.refused)));
        let counts = counts.join(", ");
        match self.last() {
            Some(last) => format!("{counts}; {}", last.sentence(self.is_released())),
            None => counts,
        }
    }

    /// The same for programs.
    pub(super) fn object(&self, name: &str, version: Option<u64>) -> Value {
        json!({
            "v": 1, "secret": name, "version": version, "released": self.is_released(),
            "runs": self.runs, "shown": self.shown, "exported": self.exported,
            "programs": self.programs, "refused": self.refused,
            "last": self.last().map(|last| last.object()),
        })
    }

    /// The last release; the last refusal if there is none.
    fn last(&self) -> Option<Last> {
        let (_, line) = self.released.as_ref().or(self.denied.as_ref())?;
        Record::parse(line).map(Last)
    }
}

/// The record that a sentence ends with.
struct Last(Record);

impl Last {
    fn sentence(&self, released: bool) -> String {
        let when = self.0.time().local();
        let by = self.by().map(|by| format!(" by {by}")).unwrap_or_default();
        let asked = self.asker().map(|asker| format!(", asked by {}", named(&asker)));
        let (word, code) = match released {
            true => ("last", String::new()),
            false => ("last refused", format!(" [{}]", printable(self.0.text("code").as_bytes()))),
        };
        format!("{word} {when}{by}{code}{}", asked.unwrap_or_default())
    }

    /// The command line, its program without the directory.
    fn by(&self) -> Option<String> {
        let argv = self.0.object["argv"].as_array();
        let mut words: Vec<&str> = argv.into_iter().flatten().filter_map(Value::as_str).collect();
        if words.is_empty() {
            words.extend(Some(self.0.text("program")).filter(|program| !program.is_empty()));
        }
        let first = words.first_mut()?;
        *first = Path::new(*first).file_name().and_then(|name| name.to_str()).unwrap_or(first);
        let line = shell_words(words.into_iter().map(std::ffi::OsStr::new));
        match line.char_indices().nth(MOST) {
            Some((end, _)) => Some(format!("{} ..", &line[..end])),
            None => Some(line),
        }
    }

    fn asker(&self) -> Option<Asker<'_>> {
        asker::told(self.0.askers()).into_iter().next()
    }

    fn object(&self) -> Value {
        let asker = self.asker();
        let field = |name: &str| self.0.object[name].clone();
        json!({
            "n": self.0.whole(), "t": field("t"), "event": field("event"), "argv": field("argv"),
            "code": field("code"), "grant": field("grant"),
            "asker": asker.map(|a| named(&a)), "pid": asker.and_then(|a| a.pid),
        })
    }
}

/// What a process is called; its number where it has no name.
fn named(asker: &Asker) -> String {
    match (asker.name(), asker.pid) {
        ("", Some(pid)) => format!("pid {pid}"),
        (name, _) => printable(name.as_bytes()),
    }
}

#[cfg(test)]
mod tests;
