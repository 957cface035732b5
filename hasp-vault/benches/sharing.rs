//! What many secrets cost: importing a thousand, encrypting a thousand anew, backing them up and
//! restoring them; whole processes, on the disk that holds the temporary directory, beside a flush
//! of that disk.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const COUNT: usize = 1000;
const ROUNDS: usize = 5;

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn command(&self, home: &str, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hasp-vault"));
        command
            .args(words)
            .arg("-q")
            .env_clear()
            .env("HASP_HOME", self.dir.path().join(home))
            .stderr(Stdio::inherit());
        command
    }

    fn run(&self, home: &str, words: &[&str], input: Option<&Path>, output: Option<&Path>) -> f64 {
        let mut command = self.command(home, words);
        command.stdin(input.map_or(Stdio::null(), |p| std::fs::File::open(p).unwrap().into()));
        command.stdout(output.map_or(Stdio::null(), |p| std::fs::File::create(p).unwrap().into()));
        let start = Instant::now();
        assert!(command.status().unwrap().success(), "{words:?}");
        start.elapsed().as_secs_f64() * 1000.0
    }
}

fn line(text: &str) {
    std::io::stdout().write_all(format!("{text}\n").as_bytes()).unwrap();
}

fn row(name: &str, mut times: Vec<f64>, target: &str) {
    times.sort_by(f64::total_cmp);
    line(&format!(
        "{name:<52} {:>8.0} ms (best {:.0})  {target}",
        times[times.len() / 2],
        times[0]
    ));
}

fn flush(dir: &Path) -> f64 {
    let start = Instant::now();
    let mut file = std::fs::File::create(dir.join("flushed")).unwrap();
    file.write_all(&[7; 4096]).unwrap();
    file.sync_all().unwrap();
    start.elapsed().as_secs_f64() * 1000.0
}

fn main() {
    let bench = Bench { dir: tempfile::tempdir().unwrap() };
    let at = |name: &str| bench.dir.path().join(name);
    let input: String =
        (0..COUNT).map(|n| format!("KEY_{n}=value number {n} of a thousand\n")).collect();
    std::fs::write(at("env"), input).unwrap();
    let mut stranger = bench.command("other", &["identity", "new", "--no-passphrase"]);
    let stranger =
        String::from_utf8(stranger.stdout(Stdio::piped()).output().unwrap().stdout).unwrap();
    let mut times: [Vec<f64>; 5] = Default::default();
    for round in 0..ROUNDS {
        let (home, back) = (format!("home{round}"), format!("back{round}"));
        bench.run(&home, &["init", "--no-passphrase"], None, None);
        times[0].push(bench.run(&home, &["import", "--prefix", "many"], Some(&at("env")), None));
        times[1].push(bench.run(&home, &["recipients", "add", stranger.trim()], None, None));
        times[2].push(bench.run(&home, &["backup"], None, Some(&at("backup"))));
        std::fs::create_dir(at(&back)).unwrap();
        std::fs::set_permissions(at(&back), std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        std::fs::copy(at(&home).join("identity"), at(&back).join("identity")).unwrap();
        times[3].push(bench.run(&back, &["restore"], Some(&at("backup")), None));
        times[4].push(flush(bench.dir.path()));
    }
    let [import, anew, backup, restore, flushed] = times;
    line("\nhasp-vault, whole processes, plain identity");
    row("one flush of a small file on this disk", flushed, "");
    row("import of 1,000 from a .env file", import, "target 1500");
    row("encrypting 1,000 anew for one more recipient", anew, "target 2000");
    row("backup of 1,000", backup, "");
    row("restore of 1,000", restore, "");
}
