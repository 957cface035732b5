//! Templates: what is approved, shown, refused and rendered.

use super::*;

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
