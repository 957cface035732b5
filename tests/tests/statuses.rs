//! Promise: every exit status that a manual page names can be had, and is what the page says of it.
//!
//! `data/statuses.tsv`: tool, status, command. Each command runs in a world of its own with the
//! bound project `api`; `mint` makes a grant for every process of this user in the file `../t`,
//! `held FILE ..` keeps locks until the world ends, `person LINE ANSWER` runs a line on a terminal
//! and answers its first question, and `$lock` gives the identity a passphrase.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use hasp_tests::{World, peer};

const TABLE: &str = include_str!("data/statuses.tsv");
const WORDS: &str = r#"umask 077; mint() { hasp-grant -q --consumer user -o ../t "$@"; }
held() { for file; do (touch $file; exec flock $file sleep 60) & done >/dev/null 2>&1
    for file; do until ! flock -n $file true; do :; done; done; }
person() { echo "$2" | script -qec "$1" /dev/null; }
lock='eval printf "correct horse battery staple" >../p; hasp-vault passphrase -q --new ../p'
trap 'kill $(jobs -p) 2>/dev/null' EXIT
"#;

struct Row {
    tool: &'static str,
    status: i32,
    command: &'static str,
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &'static str| {
        let mut fields = line.splitn(3, '\t');
        let mut next = || fields.next().unwrap_or_else(|| panic!("{line}"));
        Row { tool: next(), status: next().parse().unwrap(), command: next() }
    };
    lines.map(row).collect()
}

/// The statuses that a page's EXIT STATUS names; 128 is only added to.
fn of_page(tool: &str) -> BTreeSet<i32> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join(format!("man/{tool}.1"))).unwrap();
    let section = page.split_once(".Sh EXIT STATUS\n").unwrap().1.split("\n.Sh ").next().unwrap();
    let lines = section.lines().filter(|line| !line.starts_with(".Xr"));
    let items: Vec<&str> = lines.clone().filter_map(|line| line.strip_prefix(".It ")).collect();
    let numbers = |text: &str| -> Vec<i32> {
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect()
    };
    let listed = if items.is_empty() { lines.collect() } else { items };
    listed.into_iter().flat_map(numbers).filter(|n| *n != 128).collect()
}

#[test]
fn the_pages_and_the_table_name_the_same_statuses() {
    let rows = rows();
    for tool in rows.iter().map(|row| row.tool).collect::<BTreeSet<_>>() {
        let here: BTreeSet<i32> =
            rows.iter().filter(|r| r.tool == tool).map(|r| r.status).collect();
        assert_eq!(of_page(tool), here, "{tool}");
    }
    assert_eq!(rows.iter().map(|row| row.tool).collect::<BTreeSet<_>>().len(), 8);
}

#[test]
fn every_status_can_be_had() {
    if !peer("flock") || !peer("script") {
        return;
    }
    let left = Mutex::new(rows().into_iter());
    let wrong = Mutex::new(Vec::new());
    // Some wait ten seconds for a lock: they wait side by side.
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(row) = { left.lock().unwrap().next() } {
                    let outcome = World::with_project().sh(&format!("{WORDS}{}", row.command));
                    if outcome.status != row.status {
                        let Row { tool, status, command } = row;
                        wrong.lock().unwrap().push(format!(
                            "{tool} {status}: {} from {command}\n{}",
                            outcome.status, outcome.stderr
                        ));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
