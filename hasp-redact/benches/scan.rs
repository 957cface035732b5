//! How fast the locked scan is: a staged commit, a tree of text beside the calls that it needs,
//! `cat`, `git grep` and `detect-secrets`, and a long history.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/place/mod.rs"]
mod place;

use std::fmt::Write;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use place::Place;

/// Values that are watched.
const VALUES: usize = 1_000;

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % end
    }

    fn value(&mut self, least: usize, letters: &[u8]) -> String {
        (0..least + self.below(25))
            .map(|_| char::from(letters[self.below(letters.len())]))
            .collect()
    }
}

/// The binary that was built with this bench.
fn scan(place: &Place, words: &[&str]) -> Command {
    let mut command = place.command(env!("CARGO_BIN_EXE_hasp-redact"));
    command.arg("scan").args(["-q"]).args(words).stdout(Stdio::null()).stderr(Stdio::inherit());
    command
}

/// The median wall time of a command over some runs.
fn time(rounds: usize, mut command: impl FnMut() -> Command) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            assert!(command().status().unwrap().code().is_some_and(|c| c < 2));
            start.elapsed()
        })
        .collect();
    times.sort();
    times[rounds / 2]
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&*@^";

fn watched(least: usize, letters: &[u8]) -> (Place, Vec<String>) {
    let (place, mut random) = (Place::new().git(), Random(7));
    let values: Vec<String> = (0..VALUES).map(|_| random.value(least, letters)).collect();
    values.iter().enumerate().for_each(|(n, v)| place.store(&format!("n/{n}"), v.as_bytes()));
    (place, values)
}

/// The sources that this workspace was built with, as one tree.
fn copy_sources(place: &Place) -> u64 {
    let cargo = std::env::var("CARGO_HOME")
        .unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").unwrap()));
    place.sh(&format!(
        "cp -rL {cargo}/registry/src/*/[a-r]* . && find . -path ./.git -prune -o \
                       -type f ! -name '*.rs' ! -name '*.md' ! -name '*.toml' -exec rm -f {{}} +"
    ));
    place.sh("git -c core.safecrlf=false add . 2>/dev/null; git commit -qm all");
    place.sh("du -sb --exclude=.git . | cut -f1").trim().parse().unwrap()
}

fn staged() {
    let (place, _) = watched(24, LETTERS);
    for n in 0..20 {
        place.file(&format!("f{n}.rs"), include_str!("scan.rs").as_bytes());
    }
    place.sh("git commit -q --allow-empty -m first; git add .");
    let took = time(21, || scan(&place, &["--staged"]));
    row(
        "staged commit of 20 files, 1,000 values",
        &format!("{:.1} ms", took.as_secs_f64() * 1e3),
        "under 30 ms",
    );
}

fn tree() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let sorts = [
        ("24 bytes or more", 24, LETTERS),
        ("16 bytes or more", 16, LETTERS),
        ("16 or more with signs", 16, SIGNS),
    ];
    for (what, least, letters) in sorts {
        let (place, values) = watched(least, letters);
        let size = copy_sources(&place) as f64 / (1u64 << 30) as f64;
        let one = time(5, || {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(env!("CARGO_BIN_EXE_hasp-redact")).args([
                "scan",
                "-q",
                "--no-ignore",
                ".",
            ]);
            command.current_dir(place.tree()).env("HASP_HOME", place.home()).stdout(Stdio::null());
            command
        });
        let all = time(5, || scan(&place, &["--no-ignore", "."]));
        let large = place.tree().join("../large");
        let text: Vec<u8> = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/scan.rs"))
            .unwrap()
            .repeat(20_000);
        std::fs::write(&large, &text).unwrap();
        let stream = time(5, || scan(&place, &["../large"]));
        let rate = |time: Duration, size: f64| format!("{:.2} GiB/s", size / time.as_secs_f64());
        row(
            &format!("tree of {:.0} MiB, values of {what}, 1 core", size * 1024.0),
            &rate(one, size),
            "1 GiB/s",
        );
        row(&format!("  on {cores} cores"), &rate(all, size), "");
        floor(&place, size);
        row(
            "  one large file of text, 1 core",
            &rate(stream, text.len() as f64 / (1u64 << 30) as f64),
            "1 GiB/s",
        );
        std::fs::write(place.tree().join("../list"), values.join("\n")).unwrap();
        let grep = time(3, || {
            let mut command = place.command("git");
            command.args(["grep", "-q", "-F", "-f", "../list"]).stdout(Stdio::null());
            command
        });
        row("  git grep -F -f, one form of each", &rate(grep, size), "slower than ours");
        if least == 24 {
            rival(&place, size, all);
        }
    }
}

/// What the calls alone cost that any scan of the tree must make: each directory listed, each file
/// opened, read and closed, in this process; and cat.
fn floor(place: &Place, size: f64) {
    let mut buffer = vec![0; 1 << 18];
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            read_below(&place.tree(), &mut buffer);
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    row(
        "  floor: list, open, read and close, 1 core",
        &format!("{:.2} GiB/s", size / times[2]),
        "",
    );
    let cat = time(5, || {
        let mut command = place.command("taskset");
        command.args([
            "-c", "0", "find", ".", "-path", "./.git", "-prune", "-o", "-type", "f", "-exec",
            "cat", "{}", "+",
        ]);
        command.stdout(Stdio::null());
        command
    });
    row("  cat, 1 core", &format!("{:.2} GiB/s", size / cat.as_secs_f64()), "");
}

fn read_below(dir: &std::path::Path, buffer: &mut [u8]) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let mut file = std::fs::File::open(entry.path()).unwrap();
            std::hint::black_box(file.read(buffer).unwrap());
        } else if entry.file_name() != ".git" {
            read_below(&entry.path(), buffer);
        }
    }
}

/// A scanner that looks for what keys look like, if it is there.
fn rival(place: &Place, size: f64, ours: Duration) {
    let python = std::env::var("HASP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there =
        Command::new(&python).args(["-c", "import detect_secrets"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|s| s.success()) {
        return row("  detect-secrets", "not installed", "50 times slower");
    }
    place.sh("mkdir ../part; cp -r memchr-2* ../part/");
    let part: f64 = place.sh("du -sb ../part | cut -f1").trim().parse().unwrap();
    let took = time(1, || {
        let mut command = Command::new(&python);
        command
            .args(["-m", "detect_secrets", "scan", "--all-files", "."])
            .current_dir(place.tree().join("../part"))
            .stdout(Stdio::null());
        command
    });
    let times = took.as_secs_f64() / part * (size * (1u64 << 30) as f64) / ours.as_secs_f64();
    row("  detect-secrets", &format!("{times:.0} times as long"), "50 times slower");
}

/// 50,000 blobs in 2,500 commits, made by `git fast-import`.
fn history() {
    let (place, _) = watched(24, LETTERS);
    let mut import = place
        .command("git")
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = import.stdin.take().unwrap();
    let line = include_str!("scan.rs").lines().nth(20).unwrap();
    for commit in 0..2_500 {
        let mut text = format!(
            "commit refs/heads/main\ncommitter n <n@example.org> {commit} +0000\ndata 1\nx\n"
        );
        for n in 0..20 {
            let content = format!("{commit} {n}\n{}", format!("{line}\n").repeat(20));
            write!(
                text,
                "M 100644 inline d{}/f{n}\ndata {}\n{content}\n",
                commit % 50,
                content.len()
            )
            .unwrap();
        }
        stdin.write_all(text.as_bytes()).unwrap();
    }
    drop(stdin);
    assert!(import.wait().unwrap().success());
    let took = time(3, || scan(&place, &["--history"]));
    row("--history of 50,000 blobs", &format!("{:.1} s", took.as_secs_f64()), "under 20 s");
}

fn row(what: &str, figure: &str, target: &str) {
    println!("{what:<60} {figure:>18}  {target}");
}

fn main() {
    staged();
    tree();
    history();
}
