//! Promise: what is typed or pasted at a hidden prompt goes to that prompt, or to the next, or
//! nowhere: never to the screen, the shell or a value that was not meant.
#![allow(clippy::unwrap_used)]

use hasp_tests::{PASSPHRASE, Shown, World, peer};

/// A key as people paste it; what stands in its body must be seen nowhere.
const PEM: &str = r"-----BEGIN KEY-----\nBODY1-quartz\nBODY2-fjord\n-----END KEY-----\n";

fn ready() -> bool {
    peer("python3")
}

/// What the shell reads after the line goes to the file `left`.
fn and_then(line: &str) -> String {
    format!(
        "stty -g >before; {line}; echo rc=$?; stty -g | cmp - before && echo as-before; timeout \
         0.4 cat >left; true"
    )
}

/// Checks that of a paste nothing was shown, stored, or left for the shell, and that what to do is
/// said.
#[track_caller]
fn refused_whole(world: &World, what: &str, shown: &Shown) {
    shown.has("--from ").has("as-before").has_not("BODY").has_not("END KEY").has_not("rc=0");
    let left = std::fs::read(world.project().join("left")).unwrap();
    assert!(left.is_empty(), "{what}: {} bytes are left for the shell", left.len());
    let stored =
        world.sh("grep -rlE 'BODY|BEGIN KEY' .. --include=* --exclude=typist.py; hasp-vault list");
    assert!(
        !stored.stdout.contains("new/") && !stored.stdout.contains("left"),
        "{what}: {}",
        stored.stdout
    );
}

/// How a text arrives: as it is, in bracketed paste mode as terminals send it, and line by line.
fn arrivals(text: &str) -> [String; 4] {
    let carriage = text.replace("\\n", "\\r");
    let unbracketed = carriage.replace("\\r", "\\n");
    [
        format!("type:{unbracketed}"),
        format!("type:\\x1b[200~{carriage}\\x1b[201~"),
        format!("type:\\x1b[200~{unbracketed}\\x1b[201~\\n"),
        format!("slow:{unbracketed}"),
    ]
}

#[test]
fn a_pasted_text_of_several_lines_is_refused_whole() {
    if !ready() {
        return;
    }
    let world = World::new();
    world.store("old", "old-value-4711");
    for (line, prompt) in [
        ("hasp-vault set new/key", "see:new/key (not shown): "),
        ("hasp-vault set new/a new/b", "see:new/a (not shown): "),
        ("hasp-vault rotate old", "see:old (not shown): "),
        ("hasp-vault deposit new/key", "see:new/key (not shown): "),
    ] {
        for arrival in arrivals(PEM) {
            let shown = world.type_at(&and_then(line), &[prompt, &arrival]);
            shown.has("[several-lines]").has("rc=65");
            refused_whole(&world, &format!("{line}, {arrival}"), &shown);
        }
    }
    assert_eq!(world.sh("hasp-vault inbox").ok(), "");
    assert_eq!(world.sh("hasp-vault reveal --force old").ok().trim_end(), "old-value-4711");
    // Of several values the last is the last: an even number of lines is one too many.
    let steps = [
        "see:new/a (not shown): ",
        "type:one-1\\n",
        "see:new/b (not shown): ",
        "type:two-2\\nBODY\\n",
    ];
    let shown = world.type_at(&and_then("hasp-vault set new/a new/b"), &steps);
    refused_whole(&world, "the last of two", &shown);
}

#[test]
fn so_it_is_where_a_passphrase_is_asked_for() {
    if !ready() {
        return;
    }
    let world = World::locked();
    world.feed("HASP_PASSPHRASE=fd:3 hasp-vault set k 3<../passphrase", "the-value-4711").ok();
    let [plain, bracketed, ..] = arrivals(PEM);
    let (right, identity) = (format!("{PASSPHRASE}\\n{PEM}"), "see:hasp identity: ");
    let [_, right_bracketed, ..] = arrivals(&right);
    for (line, keys) in [
        // Tried as three passphrases, since the second may be the right one; or known for what it
        // is.
        ("hasp-vault set new/key", &plain),
        ("hasp-vault set new/key", &bracketed),
        // The first line is right, and the rest is for nobody.
        ("hasp-vault reveal --force k", &format!("type:{right}")),
        ("hasp-vault reveal --force k", &right_bracketed),
        // The second is taken for the value, and the rest for what it is.
        ("hasp-vault set new/key", &format!("type:{right}")),
    ] {
        let shown = world.type_at(&and_then(line), &[identity, keys]);
        shown.has_not("the-value-4711");
        refused_whole(&world, line, &shown);
    }
    let bare = World::bare();
    // Its first line alone would do as a passphrase: no question comes between it and the rest.
    for arrival in arrivals(&PEM.replace("BEGIN KEY", "BEGIN KEY quartz fjord 4711")) {
        let shown = bare.type_at(&and_then("hasp-vault init"), &["see:your identity", &arrival]);
        shown.has("[several-lines]");
        refused_whole(&bare, "init", &shown);
    }
    assert!(!bare.home().join("identity.age").exists());
}

#[test]
fn a_pasted_line_is_a_line_with_or_without_its_end() {
    if !ready() {
        return;
    }
    let world = World::new();
    for (count, keys) in [
        "line-4711\\n",
        "line-4711\\r\\n",
        "\\x1b[200~line-4711\\r\\x1b[201~",
        "\\x1b[200~line-4711\\n\\x1b[201~",
        "\\x1b[200~line-4711\\r\\n\\x1b[201~",
        "\\x1b[200~line-4711\\x1b[201~\\r",
        "wrong\\x15\\x1b[200~line-\\x1b[201~4711\\n",
    ]
    .into_iter()
    .enumerate()
    {
        let line = format!("hasp-vault set n{count}");
        let shown =
            world.type_at(&and_then(&line), &["see:(not shown): ", &format!("type:{keys}")]);
        shown
            .has("rc=0")
            .has("as-before")
            .has_not("line-4711")
            .has("\u{1b}[?2004h")
            .has("\u{1b}[?2004l");
        assert_eq!(
            world.sh(&format!("hasp-vault reveal --force n{count}")).ok().trim_end(),
            "line-4711",
            "{keys}"
        );
    }
    // A terminal that cannot draw is sent no control sequences.
    let shown =
        world.type_at("TERM=dumb hasp-vault set dumb", &["see:(not shown): ", "type:line-4711\\n"]);
    shown.has_not("\u{1b}").has("9 bytes");
}

/// Every change of the terminal's settings takes its time: keys come before it, if it is possible
/// at all.
const SLOWLY: &str = "strace -f -o /dev/null -e trace=ioctl -e inject=ioctl:delay_enter=150000 ";

#[test]
fn what_is_typed_ahead_is_kept_and_never_shown() {
    if !ready() || !peer("strace") {
        return;
    }
    let world = World::locked();
    let (identity, right) = ("see:hasp identity: ", format!("type:{PASSPHRASE}\\n"));
    let reveal = |name: &str| {
        let line = format!("HASP_PASSPHRASE=fd:3 hasp-vault reveal --force {name} 3<../passphrase");
        world.sh(&line).ok().trim_end().to_owned()
    };
    let set = and_then(&format!("{SLOWLY}hasp-vault set a/b"));
    let shown = world.type_at(&set, &[identity, &right, "type:value-4711\\n"]);
    shown.has("rc=0").has("as-before").has_not("horse").has_not("4711");
    assert_eq!(reveal("a/b"), "value-4711");
    // A second try, and in one go.
    let all = format!("type:wrong horse\\n{PASSPHRASE}\\nvalue-4712\\n");
    let shown = world.type_at(&set, &[identity, &all]);
    shown.has("try again").has("rc=0").has_not("horse").has_not("4712");
    assert_eq!(reveal("a/b"), "value-4712");
    // Several values, typed while the passphrase is tried.
    let two = [identity, &right, "type:one-4713\\ntwo-4714\\n"];
    world.type_at(&and_then("hasp-vault set a/c a/d"), &two).has("rc=0").has_not("471");
    assert_eq!((reveal("a/c"), reveal("a/d")), ("one-4713".to_owned(), "two-4714".to_owned()));
    // Twice the same.
    let bare = World::bare();
    let twice = format!("type:{PASSPHRASE}\\n{PASSPHRASE}\\n");
    bare.type_at(&and_then(&format!("{SLOWLY}hasp-vault init")), &["see:your identity", &twice])
        .has("rc=0")
        .has_not("horse");
}

#[test]
fn a_question_takes_yes_or_no_and_shows_nothing_else() {
    if !ready() {
        return;
    }
    let world = World::locked();
    world.feed("HASP_PASSPHRASE=fd:3 hasp-vault set k 3<../passphrase", "the-value-4711").ok();
    let (identity, right) = ("see:hasp identity: ", format!("type:{PASSPHRASE}\\n"));
    let secret = "type:my secret 4712\\n";
    // Passphrase, then question: what was typed before the question is no answer, what is neither y
    // nor n is none either.
    let remove = and_then("hasp-vault passphrase --remove");
    let steps = [identity, &right, "type:y\\n", "see:[y/N] ", secret, "see:[y/N] ", "type:n\\n"];
    world.type_at(&remove, &steps).has("rc=1").has("as-before").has_not("4712").has_not("horse");
    assert!(world.home().join("identity.age").exists());
    // Question, then passphrase, typed at once; three answers that are none are no.
    let destroy = and_then("hasp-vault destroy k");
    let steps = [
        "see:[y/N] ",
        secret,
        "see:[y/N] ",
        secret,
        "see:[y/N] ",
        "type:\\x1b[200~y\\ry\\r\\x1b[201~",
    ];
    world
        .type_at(&destroy, &steps)
        .has("rc=1")
        .has("neither y nor n")
        .has_not("4712")
        .has_not("identity: ");
    let steps = ["see:[y/N] ", &format!("type:Yes\\n{PASSPHRASE}\\n")];
    world.type_at(&destroy, &steps).has("rc=0").has_not("horse").has_not("4711");
    // So it is in the other tools.
    world.feed("HASP_PASSPHRASE=fd:3 hasp-vault set k 3<../passphrase", "the-value-4711").ok();
    let steps = ["see:[y/N] ", secret, "see:[y/N] ", &format!("type:y\\n{PASSPHRASE}\\n")];
    let grant = and_then("hasp-grant -q -x -e K=k -- sh -c 'echo ${#K} bytes'");
    world.type_at(&grant, &steps).has("14 bytes").has("rc=0").has_not("4712").has_not("horse");
}

/// The line with hasp-vault's number in the file `pid`. A shell whose job died of ^C ends too:
/// there is one in between that does not.
fn numbered(verb: &str) -> String {
    and_then(&format!(
        "bash -c 'trap : INT; sh -c \"echo \\$\\$ >pid; exec hasp-vault {verb}\"; exit $?'"
    ))
}

fn ended_by(signals: &[(&str, i32)]) {
    if !ready() {
        return;
    }
    let world = World::locked();
    for (signal, status) in signals {
        let kill = format!("kill:{signal}");
        let steps = ["see:hasp identity: ", "type:half of it", "echo:off", &kill];
        let shown = world.type_at(&numbered("set a/b"), &steps);
        shown.has(&format!("rc={status}")).has("as-before").has("\u{1b}[?2004l").has_not("half");
        // While a passphrase is being tried, with a value typed ahead.
        let right = format!("type:{PASSPHRASE}\\nvalue-4711\\n");
        let shown = world.type_at(&numbered("set a/b"), &["see:hasp identity: ", &right, &kill]);
        shown.has(&format!("rc={status}")).has("as-before").has_not("4711");
        assert_eq!(
            std::fs::read(world.project().join("left")).unwrap(),
            b"",
            "the shell gets nothing of it"
        );
    }
}

#[test]
fn the_terminal_is_as_before_when_a_signal_ends_it() {
    ended_by(&[("TERM", 143)]);
}

#[test]
#[ignore = "long: run by make check-long"]
fn so_it_is_with_every_signal() {
    ended_by(&[("INT", 130), ("HUP", 129), ("QUIT", 131), ("USR1", 138), ("ALRM", 142)]);
}

#[test]
fn the_terminal_is_as_before_after_a_key() {
    if !ready() {
        return;
    }
    let world = World::locked();
    // The key for it works while a passphrase is tried, too.
    let shown = world.type_at(
        &numbered("set a/b"),
        &["see:hasp identity: ", "type:wrong horse\\n", "see:\n", "type:\\x03"],
    );
    shown.has("as-before").has_not("rc=0");
    for keys in ["type:abc\\x03", "type:\\x04", "type:\\x1c"] {
        world
            .type_at(&numbered("set a/b"), &["see:hasp identity: ", keys])
            .has("[interrupted]")
            .has("as-before")
            .has("rc=1");
    }
}

#[test]
fn it_can_be_stopped_and_goes_on_with_the_question() {
    if !ready() {
        return;
    }
    let world = World::new();
    for (name, stop) in [("k1", "type:half\\x1a"), ("k2", "kill:TSTP"), ("k3", "kill:STOP")] {
        let line = format!(
            "stty -g >before; sh -c 'echo $$ >pid; exec hasp-vault set {name}'; stty echo icanon \
             isig; echo stopped=$?; fg; echo rc=$?; \
             stty -g | cmp - before && echo as-before"
        );
        let steps = [
            "see:(not shown): ",
            stop,
            "see:stopped=0",
            "see:(not shown): ",
            "echo:off",
            "type:value-4711\\n",
        ];
        let shown = world.type_at(&line, &steps);
        shown.has("rc=0").has("as-before").has_not("half").has_not("4711");
        assert_eq!(
            world.sh(&format!("hasp-vault reveal --force {name}")).ok().trim_end(),
            "value-4711"
        );
    }
}
