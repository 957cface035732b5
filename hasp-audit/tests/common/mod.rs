//! A log in a throw-away home, and the verdict on it.
#![allow(clippy::unwrap_used, dead_code)]

use std::path::PathBuf;

use hasp_audit::{Against, Event, Head, Log, LogId, Report, verify};
use hasp_core::{Home, Timestamp};

pub const ROOT: [u8; 32] = [0x5a; 32];

pub struct Fixture {
    pub dir: tempfile::TempDir,
    pub home: Home,
    pub id: LogId,
    pub log: Log,
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second)
}

impl Fixture {
    pub fn new() -> Fixture {
        Fixture::within(tempfile::tempdir().unwrap())
    }

    pub fn within(dir: tempfile::TempDir) -> Fixture {
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        let home = Home::at(dir.path());
        let id = LogId::random().unwrap();
        let log = Log::create(&home, &id, &ROOT, "vault", at(0), None).unwrap();
        Fixture { dir, home, id, log }
    }

    /// A log of this many records.
    pub fn of(records: u64) -> Fixture {
        let fixture = Fixture::new();
        fixture.fill(records - 1);
        fixture
    }

    /// A log of this many records after its first, in segments of about ten.
    pub fn small(records: u64) -> Fixture {
        let mut fixture = Fixture::new();
        fixture.log = fixture.log.with_segment_size(3 << 10);
        fixture.fill(records);
        fixture
    }

    pub fn fill(&self, records: u64) {
        for n in 0..records {
            self.log.append(at(n as i64), &[event(n)]).unwrap();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.log.path().join(name)
    }

    pub fn segment(&self) -> PathBuf {
        self.path("00000001.jsonl")
    }

    pub fn verify(&self) -> Report {
        self.verify_against(None)
    }

    pub fn verify_against(&self, expect: Option<&Head>) -> Report {
        let against = Against { audit_root: &ROOT, public: None, expect, progress: &|_| {} };
        verify(&self.home, &self.id, &against).unwrap()
    }

    /// The code of the fault, and the record that it names.
    pub fn fault(&self) -> Option<(&'static str, Option<u64>)> {
        self.verify().fault.map(|f| (f.code.as_str(), f.n))
    }

    pub fn lines(&self) -> Vec<Vec<u8>> {
        let content = std::fs::read(self.segment()).unwrap();
        content.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
    }

    pub fn put(&self, lines: &[Vec<u8>]) {
        std::fs::write(self.segment(), lines.concat()).unwrap();
    }

    /// Copies the log's files, to put them back later.
    pub fn save(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = std::fs::read_dir(self.log.path()).unwrap().map(|e| e.unwrap().path());
        files.map(|p| (p.clone(), std::fs::read(p).unwrap())).collect()
    }

    pub fn restore(&self, saved: &[(PathBuf, Vec<u8>)]) {
        for entry in std::fs::read_dir(self.log.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        saved.iter().for_each(|(path, content)| hasp_core::files::replace(path, content).unwrap());
    }
}

pub fn event(n: u64) -> Event {
    named("vault.reveal")
        .field("grant", format!("g{}", n % 3))
        .field("secret", "db/url")
        .field("version", n)
}

/// An event of any name, with any fields.
pub fn named(name: &str) -> Event {
    Event::from_json(serde_json::json!({ "event": name }).to_string().as_bytes()).unwrap()
}
