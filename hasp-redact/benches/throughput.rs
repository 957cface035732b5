//! How fast the filter is beside `cat`, `sed` and `perl`, interleaved in the same run, so that all
//! meet the same machine. It writes its table into docs/redaction.md. `cargo bench -p hasp-redact
//! -- [MiB] [rounds]`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BEGIN: &str = "<!-- speed: written by benches/throughput.rs -->\n";
const END: &str = "<!-- end of speed -->";

/// A set of values: its name in the table, how many, whether some are shorter than 16 bytes, and
/// the targets: the rate beside `cat`, the start-up in ms, the memory in MiB.
const SETS: [(&str, usize, bool, [f64; 3]); 6] = [
    ("1 value", 1, false, [0.85, 0.5, 4.0]),
    ("10 values", 10, true, [0.70, 1.0, 4.0]),
    ("100 values", 100, true, [0.50, 3.0, 8.0]),
    ("100 values of 16 bytes and more", 100, false, [0.65, 3.0, 8.0]),
    ("1,000 values", 1_000, true, [0.35, 30.0, 16.0]),
    ("10,000 values", 10_000, true, [0.25, 300.0, 96.0]),
];

/// How often each start-up is measured.
const STARTS: usize = 15;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }

    fn word(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SIGNS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!@#$%^&*-_=+";
const WORDS: &str = "the of and to in is that for it was on are as with his they at be this from \
                     have or by one had not but what \
all were when we there can an your which their said if do will each about how up out them then \
she many some so these would \
other into has more her two like him see time could no make than first been its who now people my \
made over did down only way \
find use may water long little very after words called just where most know compiling linking \
warning unused variable error";

fn value(random: &mut Random, mixed: bool) -> String {
    match random.below(if mixed { 6 } else { 4 }) {
        0 => format!("ghp_{}", random.word(ALNUM, 36)),
        1 => random.word(b"0123456789abcdef", 64),
        2 => format!("postgres://app:{}@db.internal:5432/prod", random.word(ALNUM, 20)),
        3 => format!("sk-proj-{}", random.word(ALNUM, 48)),
        4 => {
            let length = 8 + random.below(8);
            random.word(SIGNS, length)
        }
        _ => {
            let length = 8 + random.below(6);
            random.word(ALNUM, length)
        }
    }
}

/// A line of a build log.
fn line(random: &mut Random, words: &[&str]) -> String {
    let some = |random: &mut Random, count: usize| -> String {
        (0..count).map(|_| words[random.below(words.len())]).collect::<Vec<_>>().join(" ")
    };
    let n = random.next() as u32;
    match random.below(8) {
        0 => format!(
            "   Compiling {} v{}.{}.{} (#{:016x}{:016x})",
            some(random, 1),
            n % 9,
            n % 40,
            n % 7,
            random.next(),
            random.next()
        ),
        1 => format!(
            "2026-11-23T05:{:02}:{:02}.{n:06}Z INFO handler{{id={:016x}}}: status=200 \
             path=\"/api/v1/{}?id={n}&x=%20y\"",
            n % 60,
            n % 59,
            random.next(),
            some(random, 1)
        ),
        2 => format!("\x1b[1m\x1b[32m    Finished\x1b[0m {}", some(random, 6)),
        3 => format!(
            "{{\"level\":\"debug\",\"msg\":\"{}\",\"ts\":{n},\"caller\":\"pkg/{}.go:{}\"}}",
            some(random, 5),
            some(random, 1),
            n % 900
        ),
        4 => format!(
            "gcc -O2 -Wall -I/usr/include/{} -DNDEBUG=1 -c -o build/obj/{n:x}.o src/{}.c",
            some(random, 1),
            some(random, 1)
        ),
        5 => format!("test tests::{}_{} ... ok", some(random, 1), n % 999),
        6 => format!("[{}/4000] {}", n % 4000, some(random, 10)),
        _ => some(random, 14),
    }
}

struct Bench {
    dir: tempfile::TempDir,
    mib: usize,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file of so many MiB that repeats these bytes.
    fn file(&self, name: &str, block: &[u8], mib: usize) -> PathBuf {
        let mut file = File::create(self.path(name)).unwrap();
        let (mut left, mut part) = (mib << 20, block);
        while left > 0 {
            part = &part[..part.len().min(left)];
            file.write_all(part).unwrap();
            left -= part.len();
        }
        self.path(name)
    }

    fn values(&self, name: &str, values: &[String]) -> String {
        let list: String = values.iter().enumerate().map(|(i, v)| format!("N{i}={v}\0")).collect();
        std::fs::write(self.path(name), list).unwrap();
        let binary = env!("CARGO_BIN_EXE_hasp-redact");
        format!("exec {binary} --quiet --values {} 2>/dev/null", self.path(name).display())
    }
}

/// `cat input | command | cat >/dev/null`, in seconds.
fn time(input: &Path, command: &str) -> f64 {
    let start = Instant::now();
    let mut producer = Command::new("cat").arg(input).stdout(Stdio::piped()).spawn().unwrap();
    let mut filter = Command::new("sh")
        .args(["-c", command])
        .stdin(producer.stdout.take().unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut consumer = Command::new("cat")
        .stdin(filter.stdout.take().unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    assert!(consumer.wait().unwrap().success());
    let elapsed = start.elapsed();
    assert!(filter.wait().unwrap().success() && producer.wait().unwrap().success(), "{command}");
    elapsed.as_secs_f64()
}

/// The median time of each job, run in turns.
fn interleaved(jobs: &[(PathBuf, String)], rounds: usize) -> Vec<f64> {
    let mut times = vec![Vec::new(); jobs.len()];
    for _ in 0..rounds {
        for (job, times) in jobs.iter().zip(&mut times) {
            times.push(time(&job.0, &job.1));
        }
    }
    times.into_iter().map(median).collect()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The time from the start of a process to its first output, in ms.
fn start_up(command: &str) -> f64 {
    let start = Instant::now();
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    stdin.write_all(b"~").unwrap();
    assert_eq!(stdout.read(&mut [0]).unwrap(), 1);
    let elapsed = start.elapsed();
    drop(stdin);
    child.wait().unwrap();
    elapsed.as_secs_f64() * 1e3
}

/// The most memory that a filter had after 1 MiB, in MiB.
fn memory(command: &str, log: &[u8]) -> f64 {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut buffer = vec![0; 1 << 16];
    for part in log[..log.len().min(1 << 20)].chunks(1 << 14) {
        stdin.write_all(part).unwrap();
        assert!(stdout.read(&mut buffer).unwrap() > 0);
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    drop(stdin);
    stdout.read_to_end(&mut buffer).unwrap();
    child.wait().unwrap();
    kib / 1024.0
}

/// By how much a figure that should be at least as large as its target falls short.
fn short_of(figure: f64, target: f64) -> String {
    if figure >= target {
        "met".to_owned()
    } else {
        format!("{:.0} % short", 100.0 * (1.0 - figure / target))
    }
}

/// By how much a figure that should be at most its target is over it.
fn over(figure: f64, target: f64) -> String {
    if figure <= target { "met".to_owned() } else { format!("{:.1} times", figure / target) }
}

/// The 99th percentile of the time from writing a prompt to reading it.
fn prompt(command: &str) -> Duration {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut times = Vec::new();
    for _ in 0..2_000 {
        let start = Instant::now();
        stdin.write_all(b"Password: ").unwrap();
        let mut buffer = [0; 10];
        stdout.read_exact(&mut buffer).unwrap();
        times.push(start.elapsed());
    }
    drop(stdin);
    child.wait().unwrap();
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

fn main() {
    // cargo bench passes flags of its own.
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let (mib, rounds) = (*numbers.first().unwrap_or(&256), *numbers.get(1).unwrap_or(&5));
    let bench = Bench { dir: tempfile::tempdir_in("/dev/shm").unwrap(), mib };
    let page = report(&bench, rounds);
    println!("{page}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/redaction.md");
    let docs = std::fs::read_to_string(path).unwrap();
    let (start, end) = (docs.find(BEGIN).unwrap() + BEGIN.len(), docs.find(END).unwrap());
    std::fs::write(path, [&docs[..start], &page, &docs[end..]].concat()).unwrap();
}

fn report(bench: &Bench, rounds: usize) -> String {
    let mut random = Random(0x1234_5678_9abc_def1);
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut block = String::new();
    while block.len() < 4 << 20 {
        writeln!(block, "{}", line(&mut random, &words)).unwrap();
    }
    let log = bench.file("log", block.as_bytes(), bench.mib);
    let sets: Vec<Vec<String>> = SETS
        .iter()
        .map(|(_, count, mixed, _)| (0..*count).map(|_| value(&mut random, *mixed)).collect())
        .collect();
    let commands: Vec<String> =
        sets.iter().enumerate().map(|(i, set)| bench.values(&format!("set{i}"), set)).collect();
    let first = &sets[0][0];
    let rivals = [
        format!("exec sed 's#{first}#[hasp:N0]#g'"),
        format!("exec perl -pe 's#\\Q{first}\\E#[hasp:N0]#g'"),
    ];
    let jobs: Vec<String> =
        ["exec cat".to_owned()].into_iter().chain(commands.iter().cloned()).chain(rivals).collect();
    let jobs: Vec<(PathBuf, String)> =
        jobs.into_iter().map(|command| (log.clone(), command)).collect();
    let times = interleaved(&jobs, rounds);
    let rate = |time: f64| bench.mib as f64 / 1024.0 / time;
    let mut page = format!(
        "\nMeasured by `make bench` ({} MiB of build log in memory, median of {rounds} rounds in \
         turns, {} cores): \
         `cat log | FILTER | cat >/dev/null`. Start-up is the time from the start of the process \
         to its first output, beyond what \
         `cat` takes for the same: median of {STARTS} in turns.\n\n\
         | filter | GiB/s | of cat | target | | start-up | target | | memory | target | \
         |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
        bench.mib,
        std::thread::available_parallelism().map_or(1, usize::from),
    );
    let starts: Vec<f64> = start_ups(&jobs[..=SETS.len()]);
    writeln!(
        page,
        "| `cat` | {:.2} | 1.00 | | | {:.1} ms in all | | | | | |",
        rate(times[0]),
        starts[0]
    )
    .unwrap();
    for (i, (name, _, _, [ratio_target, start_target, memory_target])) in SETS.iter().enumerate() {
        let (gib, ratio, ms) =
            (rate(times[i + 1]), times[0] / times[i + 1], (starts[i + 1] - starts[0]).max(0.0));
        let mib = memory(&commands[i], block.as_bytes());
        let missed =
            [short_of(ratio, *ratio_target), over(ms, *start_target), over(mib, *memory_target)];
        writeln!(
            page,
            "| {name} | {gib:.2} | {ratio:.2} | {ratio_target:.2} | {} | {ms:.1} ms | \
             {start_target} ms | {} | {mib:.1} MiB | {memory_target} MiB | {} |",
            missed[0], missed[1], missed[2]
        )
        .unwrap();
    }
    for (name, time) in ["`sed`, 1 value, one form", "`perl`, 1 value, one form"]
        .iter()
        .zip(&times[SETS.len() + 1..])
    {
        writeln!(page, "| {name} | {:.2} | {:.2} | | | | | | | | |", rate(*time), times[0] / time)
            .unwrap();
    }
    page.push_str(&inputs(bench, rounds, &sets, &commands, block.as_bytes(), &log));
    writeln!(
        page,
        "\n99 of 100 prompts of 2,000 went through within {:.0} µs.\n",
        prompt(&commands[0]).as_secs_f64() * 1e6
    )
    .unwrap();
    page
}

/// The median start-up of each job, measured in turns.
fn start_ups(jobs: &[(PathBuf, String)]) -> Vec<f64> {
    let mut times = vec![Vec::new(); jobs.len()];
    for _ in 0..STARTS {
        for ((_, command), times) in jobs.iter().zip(&mut times) {
            times.push(start_up(command));
        }
    }
    times.into_iter().map(median).collect()
}

/// Inputs that are not a clean log, beside the clean log in the same rounds.
fn inputs(
    bench: &Bench,
    rounds: usize,
    sets: &[Vec<String>],
    commands: &[String],
    log: &[u8],
    clean: &Path,
) -> String {
    let mut random = Random(0xfeed_5678_9abc_def1);
    let hits: Vec<u8> = log
        .chunks(1024)
        .zip(sets[2].iter().cycle())
        .flat_map(|(c, v)| [c, v.as_bytes()].concat())
        .collect();
    let binary: Vec<u8> = (0..1 << 20).flat_map(|_| random.next().to_le_bytes()).collect();
    let misses = |set: &[String]| -> Vec<u8> {
        set.iter()
            .take(1_000)
            .flat_map(|v| [v.as_bytes()[..v.len() - 1].to_vec(), b"~".to_vec()].concat())
            .collect()
    };
    // The last column of each: the target as a part of the rate over the clean log, or in GiB/s.
    let jobs = [
        ("100 values, clean log", clean.to_owned(), 2, [0.0, 0.0]),
        ("100 values, a value in each KiB", bench.file("hits", &hits, bench.mib), 2, [0.8, 0.0]),
        ("100 values, random binary", bench.file("binary", &binary, bench.mib), 2, [0.85, 0.0]),
        (
            "1 value, near-misses of it only",
            bench.file("near1", &misses(&sets[0]), bench.mib),
            0,
            [0.0, 0.5],
        ),
        (
            "100 values, near-misses of them only",
            bench.file("near100", &misses(&sets[2]), bench.mib),
            2,
            [0.0, 0.5],
        ),
        (
            "10,000 values, near-misses of them only",
            bench.file("near10000", &misses(&sets[5]), bench.mib),
            5,
            [0.0, 0.2],
        ),
    ];
    let times = interleaved(
        &jobs.iter().map(|j| (j.1.clone(), commands[j.2].clone())).collect::<Vec<_>>(),
        rounds,
    );
    let mut table =
        String::from("\n| input | GiB/s | of the clean log | target | |\n|---|---|---|---|---|\n");
    for ((name, _, _, target), time) in jobs.iter().zip(&times) {
        let gib = bench.mib as f64 / 1024.0 / time;
        let part = gib / (bench.mib as f64 / 1024.0 / times[0]);
        let (target, missed) = match target {
            [0.0, 0.0] => (String::new(), String::new()),
            [0.0, rate] => (format!("{rate} GiB/s"), short_of(gib, *rate)),
            [ratio, _] => (format!("{ratio} of clean"), short_of(part, *ratio)),
        };
        writeln!(table, "| {name} | {gib:.2} | {part:.2} | {target} | {missed} |").unwrap();
    }
    table
}
