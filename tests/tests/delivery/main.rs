//! Promise: a value reaches the command exactly as it was approved, by template, file or
//! descriptor, and nothing else does; what cannot be delivered is refused before anything is spent.
#![allow(clippy::unwrap_used)]

mod templates;

use hasp_tests::{Needle, World};

/// Every character that some format gives a meaning.
const AWKWARD: &str = "p'w \"x\"\\%/&+:\u{e9}<$HOME>`id`\tEnd-of-it";

/// A world with the awkward `db/pw` and a template of all filters.
fn world() -> World {
    let world = World::new();
    world.store("db/pw", AWKWARD);
    std::fs::create_dir(world.project().join("ops")).unwrap();
    world.write(
        "ops/all.in",
        "plain {{db/pw}}\nurl {{db/pw:url}}\njson {{ db/pw:json }}\nbase64 \
                               {{db/pw:base64}}\nshell {{db/pw:shell}}\n{{{{ }}\n",
    );
    world
}

fn manifest(target: &str) -> String {
    format!(
        "[refs]\n\"db/pw\" = {{}}\n\"gone/pw\" = {{ required = false }}\n\n[target.t]\n{target}\n"
    )
}

/// A manifest whose target compares its template's file with the file `expected` and prints it.
fn compares() -> String {
    manifest(
        "run = ['sh', '-c', 'stat -c %a \"$F\"; cmp \"$F\" ../expected; cat \"$F\"; echo \"$F\" \
         >path']\ntemplate = { F = 'ops/all.in' }",
    )
}

#[test]
fn a_descriptor_reads_again_by_its_name_and_can_be_neither_written_nor_run() {
    let world = world();
    world.sh("hasp-bind -q add db/pw").ok();
    world.script(
        "look",
        "#!/bin/sh\nexec 2>/dev/null\n[ \"$(wc -c <&$N)\" = \"$(wc -c </dev/fd/$N)\" ] && echo \
         same\n\
         cmp -s /dev/fd/$N ../value && cmp -s /proc/self/fd/$M ../value && echo exact\n\
         (echo x >&$N) || echo closed\n(echo x >/dev/fd/$N) || echo sealed\n/dev/fd/$N || echo no \
         program\n",
    );
    std::fs::write(world.beside("value"), AWKWARD).unwrap();
    let outcome = world.sh("hasp-grant -q -x --fd N=db/pw --fd M=db/pw -- ./look");
    assert_eq!(outcome.ok(), "same\nexact\nclosed\nsealed\nno program\n");
}

#[test]
fn everything_at_once_reaches_one_command() {
    let world = world();
    world.sh("hasp-bind -q add db/pw").ok();
    std::fs::write(world.beside("value"), AWKWARD).unwrap();
    std::fs::write(world.beside("env"), format!("{AWKWARD}\n")).unwrap();
    world.script(
        "look",
        "#!/bin/sh\ncmp - ../value || exit 1\ncmp \"$F\" ../value || exit 2\ncmp /dev/fd/$N \
         ../value || exit 3\n\
         printf '%s\\n' \"$E\" | cmp - ../env || exit 4\ngrep -q ^plain \"$T\" || exit 5\necho \
         all\n",
    );
    let line = "hasp-grant -q -x -e E=db/pw --file F=db/pw --fd N=db/pw --template T=ops/all.in \
                --stdin db/pw -- ./look";
    assert_eq!(world.sh(line).ok(), "all\n");
    world
        .sh("hasp-grant -e T=db/pw --template T=ops/all.in -o ../t -- ./look")
        .refused(64, "delivered-twice");
}

#[test]
fn a_value_that_no_variable_can_hold_is_refused_with_the_alternative() {
    let world = world();
    for (size, fits) in [(131_069, true), (131_070, false), (131_072, false), (1 << 20, false)] {
        world.store("v", "x".repeat(size));
        world.sh("hasp-bind -q add v").ok();
        let outcome =
            world.sh("hasp-grant -q -x -e A=v -- sh -c 'echo ran >>ran; printf %s \"$A\" | wc -c'");
        if fits {
            assert_eq!(outcome.ok().trim(), size.to_string());
            continue;
        }
        outcome.refused_with_hint(125, "env-too-large");
        assert!(outcome.stderr.contains("--file A=v or --fd A=v"), "{}", outcome.stderr);
        for way in [
            "--file A=v -- sh -c 'wc -c <\"$A\"'",
            "--fd A=v -- sh -c 'wc -c </dev/fd/$A'",
            "--stdin v -- wc -c",
        ] {
            assert_eq!(
                world.sh(&format!("hasp-grant -q -x {way}")).ok().trim(),
                size.to_string(),
                "{way}"
            );
        }
    }
    world.store("v", "a\0b");
    world.sh("hasp-grant -q -x -e A=v -- sh -c 'echo ran >>ran'").refused_with_hint(125, "env-nul");
    assert_eq!(world.runs(), 1);
    assert_eq!(world.sh("hasp-grant list").ok(), "");
}

#[test]
fn words_of_any_bytes_reach_the_program_exactly() {
    let world = world();
    world.sh("hasp-bind -q add db/pw").ok();
    world.script("words", "#!/bin/bash\nprintf '%s|' \"$#\" \"$@\" | md5sum\n");
    let odd = r#"-- '' ' ' $'new\nline' -h --json $'\xff\xfe' "$(printf '%05000d' 7)" '*' '$HOME'"#;
    let direct = world.sh(&format!("./words {odd}"));
    assert_eq!(
        world.sh(&format!("hasp-grant -q -x -e K=db/pw -- ./words {odd}")).ok(),
        direct.ok()
    );
    world.sh("hasp-grant -q --consumer user --for 1h -e K=db/pw -o ../t -- ./words ...").ok();
    assert_eq!(world.sh(&format!("hasp-exec -g ../t -- ./words {odd}")).ok(), direct.ok());
    let many = world.sh("./words $(seq 100000)");
    assert_eq!(world.sh("hasp-exec -g ../t -- ./words $(seq 100000)").ok(), many.ok());
    assert_eq!(world.sh("hasp-grant -q -x -e K=db/pw -- ./words $(seq 100000)").ok(), many.ok());
}

#[test]
fn more_than_execve_takes_is_126_spent_and_on_record() {
    let world = world();
    world.store("v", "x".repeat(131_000));
    world.sh("hasp-bind -q add v").ok();
    let variables: Vec<String> = (0..20).map(|n| format!("-e V{n}=v")).collect();
    world
        .sh(&format!(
            "hasp-grant -q --consumer user {} -o ../t -- sh -c 'echo ran >>ran'",
            variables.join(" ")
        ))
        .ok();
    let outcome = world.sh("hasp-exec -g ../t");
    outcome.refused(126, "cannot-execute");
    assert!(outcome.stderr.contains("too long for this kernel"), "{}", outcome.stderr);
    assert_eq!(world.events("exec.end")[0]["failed"], "cannot-execute");
    world.sh("hasp-exec -g ../t").refused(125, "spent");
    assert_eq!(world.runs(), 0);
}

#[test]
fn a_program_that_cannot_run_spends_nothing() {
    let world = world();
    world.sh("hasp-bind -q add db/pw").ok();
    let good = "#!/bin/sh\necho ran >>ran\n";
    for (change, status, code) in [
        ("rm prog", 127, "program-missing"),
        ("chmod a-x prog", 126, "program-not-executable"),
        ("rm prog; mkdir prog", 126, "program-not-executable"),
        ("echo 'echo ran >>ran' >prog", 126, "program-not-executable"),
        (": >prog", 126, "program-not-executable"),
    ] {
        world.sh("rm -rf prog").ok();
        world.script("prog", good);
        world.sh("hasp-grant -q --consumer user -e K=db/pw -o ../t -- ./prog").ok();
        let before = world.runs();
        world.sh(&format!("{change}; hasp-exec -g ../t")).refused_with_hint(status, code);
        world.sh("rm -rf prog").ok();
        world.script("prog", good);
        world.sh("hasp-exec -g ../t").ok();
        assert_eq!(world.runs(), before + 1, "{change}");
    }
    assert_eq!(world.events("exec.start").len(), 5);
}

#[test]
fn a_clean_environment_is_the_grants_and_what_is_dropped_is_named() {
    let world = world();
    let names = "run = ['sh', '-c', 'env | cut -d= -f1 | sort | tr \"\\n\" \" \"']";
    world.bind(&manifest(&format!(
        "{names}\nenv = {{ K = 'db/pw' }}\nclean-env = true\npass-env = ['PATH', \
         'TERM']\nkeep-env = ['LD_BIND_NOW']"
    )));
    world.sh("hasp-grant -q -t t --for 1h --keep --consumer user").ok();
    // What hasp.toml says now is not what was approved.
    world.write("hasp.toml", "");
    let run = "export TERM=x EXTRA=y LD_BIND_NOW=1 LD_DEBUG_OUTPUT=/nowhere ENV=/x";
    assert_eq!(
        world.sh(&format!("{run}; hasp-exec -t t")).ok().trim(),
        "HASP_HOME HASP_RUNTIME K LD_BIND_NOW PATH PWD TERM"
    );
    let explained = world.sh(&format!("{run}; hasp-exec --explain -t t"));
    assert!(
        explained.ok().contains("clean, but for PATH, TERM")
            && explained.stdout.contains("keeps      LD_BIND_NOW")
    );
    let ad_hoc = "hasp-bind -q add db/pw; hasp-grant -q --consumer user -e K=db/pw -o ../t";
    assert_eq!(
        world
            .sh(&format!(
                "{run}; {ad_hoc} --clean-env -- /usr/bin/env; hasp-exec -g ../t | cut -d= -f1"
            ))
            .ok(),
        "HASP_HOME\nHASP_RUNTIME\nK\n"
    );
    let open = world.sh(&format!("{run}; {ad_hoc} -- true; hasp-exec -g ../t --explain"));
    assert!(open.ok().contains("drops      ENV LD_BIND_NOW LD_DEBUG_OUTPUT\n"), "{}", open.stdout);
    // A name given twice is one variable: the one that getenv(3) sees.
    let twice = "import ctypes, os\nc = ctypes.CDLL(None)\nvars = [f'{k}={v}'.encode() for k, v \
                 in os.environ.items()] + [b'TWICE=1', b'TWICE=2']\n\
                 argv = [b'hasp-exec', b'-q', b'-g', b'../t']\nlist = lambda l: (ctypes.c_char_p \
                 * (len(l) + 1))(*l, None)\n\
                 c.execvpe(argv[0], list(argv), list(vars))\n";
    world.write("twice.py", twice);
    let seen = world.sh(&format!("{ad_hoc} -- /usr/bin/env; python3 twice.py | grep TWICE"));
    assert_eq!(seen.ok(), "TWICE=1\n");
}
