//! What a command has open: its streams, its deliveries, what was asked for, and make's jobserver,
//! but nothing that a source of ours names, whatever MAKEFLAGS says of it.
#![allow(clippy::unwrap_used)]

use hasp_tests::{DB_URL, PASSPHRASE, World, peer};

/// Prints the numbers that are open, without opening one; the shell has this script itself open as
/// 10.
const LOOK: &str = "#!/bin/sh
l=
for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13; do
    [ -e /proc/$$/fd/$n ] && ! [ /proc/$$/fd/$n -ef \"$0\" ] && l=\"$l $n\"
done
echo $l
";

/// Every way to name a descriptor that holds something of ours: how it is opened as @N, and the
/// command that uses it.
const KINDS: [(&str, &str, &str); 6] = [
    ("a passphrase", "< <(cat ../passphrase)", "HASP_PASSPHRASE=fd:@N hasp-exec -g ../t"),
    (
        "a passphrase by its path",
        "< <(cat ../passphrase)",
        "HASP_PASSPHRASE=/proc/self/fd/@N hasp-exec -g ../t",
    ),
    (
        "an identity",
        "< <(cat ../id)",
        "HASP_IDENTITY=fd:@N hasp-grant -q -x --consumer user -e DB=db/url -- ./look",
    ),
    ("the token of HASP_GRANT", "< <(cat ../t)", "HASP_GRANT=fd:@N hasp-exec"),
    ("the token of -g", "< <(cat ../t)", "hasp-exec -g fd:@N"),
    ("the status", "> >(cat >/dev/null)", "hasp-exec -g ../t --status-fd @N"),
];

/// Every way of MAKEFLAGS to name @N, the source, and @M, the same pipe under another number.
const STYLES: [&str; 4] = [
    "--jobserver-auth=@N,@M",
    "--jobserver-fds=@N,@M",
    "-j4 --jobserver-auth=98,99 --jobserver-auth=@M,@N -- X=--jobserver-auth=fifo:/x",
    "--jobserver-auth=fifo:/dev/fd/@N --jobserver-auth=@N,@N",
];

fn world() -> World {
    let world = World::in_memory();
    world.store("db/url", DB_URL);
    world.script("look", LOOK);
    std::fs::write(world.beside("passphrase"), PASSPHRASE).unwrap();
    world
        .sh("hasp-bind -q add db/url; hasp-grant -q --consumer user --for 10m -e DB=db/url -o \
              ../t -- ./look")
        .ok();
    std::fs::copy(world.home().join("identity"), world.beside("id")).unwrap();
    world
}

/// Runs the look once for each, all in one shell; what each printed, one line for each.
fn looks(world: &World, cases: &[(String, String)]) {
    let line: String = cases.iter().map(|(_, line)| format!("{line}\n")).collect();
    let outcome = world.sh(&line);
    let seen: Vec<&str> = outcome.stdout.lines().collect();
    assert!(seen.len() == cases.len(), "{}", outcome.stderr);
    let wrong: Vec<String> = cases
        .iter()
        .zip(&seen)
        .filter(|(_, seen)| **seen != "0 1 2")
        .map(|((name, _), seen)| format!("{name}: {seen}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn matrix(numbers: &[u32], styles: &[&str]) -> Vec<(String, String)> {
    let mut cases = Vec::new();
    for n in numbers {
        let other = if *n == 9 { 3 } else { n + 1 };
        let filled =
            |text: &str| text.replace("@N", &n.to_string()).replace("@M", &other.to_string());
        for (style, (kind, open, command)) in styles.iter().flat_map(|s| KINDS.map(|k| (s, k))) {
            let line = format!("MAKEFLAGS=' {style}' {command} @N{open} @M<&@N");
            cases.push((filled(&format!("{kind} on @N, {style}")), filled(&line)));
        }
    }
    cases
}

#[test]
fn make_hands_over_no_source() {
    looks(&world(), &matrix(&[3, 9], &STYLES[..2]));
}

#[test]
#[ignore = "long: run by make check-long"]
fn make_hands_over_no_source_of_any_number_in_any_style() {
    looks(&world(), &matrix(&[3, 4, 5, 6, 7, 8, 9], &STYLES));
}

#[test]
fn the_token_of_x_has_no_number_that_make_names() {
    let world = world();
    let run = "hasp-grant -q -x --consumer user -e DB=db/url -- ./look";
    let styles = [
        "--jobserver-auth=3,4",
        "--jobserver-fds=5,6",
        "--jobserver-auth=3,1000000",
        "--jobserver-auth=4,3",
    ];
    let lines = styles.map(|s| (s.to_owned(), format!("MAKEFLAGS=' {s}' {run}")));
    looks(&world, &lines);
}

#[test]
fn the_status_is_not_passed_by_a_number_that_was_closed() {
    let world = world();
    let run = "hasp-exec -g ../t --status-fd 7";
    looks(
        &world,
        &[("make".into(), format!("MAKEFLAGS=' --jobserver-auth=3,4' {run} 7> >(cat >/dev/null)"))],
    );
    world.sh(&format!("{run} --pass-fd 3 7>status")).refused(125, "fd-closed");
}

#[test]
fn a_source_is_not_passed_on_demand() {
    let world = world();
    for (source, option) in
        [("HASP_GRANT=fd:3", ""), ("HASP_GRANT=", "-g fd:3"), ("HASP_GRANT=", "-g /proc/self/fd/3")]
    {
        for number in [3, 4] {
            let line = format!("{source} hasp-exec {option} --pass-fd {number} 3<../t 4<&3");
            world.sh(&line).refused_with_hint(125, "fd-source");
        }
    }
    for source in ["HASP_PASSPHRASE=fd:5", "HASP_IDENTITY=/dev/fd/5", "HASP_IDENTITY=../passphrase"]
    {
        let line =
            format!("{source} hasp-exec -g ../t --pass-fd 6 5<../passphrase 6<../passphrase");
        world.sh(&line).refused_with_hint(125, "fd-source");
    }
    assert_eq!(
        world.sh("hasp-exec -g ../t --pass-fd 6 6<../passphrase 7<../passphrase").ok(),
        "0 1 2 6\n"
    );
}

#[test]
fn a_real_jobserver_passes() {
    let world = world();
    let open = "mkfifo ../jobs; exec 5<>../jobs 6>../jobs";
    for line in ["hasp-exec -g ../t", "hasp-grant -q -x --consumer user -e DB=db/url -- ./look"] {
        let outcome =
            world.sh(&format!("{open}; MAKEFLAGS=' -j2 --jobserver-auth=5,6' {line}; rm ../jobs"));
        assert_eq!(outcome.ok(), "0 1 2 5 6\n");
    }
}

#[test]
fn in_recipes_of_make_no_source_is_handed_over() {
    let world = world();
    if !peer("make") {
        return;
    }
    let source = "HASP_GRANT=fd:3 hasp-exec 3< <(cat ../t)";
    let beside = "HASP_GRANT=fd:5 hasp-exec 5< <(cat ../t)";
    let by_x = "HASP_IDENTITY=fd:3 hasp-grant -q -x --clean-env --consumer user -e DB=db/url -- \
                ./look 3< <(cat ../id)";
    for (line, seen) in
        [(source, "0 1 2\n0 1 2\n"), (by_x, "0 1 2\n0 1 2\n"), (beside, "0 1 2\n0 1 2 3 4\n")]
    {
        world.write(
            "Makefile",
            format!(
                "SHELL = bash\nall: plain marked\nplain: ; @{line}\nmarked: plain ; +@{line}\n"
            ),
        );
        // With + the jobserver is open as 3 and 4 (to make 4.3): where 3 is the source, 4 alone is
        // no jobserver.
        assert_eq!(
            world.sh("make -s -j2 --jobserver-style=pipe 2>/dev/null || make -s -j2").ok(),
            seen
        );
    }
}

#[test]
fn a_passphrase_below_make_stays_ours() {
    let world = World::locked();
    let run = "HASP_PASSPHRASE=fd:3 hasp-grant -q -x --consumer user";
    let set = format!(
        "printf %s '{DB_URL}' | HASP_PASSPHRASE=fd:3 hasp-vault set -q db/url 3<../passphrase"
    );
    world.sh(&format!("{set}; HASP_PASSPHRASE=fd:3 hasp-bind -q add db/url 3<../passphrase")).ok();
    world.script("look", LOOK);
    let pipe = format!("{run} --clean-env -e DB=db/url -- ./look 3< <(cat ../passphrase) 4<&3");
    looks(&world, &[("a pipe".into(), format!("MAKEFLAGS=' --jobserver-auth=3,4' {pipe}"))]);
    // From a file on standard input it could be read again.
    let stdin = format!(
        "HASP_PASSPHRASE=- hasp-grant -q -x --consumer user -e DB=db/url -- {AGAIN} <../passphrase"
    );
    assert!(world.sh(&stdin).ok().is_empty());
}

/// Opens standard input again, which begins a file anew, and prints what is there.
const AGAIN: &str = "sh -c 'cat /proc/self/fd/0'";

/// Runs the command with this source and these descriptors: it gets what is given as the rest, and
/// is told where that is nothing.
#[track_caller]
fn gets(world: &World, (source, open, rest): (&str, &str, &str)) {
    for command in ["head -1", AGAIN] {
        let run = "hasp-grant -q -x --consumer user -e DB=db/url --";
        let line = format!("{source} {run} {command} {open}");
        let outcome = world.sh(&line);
        // What it got is not shown: it may be the source's.
        assert!(outcome.status == 0 && outcome.stdout == rest, "{line}: {}", outcome.stderr);
        let told =
            outcome.stderr.matches("standard input is a file that a source of hasp names").count();
        assert_eq!(told, usize::from(rest.is_empty()), "{line}: {}", outcome.stderr);
    }
}

#[test]
fn a_file_that_a_source_names_is_not_the_commands_standard_input() {
    let world = world();
    std::os::unix::fs::symlink("id", world.beside("link")).unwrap();
    world.write("hasp.txt", "data\n");
    for case in [
        ("HASP_IDENTITY=fd:3", "3<../id <../id", ""),
        ("HASP_IDENTITY=/dev/fd/3", "3<../id <../id", ""),
        ("HASP_IDENTITY=/proc/self/fd/9", "9<../link <../id", ""),
        ("HASP_IDENTITY=../id", "<../link", ""),
        // One that is named and not read.
        ("HASP_PASSPHRASE=fd:3", "3<../passphrase <../passphrase", ""),
        ("HASP_IDENTITY=fd:3", "3<../id <hasp.txt", "data\n"),
        ("HASP_IDENTITY=fd:3", "3<../id < <(echo data)", "data\n"),
    ] {
        gets(&world, case);
    }
}

#[test]
fn the_file_of_a_passphrase_that_was_read_is_not_the_commands_standard_input() {
    let world = World::locked();
    let set = format!(
        "printf %s '{DB_URL}' | HASP_PASSPHRASE=fd:3 hasp-vault set -q db/url 3<../passphrase"
    );
    world.sh(&format!("{set}; HASP_PASSPHRASE=fd:3 hasp-bind -q add db/url 3<../passphrase")).ok();
    gets(&world, ("HASP_PASSPHRASE=fd:3", "3<../passphrase <../passphrase", ""));
}

#[test]
fn a_token_in_a_file_is_not_the_commands_to_read_again() {
    let world = world();
    let mint =
        format!("hasp-grant -q --consumer user --for 10m -e DB=db/url -o ../again -- {AGAIN}");
    world.sh(&format!("{mint}; cat ../again >../both; printf 'one\\ntwo\\n' >>../both")).ok();
    for (line, rest) in [
        ("hasp-exec <../again", ""),
        ("hasp-exec -g - <../again", ""),
        ("hasp-exec -g fd:0 <../both", "one\ntwo\n"),
        ("HASP_GRANT=/dev/stdin hasp-exec <../both", "one\ntwo\n"),
        ("HASP_GRANT=/proc/self/fd/0 hasp-exec <../both", "one\ntwo\n"),
        ("cat ../both | hasp-exec", "one\ntwo\n"),
        ("hasp-exec -g ../again <../again", ""),
        ("hasp-exec -g fd:3 3<../again <../again", ""),
        ("hasp-exec -g ../again <hasp.txt", "data\n"),
    ] {
        world.write("hasp.txt", "data\n");
        let outcome = world.sh(line);
        assert!(outcome.status == 0 && outcome.stdout == rest, "{line}: {}", outcome.stderr);
    }
}

#[test]
fn what_follows_a_token_in_a_file_arrives_whole() {
    let world = world();
    let mint = "hasp-grant -q --consumer user --for 10m -e DB=db/url -o ../count -- wc -c";
    // More than a pipe holds at once.
    world.sh(&format!("{mint}; {{ cat ../count; head -c 1000000 /dev/zero; }} >../both")).ok();
    assert_eq!(world.sh("hasp-exec <../both").ok().trim(), "1000000");
    // A command that does not read it does not keep us from ending.
    let mint = "hasp-grant -q --consumer user --for 10m -e DB=db/url -o ../idle -- true";
    world
        .sh(&format!(
            "{mint}; {{ cat ../idle; head -c 1000000 /dev/zero; }} >../both; hasp-exec <../both"
        ))
        .ok();
}

#[test]
fn programs_of_the_vault_get_no_source() {
    let world = World::bare();
    let look = LOOK.replace("echo $l", "echo $l >>../seen");
    let asked = world.script("ask", &format!("{look}echo '{PASSPHRASE}'\n"));
    let asked = asked.display();
    world
        .sh(&format!("HASP_ASKPASS={asked} HASP_IDENTITY= hasp-vault init -q 3<ask 5<ask 9<ask"))
        .ok();
    assert_eq!(std::fs::read_to_string(world.beside("seen")).unwrap(), "0 1 2\n");
}

#[test]
fn a_tool_of_ours_gets_the_source_that_it_reads() {
    let world = World::locked();
    let run = "HASP_PASSPHRASE=fd:3 hasp-audit verify 3<../passphrase";
    world.sh(run).ok();
    let set = format!(
        "printf %s '{DB_URL}' | HASP_PASSPHRASE=fd:3 hasp-vault set -q db/url 3<../passphrase"
    );
    world.sh(&set).ok();
    let who = format!(
        "HASP_PASSPHRASE=fd:3 hasp-audit who --from fd:4 3<../passphrase 4< <(printf %s '{DB_URL}')"
    );
    assert!(
        !["fd-closed", "locked"].contains(&world.sh(&who).code()),
        "{:?}",
        world.sh(&who).code()
    );
}
