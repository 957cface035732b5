//! The speed of the record, as a table: what an append costs beside a bare write and flush, how
//! fast a log verifies, and how soon a question over ten million records is answered. `cargo bench
//! -p hasp-audit [-- RECORDS]`; ten million take about 2 GB of disk.
#![allow(clippy::unwrap_used)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hasp_audit::{Against, Event, EventKind, Log, LogId, verify};
use hasp_core::{Home, Timestamp, output};

const ROOT: [u8; 32] = [1; 32];
const BATCH: u64 = 10_000;
const APPENDS: u32 = 1000;
const CROWD: u32 = 50;
/// Enough for a verification of seconds.
const VERIFIED: u64 = 2_000_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if let [job, home, id] = &args[..] {
        assert_eq!(job, "verify");
        return verified(Path::new(home), id.parse().unwrap());
    }
    let records = args.first().map_or(10_000_000, |n| n.parse().unwrap());
    appends();
    crowd();
    verification(records.min(VERIFIED));
    questions(records);
}

fn say(name: &str, value: &str, target: &str) {
    output::write_all(std::io::stdout(), format!("{name:<52} {value:>18}   {target}\n").as_bytes())
        .unwrap();
}

fn new_log(dir: &Path) -> Log {
    std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    Log::create(&Home::at(dir), &LogId::random().unwrap(), &ROOT, "bench", Timestamp::now(), None)
        .unwrap()
}

fn append(log: &Log) {
    log.append(Timestamp::now(), &[event(1)]).unwrap();
}

fn event(n: u64) -> Event {
    let name = if n % 1000 == 500 {
        "prod/token".to_owned()
    } else {
        format!("team{}/key{}", n % 20, n % 199)
    };
    let (version, var) = (n % 4 + 1, "API_KEY");
    let secret =
        serde_json::json!({"name": name, "version": version, "channel": "env", "var": var});
    let secrets = serde_json::json!([secret]);
    let event = Event::new(EventKind::ExecStart)
        .field("grant", format!("{:032x}", n / 5))
        .os("project", "/home/me/src/api");
    event
        .field("target", "test")
        .argv(&["pytest", "-q"])
        .field("consumer", format!("session:{}", n % 50))
        .field("secrets", secrets)
}

fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What children of this process that ended have used: fields 16 and 17 of proc(5), in hundredths
/// of a second.
fn children_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[13..15].iter().map(|f| f.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// On the disk that the build is on: /tmp may be memory, where a flush costs nothing.
fn disk() -> tempfile::TempDir {
    tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap()
}

/// Wall and processor time of one of many.
fn each(times: u32, mut work: impl FnMut()) -> (Duration, Duration) {
    let (wall, busy) = (Instant::now(), cpu());
    (0..times).for_each(|_| work());
    (wall.elapsed() / times, (cpu() - busy) / times)
}

struct Bare {
    lock: File,
    file: File,
}

impl Bare {
    fn open(dir: &Path) -> Bare {
        let open =
            |name| OpenOptions::new().create(true).append(true).open(dir.join(name)).unwrap();
        Bare { lock: open("lock"), file: open("bare") }
    }

    fn append(&mut self) {
        self.lock.lock().unwrap();
        self.file.write_all(&[b'x'; 420]).unwrap();
        self.file.sync_data().unwrap();
        self.lock.unlock().unwrap();
    }
}

fn appends() {
    let dir = disk();
    let log = new_log(dir.path());
    let mut bare = Bare::open(dir.path());
    let (plain, plain_cpu) = each(APPENDS, || bare.append());
    let (wall, busy) = each(APPENDS, || append(&log));
    say("bare O_APPEND + fdatasync", &format!("{plain:.1?}"), "");
    say("one durable append", &format!("{wall:.1?}"), "one fdatasync and at most 0.2 ms of CPU");
    say(
        "  its CPU over that of the bare one",
        &format!("{:.1?}", busy.saturating_sub(plain_cpu)),
        "at most 200 us",
    );
}

/// Appends a second, of as many threads as there are appenders; each opens everything anew, as
/// processes do.
fn rate(work: impl Fn() + Sync) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| (0..APPENDS / CROWD * 4).for_each(|_| work()));
        }
    });
    f64::from(APPENDS * 4) / start.elapsed().as_secs_f64()
}

fn crowd() {
    let dir = disk();
    let log = new_log(dir.path());
    let bare = rate(|| Bare::open(dir.path()).append());
    let ours = rate(|| append(&log));
    say("50 bare appenders under one lock", &format!("{bare:.0} /s"), "");
    say(
        "50 appenders",
        &format!("{ours:.0} /s ({:.0} %)", ours / bare * 100.0),
        "at least 80 % of the bare rate",
    );
}

/// Appends so many records, a batch at a time; `after` is told how many there are.
fn fill(log: &Log, records: u64, mut after: impl FnMut(u64)) {
    for batch in 0..records / BATCH {
        let events: Vec<Event> = (0..BATCH).map(|n| event(batch * BATCH + n)).collect();
        log.append(Timestamp::from_second(1_790_000_000 + batch as i64 * 60), &events).unwrap();
        after((batch + 1) * BATCH);
    }
}

fn verification(records: u64) {
    let dir = disk();
    let log = new_log(dir.path());
    fill(&log, records, |_| {});
    measure_verify(dir.path(), &log, records, "plain segments");
    log.pack(usize::MAX).unwrap();
    measure_verify(dir.path(), &log, records, "packed segments");
}

fn questions(records: u64) {
    let dir = disk();
    let log = new_log(dir.path());
    let start = Instant::now();
    // Packed by the way, as on a machine where somebody reads now and then.
    std::thread::scope(|scope| {
        let mut packing = None;
        fill(&log, records, |there| {
            if there % (50 * BATCH) == 0 {
                packing.take().map(std::thread::ScopedJoinHandle::join);
                packing = Some(scope.spawn(|| log.pack(usize::MAX).unwrap()));
            }
        });
    });
    log.pack(usize::MAX).unwrap();
    let size: u64 =
        std::fs::read_dir(log.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
    let written = format!("{:.0?}, {} bytes a record", start.elapsed(), size / records);
    say("records written, packed and indexed", &format!("{records}"), &written);
    forget(log.path());
    query(dir.path(), &log, "cold", "under 1 s");
    query(dir.path(), &log, "warm", "under 0.2 s");
}

fn measure_verify(home: &Path, log: &Log, records: u64, form: &str) {
    let (start, busy) = (Instant::now(), children_cpu());
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.arg("verify").arg(home).arg(log.id().as_str()).output().unwrap();
    let took = start.elapsed().as_secs_f64();
    assert!(output.status.success());
    say(
        &format!("verify, {form}"),
        &format!("{:.2} M/s", records as f64 / took / 1e6),
        "at least 1 M records/s",
    );
    let busy = (children_cpu() - busy).as_nanos() / u128::from(records);
    say("  its CPU a record", &format!("{busy} ns"), "at most 2000 ns for that on two idle cores");
    say("  its memory at most", String::from_utf8(output.stdout).unwrap().trim(), "under 50 MiB");
}

fn verified(home: &Path, id: LogId) {
    let against = Against { audit_root: &ROOT, public: None, expect: None, progress: &|_| {} };
    assert_eq!(verify(&Home::at(home), &id, &against).unwrap().fault, None);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap()
        .trim()
        .trim_end_matches(" kB");
    let mib = peak.parse::<u64>().unwrap() / 1024;
    output::write_all(std::io::stdout(), format!("{mib} MiB").as_bytes()).unwrap();
}

/// Takes the files out of the page cache.
fn forget(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let file = File::open(entry.unwrap().path()).unwrap();
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    }
}

fn query(home: &Path, log: &Log, how: &str, target: &str) {
    let (start, busy) = (Instant::now(), children_cpu());
    let mut command = Command::new(env!("CARGO_BIN_EXE_hasp-audit"));
    command
        .args(["--json", "--secret", "prod/token", "--log", log.id().as_str()])
        .env("HASP_HOME", home);
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let took = start.elapsed();
    let found = output.stdout.iter().filter(|b| **b == b'\n').count();
    say(&format!("query by secret, {how}, {found} matches"), &format!("{took:.1?}"), target);
    say("  its CPU", &format!("{:.1?}", children_cpu() - busy), "");
}
