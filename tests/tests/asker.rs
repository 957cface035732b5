//! Promise: the record says who asked, and can be asked for it: by name, by path and by pid, in
//! words that a person reads.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use hasp_tests::{API_KEY, World, peer};

/// The sentence that README and page show.
fn told_by(paper: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join(paper)).unwrap();
    let line = text.lines().find(|line| line.starts_with("prod/token@"));
    line.unwrap_or_else(|| panic!("no sentence in {paper}")).to_owned()
}

/// A sentence without its time.
fn timeless(sentence: &str) -> String {
    let (head, tail) = sentence.split_once("; last ").unwrap_or_else(|| panic!("{sentence}"));
    let (when, rest) = tail.split_once(" by ").unwrap_or_else(|| panic!("{sentence}"));
    let shape: String = when.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "9999-99-99 99:99:99Z", "{sentence}");
    format!("{head}; last T by {rest}")
}

/// A world whose secret `prod/token`, in version 3, an agent called `claude` used twice for `make
/// deploy`, and was refused once.
fn touched() -> World {
    let world = World::new();
    for value in ["one", "two", "three"] {
        world.store("prod/token", format!("prod-Token-{value}-4711"));
    }
    world.write("Makefile", "deploy:\n\t@true\n");
    let story = "hasp-bind -q add prod/token; cp $(command -v bash) claude
        hasp-grant -q --consumer user --uses 2 -e T=prod/token -o ../token -- make deploy
        ./claude -c 'bash -c \"hasp-exec -g ../token; exit \\$?\"; hasp-exec -g ../token; exit $?'
        ./claude -c 'hasp-exec -g ../token; exit $?' || true";
    world.sh(story).ok();
    world
}

#[test]
fn one_line_says_whether_the_agent_touched_the_token() {
    if !peer("make") {
        return;
    }
    let world = touched();
    let line = "hasp-audit touched prod/token --asker claude";
    let sentence = world.sh(line).ok().trim_end().to_owned();
    for paper in ["README.md", "man/hasp-audit.1"] {
        assert_eq!(timeless(&sentence), timeless(&told_by(paper)), "{paper}");
    }
    let object = &world.sh(&format!("{line} --json")).objects()[0];
    assert_eq!(
        (&object["version"], &object["runs"], &object["refused"], &object["released"]),
        (&3.into(), &2.into(), &1.into(), &true.into())
    );
    assert_eq!((&object["last"]["asker"], &object["v"]), (&"claude".into(), &1.into()));
    // Of what was never let out, to nobody or not to this one, the answer is no.
    for line in [
        "hasp-audit touched prod/token@2",
        "hasp-audit touched prod/token --asker nobody",
        "hasp-audit touched no/such",
    ] {
        let never = world.sh(line);
        assert_eq!(never.status, 1, "{line}: {}", never.stderr);
        assert!(never.stdout.contains(": never released"), "{line}: {}", never.stdout);
    }
    world.sh("hasp-audit touched prod/token --since 24h").ok();
    world.sh("hasp-audit touched 'prod token'").refused(64, "bad-name");
    world.sh("hasp-audit touched prod/token --asker ''").refused(64, "usage");
    world.sh("hasp-audit touched prod/token --since someday").refused(64, "bad-time");
}

#[test]
fn the_log_shows_who_asked_without_the_shells_in_between() {
    if !peer("make") {
        return;
    }
    let world = touched();
    let log = world.sh("hasp-audit log --event exec.start").ok().to_owned();
    let asked: Vec<&str> = log.lines().map(|l| l.split_once("asked by ").unwrap().1).collect();
    assert_eq!(asked.len(), 2, "{log}");
    for asked in asked {
        let mut words = asked.split([' ', ',']);
        assert_eq!(words.next(), Some("claude"), "{log}");
        assert!(words.next().unwrap().parse::<u32>().is_ok(), "program and pid: {log}");
        assert!(!asked.contains("bash") && !asked.contains("hasp-exec"), "{log}");
    }
}

#[test]
fn a_refused_grant_is_known_by_what_it_asked_for() {
    let world = World::with_project();
    world
        .sh("hasp-grant -q --consumer user --for 24h -t test >/dev/null")
        .refused(77, "over-ceiling");
    let told = world.sh("hasp-audit touched api/key");
    assert_eq!(told.status, 1, "{}", told.stdout);
    let expected = "api/key@1: never released, 1 refused; last refused ";
    assert!(told.stdout.starts_with(expected) && told.stdout.contains(" [over-ceiling]"));
    let refused = &world.events("grant.deny")[0];
    let names: Vec<&str> = refused["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["api/key", "db/url"]);
}

/// What Python starts is found by its name, with or without the version, by the path that is typed
/// and by the file behind it, and by its pid; a copy under another name by none of them.
#[test]
fn python_is_found_by_name_path_and_pid_and_a_renamed_copy_is_not() {
    if !peer("python3") {
        return;
    }
    let world = World::with_project();
    world.write(
        "agent.py",
        "import os, subprocess, sys\nopen('pid', 'w').write(str(os.getpid()))\n\
         subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n",
    );
    let run = "hasp-grant -q -x -t test --consumer user";
    world.sh(&format!("python3 agent.py {run}")).ok();
    // What is first on the path may be a script that looks for the program.
    let path = world.sh("python3 -c 'import sys; print(sys.executable)'").ok().trim().to_owned();
    let pid = std::fs::read_to_string(world.project().join("pid")).unwrap();
    let (exe, real) = (format!("exe:{path}"), format!("$(readlink -f {path})"));
    for word in ["python3", "python", &path, &exe, &real, &pid, &format!("pid:{pid}")] {
        for verb in ["log --event exec.start", "exposed", "touched api/key", "who --from ../value"]
        {
            std::fs::write(world.beside("value"), API_KEY).unwrap();
            let told = world.sh(&format!("hasp-audit {verb} --asker {word}"));
            assert!(!told.ok().is_empty(), "{verb} --asker {word}");
        }
    }
    let copied = World::with_project();
    copied.write("agent.py", std::fs::read(world.project().join("agent.py")).unwrap());
    copied.sh(&format!("cp {real} snake; ./snake agent.py {run}")).ok();
    for word in ["python3", "python", &path, &real] {
        let told = copied.sh(&format!("hasp-audit log --asker {word}"));
        assert_eq!(told.ok(), "", "--asker {word}");
    }
    assert!(!copied.sh("hasp-audit log --asker snake").ok().is_empty());
    let page = include_str!("../../man/hasp-audit.1");
    let caveats = page.split_once(".Sh CAVEATS").unwrap().1;
    assert!(caveats.contains("a copy of a program under another name is found neither by"));
}

#[test]
fn what_was_shown_or_exported_names_who_asked_too() {
    let world = World::with_project();
    world.sh("hasp-vault reveal --force api/key; hasp-vault export --force db/url").ok();
    world.sh("hasp-vault reveal api/key").refused(77, "not-a-terminal");
    for event in ["vault.reveal", "vault.export", "vault.deny"] {
        let asker = &world.events(event)[0]["asker"];
        assert!(asker[0]["pid"].is_u64(), "{event}: {asker}");
        let shells = asker.as_array().unwrap().iter();
        assert!(shells.filter_map(|a| a["exe"].as_str()).any(|e| e.ends_with("/bash")), "{asker}");
    }
    assert_eq!(world.events("vault.deny")[0]["verb"], "reveal");
    let told = world.sh("hasp-audit touched api/key").ok().to_owned();
    assert!(told.starts_with("api/key@1: 1 time shown; last "), "{told}");
    assert!(world.sh("hasp-audit exposed --asker bash").ok().contains("db/url@1"));
}

/// Who asked, or what for, may stand in a record of its own where one was too long.
#[test]
fn a_record_that_did_not_fit_is_found_by_all_its_parts() {
    let world = World::new();
    let mut options = String::new();
    for n in 0..40 {
        let name = format!("{}/{}/key{n}", "a".repeat(60), "b".repeat(60));
        world.store(&name, format!("value-{n}-4711-Heron"));
        options.push_str(&format!(" --file V{n}={name}"));
    }
    world.sh("hasp-bind -q add $(hasp-vault list --names)").ok();
    world
        .sh(&format!(
            "cp $(command -v bash) claude; ./claude -c 'hasp-grant -q -x --consumer user \
        {options} -- true; exit $?'"
        ))
        .ok();
    assert!(!world.events("exec.item").is_empty(), "the list did not fit");
    let all = world.sh("hasp-audit exposed").ok().to_owned();
    assert_eq!(all.lines().count(), 40);
    assert_eq!(world.sh("hasp-audit exposed --asker claude").ok(), all);
    assert_eq!(world.sh("hasp-audit exposed --asker nobody").ok(), "");
    let name = all.lines().next().unwrap();
    let told = world.sh(&format!("hasp-audit touched {name} --asker claude")).ok().to_owned();
    assert!(told.contains(": 1 run; last "), "{told}");
    assert_eq!(world.sh(&format!("hasp-audit touched {name} --asker nobody")).status, 1);
}
