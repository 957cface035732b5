//! The verdict on a log from what was found in its segments: the earliest fault counts, and nothing
//! that is missing is ever called whole.

use hasp_core::Timestamp;
use serde_json::Value;

use hasp_core::LogId;

use crate::code;
use crate::prune::Pruned;
use crate::record::chain::MacBytes;
use crate::record::head::{Head, SignedHead};
use crate::segment::state::State;
use crate::verify::grants;
use crate::verify::part::{Part, Shape, step_back};
use crate::verify::report::{Against, Fault, Report};

/// The most places that are named where the clock was set back.
const MOST_STEPS: usize = 5;

/// All that the verdict rests on.
pub struct Facts<'a> {
    /// Which log.
    pub id: &'a LogId,
    /// Its segments in order.
    pub parts: &'a [Part],
    /// The key state, or what is wrong with it.
    pub state: &'a Result<State, String>,
    /// The checkpoint, or what is wrong with it.
    pub checkpoint: &'a Option<Result<SignedHead, String>>,
    /// How far it was pruned, as is proved.
    pub pruned: Option<Pruned>,
    /// What it is verified against.
    pub against: &'a Against<'a>,
}

/// Judges.
pub fn judge(facts: &Facts) -> Report {
    let mut walk = Walk::from(facts);
    let (since, before) = (walk.next, walk.prev);
    let fault = walk.parts(facts).err();
    let fault = fault.or_else(|| against_pruned(facts).err());
    let fault = fault.or_else(|| against_state(facts, &walk).err());
    let fault = fault.or_else(|| against_heads(facts, &mut walk).err());
    let fault = fault.or_else(|| {
        walk.losses.first().map(|(n, text)| Fault {
            code: code::LOSS_ACCEPTED,
            n: *n,
            message: text.clone(),
        })
    });
    walk.clock(facts.parts);
    let told = facts.parts.iter().flat_map(|part| &part.facts).filter(|fact| fact.n < walk.next);
    let ungranted = grants::ungranted(told, since > 0 || !walk.losses.is_empty());
    let (records, mac, notes) = (walk.next, walk.prev, walk.notes);
    Report { since, before, records, mac, fault, ungranted, notes }
}

/// The chain from its first record on, as far as it is good.
struct Walk {
    next: u64,
    prev: MacBytes,
    segment: u32,
    notes: Vec<String>,
    losses: Vec<(Option<u64>, String)>,
}

impl Walk {
    /// At the first record; at that of the oldest segment there is, if all before it was pruned.
    fn from(facts: &Facts) -> Walk {
        let oldest = facts.parts.first().filter(|part| part.count > 0 && part.first > 0);
        let pruned = facts.pruned.is_some_and(|p| oldest.is_some_and(|o| o.first <= p.count));
        let (next, prev, segment) = match oldest.filter(|_| pruned) {
            Some(part) => (part.first, part.before, part.segment),
            None => (0, [0; 32], 1),
        };
        Walk { next, prev, segment, notes: Vec::new(), losses: Vec::new() }
    }

    fn parts(&mut self, facts: &Facts) -> Result<(), Fault> {
        for (at, part) in facts.parts.iter().enumerate() {
            let last = at + 1 == facts.parts.len();
            if part.count == 0 && part.bad.is_none() && last {
                // Made for the next record, which was never written.
                continue;
            }
            self.joins(part)?;
            if part.count > 0 {
                (self.next, self.prev) = (part.next(), part.last);
            }
            self.segment = part.segment + 1;
            part.own.iter().for_each(|(n, line)| self.own(*n, line));
            self.ends_well(part, last, facts)?;
        }
        Ok(())
    }

    /// Notes where the clock was set back; the order of records is that of their numbers.
    fn clock(&mut self, parts: &[Part]) {
        let mut back: Vec<(u64, Timestamp, Timestamp)> = Vec::new();
        let mut last: Option<&[u8]> = None;
        for part in parts {
            let Some((first, end)) = &part.times else { continue };
            let step = last.and_then(|before| step_back(before, first));
            back.extend(step.map(|(before, now)| (part.first, before, now)));
            back.extend(&part.back);
            last = Some(end);
        }
        let note = |(n, before, now): &(u64, Timestamp, Timestamp)| {
            format!("the clock was set back: record {n} is dated {now}, the one before it {before}")
        };
        self.notes.extend(back.iter().take(MOST_STEPS).map(note));
        if let Some(more) = back.len().checked_sub(MOST_STEPS).filter(|more| *more > 0) {
            self.notes.push(format!("the clock was set back {more} more times"));
        }
    }

    /// Whether a segment follows the one before.
    fn joins(&self, part: &Part) -> Result<(), Fault> {
        let number = (part.segment == self.segment) || self.accepted(part).is_some();
        if !number {
            let message =
                format!("segment {} is missing, and record {} with it", self.segment, self.next);
            return Err(tampered(self.next, message));
        }
        if part.count == 0 {
            return Ok(());
        }
        if part.first != self.next && self.accepted(part).is_none() {
            let message = format!(
                "record {} is missing: segment {} begins with {}",
                self.next, part.segment, part.first
            );
            return Err(tampered(self.next, message));
        }
        if part.first == self.next && part.before != self.prev {
            return Err(tampered(
                self.next,
                format!("record {} does not follow the record before it", self.next),
            ));
        }
        Ok(())
    }

    /// The record that a segment begins with, if that is the acceptance of what is missing before
    /// it.
    fn accepted(&self, part: &Part) -> Option<u64> {
        let (n, line) = part.own.first()?;
        let loss = Loss::read(line).filter(|_| *n == part.first)?;
        (loss.first == self.next && loss.last + 1 == *n).then_some(*n)
    }

    fn own(&mut self, n: u64, line: &[u8]) {
        let record: Value = serde_json::from_slice(line).unwrap_or_default();
        let time = record["t"].as_str().unwrap_or_default();
        match record["event"].as_str().unwrap_or_default() {
            "audit.loss" if record["log"].is_string() => {
                let log = record["log"].as_str().unwrap_or_default();
                let text = format!(
                    "the record before this one, {log}, was lost, which was accepted at \
                             {time} (record {n})"
                );
                self.losses.push((None, text));
            }
            "audit.loss" => {
                let (first, last) =
                    (record["first"].as_u64(), record["last"].as_u64().unwrap_or_default());
                let text = format!(
                    "records {} to {last} were lost, which was accepted at {time} \
                                    (record {n})",
                    first.unwrap_or_default()
                );
                self.losses.push((first, text));
            }
            "audit.checkpoint" => self.notes.push(format!(
                "a checkpoint was set aside at {time} (record {n}), since {}; what was cut off \
                 before that only a head kept elsewhere can show",
                record["why"].as_str().unwrap_or_default()
            )),
            "audit.torn" => {
                self.notes.push(format!(
                    "{} bytes of an append that a crash cut short were set \
                    aside at {time} (record {n})",
                    record["bytes"]
                ));
            }
            "audit.prune" => self.notes.push(format!(
                "records up to {} were removed at {time} (record {n}), as policy.toml asks",
                record["last"]
            )),
            "audit.recover" => self.notes.push(format!(
                "the key state was rebuilt at {time} \
                (record {n}); what was cut off before that only a head kept elsewhere can show"
            )),
            _ => {}
        }
    }

    /// What may stand behind the last good record: nothing, or the rest of an append that nobody
    /// was told had succeeded.
    fn ends_well(&mut self, part: &Part, last: bool, facts: &Facts) -> Result<(), Fault> {
        let Some(bad) = &part.bad else {
            return Ok(());
        };
        let promised = facts.state.as_ref().map_or(0, |s| s.n);
        if last && self.next >= promised && bad.shape != Shape::Line {
            let text = format!(
                "an append after record {} was cut short by a crash; the next one sets it aside",
                self.next.saturating_sub(1)
            );
            self.notes.push(text);
        } else if !last || bad.shape != Shape::Cut {
            return Err(tampered(
                self.next,
                format!("record {} in segment {} is bad: {}", self.next, part.segment, bad.why),
            ));
        }
        Ok(())
    }
}

/// What is left joins on to what was pruned.
fn against_pruned(facts: &Facts) -> Result<(), Fault> {
    let Some(Pruned { count, mac }) = facts.pruned else { return Ok(()) };
    let mut joined = facts.parts.iter().filter(|part| part.count > 0 && part.first == count);
    let mut held = facts.parts.iter().flat_map(|p| &p.marks).filter(|(n, ..)| n + 1 == count);
    if joined.all(|part| part.before == mac) && held.all(|(_, held, _)| *held == mac) {
        return Ok(());
    }
    Err(tampered(count, format!("record {count} does not follow the ones that were pruned")))
}

fn against_state(facts: &Facts, walk: &Walk) -> Result<(), Fault> {
    let state = match facts.state {
        Ok(state) => state,
        Err(why) => {
            return Err(Fault {
                code: code::KEY_STATE,
                n: None,
                message: format!("{why}: it cannot be told whether the end is missing"),
            });
        }
    };
    if walk.next < state.n {
        return Err(tail(walk.next, state.n, "its key state"));
    }
    let found = facts.parts.iter().flat_map(|p| &p.marks).find(|(n, ..)| n + 1 == state.n);
    let fits = found.is_some_and(|(_, mac, key)| *mac == state.prev && *key == state.key);
    if fits {
        return Ok(());
    }
    Err(Fault {
        code: code::KEY_STATE,
        n: Some(state.n),
        message: format!("the key state does not belong to record {} of this record", state.n),
    })
}

fn against_heads(facts: &Facts, walk: &mut Walk) -> Result<(), Fault> {
    match facts.checkpoint {
        None => walk
            .notes
            .push("there is no checkpoint yet: the next unlock of the vault makes one".into()),
        Some(Err(why)) => {
            return Err(Fault { code: code::HEAD_FORGED, n: None, message: why.clone() });
        }
        Some(Ok(signed)) => {
            if facts.against.public.is_some_and(|public| signed.verify(public).is_err()) {
                let message =
                    "the checkpoint beside the record was not signed by this vault's key".into();
                return Err(Fault { code: code::HEAD_FORGED, n: None, message });
            }
            against_head(facts, walk, &signed.head, "the checkpoint of the last unlock")?;
        }
    }
    facts.against.expect.map_or(Ok(()), |head| against_head(facts, walk, head, "the expected head"))
}

fn against_head(facts: &Facts, walk: &mut Walk, head: &Head, what: &str) -> Result<(), Fault> {
    if head.log != *facts.id {
        return Err(Fault {
            code: code::HEAD_MISMATCH,
            n: None,
            message: format!("{what} is of another record, {}", head.log),
        });
    }
    if head.count > walk.next {
        return Err(tail(walk.next, head.count, what));
    }
    let found = facts.parts.iter().flat_map(|p| &p.marks).find(|(n, ..)| n + 1 == head.count);
    let pruned = facts.pruned.filter(|pruned| found.is_none() && head.count <= pruned.count);
    match found {
        Some((_, mac, _)) if *mac == head.mac => Ok(()),
        // Of what was pruned only the last mac is known.
        None if pruned.is_some_and(|p| p.count > head.count || p.mac == head.mac) => {
            let n = head.count - 1;
            let same = pruned.is_some_and(|p| p.count == head.count);
            walk.notes.extend((!same).then(|| {
                format!("{what} names record {n}, which was pruned: it could not be compared")
            }));
            Ok(())
        }
        // Only a loss within this log leaves a gap that the head could be in.
        _ if walk.losses.iter().any(|(first, _)| first.is_some()) && found.is_none() => Ok(()),
        _ => {
            let message = format!(
                "{what} names another record {} than the one that is there: the record was \
                 rewritten",
                head.count - 1
            );
            Err(Fault { code: code::HEAD_MISMATCH, n: Some(head.count - 1), message })
        }
    }
}

fn tampered(n: u64, message: String) -> Fault {
    Fault { code: code::TAMPERED, n: Some(n), message }
}

fn tail(n: u64, count: u64, what: &str) -> Fault {
    let message = format!(
        "the end is missing: record {n} and what followed; {what} says that there were {count}"
    );
    Fault { code: code::TAIL_MISSING, n: Some(n), message }
}

/// An `audit.loss` record.
struct Loss {
    first: u64,
    last: u64,
}

impl Loss {
    fn read(line: &[u8]) -> Option<Loss> {
        let record: Value = serde_json::from_slice(line).ok()?;
        let loss = record["event"] == "audit.loss";
        loss.then(|| {
            Some(Loss { first: record["first"].as_u64()?, last: record["last"].as_u64()? })
        })?
    }
}
