//! Starts against what was granted: the chain says that no record was changed, and not that what
//! they tell could have happened. A ledger that was put back lets a spent grant start again; the
//! record has both starts.

use std::collections::HashMap;

use hasp_core::Timestamp;
use memchr::memmem;

use crate::record::Record;
use crate::record::kind::EventKind;

/// How long a start may be on record behind what ended its grant: it was under way. No lock is
/// waited for as long.
const UNDER_WAY: std::time::Duration = std::time::Duration::from_secs(60);

/// A longer chain of narrowed grants than any tool makes.
const MAX_CHAIN: usize = 16;

/// What a record says of one grant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fact {
    /// The number of the record.
    pub(crate) n: u64,
    grant: String,
    time: Timestamp,
    what: What,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Mint { uses: Option<u64>, until: Option<Timestamp>, parent: Option<String> },
    Start,
    End,
}

/// A start that its grant did not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ungranted {
    /// The number of the start.
    pub n: u64,
    /// In words, with the number of the record that it contradicts.
    pub message: String,
}

impl Fact {
    /// What a line says, if it is about a grant and hasp itself wrote it.
    pub(crate) fn read(line: &[u8]) -> Option<Fact> {
        // Most lines are passed over without being parsed.
        let event = event(line)?;
        let kinds = [
            EventKind::GrantMint,
            EventKind::GrantNarrow,
            EventKind::GrantRevoke,
            EventKind::GrantSweep,
            EventKind::ExecStart,
        ];
        let kind = kinds.into_iter().find(|kind| event == kind.name().as_bytes())?;
        let record = Record::parse(line).filter(|record| !record.is_plumbing())?;
        let what = match kind {
            EventKind::ExecStart => What::Start,
            EventKind::GrantMint | EventKind::GrantNarrow => What::Mint {
                uses: record.object["uses"].as_u64(),
                until: record.object["exp"].as_str().and_then(|exp| exp.parse().ok()),
                parent: record.object["parent"].as_str().map(str::to_owned),
            },
            _ => What::End,
        };
        let grant = record.object["grant"].as_str().filter(|id| !id.is_empty())?.to_owned();
        Some(Fact { n: record.n(), grant, time: record.time(), what })
    }
}

/// The name of the event of a line: what stands behind its number and time.
fn event(line: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"\",\"event\":\"";
    let at = memmem::find(line.get(..80.min(line.len()))?, KEY)? + KEY.len();
    let rest = &line[at..];
    rest.get(..memchr::memchr(b'"', rest)?)
}

/// What is known of a grant on the way through the record.
#[derive(Default)]
struct Grant<'a> {
    /// The grant that it was narrowed from.
    parent: Option<&'a str>,
    mint: Option<(u64, Option<u64>, Option<Timestamp>)>,
    starts: u64,
    last: u64,
    end: Option<(u64, Timestamp)>,
}

/// The starts that contradict what stands before them; `gaps`: records are missing, so that a grant
/// may have been made in one of them.
pub(crate) fn ungranted<'a>(facts: impl Iterator<Item = &'a Fact>, gaps: bool) -> Vec<Ungranted> {
    let mut grants: HashMap<&str, Grant<'_>> = HashMap::new();
    let mut found = Vec::new();
    for fact in facts {
        let grant = grants.entry(&fact.grant).or_default();
        match &fact.what {
            What::Mint { uses, until, parent } => {
                grant.mint = Some((fact.n, *uses, *until));
                grant.parent = parent.as_deref();
            }
            What::End => grant.end = grant.end.or(Some((fact.n, fact.time))),
            What::Start => {
                let why = start(&mut grants, fact, gaps);
                found.extend(why.map(|message| Ungranted { n: fact.n, message }));
            }
        }
    }
    found
}

/// A start of a grant is one of each that it was narrowed from.
fn start<'a>(
    grants: &mut HashMap<&'a str, Grant<'a>>,
    fact: &'a Fact,
    gaps: bool,
) -> Option<String> {
    let (mut next, mut why) = (Some(fact.grant.as_str()), None);
    // A chain is as long as the tools make it; one that somebody wrote could lead in a circle.
    for _ in 0..MAX_CHAIN {
        let Some(grant) = next.map(|id| grants.entry(id).or_default()) else { break };
        why = why.or(grant.refuses(fact, gaps));
        (grant.starts, grant.last) = (grant.starts + 1, fact.n);
        next = grant.parent;
    }
    why
}

impl Grant<'_> {
    fn refuses(&self, fact: &Fact, gaps: bool) -> Option<String> {
        let (n, late) = (fact.n, |end: Timestamp| fact.time > end.after(UNDER_WAY));
        let Some((mint, uses, until)) = self.mint else {
            return (!gaps).then(|| format!("record {n} starts a grant that no record made"));
        };
        if uses.is_some_and(|uses| self.starts >= uses) {
            let (last, uses) = (self.last, uses.unwrap_or_default());
            return Some(format!(
                "record {n} starts a grant of {uses} use(s), made by record {mint}, that was spent \
                 by record {last}"
            ));
        }
        if let Some((end, _)) = self.end.filter(|(_, at)| late(*at)) {
            return Some(format!("record {n} starts a grant that record {end} ended"));
        }
        let until = until.filter(|until| late(*until))?;
        Some(format!("record {n} starts a grant, made by record {mint}, that ended at {until}"))
    }
}

/// For tests of the whole, as JSON: the fact of a record.
#[cfg(test)]
fn fact(n: u64, second: i64, object: serde_json::Value) -> Fact {
    let mut line = format!("{{\"v\":1,\"n\":{n},\"t\":\"{}\",", Timestamp::from_second(second));
    line.push_str(object.to_string().trim_start_matches('{'));
    Fact::read(line.as_bytes()).expect("a fact")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mint(n: u64, uses: Option<u64>, until: i64) -> Fact {
        let exp = Timestamp::from_second(until).to_string();
        fact(n, 0, json!({"event": "grant.mint", "grant": "g", "uses": uses, "exp": exp}))
    }

    fn start(n: u64, second: i64) -> Fact {
        fact(n, second, json!({"event": "exec.start", "grant": "g"}))
    }

    fn numbers(facts: &[Fact], gaps: bool) -> Vec<u64> {
        ungranted(facts.iter(), gaps).iter().map(|u| u.n).collect()
    }

    #[test]
    fn more_starts_than_uses() {
        let facts = [mint(1, Some(2), 900), start(2, 1), start(3, 1), start(4, 1)];
        assert_eq!(numbers(&facts, false), [4]);
        let message = &ungranted(facts.iter(), false)[0].message;
        assert!(message.contains("record 4") && message.contains("record 3"), "{message}");
        assert!(numbers(&[mint(1, None, 900), start(2, 1), start(3, 1)], false).is_empty());
    }

    #[test]
    fn a_start_behind_the_end_of_its_grant() {
        for end in ["grant.revoke", "grant.sweep"] {
            let end = fact(3, 10, json!({"event": end, "grant": "g", "why": "expired"}));
            let of = |second| [mint(1, None, 900), start(2, 1), end.clone(), start(4, second)];
            assert_eq!(
                (numbers(&of(20), false), numbers(&of(80), false)),
                (Vec::<u64>::new(), vec![4])
            );
        }
        assert!(numbers(&[mint(1, None, 100), start(2, 150)], false).is_empty());
        assert_eq!(numbers(&[mint(1, None, 100), start(2, 161)], false), [2]);
    }

    #[test]
    fn a_start_of_what_was_narrowed_is_one_of_what_it_was_narrowed_from() {
        let narrowed = |n: u64, grant: &str, uses: Option<u64>| {
            let exp = Timestamp::from_second(900).to_string();
            let what = json!({"event": "grant.narrow", "grant": grant, "parent": "g",
                "uses": uses, "exp": exp});
            fact(n, 0, what)
        };
        let of = |n: u64, grant: &str| fact(n, 1, json!({"event": "exec.start", "grant": grant}));
        let both = [mint(1, Some(1), 900), narrowed(2, "c", Some(1)), of(3, "c"), start(4, 1)];
        assert_eq!(numbers(&both, false), [4]);
        let two = [mint(1, Some(2), 900), narrowed(2, "c", Some(1)), of(3, "c"), start(4, 1)];
        assert!(numbers(&two, false).is_empty());
        let more = [mint(1, None, 900), narrowed(2, "c", Some(1)), of(3, "c"), of(4, "c")];
        assert_eq!(numbers(&more, false), [4]);
    }

    #[test]
    fn a_start_without_a_mint_unless_records_are_missing() {
        assert_eq!(numbers(&[start(2, 1)], false), [2]);
        assert!(numbers(&[start(2, 1)], true).is_empty());
    }

    #[test]
    fn what_came_through_the_plumbing_is_no_fact() {
        let line = br#"{"v":1,"n":2,"t":"x","event":"exec.start","grant":"g","via":"append"}"#;
        assert_eq!(Fact::read(line), None);
        assert_eq!(Fact::read(br#"{"v":1,"n":2,"t":"x","event":"exec.end","grant":"g"}"#), None);
    }
}
