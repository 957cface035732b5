//! The tool beside a stand-in for hasp-vault.
#![allow(clippy::unwrap_used, dead_code)]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use data_encoding::BASE64;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hasp_core::files;
use hasp_core::here::{KNOWN_VAULTS, VAULT_FILE};

use crate::common::{Fixture, ROOT};

pub const VAULT: &str = "0123456789abcdef0123456789abcdef";
pub const FP: &str = "00112233445566778899aabbccddeeff";

pub struct Bench {
    pub f: Fixture,
    pub bin: tempfile::TempDir,
    pub key: SigningKey,
}

impl Bench {
    /// With the log of this fixture.
    pub fn of(f: Fixture) -> Bench {
        let (bin, key) = (tempfile::tempdir().unwrap(), SigningKey::from_bytes(&[7; 32]));
        let bench = Bench { f, bin, key };
        bench.install();
        bench
    }

    pub fn install(&self) {
        let own = PathBuf::from(env!("CARGO_BIN_EXE_hasp-audit"));
        let here = self.bin.path().join("hasp-audit");
        // A link where that is possible; never over one that is there, which is the program itself.
        if !here.exists() {
            std::fs::hard_link(&own, &here)
                .or_else(|_| std::fs::copy(&own, &here).map(drop))
                .unwrap();
        }
        self.know();
        std::fs::write(self.bin.path().join("root"), ROOT).unwrap();
        self.vault(&format!(
            "case \"$1 $2\" in 'key audit') eval \"cat $D/root >&$6\" ;;\n\
             'key sign-head') cat > $D/message; eval \"cat $D/signature >&$4\" ;;\n\
             'key fp') eval \"printf {FP} >&$6\" ;;\n*) exit 64 ;; esac"
        ));
    }

    /// Puts a vault into the home, and its pin: by them the log is found.
    pub fn know(&self) {
        self.know_as(self.f.id.as_str(), &self.key.verifying_key());
    }

    pub fn know_as(&self, log: &str, key: &VerifyingKey) {
        let public = BASE64.encode(key.as_bytes());
        let known = format!("[[vault]]\nid = \"{VAULT}\"\nkey = \"{public}\"\nlog = \"{log}\"\n");
        let vault = self.f.home.join("vault");
        files::ensure_dir(&vault).unwrap();
        files::replace(&self.f.home.join(KNOWN_VAULTS), known.as_bytes()).unwrap();
        files::replace(&vault.join(VAULT_FILE), format!("id = \"{VAULT}\"\n").as_bytes()).unwrap();
    }

    /// Puts a stand-in for hasp-vault beside the tool.
    pub fn vault(&self, script: &str) {
        let path = self.bin.path().join("hasp-vault");
        std::fs::write(
            &path,
            format!(
                "#!/bin/sh\nD={}\n[ \"$1\" = --json ] && shift\n{script}\n",
                self.bin.path().display()
            ),
        )
        .unwrap();
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    }

    pub fn sign(&self, message: &str) {
        std::fs::write(
            self.bin.path().join("signature"),
            self.key.sign(message.as_bytes()).to_bytes(),
        )
        .unwrap();
    }

    pub fn run(&self, args: &[&str], stdin: &str) -> Output {
        let mut command = Command::new(self.bin.path().join("hasp-audit"));
        command
            .args(args)
            .env("HASP_HOME", self.f.dir.path())
            .env("TZ", "UTC")
            .stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = hasp_core::output::write_all(child.stdin.take().unwrap(), stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args, "");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit status, and what was said on stderr.
    pub fn refused(&self, args: &[&str], stdin: &str) -> (i32, String) {
        let output = self.run(args, stdin);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

/// Whether it ended with this status and said all of this.
pub fn refusal((status, said): (i32, String), expected: i32, words: &[&str]) -> bool {
    status == expected && words.iter().all(|word| said.contains(word))
}
