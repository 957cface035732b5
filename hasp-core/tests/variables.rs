//! The manual names every variable that the tools read, and no other.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hasp_core::var::Var;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The items of the list under ENVIRONMENT in hasp(7).
fn in_manual() -> BTreeSet<String> {
    let page = fs::read_to_string(root().join("man/hasp.7")).unwrap();
    let section = page.split("\n.Sh ENVIRONMENT\n").nth(1).unwrap();
    let section = section.split("\n.Sh ").next().unwrap();
    let items = section.lines().filter_map(|line| line.strip_prefix(".It Ev "));
    items.flat_map(|names| names.split(" , ")).map(str::to_owned).collect()
}

/// What stands between quotes in these calls, outside tests.
fn in_sources() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in sources(&root()) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for call in [".get(\"", "env::var_os(\"", "env::var(\""] {
            let names = code.split(call).skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(names.filter(is_variable).map(str::to_owned));
        }
    }
    found
}

fn is_variable(name: &&str) -> bool {
    name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

fn sources(root: &Path) -> Vec<PathBuf> {
    let mut crates: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    crates.retain(|c| c.join("src").is_dir() && !c.ends_with("tests"));
    let mut dirs: Vec<PathBuf> = crates.into_iter().map(|c| c.join("src")).collect();
    let mut files = Vec::new();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => dirs.push(path),
                false => files.push(path),
            }
        }
    }
    files.retain(|f| f.extension().is_some_and(|e| e == "rs") && !f.ends_with("tests.rs"));
    files
}

#[test]
fn the_manual_has_every_variable_of_ours_and_no_other() {
    let manual = in_manual();
    let ours: BTreeSet<String> = Var::ALL.iter().map(|v| v.as_str().to_owned()).collect();
    let told: BTreeSet<String> =
        manual.iter().filter(|n| n.starts_with("HASP_")).cloned().collect();
    assert_eq!(told, ours);
}

#[test]
fn the_manual_has_every_other_variable_that_the_sources_read() {
    let manual = in_manual();
    let read = in_sources();
    assert!(read.contains("NO_COLOR"), "{read:?}");
    let untold: Vec<&String> = read.iter().filter(|name| !manual.contains(*name)).collect();
    assert!(untold.is_empty(), "not in hasp(7): {untold:?}");
    let ours: Vec<&String> = read.iter().filter(|name| name.starts_with("HASP_")).collect();
    assert!(ours.is_empty(), "by name and not as a Var: {ours:?}");
}
