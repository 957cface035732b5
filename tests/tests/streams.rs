//! Wherever the command's streams lead: the filter sees what belongs together as one stream, the
//! command never holds our terminal, and that stays usable for everybody else.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use hasp_tests::{DB_URL, Pty, Screen, World, is_root, peer, running_in, skip, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);

fn world() -> World {
    let world = World::in_memory();
    world.store("db/url", DB_URL);
    world
        .sh("hasp-bind add db/url && hasp-grant --for 1h --keep --consumer user -e DB=db/url \
              --any-command")
        .ok();
    // Half of the value goes to each stream.
    world.script(
        "halves",
        "#!/bin/bash\nprintf %s \"${DB:0:20}\"\nprintf '%s\\n' \"${DB:20}\" >&2\n",
    );
    world.script(
        "turns",
        "#!/bin/bash\nfor n in {1..500}; do echo \"out $n\"; echo \"err $n\" >&2; done\n",
    );
    // Waits for a file.
    world.script("until", "#!/bin/sh\nuntil test -e \"$1\"; do sleep 0.02; done\n");
    world
}

fn read(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.project().join(name)).unwrap_or_default()
}

/// Redirections by which both streams are one file.
const JOINED: [&str; 5] =
    [">log 2>&1", ">>log 2>>log", "2>&1 | cat >log", "2>log >&2", ">log 2>>log"];

#[test]
fn two_streams_into_one_file_are_one_stream_to_the_filter() {
    let world = world();
    let turns: String = (1..=500).map(|n| format!("out {n}\nerr {n}\n")).collect();
    for redirection in JOINED {
        for on_a_terminal in [false, true] {
            let run = |program: &str| {
                world.sh("rm -f log").ok();
                let line =
                    format!("hasp-exec -- ./{program} {redirection}; exit ${{PIPESTATUS[0]}}");
                let status = match on_a_terminal {
                    true => Pty::start(&world, "bash", &["-c", &line]).end().0,
                    false => world.sh(&line).status,
                };
                assert_eq!(status, 0, "{line}");
                read(&world, "log")
            };
            assert_eq!(run("halves"), "[hasp:db/url]\n", "{redirection} {on_a_terminal}");
            assert!(
                run("turns") == turns,
                "{redirection} {on_a_terminal}: the order is not as it was written"
            );
        }
    }
    let (status, shown) = Pty::start(&world, "hasp-exec", &["--", "./halves"]).end();
    assert_eq!((status, shown.as_str()), (0, "[hasp:db/url]\r\n"));
    // Two files are two streams, as the page says.
    world.sh("hasp-exec -- ./halves >one 2>two").ok();
    assert_eq!(read(&world, "one") + read(&world, "two").trim_end(), DB_URL);
}

/// Redirections that leave no, or one, output on the terminal.
const AWAY: [&str; 7] = [
    ">out 2>&1",
    ">out 2>err",
    ">out",
    "2>err",
    "</dev/null >out 2>&1",
    "2>&1 | cat >out",
    ">out 2>&1 & wait $!",
];

#[test]
fn a_command_never_has_our_terminal() {
    let world = world();
    // Field 7 of stat is the controlling terminal; the field before holds no blank here.
    let look = "#!/bin/bash\nread -r _ _ _ _ _ _ tty _ </proc/self/stat\necho \"$tty\" >tty\necho \
                \"told $DB\" >/dev/tty\n";
    world.script("look", look);
    for redirection in AWAY {
        let line = format!(
            "read -r _ _ _ _ _ _ tty _ </proc/self/stat; echo $tty >own; hasp-exec -- ./look \
             {redirection}"
        );
        let (_, shown) = Pty::start(&world, "bash", &["-c", &line]).end();
        assert!(
            shown.contains("told [hasp:db/url]\r\n") && !shown.contains("Quartz"),
            "{line}: {shown}"
        );
        let (own, its) = (read(&world, "own"), read(&world, "tty"));
        assert!(own.trim() != "0" && its.trim() != "0" && own != its, "{line}: {own}{its}");
    }
    // Where there is none, it has none.
    world.sh("hasp-exec -- sh -c '! cat </dev/tty' 2>/dev/null").ok();
}

#[test]
fn without_terminals_to_be_had_it_is_in_a_session_of_its_own() {
    if !peer("unshare") || !is_root() && !skip("hiding devpts takes root") {
        return;
    }
    let world = world();
    world.script(
        "look",
        "#!/bin/sh\n{ echo \"told $DB\" >/dev/tty; } 2>/dev/null || echo none\necho up; exec \
         sleep 100\n",
    );
    // The terminal itself is still open, and /dev/tty leads to it.
    let hidden = "unshare -m bash -c 'mount -t tmpfs none /dev/pts && exec hasp-exec -- ./look \
                  >out 2>&1'; echo \"rc=$?\"";
    let mut terminal = Pty::start(&world, "bash", &["-c", hidden]);
    wait_until(PATIENCE, || read(&world, "out").contains("up"));
    assert_eq!(read(&world, "out"), "none\nup\n");
    terminal.keys("\u{3}");
    wait_until(PATIENCE, || running_in(&world.project()).is_empty());
    assert!(!terminal.end().1.contains("told"));
}

#[test]
fn a_password_is_asked_for_on_the_terminal_wherever_the_streams_lead() {
    let world = world();
    let ask = "#!/bin/bash\nread -rsp \"Password for $DB: \" p </dev/tty 2>/dev/tty\necho \
               \"length ${#p}\" >length\ncat\n";
    world.script("ask", ask);
    for redirection in [">out 2>&1", "2>err | cat >out", ">out", "2>err >out"] {
        world.sh("rm -f length out").ok();
        let line = format!("echo piped | hasp-exec -- ./ask {redirection}; stty -a >after");
        let mut terminal = Pty::start(&world, "bash", &["-c", &format!("stty -a >before; {line}")]);
        terminal.see("Password for [hasp:db/url]: ");
        terminal.keys("opensesame\r");
        let (_, shown) = terminal.end();
        assert!(!shown.contains("opensesame"), "{line}: {shown}");
        assert_eq!(
            (read(&world, "length").as_str(), read(&world, "out").as_str()),
            ("length 10\n", "piped\n"),
            "{line}"
        );
        assert_eq!(read(&world, "before"), read(&world, "after"), "{line}");
    }
}

#[test]
fn keys_reach_a_command_whose_outputs_lead_elsewhere() {
    let world = world();
    let mut terminal = Pty::start(
        &world,
        "bash",
        &["-c", "hasp-exec -- sh -c 'echo up; cat' >out 2>&1; echo rc=$?"],
    );
    wait_until(PATIENCE, || read(&world, "out").contains("up"));
    terminal.keys("typed\r");
    wait_until(PATIENCE, || read(&world, "out").contains("typed"));
    terminal.keys("\u{4}");
    terminal.see("rc=0");
    for (key, status) in [("\u{3}", 130), ("\u{1c}", 131)] {
        world.sh("rm -f out").ok();
        let line =
            "trap : INT QUIT; hasp-exec -- sh -c 'echo up; exec sleep 100' >out 2>&1; echo rc=$?";
        let mut terminal = Pty::start(&world, "bash", &["-c", line]);
        wait_until(PATIENCE, || read(&world, "out").contains("up"));
        terminal.keys(key);
        terminal.see(&format!("rc={status}"));
    }
}

#[test]
fn a_command_whose_outputs_lead_elsewhere_stops_and_goes_on() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("away");
    let stands = |screen: &Screen| {
        let child = running_in(&screen.world.project())
            .into_iter()
            .find(|(_, w)| w.starts_with("sleep 100"));
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.unwrap().0)).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('T')
    };
    for redirection in [">out 2>&1", "2>&1 | cat >out"] {
        screen.enter(&format!("clear; hasp-exec -- sh -c 'echo up; exec sleep 100' {redirection}"));
        wait_until(PATIENCE, || {
            read(&screen.world, "out").contains("up") || redirection.contains("cat")
        });
        wait_until(PATIENCE, || {
            running_in(&screen.world.project()).iter().any(|(_, w)| w.starts_with("sleep 100"))
        });
        screen.key("C-z");
        screen.see("[1]+  Stopped");
        wait_until(PATIENCE, || stands(&screen));
        screen.enter("fg");
        wait_until(PATIENCE, || !stands(&screen));
        screen.key("C-c");
        wait_until(PATIENCE, || {
            !running_in(&screen.world.project()).iter().any(|(_, w)| w.starts_with("sleep 100"))
        });
        screen.enter("");
        screen.world.sh("rm -f out").ok();
    }
}

#[test]
fn the_programs_of_a_rotation_do_not_have_the_terminal() {
    let world = world();
    let new = "#!/bin/bash\n{ : </dev/tty; } 2>/dev/null && echo has >tty || echo none >tty\necho \
               rotated-value-4711\n";
    world.script("new", new);
    let (status, shown) =
        Pty::start(&world, "hasp-vault", &["rotate", "db/url", "--run", "./new"]).end();
    assert_eq!((status, read(&world, "tty").as_str()), (0, "none\n"), "{shown}");
    world.script("new", "#!/bin/sh\ntouch up; exec sleep 100\n");
    let mut terminal = Pty::start(&world, "hasp-vault", &["rotate", "db/url", "--run", "./new"]);
    wait_until(PATIENCE, || world.project().join("up").exists());
    terminal.keys("\u{3}");
    assert_eq!(terminal.end().0, 130);
    wait_until(PATIENCE, || running_in(&world.project()).is_empty());
}

/// A job in the background prints two lines while the command runs in the foreground; both are
/// written as they would be without it.
#[test]
fn other_jobs_keep_their_line_ends() {
    let world = world();
    let draws =
        "stty raw -echo; printf \"drawn\\ndown\\r\\n\"; stty sane; echo cooked; ./until printed";
    for (command, own) in [
        ("hasp-exec -- ./until printed", ""),
        ("hasp-exec -- sh -c 'echo first; ./until printed; echo last'", "first\r\nlast\r\n"),
        ("true | hasp-exec -- sh -c 'echo first; ./until printed; echo last'", "first\r\nlast\r\n"),
        ("hasp-exec -- sh -c 'echo first; ./until printed' 2>err", "first\r\n"),
        ("hasp-exec -- ./until printed >out 2>&1", ""),
        (&format!("hasp-exec -- sh -c '{draws}'"), "drawn\ndown\r\ncooked\r\n"),
    ] {
        world.sh("rm -f up printed").ok();
        let job = "(until test -e up; do sleep 0.02; done; printf 'one\\ntwo\\n'; touch printed) &";
        let mut terminal = Pty::start(
            &world,
            "bash",
            &["-c", &format!("stty -a >before; {job} {command}; stty -a >after; wait")],
        );
        wait_until(PATIENCE, || {
            running_in(&world.project()).iter().any(|(_, w)| w.contains("./until printed "))
        });
        if own.contains("cooked") {
            terminal.see("cooked");
        } else if own.contains("first") {
            terminal.see("first");
        }
        terminal.resize(90, 25);
        world.write("up", "");
        let (_, shown) = terminal.end();
        assert!(
            shown.contains("one\r\ntwo\r\n") && !shown.contains("\r\r\n"),
            "{command}: {shown:?}"
        );
        assert_eq!(shown.replace("one\r\ntwo\r\n", ""), own, "{command}");
        let modes =
            |name: &str| read(&world, name).replace("rows 25; columns 90", "rows 30; columns 100");
        assert_eq!(modes("before"), modes("after"), "{command}");
    }
}

#[test]
fn other_jobs_keep_their_line_ends_after_a_stop() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("ends");
    screen.enter("clear; hasp-exec -- sh -c 'echo up >up; exec sleep 100'");
    wait_until(PATIENCE, || read(&screen.world, "up").contains("up"));
    screen.key("C-z");
    screen.see("[1]+  Stopped");
    screen.enter(
        "(until test -e go; do sleep 0.02; done; printf 'one\\ntwo\\n'; touch printed) & \
                  clear; fg %1",
    );
    screen.see("hasp-exec");
    screen.world.write("go", "");
    wait_until(PATIENCE, || screen.world.project().join("printed").exists());
    let shown = screen.see("two");
    assert!(shown.lines().any(|l| l == "two"), "{shown}");
    screen.key("C-c");
}
