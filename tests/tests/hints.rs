//! Promise: a hint leads out. Each one that the tools can give, gathered from the sources, is read
//! from a tool's own output in the situation that it belongs to and typed there, and the failure is
//! gone. `data/hints` holds the situations: a hint without one fails here, and so does a situation
//! whose hint is gone.
//!
//! A situation is `: TITLE`, lines of bash that bring it about, and `$ LINE`, which fails
//! (`~ LINE`: succeeds, with a hint). Then each hint: `> TEXT`, or `+ TEXT` for one that is typed
//! after the one before it. What is typed is the command or the options that the hint ends in;
//! `@ WORD TEXT` puts a text in a word's place, and `! LINE` is what a person types where the hint
//! is in words. Then the line is typed again and succeeds, or, where the hint changes the line
//! itself, the changed one does; `= LINE` is another way to tell that it led out. `- TEXT`, a tab
//! and a reason name a hint that no test can be given.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hasp_tests::{Hints, Outcome, World, fits, is_root, peer};

/// Texts that reach a failure by another road: from another failure, from a list of texts.
const PASSED_ON: &[&str] = &[
    "hasp-bind/src/binding/mod.rs: hint",
    "hasp-consumer/src/process/namespace.rs: hint",
    "hasp-core/src/files.rs: trust::hint_of_owner(path, uid)",
    "hasp-core/src/sibling.rs: hint",
    "hasp-core/src/suggest.rs: hint",
    "hasp-core/src/usage.rs: line",
    "hasp-grant/src/action/delivery.rs: instead",
    "hasp-proxy/src/refusal.rs: again",
    "hasp-target/src/edit/env_file.rs: &typed",
    "hasp-target/src/manifest/fault.rs: hint",
    "hasp-vault/src/import/dotenv.rs: file",
    "hasp-vault/src/import/naming.rs: rename(key)",
    "hasp-vault/src/verb/import_report.rs: hint.clone()",
];

#[derive(Default)]
struct Situation {
    file: String,
    title: String,
    setup: String,
    line: String,
    succeeds: bool,
    hints: Vec<Expected>,
}

#[derive(Default, Clone)]
struct Expected {
    text: String,
    /// Typed after the hint before it.
    follows: bool,
    fills: Vec<(String, String)>,
    typed: Vec<String>,
    check: Option<String>,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The situations of a file, and the hints that have none with the reason.
fn read(name: &str) -> (Vec<Situation>, Vec<(String, String)>) {
    let text = std::fs::read_to_string(data().join("hints").join(name)).unwrap();
    let (mut all, mut none): (Vec<Situation>, _) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let (mark, rest) = line.split_at_checked(2).unwrap_or((line, ""));
        if mark == ": " {
            let (file, title) = (name.to_owned(), rest.to_owned());
            all.push(Situation { file, title, ..Situation::default() });
            continue;
        }
        if mark == "- " {
            let (text, why) = rest.split_once('\t').unwrap_or_else(|| panic!("no reason: {line}"));
            none.push((text.to_owned(), why.to_owned()));
            continue;
        }
        let Some(at) = all.last_mut() else { continue };
        let hint = at.hints.last_mut();
        match (mark, hint) {
            ("$ " | "~ ", _) => (at.line, at.succeeds) = (rest.to_owned(), mark == "~ "),
            ("> " | "+ ", _) => at.hints.push(Expected {
                text: rest.to_owned(),
                follows: mark == "+ ",
                ..Expected::default()
            }),
            ("@ ", Some(hint)) => {
                let (word, text) = rest.split_once(' ').unwrap();
                hint.fills.push((word.to_owned(), text.to_owned()));
            }
            ("! ", Some(hint)) => hint.typed.push(rest.to_owned()),
            ("= ", Some(hint)) => hint.check = Some(rest.to_owned()),
            _ if line.is_empty() || line.starts_with('#') => {}
            _ => at.setup += &format!("{line}\n"),
        }
    }
    (all, none)
}

fn files() -> Vec<String> {
    let entries = std::fs::read_dir(data().join("hints")).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|n| n.ends_with(".txt")).collect();
    names.sort();
    names
}

fn hints() -> Hints {
    Hints::of(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
}

/// What a hint says to type: what it ends in, behind the last colon and blank.
fn command_of(hint: &str) -> &str {
    let example = hint.rsplit_once("for example ").map(|(_, rest)| rest);
    let behind = hint.rsplit_once(": ").map(|(_, rest)| rest);
    example.filter(|e| !e.contains(": ")).or(behind).unwrap_or(hint)
}

impl Situation {
    /// What is not as it should be.
    fn faults(&self, sources: &Hints) -> Vec<String> {
        let place = format!("{}: {}", self.file, self.title);
        let mut faults = BTreeSet::new();
        let mut world = self.world();
        let mut outcome = self.begin(&world);
        for (number, expected) in self.hints.iter().enumerate() {
            if number > 0 && !expected.follows {
                world = self.world();
                outcome = self.begin(&world);
            }
            if (outcome.status != 0) == self.succeeds || outcome.status == 98 {
                let said = format!("{}{}", outcome.stdout, outcome.stderr);
                return vec![format!("{place}: {} gave {}:\n{said}", self.line, outcome.status)];
            }
            let given: Vec<&str> = outcome
                .stderr
                .lines()
                .filter_map(|line| line.split_once(": hint: ").map(|(_, hint)| hint))
                .collect();
            let unknown =
                given.iter().filter(|hint| !sources.texts.iter().any(|source| fits(source, hint)));
            faults.extend(unknown.map(|hint| format!("{place}: not in the sources: {hint}")));
            match given.iter().find(|hint| fits(&expected.text, hint)) {
                Some(hint) => faults.extend(
                    self.leads_out(&world, expected, hint).map(|why| format!("{place}: {why}")),
                ),
                None => {
                    let said = &outcome.stderr;
                    faults.insert(format!("{place}: no '{}' in:\n{said}", expected.text));
                }
            }
        }
        faults.into_iter().collect()
    }

    /// In memory, where nothing has to be waited for, but for what is about disks.
    fn world(&self) -> World {
        if self.title.contains("disk") { World::bare() } else { World::bare_in_memory() }
    }

    /// Brings the situation about and types the line.
    fn begin(&self, world: &World) -> Outcome {
        let prelude = std::fs::read_to_string(data().join("hints/prelude.sh")).unwrap();
        let Situation { setup, line, .. } = self;
        let state = world.beside("state");
        world.sh(&format!(
            "DATA={}; STATE={}\n{prelude}\nset -E; trap 'exit 98' ERR\n\
             hasp-vault init --no-passphrase -q\n{setup}\n\
             trap - ERR; set +euE\nagain() {{\n{line}\n}}\nsave\n(again)\nexit $?",
            data().display(),
            state.display()
        ))
    }

    /// Why what a hint says does not lead out.
    fn leads_out(&self, world: &World, expected: &Expected, hint: &str) -> Option<String> {
        let (typed, is_line) = expected.typed(hint, &self.line);
        let check = match &expected.check {
            Some(check) => check.as_str(),
            None if is_line => "",
            None => self.line.as_str(),
        };
        let state = world.beside("state");
        let mut shell = world.shell(&format!(
            "for each in $(compgen -e); do unset \"$each\"; done\n. {}\nset -e\n{typed}\n\
             save\n{check}",
            state.display()
        ));
        // The project may be elsewhere by now.
        shell.current_dir(world.base()).stdin(Stdio::null());
        let outcome = Outcome::of(shell.output().unwrap());
        let said: Vec<&str> = outcome.stdout.lines().chain(outcome.stderr.lines()).collect();
        let said = said[..said.len().min(20)].join("\n");
        let status = outcome.status;
        let wrong = format!("'{hint}', typed as '{typed}', then '{check}': {status}:\n{said}");
        (status != 0).then_some(wrong)
    }
}

impl Expected {
    /// What a person types, and whether it is the line itself in another form.
    fn typed(&self, hint: &str, line: &str) -> (String, bool) {
        if !self.typed.is_empty() {
            return (self.typed.join("\n"), true);
        }
        let fill = |text: &str| {
            self.fills.iter().fold(text.to_owned(), |text, (word, by)| text.replacen(word, by, 1))
        };
        let command = fill(command_of(hint));
        if command.starts_with('-') {
            return (format!("{line} {command}"), true);
        }
        (command, false)
    }
}

/// Runs all situations of a file, two at a time.
fn run(name: &str) {
    if !is_root() || !["python3", "age", "git", "script"].iter().all(|program| peer(program)) {
        return;
    }
    let sources = hints();
    let only = std::env::var("ONLY").unwrap_or_default();
    let (all, _) = read(name);
    let all: Vec<Situation> = all.into_iter().filter(|s| s.title.contains(&only)).collect();
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = one.faults(&sources);
                    faults.lock().unwrap().extend(found);
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), all.len(), faults.join("\n\n"));
}

#[test]
fn every_hint_of_the_sources_has_its_situation_and_no_other_has() {
    let sources = hints();
    let mut here = BTreeSet::new();
    for file in files() {
        let (all, none) = read(&file);
        here.extend(all.into_iter().flat_map(|s| s.hints).map(|h| h.text));
        here.extend(none.into_iter().map(|(text, _)| text));
    }
    let missing: Vec<_> = sources.texts.difference(&here).collect();
    let gone: Vec<_> = here.difference(&sources.texts).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "{} hints of {} have no situation in tests/tests/data/hints: {missing:#?}\n\
         no tool gives: {gone:#?}",
        missing.len(),
        sources.texts.len()
    );
}

#[test]
fn a_hint_is_a_text_where_it_is_given() {
    let known: BTreeSet<String> = PASSED_ON.iter().map(|p| (*p).to_owned()).collect();
    let found = hints().passed_on;
    let new: Vec<_> = found.difference(&known).collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "write the text where it is given, or make it by hasp_core::hint: {new:#?}; gone: {gone:#?}"
    );
}

#[test]
fn what_every_tool_says_leads_out() {
    run("core.txt");
}

#[test]
fn what_the_vault_says_leads_out() {
    run("vault.txt");
}

#[test]
fn what_is_said_of_rotation_and_copies_leads_out() {
    run("copies.txt");
}

#[test]
fn what_is_said_of_grants_leads_out() {
    run("grant.txt");
}

#[test]
fn what_is_said_of_projects_leads_out() {
    run("project.txt");
}

#[test]
fn what_is_said_of_the_record_and_the_filter_leads_out() {
    run("record.txt");
}

#[test]
fn what_is_said_of_habits_leads_out() {
    run("habits.txt");
}
