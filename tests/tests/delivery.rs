//! Promise: a value reaches the command exactly as it was approved, by template, file or
//! descriptor, and nothing else does; what cannot be delivered is refused before anything is spent.
#![allow(clippy::unwrap_used)]

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
fn a_template_is_delivered_byte_for_byte_and_its_values_are_redacted_in_every_form() {
    let world = world();
    world.bind(&compares());
    let json = serde_json::to_string(AWKWARD).unwrap();
    let url = "p%27w%20%22x%22%5C%25%2F%26%2B%3A%C3%A9%3C%24HOME%3E%60id%60%09End-of-it";
    let base64 = data_encoding::BASE64.encode(AWKWARD.as_bytes());
    let shell = format!("'{}'", AWKWARD.replace('\'', r"'\''"));
    let expected = format!(
        "plain {AWKWARD}\nurl {url}\njson {json}\nbase64 {base64}\nshell {shell}\n{{{{ }}}}\n"
    );
    std::fs::write(world.beside("expected"), &expected).unwrap();
    let outcome = world.sh("hasp-grant -q -x -t t");
    let shown = outcome.ok();
    assert!(shown.starts_with("400\nplain [hasp:db/pw]\nurl [hasp:db/pw]\n"), "{shown}");
    assert_eq!(shown.matches("[hasp:db/pw]").count(), 5, "{shown}");
    assert!(
        !Needle::new("value", AWKWARD).is_in(&outcome.stdout) && !shown.contains(url),
        "{shown}"
    );
    assert!(!shown.contains(&json[1..20]) && !shown.contains(&shell[1..20]), "{shown}");
    let path = std::fs::read_to_string(world.project().join("path")).unwrap();
    assert!(
        path.starts_with(world.runtime().to_str().unwrap())
            && !std::path::Path::new(path.trim()).exists()
    );
    // The shell reads back what :shell wrote.
    world.write("ops/env.in", "PW={{db/pw:shell}}\n");
    world.sh("hasp-bind -q add db/pw").ok();
    let words = "sh -c '. \"$F\"; printf %s \"$PW\" | sha256sum'";
    let sourced = world.sh(&format!("hasp-grant -q -x --template F=ops/env.in -- {words}"));
    std::fs::write(world.beside("value"), AWKWARD).unwrap();
    assert_eq!(sourced.ok(), world.sh("sha256sum <../value").ok());
}

#[test]
fn what_was_approved_is_rendered_and_an_edited_template_asks_for_consent_again() {
    let world = world();
    world.write("ops/t.in", "first {{db/pw:base64}}\n");
    let target = "run = ['sh', '-c', 'cut -d\" \" -f1 \"$F\"']\ntemplate = { F = 'ops/t.in' }";
    world.bind(&manifest(target));
    world.sh("hasp-grant -q -t t --for 1h --keep --consumer user").ok();
    world.write("ops/t.in", "second {{db/pw:base64}}\n");
    assert_eq!(world.sh("hasp-exec -t t").ok(), "first\n");
    let changed = world.sh("hasp-grant -t t -o ../t");
    changed.refused_with_hint(77, "target-changed");
    let shown = &changed.stderr;
    assert!(shown.contains("- template F | first {{db/pw:base64}}"), "{shown}");
    assert!(shown.contains("+ template F | second {{db/pw:base64}}"), "{shown}");
    world.sh("rm ops/t.in").ok();
    assert_eq!(world.sh("hasp-exec -t t").ok(), "first\n");
    world.write("ops/t.in", "second {{db/pw:base64}}\n");
    world.sh("hasp-bind -q --yes").ok();
    assert_eq!(world.sh("hasp-grant -q -x -t t").ok(), "second\n");
    // Lines that only change places are another text, too.
    world.write("ops/t.in", "a\nb\n");
    world.sh("hasp-bind -q --yes").ok();
    world.write("ops/t.in", "b\na\n");
    let moved = world.sh("hasp-grant -t t -o ../t");
    moved.refused(77, "target-changed");
    assert!(moved.stderr.contains("+ template F = ops/t.in (sha256 "), "{}", moved.stderr);
}

#[test]
fn references_of_a_template_are_references_of_the_target() {
    let world = world();
    world.bind(&manifest("run = ['true']\ntemplate = { F = 'ops/all.in' }"));
    world.sh("hasp-grant -q -t t --for 1h --keep --consumer user").ok();
    world.sh("hasp-exec -t t").ok();
    let start = &world.events("exec.start")[0];
    assert_eq!(start["secrets"][0]["channel"], "template", "{start}");
    assert_eq!(
        (&start["secrets"][0]["name"], &start["secrets"][0]["var"]),
        (&"db/pw".into(), &"F".into())
    );
    assert!(world.sh("hasp-audit who --from ../value; true").civil().status == 0);
    world.sh("hasp-grant revoke -q --secret db/pw").ok();
    world.sh("hasp-exec -t t").refused(125, "no-grant");
    world.sh("hasp-grant -q -t t -o ../t --consumer user && hasp-bind -q remove db/pw").ok();
    world.sh("hasp-exec -g ../t").refused(125, "unbound");
    world.sh("hasp-bind -q --yes && hasp-vault revoke -q db/pw").ok();
    let check = world.sh("hasp-target check");
    assert!(check.status == 1 && check.stdout.contains("t: db/pw is revoked"), "{}", check.stdout);
    world.sh("hasp-grant -t t -o ../t").refused(77, "secret-revoked");
}

#[test]
fn an_optional_reference_that_is_not_stored_is_empty_and_said() {
    let world = world();
    world.write("ops/o.in", "<{{gone/pw}}|{{gone/pw:json}}|{{gone/pw:shell}}>\n");
    world.bind(&manifest("run = ['sh', '-c', 'cat \"$F\"']\ntemplate = { F = 'ops/o.in' }"));
    let outcome = world.sh("hasp-grant -x -t t");
    assert_eq!(outcome.ok(), "<|\"\"|''>\n");
    assert!(
        outcome.stderr.contains("gone/pw is optional and not in the vault"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn whoever_decides_sees_the_template() {
    let world = world();
    world.write("ops/t.in", "host {{db/pw}} \n");
    let target = "run = ['true']\nenv = { PW = 'db/pw' }\ntemplate = { F = 'ops/t.in' \
                  }\nno-new-privs = true";
    world.bind(&manifest(target));
    let show = world.sh("hasp-target show t");
    assert!(
        show.ok().contains("template F = ops/t.in (sha256 ")
            && show.stdout.contains("template F | host {{db/pw}}")
    );
    assert_eq!(
        world.sh("hasp-target show t --json").objects()[0]["templates"][0]["path"],
        "ops/t.in"
    );
    let explained = world.sh("hasp-target explain t");
    assert!(
        explained
            .ok()
            .contains("a file in memory whose path is in F: the text of ops/t.in with db/pw in it")
    );
    world.sh("hasp-grant -q -t t --for 1h --keep --consumer user").ok();
    for line in [
        "hasp-exec --explain -t t",
        "hasp-grant show $(hasp-grant list --json | grep -o '\"grant\":\"[0-9a-f]*' | cut -c10-)",
    ] {
        let shown = world.sh(line);
        assert!(
            shown.ok().contains("F = ops/t.in with db/pw@1 (medium), as a file"),
            "{}",
            shown.stdout
        );
        assert!(shown.stdout.contains("gains none by set-user-ID programs"), "{}", shown.stdout);
    }
    // Added by command, listed, and the comments stay.
    world.write("hasp.toml", "# mine\n[refs]\n\n[target.u]\nrun = ['true']\n");
    world.sh("cd ops && hasp-target add -q u --template F=t.in").ok();
    let text = std::fs::read_to_string(world.project().join("hasp.toml")).unwrap();
    assert!(
        text.contains("# mine")
            && text.contains("\"db/pw\" = {}")
            && text.contains("template = { F = \"ops/t.in\" }"),
        "{text}"
    );
    world.sh("hasp-target add u -e F=db/pw").refused(73, "exists");
    world.sh("hasp-target add u --template G=../../etc/passwd").refused(78, "template-bad-path");
}

#[test]
fn what_is_wrong_with_a_template_is_shown_where_it_stands() {
    let world = world();
    let bind = manifest("run = ['true']\ntemplate = { F = 'ops/t.in' }");
    world.write("hasp.toml", &bind);
    let cases = [
        (
            "x\n {{db/pq}}\n",
            "manifest-unlisted",
            "ops/t.in:2:2: the template",
            "2 | ...{{db/pq}}\n  |    ^^^^^^^^^",
        ),
        (
            "{{db/pw:jsn}}",
            "template-filter",
            "ops/t.in:1:1: there is no such filter",
            "did you mean 'json'?",
        ),
        ("a {{db/pw\n}}", "template-syntax", "ops/t.in:1:3: '{{' is not closed", "{{{{"),
        ("{{hunter2!}}", "template-bad-reference", "ops/t.in:1:1:", "1 | ...\n  | ^^^"),
        (
            "password = hunter2!",
            "manifest-secret",
            "ops/t.in:1:1: this line looks like it holds a secret",
            "hasp-vault set",
        ),
    ];
    for (text, code, place, more) in cases {
        world.write("ops/t.in", text);
        for line in ["hasp-target check", "hasp-bind --yes", "hasp-grant -t t -o ../t"] {
            let outcome = world.sh(line);
            outcome.refused_with_hint(78, code);
            assert!(
                outcome.stderr.contains(place) && outcome.stderr.contains(more),
                "{}",
                outcome.stderr
            );
            assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
        }
    }
    let files = [
        ("rm ops/t.in", "template-missing"),
        ("ln -s all.in ops/t.in", "template-bad-path"),
        ("rm ops/t.in; mkfifo ops/t.in", "template-bad-path"),
        ("rm ops/t.in; mkdir ops/t.in", "template-bad-path"),
        ("rmdir ops/t.in; mv ops o2; ln -s o2 ops; cp o2/all.in o2/t.in", "template-bad-path"),
        ("rm ops; mv o2 ops; head -c 16385 /dev/zero | tr '\\0' x >ops/t.in", "manifest-too-large"),
        ("printf '\\377' >ops/t.in", "manifest-utf8"),
    ];
    for (change, code) in files {
        world.sh(change).ok();
        world.sh("hasp-target check").refused_with_hint(78, code);
    }
    for path in ["/etc/hostname", "../project/ops/all.in", "~/x", ""] {
        world.write("hasp.toml", bind.replace("ops/t.in", path));
        let outcome = world.sh("hasp-target list");
        outcome.refused(78, "template-bad-path");
        assert!(
            outcome.stderr.contains("hasp.toml:7:18: ") && outcome.stderr.contains("^"),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn a_value_that_a_filter_cannot_write_releases_nothing() {
    let world = world();
    world.store("bin/key", b"\xff\xfe-and-more");
    world.sh("hasp-bind -q add bin/key").ok();
    world.write("ops/b.in", "{{bin/key:json}}\n");
    let outcome = world.sh("hasp-grant -q -x --template F=ops/b.in -- sh -c 'echo ran >>ran'");
    outcome.refused_with_hint(125, "template-not-text");
    assert_eq!(world.runs(), 0);
    assert_eq!(world.events("exec.deny")[0]["code"], "template-not-text");
    world.write("ops/b.in", "{{bin/key}}{{bin/key:url}}");
    let exact = world
        .sh("hasp-grant -q -x --template F=ops/b.in -- sh -c 'od -An -tx1 <\"$F\" | tr -d \" \
                  \\n\" | md5sum'");
    assert_eq!(
        exact.ok(),
        world
            .sh(r#"printf '\377\376-and-more%%FF%%FE-and-more' | od -An -tx1 |
            tr -d " \n" | md5sum"#)
            .ok()
    );
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
