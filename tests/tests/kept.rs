//! Promise: what hasp-exec(1) says under SECURITY CONSIDERATIONS of what a command keeps is so,
//! line by line; a line that is there and not here fails.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use hasp_tests::{API_KEY, World, peer, wait_until};

/// How long what must come is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The beginning of a paragraph of the page, and what shows that it holds.
type Line = (&'static str, fn(&World));

const LINES: &[Line] = &[
    ("The command has the values", the_command_may_send_them_anywhere),
    ("What it starts inherits", what_it_starts_inherits),
    ("Another program of the same user", another_program_can_read),
    ("A process that outlives the command", what_outlives_the_command_is_not_read),
    ("A command that runs keeps its values", a_revoked_value_stays_with_a_running_command),
    ("A file that was delivered is removed", a_delivered_file_goes_and_an_open_one_stays),
    ("The command never has the caller's terminal", the_terminal_is_its_own),
    ("Standard output and standard error are filtered apart", a_value_split_over_two_passes),
    ("A part of a value that is printed", a_part_passes_and_so_does_a_form_of_ones_own),
    ("The command is told where home", places_are_told_and_sources_are_not),
];

fn paragraphs() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../man/hasp-exec.1");
    let text = std::fs::read_to_string(page).unwrap();
    let section = text.split(".Sh SECURITY CONSIDERATIONS\n").nth(1).unwrap();
    section.split("\n.Pp\n").map(str::to_owned).collect()
}

/// Runs a command with the value in $K.
fn run(command: &str) -> String {
    format!("hasp-grant -q -x --consumer user -e K=api/key -- {command}")
}

#[test]
fn the_section_says_what_is_shown_here() {
    let told = paragraphs();
    assert_eq!(told.len(), LINES.len(), "{told:#?}");
    for (paragraph, (begin, _)) in told.iter().zip(LINES) {
        assert!(paragraph.starts_with(begin), "'{begin}' is not: {paragraph}");
    }
}

#[test]
fn each_line_is_so() {
    if !peer("python3") {
        return;
    }
    for (begin, shows) in LINES {
        hasp_tests::say(begin);
        shows(&World::with_project());
    }
}

fn the_command_may_send_them_anywhere(world: &World) {
    world.sh(&run("sh -c 'printf %s \"$K\" >sent; echo \"$K\"'")).ok();
    assert_eq!(std::fs::read_to_string(world.project().join("sent")).unwrap(), API_KEY);
}

fn what_it_starts_inherits(world: &World) {
    let length = world.sh(&run("sh -c 'sh -c \"echo \\${#K}\"'"));
    assert_eq!(length.ok().trim(), API_KEY.len().to_string());
}

fn another_program_can_read(world: &World) {
    let command = run("sh -c 'echo $$ >pid; read x <wait'");
    let line = format!(
        "mkfifo wait; {command} & until [ -s pid ]; do :; done
         tr '\\0' '\\n' </proc/$(cat pid)/environ | grep -c '^K={API_KEY}$'; echo >wait; wait"
    );
    assert_eq!(world.sh(&line).ok().trim(), "1");
}

fn what_outlives_the_command_is_not_read(world: &World) {
    let command = "sh -c '(trap \"\" PIPE; until [ -e go ]; do sleep 0.01; done; echo late; \
                   printf %s ${#K} >kept) & echo early'";
    let outcome = world.sh(&run(command));
    assert!(outcome.ok().contains("early") && !outcome.stdout.contains("late"));
    world.write("go", "");
    let kept = world.project().join("kept");
    wait_until(PATIENCE, || {
        std::fs::read_to_string(&kept).is_ok_and(|text| text == API_KEY.len().to_string())
    });
}

fn a_revoked_value_stays_with_a_running_command(world: &World) {
    let command = "sh -c 'echo >started; read x <wait; echo ${#K}'";
    let line = format!(
        "mkfifo wait; hasp-grant -q --consumer user --for 1h --keep -e K=api/key -- {command}
         hasp-exec -- {command} >out & until [ -s started ]; do :; done
         hasp-grant revoke --all -q; hasp-vault revoke api/key --reason leaked -q
         echo >wait; wait $!; cat out; hasp-exec -- {command}"
    );
    let outcome = world.sh(&line);
    assert_eq!(outcome.stdout.trim(), API_KEY.len().to_string(), "{}", outcome.stderr);
    outcome.refused(125, "no-grant");
}

fn a_delivered_file_goes_and_an_open_one_stays(world: &World) {
    let command = "sh -c 'printf %s \"$F\" >path; exec 3<\"$F\"
                   (until [ -e go ]; do sleep 0.01; done; wc -c <&3 >read) >/dev/null 2>&1 &'";
    world.sh(&format!("hasp-grant -q -x --consumer user --file F=api/key -- {command}")).ok();
    let path = std::fs::read_to_string(world.project().join("path")).unwrap();
    assert!(!Path::new(&path).exists(), "{path}");
    world.write("go", "");
    let read = world.project().join("read");
    wait_until(PATIENCE, || {
        std::fs::read_to_string(&read).is_ok_and(|n| n.trim() == API_KEY.len().to_string())
    });
}

fn the_terminal_is_its_own(world: &World) {
    let line = format!("tty >own; {}", run("sh -c 'tty >its; echo \"$K\" >/dev/tty'"));
    let shown = world.type_at(&line, &["see:[hasp:api/key]"]);
    shown.has_not(API_KEY);
    let read = |name: &str| std::fs::read_to_string(world.project().join(name)).unwrap();
    assert!(read("its").starts_with("/dev/") && read("its") != read("own"), "{}", read("its"));
}

fn a_value_split_over_two_passes(world: &World) {
    let command = run("sh -c 'printf %.12s \"$K\"; printf %s \"${K#????????????}\" >&2'");
    let apart = world.sh(&format!("{command} >out 2>err; cat out err"));
    assert_eq!(apart.ok(), API_KEY);
    let one = world.sh(&format!("{command} >out 2>&1; cat out"));
    assert_eq!(one.ok(), "[hasp:api/key]");
}

fn a_part_passes_and_so_does_a_form_of_ones_own(world: &World) {
    let part = world.sh(&run("sh -c 'printf %.12s \"$K\"'"));
    assert_eq!(part.ok(), &API_KEY[..12]);
    let turned = world.sh(&run("sh -c 'echo \"$K\" | rev'"));
    assert_eq!(turned.ok().trim(), API_KEY.chars().rev().collect::<String>());
}

fn places_are_told_and_sources_are_not(world: &World) {
    let line = format!(
        "cp $HASP_HOME/identity ../id; export HASP_IDENTITY=../id HASP_PASSPHRASE=../none
         {}",
        run("env")
    );
    let outcome = world.sh(&line);
    for place in ["HASP_HOME=", "HASP_RUNTIME="] {
        assert!(outcome.ok().contains(place), "{}", outcome.stdout);
    }
    for source in ["HASP_IDENTITY", "HASP_PASSPHRASE", "HASP_GRANT", "HASP_ASKPASS"] {
        assert!(!outcome.stdout.contains(source), "{source}: {}", outcome.stdout);
    }
}
