//! The wall in this crate: the filter and the scan know nothing of each other but a filter, its
//! patterns and a pattern, and what both read with knows neither.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

/// What the scan may name of the filter.
const SHOWN: [&str; 3] = ["Filter", "Pattern", "Patterns"];

/// The sources below a folder, with their paths.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The paths that begin with `crate::` or lead out of a folder, in these sources, comments aside.
fn named(part: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(part);
    let mut paths = Vec::new();
    for (file, source) in sources(&folder) {
        let code: String = source
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n")
            .collect();
        for rest in code.split("crate::").skip(1) {
            // A list in braces, or one path.
            let end = if rest.split(';').next().unwrap().contains('{') { ';' } else { '\n' };
            paths.push((file.clone(), rest.split(end).next().unwrap().replace('\n', " ")));
        }
    }
    assert!(!paths.is_empty(), "{part} names nothing");
    paths
}

fn naming(part: &str, other: &str) -> Vec<(String, String)> {
    let begins = |path: &str| path.split(|c: char| !c.is_alphanumeric()).next() == Some(other);
    named(part).into_iter().filter(|(_, path)| begins(path)).collect()
}

#[test]
fn the_filter_never_names_the_scan() {
    for other in ["scan", "git", "hooks", "verb", "cli", "run"] {
        assert_eq!(naming("filter", other), []);
    }
}

#[test]
fn what_both_read_with_names_neither() {
    for other in ["filter", "scan", "git", "hooks", "verb", "cli", "run"] {
        assert_eq!(naming("decode", other), []);
    }
}

#[test]
fn the_scan_names_of_the_filter_what_is_public() {
    for (file, path) in naming("scan", "filter") {
        let names = path.trim_start_matches("filter::").trim_matches(['{', '}', ' ']);
        let first = |name: &str| {
            name.trim().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
        };
        for name in names.split(',').map(first).filter(|name| !name.is_empty()) {
            assert!(SHOWN.contains(&&*name), "{file} names {name} of the filter");
        }
    }
}
