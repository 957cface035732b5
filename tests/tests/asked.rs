//! Promise: whoever is asked for a passphrase is told by whom and what for, and nobody is asked in
//! the middle of another program.
#![allow(clippy::unwrap_used)]

use hasp_tests::{PASSPHRASE, World, peer};

const IDENTITY: &str = "see:hasp identity: ";
const VALUE: &str = "the-value-4711";

/// A locked vault with a bound secret `k`.
fn world() -> World {
    let world = World::locked();
    world.feed("HASP_PASSPHRASE=fd:3 hasp-vault set k 3<../passphrase", VALUE).ok();
    world.sh("HASP_PASSPHRASE=fd:3 hasp-bind -q add k 3<../passphrase").ok();
    world
}

/// A program that runs hasp without its own input, as an editor's plug-in does.
const ASKER: &str = "import os, subprocess, sys\n\
open('asker', 'w').write(str(os.getpid()))\n\
sys.exit(subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, \
stdout=subprocess.PIPE).returncode)\n";

#[test]
fn the_prompt_says_who_asks_for_what_and_where_it_goes() {
    if !peer("python3") {
        return;
    }
    let world = world();
    world.write("asker.py", ASKER);
    let right = format!("type:{PASSPHRASE}\\n");
    for (line, said) in [
        (
            "hasp-vault reveal --force k; true",
            &["hasp-vault reveal --force k (output: the terminal), asked by bash "][..],
        ),
        (
            "hasp-vault reveal --force k | cat >got",
            &["reveal --force k (output: a pipe to cat ", "), asked by bash "],
        ),
        (
            "hasp-vault reveal --force k >got; true",
            &["(output: /", "/project/got), asked by bash "],
        ),
        (
            "hasp-vault reveal --force k >/dev/null; true",
            &["hasp-vault reveal --force k (output: none), asked by bash "],
        ),
        (
            "echo new-4712 | hasp-vault set n",
            &["hasp-vault set n (output: the terminal), asked by bash "],
        ),
        ("hasp-bind add x=k; true", &["hasp-bind add 'x=k' (output: ", "asked by bash "]),
        (
            "hasp-grant -q -e K=k -o token -- cat hunter2 <asker.py",
            &["hasp-grant -q -e 'K=k' -o token -- cat ...", "asked by"],
        ),
        (
            "hasp-grant -q -x --reason hunter2 -e K=k -- true",
            &["hasp-grant -q -x --reason ... -e 'K=k' -- true", "asked by"],
        ),
        (
            "hasp-audit verify; true",
            &[
                "hasp-vault --json key audit --log ",
                "(output: a pipe",
                "asked by hasp-audit ",
                ", run by bash ",
            ],
        ),
        (
            "python3 asker.py hasp-vault reveal --force k",
            &["(output: a pipe to python3", "asked by python3"],
        ),
    ] {
        let shown = world.type_at(line, &[IDENTITY, &right]);
        let introduced = shown.text.split("Passphrase of").next().unwrap().replace('\'', "");
        for part in said {
            assert!(
                introduced.contains(&part.replace('\'', "")),
                "{line}: no '{part}' in: {introduced}"
            );
        }
        assert_eq!(shown.status, 0, "{line}: {}", shown.text);
        shown.has_not("hunter2").has_not("horse");
        if line.contains("asker.py ") {
            let pid = std::fs::read_to_string(world.project().join("asker")).unwrap();
            assert_eq!(
                introduced.matches(&format!(" {pid}")).count(),
                2,
                "as reader and as asker: {introduced}"
            );
        }
    }
    // Once, whatever the number of tries.
    let shown = world.type_at(
        "hasp-vault reveal --force k | wc -c",
        &[IDENTITY, "type:wrong horse\\n", IDENTITY, &right],
    );
    assert_eq!(shown.text.matches("asked by").count(), 1, "{}", shown.text);
}

#[test]
fn nobody_is_asked_in_the_background_or_on_the_screen_of_another_program() {
    if !peer("python3") {
        return;
    }
    let world = world();
    let lines = [
        "hasp-vault reveal --force k",
        "hasp-vault set k --from env:HOME",
        "hasp-vault rotate k --kind hex",
        "hasp-bind add x=k",
        "hasp-grant -e K=k -- true",
        "hasp-audit verify",
        "HASP_IDENTITY=key hasp-vault reveal --force k",
    ];
    world.sh("ssh-keygen -q -t ed25519 -N 'other horse' -f key </dev/null").ok();
    for line in lines {
        let background = format!("{line} </dev/null >out 2>err & wait $!; echo rc=$?");
        // As with `timeout`, which makes a group of its own, though standard input is the terminal.
        let aside = format!("bash -c 'timeout 20 env {line} >out 2>err; exit $?'; echo rc=$?");
        let drawn_over = format!(
            "stty raw -echo; {line} </dev/null 2>err | cat >out; r=${{PIPESTATUS[0]}}; stty sane; \
             echo rc=$r"
        );
        let full_screen = format!(
            "stty -icanon -echo; env {line} 2>err >out </dev/null; r=$?; stty sane; echo rc=$r"
        );
        for (how, why) in [
            (&background, "not in the foreground"),
            (&aside, "not in the foreground"),
            (&drawn_over, "another program has"),
            (&full_screen, "another program has"),
        ] {
            let shown = world.type_at(how, &["see:rc="]);
            let said = std::fs::read_to_string(world.project().join("err")).unwrap();
            assert!(shown.text.contains("rc=69"), "{how}: {} {said}", shown.text);
            shown.has_not("Passphrase").has_not("asked by").has_not("\u{1b}[?2004");
            assert!(said.contains("[locked]") && said.contains(why), "{how}: {said}");
            let own = line.split(' ').find(|w| w.starts_with("hasp-")).unwrap();
            // Whoever runs a command for a person is told what that person types.
            if own == "hasp-grant" {
                let of_a_person = "a person types in a terminal: cd ";
                assert!(said.contains(of_a_person) && said.contains(" --keep "), "{how}: {said}");
            } else {
                assert!(said.contains("HASP_PASSPHRASE"), "{how}: {said}");
                assert!(said.contains(&format!("in a terminal of your own: {own} ")), "{said}");
            }
            assert_eq!(std::fs::read(world.project().join("out")).unwrap(), b"", "{how}");
        }
    }
    // A value that is to be typed, and a question.
    for line in ["hasp-vault set new", "hasp-vault deposit new", "hasp-vault destroy k"] {
        let shown = world.type_at(
            &format!("bash -c 'timeout 20 {line} 2>err; exit $?'; echo rc=$?"),
            &["see:rc="],
        );
        shown.has("rc=69").has_not("(not shown)").has_not("[y/N]");
        assert!(
            std::fs::read_to_string(world.project().join("err")).unwrap().contains("[no-terminal]"),
            "{line}"
        );
    }
}

#[test]
fn with_its_standard_input_elsewhere_it_asks_in_the_foreground() {
    if !peer("python3") {
        return;
    }
    let world = world();
    let right = format!("type:{PASSPHRASE}\\n");
    for line in [
        "echo new-4712 | hasp-vault set n",
        "hasp-vault set n2 <hasp.toml",
        "v=$(hasp-vault reveal --force k </dev/null); test ${#v} = 14",
        "hasp-grant -q -x -e K=k -- sh -c 'test \"$(cat)\" = x' <hasp.toml",
        "make -s",
        "true | xargs hasp-vault reveal --force k >/dev/null",
    ] {
        world.write("hasp.toml", "x\n");
        world.write("Makefile", "all:\n\t@hasp-vault reveal --force k </dev/null >/dev/null\n");
        if line.contains("hasp-grant") {
            world.sh("mv hasp.toml input").ok();
        }
        let line = if line.contains("hasp-grant") {
            line.replace("hasp.toml", "input")
        } else {
            line.to_owned()
        };
        let shown = world.type_at(&line, &[IDENTITY, &right]);
        assert_eq!(shown.status, 0, "{line}: {}", shown.text);
        shown.has("asked by ").has_not("horse");
    }
}

#[test]
fn an_askpass_program_is_told_the_same() {
    let world = world();
    world.script(
        "ask",
        &format!("#!/bin/sh\nprintf '%s|' \"$#\" \"$@\" >asked\necho '{PASSPHRASE}'\n"),
    );
    world.sh("HASP_ASKPASS=$PWD/ask hasp-vault reveal --force k | cat").ok();
    let asked = std::fs::read_to_string(world.project().join("asked")).unwrap();
    let start =
        "1|Passphrase of your hasp identity, for hasp-vault reveal --force k (output: a pipe to ";
    assert!(asked.starts_with(start) && asked.ends_with(":|"), "{asked}");
    assert!(asked.contains("), asked by bash "), "{asked}");
}
