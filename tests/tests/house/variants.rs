//! `docs/architecture.md` says which places the compiler names when a kind gets one more member. It
//! is asked: in a copy of the sources each kind gets one, and every match that misses it gets an
//! arm, until the copy compiles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::root;

/// A kind: how the page's paragraph about it begins, where it is made, and what is put before what.
struct Kind {
    paragraph: &'static str,
    file: &'static str,
    before: &'static str,
    member: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind {
        paragraph: "**A delivery**",
        file: "hasp-target/src/manifest/delivery.rs",
        before: "    /// Standard input is the value.\n",
        member: "    /// A try.\n    Try = \"try\";\n",
    },
    Kind {
        paragraph: "**An import format**",
        file: "hasp-vault/src/cli/lifecycle.rs",
        before: "    /// A tree of passage, opened by age.\n",
        member: "    /// A try.\n    Try,\n",
    },
    Kind {
        paragraph: "**An event**",
        file: "hasp-audit/src/record/kind.rs",
        before: "    VaultInit = ",
        member: "    VaultTry = \"vault.try\" [], \"a try\";\n",
    },
    Kind {
        paragraph: "**A class**",
        file: "hasp-core/src/class.rs",
        before: "    /// The keys of the house: once only.\n",
        member: "    /// A try.\n    Try,\n",
    },
];

/// More rounds than crates that depend on each other.
const ROUNDS: usize = 12;

/// A text that stands in place of a stretch of a file.
struct Edit {
    file: String,
    start: usize,
    end: usize,
    text: String,
}

#[test]
#[ignore = "checks the workspace some twenty times"]
fn the_page_names_the_places_that_the_compiler_names() {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(root()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if !name.starts_with('.') && !name.starts_with("target") {
            let copied = Command::new("cp").arg("-r").arg(entry.path()).arg(copy.path()).status();
            assert!(copied.unwrap().success(), "{name}");
        }
    }
    let page = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut wrong = Vec::new();
    for kind in &KINDS {
        let (named, told) = (named(kind, copy.path()), told(&page, kind.paragraph));
        if named != told {
            wrong.push(format!("{}: the compiler names {named:#?}", kind.paragraph));
        }
    }
    assert!(wrong.is_empty(), "docs/architecture.md tells otherwise:\n{}", wrong.join("\n"));
}

/// The files that the page says the compiler names: those in the sentence that begins so.
fn told(page: &str, paragraph: &str) -> BTreeSet<String> {
    let text = page.split("\n\n").find(|text| text.starts_with(paragraph)).unwrap();
    let text = text.replace('\n', " ");
    let sentence = text.split("The compiler names ").nth(1).unwrap_or_default();
    let files = sentence.split(". ").next().unwrap_or_default().split('`').skip(1).step_by(2);
    files.map(str::to_owned).collect()
}

/// The files with a match that misses a new member.
fn named(kind: &Kind, copy: &Path) -> BTreeSet<String> {
    let made = copy.join(kind.file);
    let text = std::fs::read_to_string(&made).unwrap();
    assert_eq!(text.matches(kind.before).count(), 1, "{}: {:?}", kind.file, kind.before);
    let more = text.replace(kind.before, &format!("{}{}", kind.member, kind.before));
    std::fs::write(&made, more).unwrap();
    let mut before = BTreeMap::from([(kind.file.to_owned(), text)]);
    let mut files = BTreeSet::new();
    for round in 0.. {
        let edits = missing(copy);
        if edits.is_empty() {
            break;
        }
        assert!(round < ROUNDS, "{} is never whole: {files:?}", kind.paragraph);
        for Edit { file, .. } in &edits {
            files.insert(file.clone());
            let text = || std::fs::read_to_string(copy.join(file)).unwrap();
            before.entry(file.clone()).or_insert_with(text);
        }
        mend(edits, copy);
    }
    for (file, text) in before {
        std::fs::write(copy.join(file), text).unwrap();
    }
    files
}

/// What the compiler would add to each match that misses a member.
fn missing(copy: &Path) -> Vec<Edit> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // What is compiled for this test is good for the copy too, but for our own crates.
    let target: PathBuf = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let output = Command::new(cargo)
        .args(["check", "--offline", "--workspace", "--lib", "--bins", "--keep-going"])
        .args(["--message-format", "json", "--target-dir"])
        .arg(target)
        .current_dir(copy)
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let messages = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let messages: Vec<Value> = messages.map(|m| m["message"].clone()).collect();
    let mut edits = Vec::new();
    for error in messages.iter().filter(|m| m["level"] == "error" && !m["code"].is_null()) {
        assert_eq!(error["code"]["code"], "E0004", "no match: {}", error["rendered"]);
        let children = error["children"].as_array().unwrap();
        let spans = children.iter().flat_map(|child| child["spans"].as_array().unwrap());
        edits.extend(spans.filter_map(edit));
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!edits.is_empty() || output.status.success(), "{complaint}");
    edits
}

fn edit(span: &Value) -> Option<Edit> {
    // The path in the pattern that is proposed may lead nowhere from here.
    let (arm, behind) = span["suggested_replacement"].as_str()?.split_once(" => todo!()")?;
    let pattern = arm.trim_start_matches([',', ' ', '\n']);
    let text = format!("{}_ => todo!(){behind}", &arm[..arm.len() - pattern.len()]);
    let offset = |key: &str| usize::try_from(span[key].as_u64().unwrap()).unwrap();
    let file = span["file_name"].as_str().unwrap().to_owned();
    Some(Edit { file, start: offset("byte_start"), end: offset("byte_end"), text })
}

/// Makes all changes, the last of a file first.
fn mend(mut edits: Vec<Edit>, copy: &Path) {
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.start));
    for Edit { file, start, end, text } in edits {
        let path = copy.join(file);
        let mut whole = std::fs::read(&path).unwrap();
        whole.splice(start..end, text.into_bytes());
        std::fs::write(path, whole).unwrap();
    }
}
