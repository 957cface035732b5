//! What was found, as lines, JSON objects or SARIF: places and names, never a value.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use data_encoding::HEXUPPER;
use hasp_core::Result;
use hasp_core::output::Output;
use hasp_core::text::printable;
use serde_json::{Value, json};

use super::finder::{Hit, What};
use crate::cli::Format;

/// Something that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The path, as bytes.
    pub file: Vec<u8>,
    /// The commit that brought it, where history was scanned.
    pub commit: Option<String>,
    /// What, and where in the file.
    pub hit: Hit,
}

/// What was looked at and found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// In order.
    pub findings: Vec<Finding>,
    /// How many files or blobs were looked at.
    pub files: usize,
    /// How many bytes they had.
    pub bytes: u64,
    /// Compressed files, whose content was not seen, and their sort.
    pub archives: Vec<(Vec<u8>, &'static str)>,
    /// Blobs that the repository does not have.
    pub missing: usize,
}

impl Report {
    /// Findings that are values.
    pub fn leaks(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| matches!(f.hit.what, What::Leak { .. }))
    }

    /// The names of what leaked, each once.
    pub fn names(&self) -> Vec<&str> {
        let names = self.findings.iter().filter_map(|f| match &f.hit.what {
            What::Leak { name, .. } => Some(name.as_str()),
            What::Marker(_) => None,
        });
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Prints all of it.
    pub fn print(&self, format: Format, out: &mut Output) -> Result<()> {
        match format {
            Format::Text => self.findings.iter().try_for_each(|f| out.line(&line(f)))?,
            Format::Json => self.findings.iter().try_for_each(|f| out.object(&object(f)))?,
            Format::Sarif => out.object(&self.sarif())?,
        }
        for (file, sort) in &self.archives {
            out.note(&format!("{}: not looked into: {sort}", printable(file)));
        }
        if self.missing > 0 {
            out.warn(&format!(
                "{} objects are not in this repository and were not looked at",
                self.missing
            ));
        }
        Ok(())
    }

    /// SARIF 2.1.0, OASIS standard of 27 March 2020.
    fn sarif(&self) -> Value {
        let rule = |id: &str, text: &str, level: &str| json!({"id": id, "shortDescription": {"text": text}, "defaultConfiguration": {"level": level}});
        let rules = [
            rule("leak", "A value of the vault, in some form", "error"),
            rule("marker", "A marker of hasp stands where a value was", "warning"),
        ];
        let driver =
            json!({"name": "hasp-redact", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
        let results: Vec<Value> = self.findings.iter().map(result).collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
        })
    }
}

fn line(finding: &Finding) -> String {
    let hit = &finding.hit;
    let place = format!("{}:{}:{}", printable(&finding.file), hit.line, hit.column);
    let commit = finding
        .commit
        .as_ref()
        .map(|c| format!(", commit {}", &c[..c.len().min(12)]))
        .unwrap_or_default();
    let until = if hit.last_line > hit.line {
        format!(", to line {}", hit.last_line)
    } else {
        String::new()
    };
    match &hit.what {
        What::Leak { name, version, form } => {
            let version = version.map(|v| format!(" version {v}")).unwrap_or_default();
            format!("{place}: {name}{version} ({form}{until}){commit}")
        }
        What::Marker(name) => format!("{place}: [hasp:{name}] stands where a value was{commit}"),
    }
}

fn object(finding: &Finding) -> Value {
    let hit = &finding.hit;
    let (file, commit) = (printable(&finding.file), &finding.commit);
    match &hit.what {
        What::Leak { name, version, form } => {
            json!({"v": 1, "found": "leak", "file": file, "line": hit.line,
            "column": hit.column, "secret": name, "version": version, "form": form, "commit": commit})
        }
        What::Marker(name) => json!({"v": 1, "found": "marker", "file": file, "line": hit.line,
            "column": hit.column, "secret": name, "version": null, "form": null, "commit": commit}),
    }
}

fn result(finding: &Finding) -> Value {
    let hit = &finding.hit;
    let commit = finding.commit.as_ref().map(|c| format!(" in commit {c}")).unwrap_or_default();
    let (rule, level, text) = match &hit.what {
        What::Leak { name, form, .. } => {
            ("leak", "error", format!("the value of {name} stands here ({form}){commit}"))
        }
        What::Marker(name) => {
            ("marker", "warning", format!("[hasp:{name}] stands where a value was{commit}"))
        }
    };
    json!({
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&finding.file)},
            "region": {"startLine": hit.line, "startColumn": hit.character},
        }}],
    })
}

/// A path as a relative or absolute reference, RFC 3986.
fn uri(path: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~/".contains(b);
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let text: String = path
        .iter()
        .map(|b| {
            if plain(b) {
                char::from(*b).to_string()
            } else {
                format!("%{}", HEXUPPER.encode(&[*b]))
            }
        })
        .collect();
    if text.starts_with('/') { format!("file://{text}") } else { text }
}

/// A path's bytes.
pub(crate) fn bytes(path: &std::path::Path) -> Vec<u8> {
    OsStr::as_bytes(path.as_os_str()).to_vec()
}
