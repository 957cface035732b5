//! What a write costs does not depend on how many secrets there are: counted in system calls and
//! bytes, which a busy machine cannot blur.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::{Installed, has};

/// System calls, and bytes written, of one command.
fn cost(installed: &Installed, args: &[&str]) -> (usize, u64) {
    let trace = installed.lab.dir.path().join("trace");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-o", trace.to_str().unwrap()])
        .arg(installed.bin.join("hasp-vault"))
        .args(args)
        .arg("-q");
    command.env_clear().env("HASP_HOME", installed.lab.home()).env("PATH", "/usr/bin:/bin");
    common::feed(command, format!("the value of one secret: {}", args.join(" ")).as_bytes()).ok();
    let text = std::fs::read_to_string(&trace).unwrap();
    let writes = text.lines().filter(|l| l.contains(" write(") || l.contains(" pwrite64("));
    let bytes = writes.filter_map(|l| l.rsplit_once(" = ")?.1.trim().parse::<u64>().ok()).sum();
    (text.lines().count(), bytes)
}

/// A vault of this many secrets.
fn vault_of(count: usize) -> Installed {
    let installed = Installed::in_memory();
    let input: String = (0..count).map(|n| format!("N{n}=the value of one secret\n")).collect();
    installed.lab.run_with(&["import", "--prefix", "x", "-q"], input.as_bytes(), &[]).ok();
    installed
}

#[test]
fn a_write_costs_the_same_with_ten_and_with_ten_thousand() {
    if !has("strace") {
        return common::skipped("strace");
    }
    let (few, many) = (vault_of(10), vault_of(10_000));
    for args in [
        &["set", "x/fresh"][..],
        &["set", "x/N1"],
        &["rotate", "x/N2"],
        &["rotate", "x/N3", "--retire", "/bin/true"],
        &["rotate", "x/N4", "--run", "/usr/bin/env", "--test", "/bin/true", "--overlap", "1d"],
    ] {
        let ((calls, bytes), (more_calls, more_bytes)) = (cost(&few, args), cost(&many, args));
        assert!(
            calls.abs_diff(more_calls) * 10 < calls,
            "{args:?}: {calls} and {more_calls} calls"
        );
        // Temp names and numbers in the log differ by a few bytes.
        assert!(
            bytes.abs_diff(more_bytes) * 10 < bytes,
            "{args:?}: {bytes} and {more_bytes} bytes"
        );
        assert!(more_bytes < 20_000, "{args:?}: {more_bytes} bytes");
    }
}
