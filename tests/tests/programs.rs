//! Programs that draw on the whole terminal show the same screen below the broker as without it:
//! after each key, at each size, stopped and resumed, whatever the length of the value that is
//! looked for.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hasp_tests::{Emulator, Postgres, Server, Size, World, difference, peer, sshd};

const SMALL: Size = (80, 24);
const LARGE: Size = (200, 60);
/// How many programs are tried at once: mostly they wait.
const AT_ONCE: usize = 6;
/// Waits until the shell asks again.
const END: &str = "";

/// What is done with a program, and what the screen then shows.
enum Step {
    /// Keys are typed.
    Keys(&'static str, &'static str),
    /// The window becomes smaller by ten columns and four rows.
    Smaller(&'static str),
}
use Step::{Keys, Smaller};

/// A program that draws.
struct Program {
    name: &'static str,
    /// The line that starts it.
    line: String,
    /// What it shows first.
    shows: &'static str,
    steps: &'static [Step],
    /// Keeps of a line what is the same in each run.
    steady: fn(&str) -> &str,
}

fn whole(line: &str) -> &str {
    line
}

/// Headings alone: the numbers below them change from one moment to the next.
fn headings(line: &str) -> &str {
    if ["PID USER", "F1Help"].iter().any(|heading| line.contains(heading)) {
        line.trim().trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '+')
    } else {
        ""
    }
}

/// Without the line for commands, which may wait for a shell, and the space that is free on the
/// disk.
fn panels(line: &str) -> &str {
    if line.contains("%)") || line.starts_with('#') { "" } else { line }
}

fn program(name: &'static str, line: &str, shows: &'static str, steps: &'static [Step]) -> Program {
    Program { name, line: line.to_owned(), shows, steps, steady: whole }
}

fn programs(ssh: &str, psql: &str) -> Vec<Program> {
    vec![
        program(
            "vim",
            "vim -u DEFAULTS -i NONE -n plain",
            "plain ascii line 1 ",
            &[
                Keys("G", "plain ascii line 90"),
                Keys("/line 30\r", "plain ascii line 30"),
                Smaller("plain ascii line 30"),
                Keys("\x1a", "Stopped"),
                Keys("fg\r", "plain ascii line 30"),
                Keys("itext \x1b", "text "),
                Keys(":q!\r", END),
            ],
        ),
        program(
            "nano",
            "nano plain",
            "plain ascii line 1 ",
            &[Keys("\x16", "plain ascii line"), Smaller("plain ascii line"), Keys("\x18", END)],
        ),
        program(
            "emacs",
            "emacs -nw -Q --no-splash plain",
            "plain ascii line 1 ",
            &[
                Keys("\x1b>", "plain ascii line 90"),
                Smaller("plain ascii line 90"),
                Keys("\x18\x03", END),
            ],
        ),
        program(
            "less",
            "less plain",
            "plain ascii line 1 ",
            &[
                Keys(" ", "plain ascii line 40"),
                Keys("G", "(END)"),
                Smaller(":"),
                Keys("\x1a", "Stopped"),
                Keys("fg\r", ":"),
                Keys("q", END),
            ],
        ),
        Program {
            steady: headings,
            ..program("htop", "htop", "F1Help", &[Smaller("F1Help"), Keys("q", END)])
        },
        Program {
            steady: headings,
            ..program("top", "top", "PID USER", &[Smaller("PID USER"), Keys("q", END)])
        },
        Program {
            steady: panels,
            ..program(
                "mc",
                "mc -u -x files files",
                "10Quit",
                &[Keys("\x1bOB", "10Quit"), Keys("\x1b[21~", END)],
            )
        },
        program("fzf", "", "100/100", &[Keys("42", "1/100"), Keys("\r", END)]),
        program(
            "dialog",
            "dialog --yesno 'Go on?' 8 30",
            "Go on?",
            &[Keys("\t", "Go on?"), Keys("\r", END)],
        ),
        program(
            "tmux",
            "tmux -L inner -f tmux.conf new less plain",
            "plain ascii line 1 ",
            &[Keys("G", "(END)"), Smaller(":"), Keys("q", END)],
        ),
        program(
            "screen",
            "screen -c screenrc less plain",
            "plain ascii line 1 ",
            &[Keys("G", "(END)"), Smaller(":"), Keys("q", END)],
        ),
        program(
            "man",
            "man ./page.7",
            "NAME",
            &[Keys("G", "(END)"), Smaller("Manual page"), Keys("q", END)],
        ),
        program(
            "git",
            "git -C repository log -p",
            "change 30",
            &[Keys(" ", "change"), Keys("G", "(END)"), Smaller(":"), Keys("q", END)],
        ),
        program(
            "ssh",
            ssh,
            "far:",
            &[
                Keys("cat plain\r", "plain ascii line 90"),
                Keys("cat\r", "cat"),
                Keys("\x03", "^C"),
                Keys("exit\r", END),
            ],
        ),
        program(
            "python3",
            "python3 -q",
            ">>>",
            &[
                Keys("print(6 * 7)\r", "42"),
                Keys("\x03", "KeyboardInterrupt"),
                Keys("exit()\r", END),
            ],
        ),
        program(
            "psql",
            psql,
            "postgres=#",
            &[Keys("select 6 * 7 as product;\r", "(1 row)"), Keys("\\q\r", END)],
        ),
        program(
            "sqlite3",
            "sqlite3 -box",
            "sqlite>",
            &[Keys("select 42;\r", "42"), Keys(".quit\r", END)],
        ),
        program(
            "node",
            "node",
            "Type \".help\"",
            &[Keys("6 * 7\r", "42"), Keys("\x03", ".exit"), Keys(".exit\r", END)],
        ),
    ]
}

/// What the programs need, and a kept grant for any command with a value of this length.
struct Stage {
    world: World,
    ssh: String,
    psql: String,
    _servers: (Server, Postgres),
}

impl Stage {
    fn set(length: usize) -> Stage {
        let world = World::new();
        world.store("k", value(length));
        world
            .sh("hasp-bind add k; hasp-grant -q --for 8h --keep --consumer user --any-command \
                  --file K=k")
            .ok();
        let lines: Vec<String> =
            (1..=90).map(|n| format!("plain ascii line {n} of a file")).collect();
        world.write("plain", lines.join("\n") + "\n");
        let many: Vec<String> =
            (1..=90).map(|n| format!("A paragraph with the number {n}.\n.Pp\n")).collect();
        world.write(
            "page.7",
            format!(
                ".Dd May 1, 2026\n.Dt PAGE 7\n.Os\n.Sh NAME\n.Nm page\n.Nd a page\n{}",
                many.concat()
            ),
        );
        world.write(
            "tmux.conf",
            "set -g status-right ''\nset -g automatic-rename off\nset -g escape-time 0\n",
        );
        world.write("screenrc", "startup_message off\n");
        let make = "mkdir -p files/sub screens && chmod 700 screens && git init -q repository && \
                    cd repository && \
             for n in $(seq 30); do seq $n >numbers; git add numbers; \
             git -c user.name=t -c user.email=t@example.org commit -q -m \"change $n\"; done; \
             ssh-keygen -q -t ed25519 -N '' -f ../../key";
        world.sh(make).ok();
        let public = std::fs::read_to_string(world.beside("key.pub")).expect("a public key");
        let (server, port) = sshd(&world, &public);
        let base = world.base().display();
        let ssh = format!(
            "ssh -F /dev/null -p {port} -i {base}/key -o UserKnownHostsFile={base}/hosts -o \
             LogLevel=ERROR \
             -o StrictHostKeyChecking=accept-new -t 127.0.0.1 'cd {}; env PS1=far: sh'",
            world.project().display()
        );
        let postgres = Postgres::start("a password of the test");
        std::fs::write(world.beside("password"), "*:*:*:*:a password of the test\n")
            .expect("a file");
        world.sh("chmod 600 ../password").ok();
        let psql =
            format!("psql -q -X -h {} -p {} -U app postgres", postgres.socket(), postgres.port);
        Stage { world, ssh, psql, _servers: (server, postgres) }
    }

    fn shell(&self, broker: &str) -> Command {
        let mut command = self.world.command("bash");
        command
            .args(["--norc", "--noprofile", "-i"])
            .env("TERM", "xterm-256color")
            .env("PS1", "ready> ");
        command
            .env("R", broker)
            .env("HISTFILE", "")
            .env("LESSHISTFILE", "-")
            .env("NODE_REPL_HISTORY", "");
        command.env("PSQL_HISTORY", "/dev/null").env("PGPASSFILE", self.world.beside("password"));
        command
            .env("TMUX_TMPDIR", self.world.base())
            .env("SCREENDIR", self.world.project().join("screens"));
        command
    }

    /// Compares a program without and with the broker.
    fn compare(&self, program: &Program, size: Size) -> Result<(), String> {
        let line = match program.name {
            "fzf" => "seq 100 | $R fzf".to_owned(),
            _ => format!("$R {}", program.line),
        };
        let told = |what: &str| format!("{} at {size:?}: {what}", program.name);
        let natural = self.screens(program, &line, size).map_err(|e| told(&e))?;
        let emulator = Emulator::start(&self.shell("hasp-exec --"), size);
        emulator.settled("ready>").map_err(|e| told(&e.join("\n")))?;
        emulator.keys(&format!("{line}\r"));
        let mut now = size;
        for (number, expected) in natural.iter().enumerate() {
            if let Some(step) = number.checked_sub(1).and_then(|n| program.steps.get(n)) {
                step.take(&emulator, &mut now);
            }
            let same = |shown: &[String]| steady(program, shown) == *expected;
            emulator.becomes(same).map_err(|shown| {
                told(&format!(
                    "after step {number}\n{}",
                    difference(expected, &steady(program, &shown))
                ))
            })?;
        }
        Ok(())
    }

    /// What the program shows by itself, first and after each step.
    fn screens(
        &self,
        program: &Program,
        line: &str,
        size: Size,
    ) -> Result<Vec<Vec<String>>, String> {
        let emulator = Emulator::start(&self.shell(""), size);
        let failed = |wanted: &str, shown: Vec<String>| {
            format!("no '{wanted}' without the broker:\n{}", shown.join("\n"))
        };
        emulator.settled("ready>").map_err(|e| failed("ready>", e))?;
        emulator.keys(&format!("{line}\r"));
        let first = emulator.settled(program.shows).map_err(|e| failed(program.shows, e))?;
        let mut screens = vec![steady(program, &first)];
        let mut now = size;
        for step in program.steps {
            step.take(&emulator, &mut now);
            let (Keys(_, text) | Smaller(text)) = step;
            let shown =
                if *text == END { emulator.at_prompt("ready>") } else { emulator.settled(text) };
            screens.push(steady(program, &shown.map_err(|e| failed(text, e))?));
        }
        Ok(screens)
    }
}

impl Step {
    fn take(&self, emulator: &Emulator, size: &mut Size) {
        match self {
            Keys(keys, _) => emulator.keys(keys),
            Smaller(_) => {
                *size = (size.0 - 10, size.1 - 4);
                emulator.resize(*size);
            }
        }
    }
}

fn steady(program: &Program, shown: &[String]) -> Vec<String> {
    shown.iter().map(|line| (program.steady)(line).to_owned()).collect()
}

/// A value of this length that begins as words of the programs' text do: what may be a part of it
/// is all over the screen, but not where the screen ends, since that would rightly be held back.
fn value(length: usize) -> String {
    let random = (0..).scan(length as u64, |state, _| {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(char::from(b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789"[(*state >> 59) as usize]))
    });
    "ascii ".chars().chain(random).take(length).collect()
}

/// Tries these programs, several at once; all that differ are told.
fn try_all(stage: &Stage, sizes: &[Size]) {
    let programs = programs(&stage.ssh, &stage.psql);
    let work: Vec<(&Program, Size)> =
        sizes.iter().flat_map(|s| programs.iter().map(|p| (p, *s))).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((program, size)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if peer(program.name)
                        && let Err(why) = stage.compare(program, *size)
                    {
                        failed.lock().expect("no panic holds it").push(why);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic holds it");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn can_run() -> bool {
    ["/usr/sbin/sshd", "ssh", "git"].into_iter().all(peer) && Postgres::installed()
}

#[test]
fn eighteen_programs_draw_what_they_draw_without_the_broker() {
    if can_run() {
        try_all(&Stage::set(16), &[SMALL]);
    }
}

#[test]
#[ignore = "long: run by make check-long"]
fn at_two_sizes_with_values_of_four_lengths() {
    if can_run() {
        [8, 16, 40, 3000]
            .into_iter()
            .for_each(|length| try_all(&Stage::set(length), &[SMALL, LARGE]));
    }
}
