//! The manual pages and the tools name the same options and verbs, in both directions, and the
//! pages read the same in mandoc and in groff.
#![allow(clippy::unwrap_used)]

mod codes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use hasp_tests::{Outcome, command, peer, tools};

const TOOLS: [&str; 9] = [
    "hasp-vault",
    "hasp-bind",
    "hasp-target",
    "hasp-consumer",
    "hasp-grant",
    "hasp-exec",
    "hasp-audit",
    "hasp-redact",
    "hasp-proxy",
];
/// What every verb has; the pages name these once.
const COMMON: &[&str] = &["--help", "--version", "--json", "--quiet", "--color"];

fn page(tool: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(format!("man/{tool}.1"))
}

/// The page as text of one column width, without the marks of printers for bold and underlined.
fn rendered(by: &str, page: &Path) -> String {
    let args: &[&str] = match by {
        "mandoc" => &["-T", "utf8", "-O", "width=400"],
        _ => &["-mandoc", "-Tutf8", "-rLL=400n", "-P-c", "-P-b", "-P-u", "-P-o"],
    };
    let outcome = Outcome::of(Command::new(by).args(args).arg(page).output().unwrap());
    let mut plain = String::new();
    for c in outcome.ok().chars() {
        match c {
            '\u{8}' => {
                plain.pop();
            }
            '\u{2010}' | '\u{2212}' => plain.push('-'),
            c => plain.push(c),
        }
    }
    plain
}

/// The lines of one section or subsection of a rendered page.
fn section<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| line.trim_start() != name);
    let own = lines.next().map_or(0, depth);
    lines.take_while(|line| line.is_empty() || depth(line) > own).collect()
}

/// The options `--word` of a text.
fn options(text: &str) -> BTreeSet<String> {
    let starts = text.match_indices("--").filter(|(at, _)| {
        !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
    });
    let words = starts.map(|(at, _)| {
        let word = &text[at + 2..];
        &word[..word.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(word.len())]
    });
    words.filter(|word| !word.is_empty()).map(|word| format!("--{word}")).collect()
}

/// The options that the parser of a verb, or of a tool without verbs, has and shows: the long name
/// with the short one, if it has any.
fn shown(tool: &str, verb: &[&str]) -> BTreeMap<String, Option<String>> {
    let help = help(tool, verb);
    let heads = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let heads = heads.map(|line| line.split("  ").next().unwrap());
    let pair = |head: &str| {
        let long = options(head).into_iter().next()?;
        let short = head.split(',').next().filter(|short| short.len() == 2);
        Some((long, short.map(str::to_owned)))
    };
    heads.filter_map(pair).collect()
}

fn help(tool: &str, verb: &[&str]) -> String {
    let mut args = verb.to_vec();
    args.push("--help");
    let tool = tools().join(tool);
    let mut line = command(tool.to_str().unwrap(), &args);
    Outcome::of(line.env("COLUMNS", "200").output().unwrap()).ok().to_owned()
}

/// Whether a short option stands in a SYNOPSIS.
fn has_word(synopsis: &str, short: &str) -> bool {
    let ends = |c: char| c.is_whitespace() || c == '[' || c == ']';
    synopsis.split(ends).any(|word| word == short)
}

/// The verbs that a help text lists.
fn verbs(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    let heads = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = heads.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

/// The options of a verb and of the verbs below it.
fn of_verb(tool: &str, verb: &str) -> BTreeMap<String, Option<String>> {
    let mut all = shown(tool, &[verb]);
    for below in verbs(&help(tool, &[verb])) {
        all.extend(shown(tool, &[verb, &below]));
    }
    all
}

/// The verb's own lines of a SYNOPSIS, joined; those of the tool itself for an empty name.
fn synopsis(lines: &[&str], tool: &str, verb: &str) -> String {
    let mut own = String::new();
    let mut inside = false;
    for line in lines.iter().map(|line| line.trim()) {
        if let Some(rest) = line.strip_prefix(tool) {
            let words: Vec<&str> =
                rest.split(['|', ' ', '[', ']']).filter(|w| !w.is_empty()).collect();
            let names = words.iter().take_while(|w| w.chars().all(|c| c.is_ascii_lowercase()));
            let is_optional = rest.trim_start().starts_with('[');
            inside = if verb.is_empty() {
                is_optional || words.first().is_none_or(|w| w.starts_with('-'))
            } else {
                names.clone().any(|w| *w == verb) || rest.trim_start().starts_with(verb)
            };
        }
        if inside {
            own.push_str(line);
            own.push('\n');
        }
    }
    own
}

#[test]
fn every_option_of_every_verb_stands_in_its_page_and_the_other_way_round() {
    if !peer("mandoc") {
        return;
    }
    let mut wrong = Vec::new();
    for tool in TOOLS {
        let text = rendered("mandoc", &page(tool));
        let lines = section(&text, "SYNOPSIS");
        let items = options(&section(&text, "Item options").join("\n"));
        let in_page = options(&text);
        let verbs = verbs(&help(tool, &[]));
        let mut all = shown(tool, &[]);
        for verb in verbs.iter().map(String::as_str).chain([""]) {
            let real = if verb.is_empty() { shown(tool, &[]) } else { of_verb(tool, verb) };
            let own = synopsis(&lines, tool, verb);
            if own.is_empty() && !verb.is_empty() {
                wrong.push(format!("{tool}: SYNOPSIS has no verb {verb}"));
            }
            let mut told = options(&own);
            if own.contains("item options") {
                told.extend(items.clone());
            }
            let is_told = |(long, short): &(&String, &Option<String>)| {
                let by_short = short.as_ref().is_some_and(|s| has_word(&own, s));
                told.contains(*long) || by_short || COMMON.contains(&long.as_str())
            };
            for (option, _) in real.iter().filter(|o| !is_told(o)) {
                wrong.push(format!("{tool} {verb}: SYNOPSIS lacks {option}"));
            }
            for option in options(&own).iter().filter(|o| !real.contains_key(*o)) {
                wrong.push(format!("{tool} {verb}: SYNOPSIS has {option}, the tool does not"));
            }
            all.extend(real);
        }
        let missing = all.keys().filter(|o| !in_page.contains(*o));
        wrong.extend(missing.map(|o| format!("{tool}: the page lacks {o}")));
    }
    assert!(wrong.is_empty(), "{} differences: {wrong:#?}", wrong.len());
}

#[test]
fn a_page_reads_the_same_in_mandoc_and_in_groff() {
    if !peer("mandoc") || !peer("groff") {
        return;
    }
    for tool in TOOLS {
        let page = page(tool);
        let (one, other) = (rendered("mandoc", &page), rendered("groff", &page));
        let words = |text: &str| -> Vec<String> {
            let lines = section(text, "SYNOPSIS").join(" ");
            lines.split_whitespace().map(str::to_owned).collect()
        };
        assert_eq!(words(&one), words(&other), "SYNOPSIS of {tool}");
        assert!(!words(&one).iter().any(|w| w.contains("---")), "{tool}: {:?}", words(&one));
        assert_eq!(options(&one), options(&other), "{tool}");
    }
}
