//! A home with a watch, and a directory to scan: no vault, since a scan needs none.
#![allow(dead_code)]

use std::process::{Command, Output, Stdio};

use hasp_core::{Home, Secret};
use hasp_redact::Watch;

/// A value that is watched.
pub const VALUE: &str = "ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV";

/// A home with a watch, and a directory to scan.
pub struct Place {
    base: tempfile::TempDir,
}

impl Place {
    /// An empty watch and an empty directory.
    pub fn new() -> Place {
        let place = Place { base: tempfile::tempdir_in("/dev/shm").unwrap() };
        Home::at(place.home()).create().unwrap();
        place.watch().create().unwrap();
        std::fs::create_dir(place.tree()).unwrap();
        place
    }

    /// The home.
    pub fn home(&self) -> std::path::PathBuf {
        self.base.path().join("home")
    }

    /// The directory.
    pub fn tree(&self) -> std::path::PathBuf {
        self.base.path().join("tree")
    }

    /// The watch.
    pub fn watch(&self) -> Watch {
        Watch::of(&Home::at(self.home()))
    }

    /// Has a value watched under this name.
    pub fn store(&self, name: &str, value: &[u8]) {
        self.watch()
            .add("vault", &name.parse().unwrap(), 1, &Secret::copy_of(value).unwrap())
            .unwrap();
    }

    /// Writes a file into the directory.
    pub fn file(&self, name: &str, content: &[u8]) {
        std::fs::write(self.tree().join(name), content).unwrap();
    }

    /// A program in the directory, with this home and nothing else of the caller's.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.tree()).env_clear().env("PATH", std::env::var("PATH").unwrap());
        command.env("HASP_HOME", self.home()).env("HOME", self.base.path()).stdin(Stdio::null());
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "n")
                .env(format!("GIT_{who}_EMAIL"), "n@example.org");
        }
        command
    }

    /// Runs a line of sh in the directory, which must succeed; what it printed.
    pub fn sh(&self, line: &str) -> String {
        let out = self.command("sh").args(["-ec", line]).output().unwrap();
        assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// The directory made a repository.
    pub fn git(self) -> Place {
        self.sh("git init -q -b main .");
        self
    }

    /// Has git call the hooks.
    pub fn install(&self) {
        let hasp = env!("CARGO_BIN_EXE_hasp-redact");
        self.sh(&format!("{hasp} hooks install -q >/dev/null"));
    }

    /// Runs a scan in the directory.
    pub fn scan(&self, words: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_hasp-redact")).arg("scan").args(words).output().unwrap()
    }

    /// What is found, one object each.
    pub fn found(&self, words: &[&str]) -> Vec<serde_json::Value> {
        let out = self.scan(&[&["--json"], words].concat());
        let status = out.status.code().unwrap();
        assert!(status == 0 || status == 1, "{}", String::from_utf8_lossy(&out.stderr));
        let mut found: Vec<serde_json::Value> = out
            .stdout
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect();
        assert_eq!(status == 1, found.iter().any(|f| f["found"] == "leak"));
        found.retain(|f| f["found"] != "unseen");
        found
    }
}

/// Values as programs make them, of 16 to 64 bytes.
pub fn random_values(count: usize) -> Vec<Vec<u8>> {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let alphabets = [
        letters.to_owned(),
        "0123456789abcdef".to_owned(),
        format!("{letters}-_"),
        format!("{letters}+/"),
        format!("{letters}!#$%&*@^"),
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    (0..count)
        .map(|n| {
            let alphabet = alphabets[n % alphabets.len()].as_bytes();
            (0..16 + next(48)).map(|_| alphabet[next(alphabet.len())]).collect()
        })
        .collect()
}
