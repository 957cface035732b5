//! How the house is built: bounds on what one reader must hold in mind, no circles, and no foreign
//! code that was not decided on. Each rule is checked on the sources themselves.
#![allow(clippy::unwrap_used)]

mod variants;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hasp_tests::{Modules, Outcome, command};

/// The most lines of a file and of a function, the most columns of a line.
const MOST_LINES: usize = 400;
const LONGEST_FUNCTION: usize = 45;
const MOST_COLUMNS: usize = 100;
/// The median of the lines of source files stays below it.
const MEDIAN_LINES: usize = 120;
/// The most files in one folder; hasp-core is one floor, and each verb of the vault is a file.
const MOST_FILES: usize = 16;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn crates() -> Vec<String> {
    let entries = std::fs::read_dir(root()).unwrap().map(|e| e.unwrap().file_name());
    let names = entries.map(|n| n.into_string().unwrap());
    names.filter(|n| n.starts_with("hasp-")).collect()
}

/// Every Rust source of the workspace, by its path from the root, with its text.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && !name.starts_with('.') && !name.starts_with("target") {
                open.push(path);
            } else if name.ends_with(".rs") {
                let shown = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((shown, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 300, "{} sources", found.len());
    found
}

fn is_of_a_tool(name: &str) -> bool {
    name.starts_with("hasp-") && name.contains("/src/")
}

#[test]
fn no_line_is_wider_than_the_bound() {
    let mut wide = Vec::new();
    for (name, text) in sources() {
        let over = text.lines().enumerate().filter(|(_, l)| l.chars().count() > MOST_COLUMNS);
        wide.extend(over.map(|(n, _)| format!("{name}:{}", n + 1)));
    }
    assert!(wide.is_empty(), "{} lines: {wide:#?}", wide.len());
}

#[test]
fn files_functions_and_folders_keep_their_bounds() {
    let mut over = Vec::new();
    let mut lengths = Vec::new();
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for (name, text) in sources().iter().filter(|(name, _)| is_of_a_tool(name)) {
        let lines: Vec<&str> = text.lines().collect();
        lengths.push(lines.len());
        if lines.len() > MOST_LINES {
            over.push(format!("{name}: {} lines", lines.len()));
        }
        over.extend(long_functions(&lines).map(|function| format!("{name}: {function}")));
        let folder = name.rsplit_once('/').unwrap().0;
        *folders.entry(folder.to_owned()).or_default() += 1;
    }
    folders.retain(|f, n| {
        *n > MOST_FILES && !f.starts_with("hasp-core/") && f != "hasp-vault/src/verb"
    });
    over.extend(folders.iter().map(|(folder, files)| format!("{folder}: {files} files")));
    assert!(over.is_empty(), "{over:#?}");
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < MEDIAN_LINES, "half of the files have {median} lines or more");
}

/// The functions of a formatted source that are over the bound: each ends at a brace that stands
/// where its first line begins.
fn long_functions<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = String> + 'a {
    lines.iter().enumerate().filter_map(|(at, line)| {
        let (head, name) = line.split_once("fn ")?;
        let is_head = |w| ["pub", "const", "unsafe", "async"].contains(&w) || w.starts_with("pub(");
        let is_function = head.split_whitespace().all(is_head);
        if !is_function || line.ends_with(';') || line.ends_with('}') {
            return None;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let length = lines[at..].iter().position(|l| *l == format!("{indent}}}"))? + 1;
        (length > LONGEST_FUNCTION).then(|| format!("{} has {length} lines", name.trim()))
    })
}

#[test]
fn no_two_modules_need_each_other() {
    let mut found = Vec::new();
    for name in crates() {
        let modules = Modules::of(&root().join(&name).join("src"));
        let circles = modules.circles().into_iter().chain(modules.circles_of_parts());
        found.extend(circles.map(|circle| format!("{name}: {}", circle.join(", "))));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_branch_compares_a_code_with_text() {
    let compares = |line: &str| {
        let of_a_code = ["code() == \"", "code() != \"", "code().as_str() =="];
        of_a_code.iter().any(|c| line.contains(c))
            || line.contains("[\"") && line.contains(".contains(&") && line.contains(".code()")
    };
    let mut found = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| is_of_a_tool(name)) {
        let text = text.split("\nmod tests {").next().unwrap();
        let lines = text.lines().enumerate().filter(|(_, line)| compares(line));
        if !name.ends_with("tests.rs") {
            found.extend(lines.map(|(n, line)| format!("{name}:{}: {}", n + 1, line.trim())));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn foreign_code_has_the_licences_sources_and_versions_that_were_decided_on() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let line =
        "metadata --offline --locked --format-version 1 --filter-platform x86_64-unknown-linux-gnu";
    let line: Vec<&str> = line.split(' ').collect();
    let outcome = Outcome::of(command(&cargo, &line).current_dir(root()).output().unwrap());
    let metadata: serde_json::Value = serde_json::from_str(outcome.ok()).unwrap();
    let rules: toml::Table =
        std::fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let texts = |table: &str, key: &str| -> BTreeSet<String> {
        let list = rules[table][key].as_array().unwrap();
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let (licences, registries) = (texts("licenses", "allow"), texts("sources", "allow-registry"));
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let (name, version) = (&package["name"], package["version"].as_str().unwrap());
        let Some(source) = package["source"].as_str() else { continue };
        let registry = source.strip_prefix("registry+").unwrap_or(source);
        assert!(registries.contains(registry), "{name} is from {source}");
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(licence, &licences), "{name} has the licence '{licence}'");
        versions.entry(name.as_str().unwrap()).or_default().insert(version);
    }
    assert_eq!(undecided(&versions, &rules), Vec::<String>::new());
}

/// The versions of crates of which there is more than one, apart from the newest of each and those
/// that `deny.toml` names with a reason.
fn undecided(versions: &BTreeMap<&str, BTreeSet<&str>>, rules: &toml::Table) -> Vec<String> {
    let decided: Vec<&str> = rules["bans"]["skip"]
        .as_array()
        .unwrap()
        .iter()
        .map(|skip| {
            assert!(!skip["reason"].as_str().unwrap().is_empty(), "{skip}");
            skip["crate"].as_str().unwrap()
        })
        .collect();
    let is_decided = |name: &str, version: &str| {
        let of_it = decided.iter().filter_map(|d| d.strip_prefix(name)?.strip_prefix('@'));
        let mut of_it = of_it.filter(|v| format!("{version}.").starts_with(&format!("{v}.")));
        of_it.next().is_some()
    };
    let mut open = Vec::new();
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        let left: Vec<_> = versions.iter().filter(|v| !is_decided(name, v)).collect();
        if left.len() > 1 {
            open.push(format!("{name}: {left:?}"));
        }
    }
    open
}

/// Whether an SPDX expression is satisfied by the licences that are allowed; parentheses of one
/// level are all that occurs.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace(" / ", " OR ").replace('/', " OR ");
    let all = |text: &str| text.split(" AND ").all(|one| allowed.contains(one.trim()));
    let any = |text: &str| text.split(" OR ").any(all);
    match expression.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((inner, rest)) => any(inner) && rest.strip_prefix(" AND ").is_none_or(any),
        None => any(&expression),
    }
}
