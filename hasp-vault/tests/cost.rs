//! What a write costs does not depend on how many secrets there are: counted in system calls, which a busy machine cannot blur.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::{Lab, has};

/// System calls, and bytes written, of one `set`.
fn cost(lab: &Lab, name: &str) -> (usize, u64) {
    let trace = lab.dir.path().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", trace.to_str().unwrap(), common::binary(), "set", name, "-q"]);
    command.env_clear().env("HASP_HOME", lab.home()).env("PATH", std::env::var_os("PATH").unwrap());
    common::feed(command, b"the value of one secret").ok();
    let text = std::fs::read_to_string(&trace).unwrap();
    let writes = text.lines().filter(|l| l.contains(" write(") || l.contains(" pwrite64("));
    let bytes = writes.filter_map(|l| l.rsplit_once(" = ")?.1.trim().parse::<u64>().ok()).sum();
    (text.lines().count(), bytes)
}

#[test]
fn a_set_costs_the_same_with_few_and_with_many() {
    if !has("strace") {
        return common::skipped("strace");
    }
    let (few, many) = (Lab::new(), Lab::new());
    let input = |count| (0..count).map(|n| format!("N{n}=the value of one secret\n")).collect::<String>();
    few.run_with(&["import", "--prefix", "x", "-q"], input(10).as_bytes(), &[]).ok();
    many.run_with(&["import", "--prefix", "x", "-q"], input(400).as_bytes(), &[]).ok();
    for name in ["x/fresh", "x/N1"] {
        let ((calls, bytes), (more_calls, more_bytes)) = (cost(&few, name), cost(&many, name));
        assert!(calls.abs_diff(more_calls) * 10 < calls, "{name}: {calls} and {more_calls} calls");
        // Temp names and numbers in the log differ by a few bytes.
        assert!(bytes.abs_diff(more_bytes) * 5 < bytes, "{name}: {bytes} and {more_bytes} bytes");
    }
}
