//! Files as twelve ecosystems write them, and values of odd bytes: imported, exported and imported
//! again they are the same, and every other reader of the export has them as they are, or a warning
//! names it.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::Lab;

/// Where each reader is, and how it prints the variables that are named to it, a NUL behind each.
const SHELL: &str = r#". "$0"; for v; do eval "printf '%s\\0' \"\$$v\""; done"#;
const PYTHON: &str = "import sys; from dotenv import dotenv_values; \
                      d = dotenv_values(sys.argv[1], encoding='utf-8'); \
                      sys.stdout.buffer.write(b''.join((d.get(v) or '').encode() + b'\\0' \
                      for v in sys.argv[2:]))";
const NODE: &str = "const [f, ...vs] = process.argv.slice(1); \
                    const d = require('util').parseEnv(require('fs').readFileSync(f, 'utf8')); \
                    process.stdout.write(vs.map(v => (d[v] ?? '') + '\\0').join(''))";
const DOTENV: &str = "const [f, ...vs] = process.argv.slice(1); \
                      const d = require('dotenv').parse(require('fs').readFileSync(f)); \
                      process.stdout.write(vs.map(v => (d[v] ?? '') + '\\0').join(''))";

/// A reader: its name in warnings (a shell has none), its program, and how it begins.
struct Reader {
    name: &'static str,
    program: &'static str,
    before: [&'static str; 2],
}

const READERS: [Reader; 4] = [
    Reader { name: "a shell", program: "dash", before: ["-c", SHELL] },
    Reader { name: "python-dotenv", program: "python3", before: ["-c", PYTHON] },
    Reader { name: "Node", program: "node", before: ["-e", NODE] },
    Reader { name: "dotenv for Node", program: "node", before: ["-e", DOTENV] },
];

impl Reader {
    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(self.before).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn is_there(&self, file: &Path) -> bool {
        let mut command = self.command();
        command.arg(file).stdout(Stdio::null());
        let there = command.status().is_ok_and(|s| s.success());
        if !there {
            common::skipped(self.name);
        }
        there
    }

    fn read(&self, file: &Path, variables: &[String]) -> Vec<String> {
        let output = self.command().arg(file).args(variables).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_terminator('\0').map(str::to_owned).collect()
    }
}

/// The readers that are installed here.
fn readers(lab: &Lab) -> Vec<&'static Reader> {
    let probe = lab.dir.path().join("probe.env");
    std::fs::write(&probe, "A=1\n").unwrap();
    READERS.iter().filter(|r| r.is_there(&probe)).collect()
}

/// What a secret is called in an export.
fn variable(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap();
    let capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if last.chars().all(capital) && !last.starts_with(|c: char| c.is_ascii_digit()) {
        return last.to_owned();
    }
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(upper).collect()
}

fn values(lab: &Lab, names: &[&str]) -> BTreeMap<String, String> {
    let args = [&["export", "--format", "json", "--force"], names].concat();
    serde_json::from_value(lab.run(&args).ok().json()).unwrap()
}

/// Exports these secrets to a file and has every reader read it.
fn exported(lab: &Lab, readers: &[&Reader], names: &[&str], file: &Path) {
    let truth = values(lab, names);
    let ran = lab.run(&[&["export", "--force"], names].concat()).ok();
    std::fs::write(file, &ran.stdout).unwrap();
    let variables: Vec<String> = names.iter().map(|n| variable(n)).collect();
    for reader in readers {
        let read = reader.read(file, &variables);
        for (index, name) in names.iter().enumerate() {
            let warning = format!("{name} has a form");
            let warned = ran.stderr.lines().find(|l| l.contains(&warning));
            let warned = warned.is_some_and(|line| line.contains(reader.name));
            let same = read.get(index) == truth.get(*name);
            assert!(same || warned, "{}: {name}: {:?}", reader.name, truth[*name]);
        }
    }
}

fn files() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/env");
    let below = |dir: &Path| {
        let mut all: Vec<PathBuf> =
            std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
        all.sort();
        all
    };
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let of = |dir: PathBuf| {
        let eco = stem(&dir);
        below(&dir).into_iter().map(move |f| (format!("{eco}/f{}", stem(&f)), f))
    };
    below(&root).into_iter().flat_map(of).collect()
}

#[test]
fn sixty_files_of_twelve_ecosystems_come_back_as_they_were() {
    let lab = Lab::in_memory();
    let (files, readers) = (files(), readers(&lab));
    assert_eq!(files.len(), 60);
    for (prefix, file) in &files {
        let import = ["import", "--from", file.to_str().unwrap(), "--prefix", prefix];
        let ran = lab.run(&import).ok();
        assert!(ran.stderr.contains(" imported, class medium"), "{prefix}: {}", ran.stderr);
    }
    let all: Vec<String> = lab.run(&["list", "--json"]).ok().text().lines().map(name_of).collect();
    let out = lab.dir.path().join("out.env");
    for (prefix, _) in &files {
        let below = format!("{prefix}/");
        let names: Vec<&str> =
            all.iter().map(String::as_str).filter(|n| n.starts_with(&below)).collect();
        exported(&lab, &readers, &names, &out);
        let again = format!("again/{prefix}");
        lab.run(&["import", "--from", out.to_str().unwrap(), "--prefix", &again]).ok();
    }
    let first = values(&lab, &all.iter().map(String::as_str).collect::<Vec<_>>());
    let renamed = |name: &str| {
        let (prefix, _) = files.iter().find(|(p, _)| name.starts_with(&format!("{p}/"))).unwrap();
        format!("again/{prefix}/{}", variable(name))
    };
    let names: Vec<String> = all.iter().map(|n| renamed(n)).collect();
    let second = values(&lab, &names.iter().map(String::as_str).collect::<Vec<_>>());
    for (name, again) in all.iter().zip(&names) {
        assert_eq!(first[name], second[again], "{name}");
    }
}

fn name_of(line: &str) -> String {
    let object: serde_json::Value = serde_json::from_str(line).unwrap();
    object["name"].as_str().unwrap().to_owned()
}

#[test]
fn values_of_odd_bytes_are_the_same_warned_of_or_refused_by_name() {
    let lab = Lab::in_memory();
    let odd: [&[u8]; 30] = [
        b" lead and trail ",
        b"\ttabs\t",
        b"both ' and \" quotes",
        b"C:\\new\\",
        b"ends in a backslash\\",
        b"it's a \\path",
        b"plain $x and ${y} and $(z)",
        b"`tick`",
        b"#hash # hash",
        b"a=b=c",
        b"line one\nline two\n",
        b"\n\nlines before",
        b"dos\r\nlines\r\n",
        b"lone \r return",
        b"\\n is no newline",
        b"\\\\\\\\server\\\\share",
        b"'quoted'",
        b"\"quoted\"",
        b"\\",
        b"'",
        b"\"",
        b"$",
        b"!history!",
        "w\u{f6}rter \u{4f60}\u{597d} \u{1f511}".as_bytes(),
        "\u{feff}mark".as_bytes(),
        b"\x01\x02\x1b[31m\x7f",
        b"export A=1\nB=2",
        b"'\\''",
        b"nul \0 byte",
        b"latin \xff\xfe bytes",
    ];
    let names: Vec<String> = (0..odd.len()).map(|n| format!("odd/V{n:02}")).collect();
    for (name, value) in names.iter().zip(odd) {
        lab.run_with(&["set", name, "-q", "--keep-newline"], value, &[]).ok();
    }
    let (text, binary) = names.split_at(28);
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    let out = lab.dir.path().join("odd.env");
    exported(&lab, &readers(&lab), &text, &out);
    lab.run(&["import", "--from", out.to_str().unwrap(), "--prefix", "again"]).ok();
    let warnings = lab.run(&[&["export", "--force"], &text[..]].concat()).ok().stderr;
    for (name, value) in names.iter().zip(odd).take(28) {
        let again = lab.value(&name.replace("odd/", "again/")).unwrap();
        let warning = format!("{name} has a form");
        let line = warnings.lines().find(|l| l.contains(&warning)).unwrap_or_default();
        assert!(again == value || line.contains("hasp-vault import"), "{name}");
    }
    for name in binary {
        for format in ["env", "json"] {
            let ran = lab.run(&["export", name, "--force", "--format", format]);
            // JSON has a form for NUL.
            if format == "json" && name.ends_with("28") {
                assert_eq!(ran.ok().json()[name], "nul \0 byte");
                continue;
            }
            assert_eq!(ran.refused(), (65, "not-exportable".into()), "{name} {format}");
            assert!(ran.stderr.contains(name), "{}", ran.stderr);
        }
    }
}
