//! hasp(7) lists every code that a failure can have, and every kind with its exit status: what
//! stands there is made from the constants themselves, so that neither side can have more.

use std::fmt::Write;
use std::path::Path;

use hasp_core::{Code, Kind};

/// The heading of each table, and the codes of the crate that it lists.
const TABLES: [(&str, &[Code]); 10] = [
    ("Codes of every tool", hasp_core::code::ALL),
    ("Codes of hasp-vault", hasp_vault::code::ALL),
    ("Codes of hasp-bind", hasp_bind::code::ALL),
    ("Codes of hasp-target", hasp_target::code::ALL),
    ("Codes of hasp-consumer", hasp_consumer::code::ALL),
    ("Codes of hasp-grant", hasp_grant::code::ALL),
    ("Codes of hasp-exec", hasp_exec::code::ALL),
    ("Codes of hasp-audit", hasp_audit::code::ALL),
    ("Codes of hasp-redact", hasp_redact::code::ALL),
    ("Codes of hasp-proxy", hasp_proxy::code::ALL),
];
/// A code with more kinds than these is listed with the least and the greatest status.
const MOST_LISTED: usize = 4;

fn page() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join("man/hasp.7")).unwrap()
}

/// The lines `.It` of the first list below a heading.
fn items<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let head = format!(".Ss {heading}");
    let below = page.lines().skip_while(|line| *line != head).skip(1);
    let own = below.take_while(|line| !line.starts_with(".S"));
    let list = own.skip_while(|line| !line.starts_with(".Bl ")).skip(1);
    list.take_while(|line| *line != ".El").collect()
}

fn statuses(code: Code) -> String {
    let mut all: Vec<u8> = code.kinds().iter().map(|kind| kind.status()).collect();
    all.sort_unstable();
    if let ([first, .., last], true) = (&all[..], all.len() > MOST_LISTED) {
        return format!("{first} to {last}");
    }
    all.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

/// The line that the page has for a code.
fn item(code: Code) -> String {
    let meaning = code.meaning().replace("--", "\\-\\-");
    format!(".It Li {code} Ta {} Ta {meaning}", statuses(code))
}

/// What is to be done so that the page has these lines below the heading and no others.
fn differences(page: &str, heading: &str, expected: &[String]) -> String {
    let there = items(page, heading);
    let mut todo = String::new();
    for line in expected.iter().filter(|line| !there.contains(&line.as_str())) {
        writeln!(todo, "below '.Ss {heading}' of man/hasp.7 add the line\n{line}").unwrap();
    }
    for line in there.iter().filter(|line| !expected.iter().any(|e| e == *line)) {
        writeln!(todo, "below '.Ss {heading}' of man/hasp.7 take away the line\n{line}").unwrap();
    }
    if todo.is_empty() && there != expected {
        writeln!(todo, "below '.Ss {heading}' of man/hasp.7 put in order: {expected:#?}").unwrap();
    }
    todo
}

#[test]
fn the_manual_lists_every_code_and_no_other() {
    let page = page();
    let mut todo = String::new();
    for (heading, codes) in TABLES {
        let mut sorted = codes.to_vec();
        sorted.sort_by_key(|code| code.as_str());
        let expected: Vec<String> = sorted.into_iter().map(item).collect();
        todo.push_str(&differences(&page, heading, &expected));
    }
    assert!(todo.is_empty(), "\n{todo}");
    let headings = page.lines().filter(|line| line.starts_with(".Ss Codes of "));
    assert_eq!(headings.count(), TABLES.len(), "a table of a crate that is not there");
}

#[test]
fn each_crate_with_codes_has_its_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let with_codes = entries.filter(|path| path.join("src/code.rs").exists());
    let mut names: Vec<String> =
        with_codes.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let mut listed: Vec<String> = TABLES
        .iter()
        .map(|(heading, _)| heading.trim_start_matches("Codes of ").to_owned())
        .map(|tool| if tool == "every tool" { "hasp-core".to_owned() } else { tool })
        .collect();
    names.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, names, "a crate with a code.rs has a row in TABLES and a table in hasp(7)");
}

#[test]
fn the_manual_lists_every_kind_with_its_status() {
    let page = page();
    let there: Vec<(u8, &str)> = items(&page, "Exit status")
        .iter()
        .map(|line| {
            let mut words = line.strip_prefix(".It ").unwrap().split(" Ta ");
            let status = words.next().unwrap().parse().unwrap();
            (status, words.next().unwrap().strip_prefix("Li ").unwrap())
        })
        .collect();
    assert_eq!(there, Kind::ALL.map(|kind| (kind.status(), kind.as_str())));
}
