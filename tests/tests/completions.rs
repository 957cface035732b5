//! Promise: bash, zsh and fish complete verbs, options and names, of secrets, targets, references,
//! grants, consumers, recipients and deposits, with the vault locked; hidden options stay hidden,
//! and where there is nothing, nothing is said.
#![allow(clippy::unwrap_used)]

use hasp_tests::{World, peer};

/// A world whose identity has a passphrase, with one of everything.
fn world() -> World {
    let world = World::with_project();
    world.sh("hasp-consumer add -q shell --exe /bin/sh").ok();
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    world.feed("hasp-vault deposit -q new/one", "value-of-a-deposit-4711").ok();
    world.sh("printf 'six words that nobody else knows' >../pass").ok();
    world.sh("hasp-vault passphrase -q --new ../pass").ok();
    world.sh("HASP_HOME=$PWD/../other hasp-vault init -q --no-passphrase").ok();
    world.sh("echo other-value-4711 | HASP_HOME=$PWD/../other hasp-vault set -q other/one").ok();
    world
}

/// What is typed, and what is offered there; `!` before what is not.
const ROWS: &[(&str, &[&str])] = &[
    ("hasp-vault reveal ", &["api/key", "db/url"]),
    ("hasp-vault reveal d", &["db/url", "!api/key"]),
    ("hasp-vault set --class high a", &["api/key"]),
    ("hasp-vault set --class ", &["critical", "low"]),
    ("hasp-vault r", &["reveal", "rotate", "!set"]),
    ("hasp-vault ", &["set", "!key", "!completions"]),
    ("hasp-vault recipients remove ", &["age1"]),
    ("hasp-target show ", &["test"]),
    ("hasp-target show t", &["test"]),
    ("hasp-bind remove ", &["api/key"]),
    ("hasp-consumer show ", &["shell"]),
    ("hasp-grant -t ", &["test"]),
    ("hasp-grant --co", &["--consumer", "!--completions"]),
    ("hasp-grant --consumer s", &["session", "shell"]),
    ("hasp-grant -x -e DATABASE_URL=d", &["db/url"]),
    ("hasp-grant -x --stdin d", &["db/url"]),
    ("hasp-exec -t ", &["test"]),
    ("hasp-exec --", &["--explain", "!--completions", "!--reap", "!--monitor"]),
    ("hasp-audit log --secret a", &["api/key"]),
    ("hasp-redact scan --h", &["--history"]),
];

fn scripts(world: &World, shell: &str) -> String {
    let tools = ["vault", "bind", "target", "consumer", "grant", "exec", "audit", "redact"];
    let root = env!("CARGO_MANIFEST_DIR");
    let lines = tools.map(|tool| {
        format!(
            "sh {root}/../build/completions {} hasp-{tool} {shell} >../{shell}/hasp-{tool}\n",
            hasp_tests::tools().display()
        )
    });
    world.sh(&format!("mkdir -p ../{shell}; {}", lines.concat())).ok();
    tools.map(|tool| format!(". ../{shell}/hasp-{tool}\n")).concat()
}

fn check(world: &World, rows: &[(&str, &[&str])], offered: impl Fn(&str) -> String) {
    let id = world.sh("hasp-grant list --names").ok().trim().to_owned();
    let own = [("hasp-grant revoke ", vec![id.as_str()])];
    let own = own.iter().map(|(line, words)| (*line, words.as_slice()));
    for (line, words) in rows.iter().copied().chain(own) {
        let all = offered(line);
        for word in words {
            let (word, wanted) = word.strip_prefix('!').map_or((*word, true), |w| (w, false));
            let mut firsts = all.lines().filter_map(|line| line.split_whitespace().next());
            let has = match wanted {
                true => all.split_whitespace().any(|w| w.contains(word)),
                false => firsts.any(|first| first == word),
            };
            assert_eq!(has, wanted, "'{line}' and {word}: {all}");
        }
    }
}

/// What bash has for the end of a line, as it calls the function of the tool.
fn bash(world: &World, sources: &str, before: &str, line: &str) -> String {
    let tool = line.split(' ').next().unwrap();
    let function = format!("_{}", tool.replace('-', "_"));
    let script = format!(
        "{before}\n{sources}\nCOMP_LINE='{line}' COMP_POINT={}\ncompopt() {{ :; }}\n\
         COMP_WORDS=({line}) COMP_CWORD=${{#COMP_WORDS[@]}}\n\
         {function} {tool}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        line.len()
    );
    let outcome = world.sh(&script);
    assert_eq!(outcome.stderr, "", "{line}");
    outcome.stdout
}

#[test]
fn bash_offers_what_fits() {
    if !peer("bash") {
        return;
    }
    let world = world();
    let sources = scripts(&world, "bash");
    check(&world, ROWS, |line| bash(&world, &sources, "", line));
    let behind = bash(&world, &sources, "", "hasp-grant -x -e DATABASE_URL=d");
    assert_eq!(behind.trim(), "db/url", "bash replaces what stands behind the '='");
    let elsewhere = bash(&world, &sources, "export HASP_HOME=$PWD/../other", "hasp-vault show ");
    assert_eq!(elsewhere.trim(), "other/one");
}

#[test]
fn bash_types_the_word_at_a_terminal() {
    if !peer("bash") {
        return;
    }
    let world = world();
    let sources = scripts(&world, "bash");
    world.write("rc", format!("PS1='ready> '\n{sources}"));
    let shown = world.type_at(
        "bash --noprofile --rcfile rc -i",
        &["see:ready>", "type:hasp-target show t\\t\\n", "see:run", "type:exit\\n"],
    );
    shown.has("hasp-target show test");
}

#[test]
fn fish_offers_what_fits() {
    if !peer("fish") {
        return;
    }
    let world = world();
    let sources = scripts(&world, "fish");
    let fish = |line: &str| {
        let script = format!("{sources}\ncomplete -C '{line}'");
        std::fs::write(world.beside("line.fish"), script).unwrap();
        let outcome = world.sh("fish --no-config ../line.fish");
        assert_eq!(outcome.stderr, "", "{line}");
        outcome.stdout
    };
    check(&world, ROWS, fish);
    let other = format!("HASP_HOME={}/other hasp-vault show ", world.base().display());
    assert_eq!(fish(&other).trim(), "other/one");
}

#[test]
fn zsh_offers_what_fits() {
    if !peer("zsh") {
        return;
    }
    let world = world();
    let sources = scripts(&world, "zsh");
    let rc = format!(
        "PROMPT='ready> '; autoload -Uz compinit; compinit -u -d ../dump\n{sources}\n\
         zstyle ':completion:*' list-prompt ''; LISTMAX=10000; unsetopt auto_menu\n"
    );
    std::fs::create_dir(world.beside("zdot")).unwrap();
    std::fs::write(world.beside("zdot/.zshrc"), rc).unwrap();
    let zsh = |line: &str| {
        // What is offered is listed, and stands there before the next prompt.
        let keys = format!("type:{line}\\x04\\x15");
        let shown = world.type_at(
            "stty cols 200; ZDOTDIR=$PWD/../zdot zsh -i",
            &["see:ready>", &keys, "type:echo th''en\\n", "see:then", "type:exit\\n"],
        );
        shown.text.replace(line, "")
    };
    let rows: Vec<_> = ROWS.iter().copied().step_by(4).collect();
    check(&world, &rows, zsh);
    let other = format!("HASP_HOME={}/other hasp-vault show ", world.base().display());
    assert!(zsh(&other).contains("other/one"));
}

#[test]
fn where_there_is_nothing_nothing_is_said() {
    let world = World::bare();
    for line in ["hasp-vault reveal ", "hasp-grant -t ", "hasp-bind remove ", "hasp-grant revoke "]
    {
        let tool = line.split(' ').next().unwrap();
        let outcome = world.sh(&format!("{tool} --complete-line '{line}'"));
        let offered: Vec<&str> = outcome.ok().lines().collect();
        assert_eq!((offered, outcome.stderr.as_str()), (vec!["words"], ""), "{line}");
    }
}

#[test]
fn names_come_from_the_places_that_the_line_names() {
    let world = world();
    let base = world.base().display().to_string();
    let rows = [
        format!("HASP_HOME={base}/other hasp-vault show "),
        format!("env HASP_HOME={base}/other hasp-vault show "),
        format!("cd /; HASP_HOME=\"{base}/other\" hasp-vault show "),
        "HASP_HOME=$HOME/other hasp-vault show ".to_owned(),
        "HASP_HOME=~/other hasp-vault show ".to_owned(),
    ];
    for line in rows {
        let outcome = world.sh(&format!("hasp-vault --complete-line '{line}'"));
        assert_eq!(outcome.ok(), "words\nother/one\t\n", "{line}");
    }
    world.sh("cp -R ../other/vault ../v").ok();
    let line = format!("HASP_VAULT={base}/v hasp-vault show ");
    let outcome = world.sh(&format!("HASP_HOME=$PWD/../other hasp-vault --complete-line '{line}'"));
    assert_eq!(outcome.ok(), "words\nother/one\t\n");
    let line = format!("hasp-target -C {} show ", world.project().display());
    assert_eq!(
        world.sh(&format!("cd /; hasp-target --complete-line '{line}'")).ok(),
        "words\ntest\t\n"
    );
}
