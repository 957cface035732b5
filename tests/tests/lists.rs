//! Promise: every list is made for pipes too: no heading where stdout is no terminal or with
//! `--quiet`, and the names alone by one option, the same everywhere.
#![allow(clippy::unwrap_used)]

use hasp_tests::World;

/// Each list, with the names that are in it.
const LISTS: &[(&str, &[&str])] = &[
    ("hasp-vault list", &["api/key", "db/url"]),
    ("hasp-vault recipients", &["age1"]),
    ("hasp-vault inbox", &["ID"]),
    ("hasp-bind list", &["api/key", "db/url"]),
    ("hasp-target list", &["test"]),
    ("hasp-consumer list", &["shell"]),
    ("hasp-grant list", &["ID"]),
    ("hasp-redact watch", &["api/key", "db/url"]),
];

fn world() -> World {
    let world = World::with_project();
    world.sh("hasp-consumer add -q shell --exe /bin/sh").ok();
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    world.feed("hasp-vault deposit -q new/one", "value-of-a-deposit-4711").ok();
    world
}

#[test]
fn names_alone_come_by_one_option() {
    let world = world();
    for (list, names) in LISTS {
        for line in [format!("{list} --names"), format!("{list} --names -q")] {
            let listed = world.sh(&line);
            let lines: Vec<&str> = listed.ok().lines().collect();
            assert_eq!(lines.len(), names.len(), "{line}: {lines:?}");
            for (shown, name) in lines.iter().zip(*names) {
                let fits = match *name {
                    "ID" => shown.len() >= 8 && shown.bytes().all(|b| b.is_ascii_hexdigit()),
                    "age1" => shown.starts_with("age1"),
                    name => *shown == name,
                };
                assert!(fits && !shown.contains(' '), "{line}: {shown}");
            }
        }
    }
}

#[test]
fn the_names_of_a_list_are_what_its_verbs_take() {
    let world = world();
    let rows = [
        "hasp-vault show $(hasp-vault list --names | head -n 1)",
        "hasp-target show $(hasp-target list --names)",
        "hasp-consumer show $(hasp-consumer list --names)",
        "hasp-vault reject $(hasp-vault inbox --names)",
        "hasp-bind remove $(hasp-bind list --names)",
        "hasp-grant revoke $(hasp-grant list --names)",
    ];
    for line in rows {
        world.sh(line).ok();
    }
}

#[test]
fn a_heading_is_for_a_terminal_that_is_not_told_to_be_quiet() {
    let world = world();
    assert!(world.type_at("hasp-vault list", &[]).text.contains("NAME"));
    for (list, names) in LISTS {
        let rows = |line: &str| world.sh(line).ok().lines().count();
        // One line for each thing, a target of a binding among them.
        let most = names.len() + usize::from(*list == "hasp-bind list") * 2;
        for line in [list.to_string(), format!("{list} -q"), format!("{list} | cat")] {
            let count = rows(&line);
            assert!((names.len()..=most).contains(&count), "{line}: {count}");
        }
        world.type_at(&format!("{list} -q"), &[]).has_not("NAME");
    }
}

#[test]
fn an_empty_list_is_nothing_on_stdout() {
    let world = World::new();
    world.sh("hasp-target init -q; hasp-vault recipients").ok();
    for (list, _) in LISTS.iter().filter(|(list, _)| *list != "hasp-vault recipients") {
        assert_eq!(world.sh(&format!("{list} --names")).ok(), "", "{list}");
        assert_eq!(world.sh(&format!("{list} --names -q")).stderr, "", "{list}");
    }
}
