//! On a terminal the broker is not noticed: the command sees a terminal of its own, keys and window
//! sizes reach it, job control works, and redaction stays on. Driven through tmux, as a person
//! would.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hasp_tests::{DB_URL, MANIFEST, Screen, World, peer, running_in, wait_until};

/// How long a command may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn the_command_sees_a_terminal_and_its_output_is_redacted() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("sees");
    screen.enter(
        "hasp-exec -- sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all three; stty \
                  size; echo \"<$DB>\"; exit 3'; echo rc=$?",
    );
    let shown = screen.see("rc=3");
    assert!(shown.contains("\nall three\n") && shown.contains("\n30 100\n"), "{shown}");
    assert!(shown.contains("<[hasp:db/url]>") && !shown.contains("Quartz"), "{shown}");
    screen.enter(
        "clear; hasp-exec -- sh -c 'trap \"stty size; exit\" WINCH; echo waiting; while :; do \
         sleep 0.05; done'",
    );
    screen.see("waiting");
    screen.tmux(&["resize-window", "-t", "t", "-x", "90", "-y", "25"]);
    screen.see("25 90");
}

#[test]
fn keys_signals_and_job_control_work_as_without_it() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("jobs");
    let status = screen.world.project().join("status");
    screen.enter("stty -a >before; hasp-exec --status-fd 3 -- sleep 100 3>status");
    let broker = parent(parent(started(&status)));
    screen.key("C-c");
    // What is typed before that is still the command's.
    wait_until(PATIENCE, || !runs(broker));
    screen.enter("echo rc=$?");
    screen.see("rc=130");
    std::fs::remove_file(&status).expect("a status");
    screen.enter("clear; hasp-exec --status-fd 3 -- sleep 100 3>status");
    let broker = parent(parent(started(&status)));
    screen.key("C-z");
    screen.see("[1]+  Stopped");
    screen.enter("fg");
    screen.see("hasp-exec --status-fd 3 -- sleep 100");
    screen.until_raw();
    screen.key("C-c");
    wait_until(PATIENCE, || !runs(broker));
    screen.enter("echo again=$?");
    screen.see("again=130");
    screen.enter("clear; hasp-exec -- cat &");
    screen.see("[1]");
    let project = screen.world.project();
    wait_until(PATIENCE, || {
        running_in(&project).iter().any(|(_, words)| words.trim_end() == "cat")
    });
    screen.enter("");
    screen.enter("fg");
    screen.until_raw();
    screen.enter("line for cat");
    screen.see("line for cat");
    screen.key("C-d");
    screen.enter_until("stty -a | cmp - before && echo terminal as before", "terminal as before");
}

#[test]
fn prompts_passwords_and_pipelines() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("asks");
    screen.enter("hasp-exec -- bash -c 'read -rsp \"Password: \" p; echo; echo length ${#p}'");
    screen.see("Password:");
    screen.enter("opensesame");
    let shown = screen.see("length 10");
    assert!(!shown.contains("opensesame"), "{shown}");
    screen.enter("clear; seq 3 | hasp-exec -- sh -c 'cat; read x </dev/tty; echo got $x'");
    screen.see("3");
    screen.enter("typed");
    screen.see("got typed");
    screen.enter("clear; hasp-exec -- sh -c 'test -t 1 || echo piped; echo $DB' | cat");
    screen.see("piped");
    screen.see("[hasp:db/url]");
    screen.enter("clear; hasp-exec -- sh -c 'echo out; echo err >&2' 2>/dev/null; echo end");
    let shown = screen.see("end");
    assert!(shown.contains("out\n") && !shown.contains("err\n"), "{shown}");
}

/// The command's number, from the first line of `--status-fd`.
fn started(status: &Path) -> u32 {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(status).unwrap_or_default();
        if let Some(line) = text.lines().next() {
            let object: serde_json::Value = serde_json::from_str(line).expect("JSON");
            return u32::try_from(object["pid"].as_u64().expect("a pid")).expect("a pid");
        }
        assert!(began.elapsed() < PATIENCE, "the command did not start");
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn parent(pid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|l| l.strip_prefix("PPid:")).expect("a parent");
    line.trim().parse().expect("a number")
}

#[test]
fn the_terminal_is_restored_when_the_broker_is_told_to_end() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("term");
    screen.enter("stty -a >before; hasp-exec --status-fd 3 -- sleep 50 3>status; echo rc=$?");
    let broker = parent(parent(started(&screen.world.project().join("status"))));
    assert!(
        Command::new("kill").args(["-TERM", &broker.to_string()]).status().expect("kill").success()
    );
    screen.see("rc=143");
    screen.enter_until("stty -a | cmp - before && echo terminal as before", "terminal as before");
}

#[test]
fn the_monitor_has_no_environment() {
    if !peer("script") {
        return;
    }
    let world = World::new();
    world.store("db/url", DB_URL);
    world.sh("hasp-bind add db/url").ok();
    world.script(
        "look",
        "#!/bin/sh\ntr '\\0' ' ' </proc/$PPID/cmdline; echo size=$(wc -c </proc/$PPID/environ)\n",
    );
    let line = "hasp-grant -e DB=db/url -o token --consumer user -- ./look && script -qec \
                'hasp-exec -g token' /dev/null";
    let outcome = world.sh(line);
    let shown = outcome.ok();
    assert!(shown.contains("--monitor") && shown.contains("size=0\r"), "{shown}");
}

#[test]
fn programs_that_draw_on_the_screen_do_so() {
    if !["tmux", "vim", "less", "top", "python3"].into_iter().all(peer) {
        return;
    }
    let screen = Screen::open("draws");
    screen.enter("hasp-exec -- vim -u NONE -N written");
    screen.see("~");
    screen.tmux(&["send-keys", "-t", "t", "i", "by hand", "Escape", ":wq", "Enter"]);
    screen.see("ready>");
    assert_eq!(
        std::fs::read_to_string(screen.world.project().join("written")).expect("a file"),
        "by hand\n"
    );
    screen.enter("clear; seq 200 | hasp-exec -- less");
    screen.see("29");
    screen.key("G");
    screen.see("200");
    screen.key("q");
    screen.see("ready>");
    screen.enter("clear; hasp-exec -- top -d 1");
    screen.see("top - ");
    screen.key("q");
    screen.see("ready>");
    screen.enter("clear; hasp-exec -- python3 -i -q");
    screen.see(">>>");
    screen.enter("import os; print(os.environ['DB'], 6 * 7)");
    screen.see("[hasp:db/url] 42");
    screen.key("C-d");
    screen.see("ready>");
    // Colour goes through as it is, and does not hide a value that it is put into.
    screen.enter(
        "clear; hasp-exec -- sh -c 'printf \"\\033[31mred\\033[0m\\n\"; \
                  b=${DB#??????????????????}; printf \"%s\\033[1m%s\\033[0m|\\n\" \
                  \"${DB%\"$b\"}\" \"$b\"'",
    );
    screen.see("[hasp:db/url]|");
    assert!(screen.tmux(&["capture-pane", "-p", "-e", "-t", "t"]).contains("\u{1b}[31mred"));
    assert!(!screen.shown().contains("Quartz"), "{}", screen.shown());
}

#[test]
fn wherever_a_shell_puts_it_it_is_redacted_and_ends() {
    if !peer("tmux") || !peer("make") || !peer("less") {
        return;
    }
    let screen = Screen::open("places");
    screen.world.script("say", "#!/bin/sh\necho \"$1 $DB\"\n");
    screen.world.write("Makefile", "all: a b c d\n%: ; @hasp-exec -- ./say $@\nMakefile: ;\n");
    screen.enter("hasp-exec -- seq 100000 | head -1; echo \"ends ${PIPESTATUS[*]}\"");
    screen.see("ends 141 0");
    screen.enter("clear; hasp-exec -- ./say paged | less");
    screen.see("paged [hasp:db/url]");
    screen.key("q");
    screen.see("ready>");
    screen.enter("clear; hasp-exec -- ./say behind & wait");
    screen.see("behind [hasp:db/url]");
    screen
        .enter("clear; nohup hasp-exec -- sh -c 'kill -HUP $$; ./say survived' >log 2>&1; cat log");
    screen.see("survived [hasp:db/url]");
    screen.enter("clear; setsid -w hasp-exec -- ./say alone");
    screen.see("alone [hasp:db/url]");
    screen.enter("clear; make -s -j4");
    // Make has a recipe for the whole as well, after the parts.
    for target in ["a", "b", "c", "d", "all"] {
        screen.see(&format!("{target} [hasp:db/url]"));
    }
    screen.see("ready>");
    screen.enter("clear; stty -a | grep -c -e '-icanon' -e '-echo '; echo over");
    screen.see("over");
    assert!(screen.shown().starts_with("0\nover"), "{}", screen.shown());
}

/// Whether a process runs.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

fn kill(signal: &str, pid: u32) {
    assert!(
        Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill").success()
    );
}

#[test]
fn nothing_is_left_of_what_was_stopped_killed_or_closed() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("ends");
    let status = screen.world.project().join("status");
    let end = |signal: i32| screen.world.events("exec.end").iter().any(|e| e["signal"] == signal);
    // A shell that does not look after its terminal would be left with keys that do nothing.
    let patient = "until stty -a | cmp -s - before; do sleep 0.1; done; echo as before";
    screen.enter(&format!(
        "stty -a >before; sh -c 'hasp-exec --status-fd 3 -- sleep 50 3>status; {patient}'"
    ));
    let child = started(&status);
    screen.until_raw();
    kill("-KILL", parent(parent(child)));
    screen.see("as before");
    wait_until(PATIENCE, || !runs(child));
    // Stopped, then killed from another terminal.
    std::fs::remove_file(&status).expect("a status");
    screen.enter("clear; hasp-exec --status-fd 3 -- sleep 50 3>status");
    let child = started(&status);
    screen.until_raw();
    screen.key("C-z");
    screen.see("[1]+  Stopped");
    let broker = parent(parent(child));
    kill("-TERM", broker);
    kill("-CONT", broker);
    wait_until(PATIENCE, || !runs(child) && !runs(broker));
    wait_until(PATIENCE, || end(15));
    // The window is closed.
    std::fs::remove_file(&status).expect("a status");
    screen.enter("clear; hasp-exec --status-fd 3 -- sleep 50 3>status");
    let child = started(&status);
    let broker = parent(parent(child));
    screen.tmux(&["kill-server"]);
    wait_until(PATIENCE, || !runs(child) && !runs(broker));
    wait_until(PATIENCE, || end(1));
}

/// Types keys with which the value begins, one by one, then the value: how long the middle echo
/// took, and all that was shown.
const TYPIST: &str = "import os, pty, select, sys, termios, time\n\
pid, fd = pty.fork()\n\
if pid == 0: os.execvp('hasp-exec', ['hasp-exec', '--', 'sh', '-c', 'echo ready; exec cat'])\n\
shown = b''\n\
while b'ready' not in shown: shown += os.read(fd, 1000)\n\
while termios.tcgetattr(fd)[3] & termios.ECHO: time.sleep(0.01)\n\
taken = []\n\
for _ in range(21):\n  \
began = time.monotonic(); os.write(fd, b'p'); shown += os.read(fd, 1000); \
taken.append(time.monotonic() - began); time.sleep(0.01)\n\
os.write(fd, b'\\n' + sys.argv[1].encode() + b'\\n')\n\
while select.select([fd], [], [], 1)[0]: shown += os.read(fd, 1000)\n\
print(int(sorted(taken)[10] * 1000), shown)\n";

#[test]
fn a_key_that_a_value_begins_with_is_echoed_at_once_and_a_typed_value_is_not() {
    if !peer("python3") {
        return;
    }
    let world = World::new();
    world.store("db/url", DB_URL);
    world
        .sh("hasp-bind add db/url && hasp-grant --for 1h --keep --consumer user -e DB=db/url \
              --any-command")
        .ok();
    world.write("typist.py", TYPIST);
    let outcome = world.sh(&format!("python3 typist.py '{DB_URL}'"));
    let (middle, shown) = outcome.ok().split_once(' ').expect("two words");
    assert!(middle.parse::<u32>().expect("milliseconds") < 100, "{middle} ms");
    assert!(shown.contains("[hasp:db/url]") && !shown.contains("Quartz"), "{shown}");
}

/// A line in a terminal of this many columns, as it stands there.
fn narrow(world: &World, columns: u32, line: &str) -> String {
    let line = format!("TERM=xterm script -qec 'stty cols {columns}; {line}' /dev/null");
    world.sh(&line).stdout.replace('\r', "")
}

/// Without the sequences that set weight and colour.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| shown + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[test]
fn on_a_narrow_terminal_lines_break_at_blanks() {
    if !peer("script") {
        return;
    }
    let world = World::with_project();
    world.feed("hasp-vault set a/rather/long/name --expires 30d", "value-4711-value").ok();
    world.write(
        "hasp.toml",
        MANIFEST.replace(
            "about = \"shows both values\"",
            "about = \"shows both of the values that the project has\"",
        ),
    );
    for (line, wide) in [
        ("hasp-vault list", "NAME"),
        ("hasp-target explain test", "It approves nothing by itself"),
        ("hasp-target list", "shows both of the values"),
        ("hasp-target show test", "env DATABASE_URL"),
        ("hasp-exec --doctor", "memory"),
        ("hasp-audit log", "vault.set"),
        ("hasp-bind list", "db/url -> db/url"),
        ("hasp-grant --consumer user -t test -o ../t", "usable by"),
        ("hasp-grant list", "target test"),
        ("hasp-grant show ../t", "usable by"),
        ("hasp-exec -g ../t --explain", "would run"),
        ("rm -f ../home/bindings/*; hasp-bind --yes", "references"),
        ("echo no | hasp-bind", "look twice"),
    ] {
        let whole =
            world.sh(&format!("TERM=xterm script -qec 'stty cols 400; {line}' /dev/null")).stdout;
        assert!(line.contains("bind") || whole.contains(wide), "{line}: {whole}");
        let shown = plain(&narrow(&world, 40, line));
        let fits = |l: &&str| {
            l.chars().count() <= 40
                || l.split_whitespace().count() <= 2
                || l.starts_with("hasp-")
                || l.contains("[y/N]")
        };
        let broken: Vec<&str> = shown.lines().filter(|l| !fits(l)).collect();
        assert!(broken.is_empty(), "{line}: {broken:#?}\n{shown}");
        // A pipe gets what it always got.
        let piped = world.sh(&format!("({line}) | cat"));
        assert!(!piped.stdout.contains('\x1b') && !piped.stderr.contains('\x1b'), "{line}");
    }
}

#[test]
fn the_warnings_of_a_consent_stand_out_where_a_terminal_may_show_it() {
    if !peer("script") {
        return;
    }
    let world = World::with_project();
    let mint = "hasp-grant --consumer user --any-command -e K=api/key -o ../t";
    let bind = "rm -f ../home/bindings/*; hasp-bind --yes";
    for (line, loud) in [(mint, "warning    ANY"), (bind, "test: ./show is a file of the project")]
    {
        let bold = |shown: &str| {
            shown
                .split("\x1b[1;33m")
                .skip(1)
                .any(|part| part.contains(loud) && part.contains("\x1b[0m"))
        };
        let (shown, muted) =
            (narrow(&world, 200, line), narrow(&world, 200, &format!("export NO_COLOR=1; {line}")));
        assert!(bold(&shown), "{shown}");
        assert!(!muted.contains('\x1b') && muted.contains(loud), "{muted}");
        assert!(!narrow(&world, 200, &format!("export TERM=dumb; {line}")).contains('\x1b'));
    }
}
