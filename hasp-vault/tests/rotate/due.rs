//! Rotations that begin by themselves, by line or by hand.

use super::*;

#[test]
fn a_recipe_rotates_by_itself_when_it_is_due() {
    let (installed, [run, test, retire]) = world();
    let lab = &installed.lab;
    let rotate = [
        "rotate",
        "n",
        "--run",
        &run,
        "--test",
        &test,
        "--retire",
        &retire,
        "--rotate-every",
        "1s",
    ];
    installed.run(&rotate, b"").ok();
    lab.run(&["generate", "g", "--kind", "hex", "--rotate-every", "1s", "-q"]).ok();
    lab.run_with(&["set", "by-hand", "--rotate-every", "1s", "-q"], b"value-by-hand", &[]).ok();
    let (first, hex) = (lab.value("n").unwrap(), lab.value("g").unwrap());
    assert!(
        lab.run(&["show", "n"])
            .ok()
            .text()
            .contains(&format!("run {run}, test {test}, retire {retire}"))
    );
    // Times are kept in whole seconds; this is the one that has to pass.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let listed = lab.run(&["list", "--due"]);
    assert_eq!((listed.status, listed.text().lines().count()), (1, 3));
    assert!(
        listed.text().contains(", no recipe\n")
            && listed.text().matches(", by its recipe\n").count() == 2
    );
    let ran = installed.run(&["rotate", "--due"], b"");
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("by-hand is due and has no recipe"));
    assert!(
        lab.value("n").unwrap() != first
            && lab.value("g").unwrap() != hex
            && read(&installed, "run.got") == first
    );
    assert!(lab.value("by-hand").unwrap() == b"value-by-hand");
    // What was piped in is not passed over because there is a recipe.
    assert_eq!(
        installed.run(&["rotate", "n"], b"typed-value-89").refused(),
        (64, "recipe-or-stdin".into())
    );
    installed
        .run(&["rotate", "n", "--from", "-", "--rotate-every", "never"], b"typed-value-89")
        .ok();
    let shown = json(&installed, "n");
    assert!(
        shown["recipe"].is_null()
            && shown["rotate_every"].is_null()
            && lab.value("n").unwrap() == b"typed-value-89"
    );
    clean(lab);
}

#[test]
fn a_program_that_nobody_agreed_to_here_is_not_run() {
    let (installed, [run, ..]) = world();
    let lab = &installed.lab;
    installed.run(&["rotate", "n", "--run", &run, "--rotate-every", "1s"], b"").ok();
    let value = lab.value("n").unwrap();
    // As on the machine of another member of the same vault.
    std::fs::remove_dir_all(lab.home().join("programs")).unwrap();
    // Times are kept in whole seconds; this is the one that has to pass.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let ran = installed.detached(&["rotate", "--due"]);
    assert_eq!(ran.status, 77, "{}", ran.stderr);
    assert!(ran.stderr.contains("[program-unapproved]") && ran.stderr.contains(&run));
    assert!(lab.value("n").unwrap() == value);
    if !common::has("script") {
        return common::skipped("script");
    }
    let mut screen = common::Screen::start(lab, "bin/hasp-vault rotate n </dev/null");
    screen.wait_for("Run them with its values? [y/N]");
    screen.type_line("y");
    let (shown, status) = screen.end();
    assert_eq!(status, 0, "{shown}");
    assert!(lab.value("n").unwrap() != value);
    installed.run(&["destroy", "n", "--yes", "--forget"], b"").ok();
    let left =
        std::process::Command::new("find").arg(lab.home()).args(["-name", "n"]).output().unwrap();
    assert!(left.stdout.is_empty());
}

#[test]
fn names_come_by_line_and_bad_ones_stop_everything() {
    let installed = Installed::new();
    let lab = &installed.lab;
    for name in ["a", "b/c", "old"] {
        lab.set(name, OLD);
    }
    lab.set("old", b"a newer value");
    let run = program(&installed, "new", "printf new-value-of-$ROTATE_NAME");
    let by_run = ["rotate", "-", "--run", &run];
    for bad in [
        "../x",
        "a/../../b",
        "a\nx\u{1b}[2Jy",
        "-n",
        "a@0",
        "caf\u{e9}",
        "a b",
        "x\0y",
        &"n".repeat(300),
        "a\u{202e}b",
    ] {
        for args in [&by_run[..], &["destroy", "-", "--yes"]] {
            let ran = installed.run(args, format!("a\n{bad}\n").as_bytes());
            assert_eq!(ran.refused(), (64, "bad-name".into()), "{bad}");
            assert!(
                ran.stderr.contains("line 2: ") || ran.stderr.contains("line 3: "),
                "{}",
                ran.stderr
            );
            assert!(
                !ran.stderr.chars().any(|c| c.is_control() && c != '\n')
                    && !ran.stderr.contains('\u{202e}')
            );
        }
    }
    assert_eq!(installed.run(&by_run, b"a\n\xff\n").refused(), (65, "bad-name".into()));
    assert!(lab.value("a").unwrap() == OLD);
    let ran = installed.run(&by_run, b"a@1\nb/c@1\n\na\nold@1\n").ok();
    assert!(ran.stderr.contains("old@1 is not the current version any more"));
    assert!(
        lab.value("a").unwrap() == b"new-value-of-a"
            && lab.value("b/c").unwrap() == b"new-value-of-b/c"
    );
    assert!(lab.value("old").unwrap() == b"a newer value");
    // One that fails does not hold up the rest.
    let some =
        program(&installed, "some", "[ $ROTATE_NAME != a ] && printf newest-of-$ROTATE_NAME");
    let ran = installed.run(&["rotate", "a", "old", "--run", &some], b"");
    assert_eq!(ran.status, 74);
    assert!(
        ran.stderr.contains("[program-failed]")
            && ran.stderr.contains("1 of 2 secrets were not rotated [rotations-failed]")
    );
    assert!(
        lab.value("old").unwrap() == b"newest-of-old"
            && lab.value("a").unwrap() == b"new-value-of-a"
    );
    assert_eq!(
        installed.run(&["rotate", "a", "old"], b"one value").refused(),
        (64, "several-names".into())
    );
    assert_eq!(
        installed.run(&["rotate", "nothing"], b"one value").refused(),
        (66, "secret-unknown".into())
    );
}

#[test]
fn values_of_all_kinds_pass_exactly() {
    let (installed, _) = world();
    let lab = &installed.lab;
    let copy = program(&installed, "copy", "cat next");
    let check = program(&installed, "check", "cmp /dev/fd/3 next >&2");
    let values: [&[u8]; 7] = [
        b"x",
        &(0..=255).collect::<Vec<u8>>(),
        b"a\0b",
        b"ends in newlines\n\n\n",
        b"\xff\xfe\x80",
        &vec![b'z'; 1 << 20],
        b"\r\n",
    ];
    for value in values {
        std::fs::write(lab.dir.path().join("next"), value).unwrap();
        installed
            .run(&["rotate", "n", "--run", &copy, "--test", &check, "--keep-newline", "-q"], b"")
            .ok();
        assert!(lab.value("n").unwrap() == value);
        installed.run(&["rotate", "n", "--kind", "uuid", "-q"], b"").ok();
        installed.run(&["rotate", "n", "--from", "next", "--test", &check, "-q"], b"").ok();
        assert!(lab.value("n").unwrap() == value);
    }
    assert_eq!(
        installed.run(&["rotate", "n", "--from", "/dev/null"], b"").refused(),
        (65, "value-empty".into())
    );
}

#[test]
fn expiry_and_revocation_end_with_a_rotation() {
    let (installed, _) = world();
    let lab = &installed.lab;
    lab.run_with(&["set", "n", "--expires", "90d", "-q"], b"a-value-for-90-days", &[]).ok();
    installed.run(&["revoke", "n", "--reason", "leaked"], b"").ok();
    assert_eq!(json(&installed, "n")["state"], "revoked");
    installed.run(&["rotate", "n"], b"another-value-for-90-days").ok();
    let shown = json(&installed, "n");
    assert!(shown["state"] == "active" && shown["expires"].is_string());
    installed.run(&["destroy", "n", "--yes"], b"").ok();
    let gone = installed.run(&["rotate", "n"], b"a value");
    assert_eq!(gone.refused(), (77, "secret-destroyed".into()));
    assert!(gone.stderr.contains("hasp-vault set n"));
}

#[test]
fn new_values_are_asked_for_without_echo() {
    if !common::has("script") {
        return common::skipped("script");
    }
    let (installed, _) = world();
    installed.lab.set("m", OLD);
    std::fs::write(installed.lab.dir.path().join("names"), "n\nm@2\n").unwrap();
    for (line, word) in
        [("bin/hasp-vault rotate n m", "one"), ("bin/hasp-vault rotate - <names", "two")]
    {
        let mut screen = common::Screen::start(&installed.lab, line);
        for name in ["n", "m"] {
            screen.wait_for(&format!("Value of {name} (not shown): "));
            screen.type_line(&format!("hunter-{word}-{name}"));
        }
        let (shown, status) = screen.end();
        assert!(status == 0 && !shown.contains("hunter"), "{shown}");
        for name in ["n", "m"] {
            assert!(
                installed.lab.value(name).unwrap() == format!("hunter-{word}-{name}").as_bytes()
            );
        }
    }
}
