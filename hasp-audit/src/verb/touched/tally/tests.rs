//! Tallies: what is counted, and how it reads.
#![allow(clippy::unwrap_used)]

use super::*;

fn tally(lines: &[&str]) -> Tally {
    let mut tally = Tally::default();
    for line in lines {
        tally.take(&Naming::read(line.as_bytes()).unwrap(), line.as_bytes());
    }
    tally
}

const START: &str = r#"{"n":4,"t":"2026-11-27T14:02:11Z","event":"exec.start",
    "argv":["/usr/bin/make","deploy"],"asker":[{"pid":9,"exe":"/x/hasp-exec"},{"pid":8,
    "exe":"/bin/bash"},{"pid":7,"exe":"/opt/claude"}]}"#;
const DENY: &str =
    r#"{"n":9,"t":"2026-11-27T15:00:00Z","event":"exec.deny","code":"spent","count":3}"#;

#[test]
fn a_sentence_counts_and_tells_of_the_last() {
    let told = tally(&[START, START, DENY]).sentence();
    assert!(told.starts_with("2 runs, 3 refused; last 2026-11-27 "), "{told}");
    assert!(told.ends_with(" by make deploy, asked by claude"), "{told}");
    let refused = tally(&[DENY]).sentence();
    assert!(refused.starts_with("never released, 3 refused; last refused "), "{refused}");
    assert!(refused.ends_with(" [spent]"), "{refused}");
    assert_eq!(Tally::default().sentence(), "never released");
    let shown = tally(&[r#"{"n":1,"t":"2026-11-27T14:02:11Z","event":"vault.reveal"}"#]);
    assert!(shown.sentence().starts_with("1 time shown; last "), "{}", shown.sentence());
}

#[test]
fn tallies_of_segments_are_added() {
    let mut first = tally(&[START]);
    first.add(tally(&[DENY]));
    first.add(Tally::default());
    assert_eq!((first.runs, first.refused, first.is_released()), (1, 3, true));
    assert_eq!(first.last().unwrap().0.n(), 4);
    let object = first.object("a", Some(2));
    assert_eq!((&object["last"]["asker"], &object["last"]["pid"]), (&"claude".into(), &7.into()));
}

#[test]
fn nothing_hostile_is_shown() {
    let line = r#"{"n":4,"t":"2026-11-27T14:02:11Z","event":"exec.start",
        "argv":["/x/a\u001b[2J","b"],"asker":[{"pid":7,"exe":"/opt/\u202ex"}]}"#;
    let told = tally(&[line]).sentence();
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
}
