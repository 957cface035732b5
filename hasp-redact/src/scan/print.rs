//! A report as lines, JSON objects or SARIF.

use data_encoding::HEXUPPER;
use hasp_core::Result;
use hasp_core::output::Output;
use hasp_core::text::printable;
use serde_json::{Value, json};

use super::finder::What;
use super::report::{Finding, Part, Report};
use crate::cli::Format;

impl Report {
    /// Prints all of it.
    pub fn print(&self, format: Format, out: &mut Output) -> Result<()> {
        match format {
            Format::Text => self.findings.iter().try_for_each(|f| out.line(&line(f)))?,
            Format::Json => self.findings.iter().try_for_each(|f| out.object(&object(f)))?,
            Format::Sarif => out.object(&self.sarif())?,
        }
        if format == Format::Json {
            for unseen in &self.unseen {
                let file = printable(&unseen.file);
                out.object(&json!({"v": 1, "found": "unseen", "file": file, "why": unseen.why}))?;
            }
        }
        self.tell_unseen(out);
        Ok(())
    }

    /// Names what was not looked at.
    pub fn tell_unseen(&self, out: &mut Output) {
        for unseen in &self.unseen {
            out.warn(&format!("{}: not looked into: {}", printable(&unseen.file), unseen.why));
        }
        if self.missing > 0 {
            out.warn(&format!(
                "{} objects are not in this repository and were not looked at",
                self.missing
            ));
        }
    }

    /// SARIF 2.1.0, OASIS standard of 27 March 2020.
    fn sarif(&self) -> Value {
        let rule = |id: &str, text: &str, level: &str| {
            json!({
                "id": id,
                "shortDescription": {"text": text},
                "defaultConfiguration": {"level": level},
            })
        };
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
            "runs": [{
                "tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results,
            }],
        })
    }
}

fn line(finding: &Finding) -> String {
    let (hit, place) = (&finding.hit, finding.place());
    let commit = finding
        .commit
        .as_ref()
        .map(|c| format!(", commit {}", &c[..c.len().min(12)]))
        .unwrap_or_default();
    let until = if hit.last_line > hit.line && finding.part.has_lines() {
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
    let (found, name, version, form) = match &hit.what {
        What::Leak { name, version, form } => ("leak", name, *version, Some(form)),
        What::Marker(name) => ("marker", name, None, None),
    };
    json!({
        "v": 1, "found": found, "part": finding.part.as_str(), "file": file, "line": hit.line,
        "column": hit.column, "secret": name, "version": version, "form": form, "commit": commit,
    })
}

fn result(finding: &Finding) -> Value {
    let hit = &finding.hit;
    let commit = finding.commit.as_ref().map(|c| format!(" in commit {c}")).unwrap_or_default();
    let within = match finding.part {
        Part::Content => "here".to_owned(),
        _ => format!("in {}", finding.place()),
    };
    let (rule, level, text) = match &hit.what {
        What::Leak { name, form, .. } => {
            ("leak", "error", format!("the value of {name} stands {within} ({form}){commit}"))
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
