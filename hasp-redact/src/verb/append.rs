//! The record of scans, through the sibling `hasp-audit append`. What cannot be recorded is said; a
//! leak is a leak all the same.

use std::io::Write;
use std::process::Stdio;

use crate::code;
use hasp_core::sibling::{self, Said};
use hasp_core::tool::Context;
use hasp_core::{Error, Result};
use serde_json::{Value, json};

use crate::scan::report::{Finding, Report};

/// The most names and files that go into the record.
const MOST: usize = 20;

/// Records what was found.
pub(crate) fn leak(report: &Report, place: &str, cx: &mut Context) {
    let mut files: Vec<String> = report.leaks().map(Finding::file_or_part).collect();
    files.dedup();
    files.truncate(MOST);
    let names: Vec<&str> = report.names().into_iter().take(MOST).collect();
    let count = report.leaks().count();
    let event = json!({
        "event": "scan.leak", "place": place, "secrets": names, "count": count, "files": files,
        "directory": here(),
    });
    append(&event, cx);
}

/// Records that a hook was told not to scan.
pub(crate) fn skip(hook: &str, reason: &str, cx: &mut Context) {
    append(&json!({"event": "scan.skip", "hook": hook, "reason": reason, "directory": here()}), cx);
}

fn here() -> String {
    std::env::current_dir().map(|d| hasp_core::text::printable_path(&d)).unwrap_or_default()
}

fn append(event: &Value, cx: &mut Context) {
    if let Err(e) = run(event, cx) {
        cx.out.warn(&format!("this could not be recorded: {e}"));
    }
}

fn run(event: &Value, cx: &Context) -> Result<()> {
    let mut command = sibling::command("hasp-audit")?;
    command.args(["--json", "append"]).env_clear().envs(cx.env.for_child());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| Error::system("run hasp-audit", e))?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(event.to_string().as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| Error::system("wait for hasp-audit", e))?;
    if output.status.success() {
        return Ok(());
    }
    let said = Said::of("hasp-audit", &output.stderr).error();
    let why = said.map_or_else(|| "hasp-audit ended without a word".to_owned(), |e| e.to_string());
    Err(Error::new(hasp_core::Kind::Io, code::NOT_RECORDED, why))
}
