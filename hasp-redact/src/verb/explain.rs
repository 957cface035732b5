//! `explain`: what is looked for, said of this very value, so that nobody has to guess what the
//! filter can miss.

use hasp_core::Result;
use hasp_core::output::Output;
use hasp_core::tool::Exit;
use serde_json::json;

use super::values::Named;
use crate::decode::parts::danger::Reason;
use crate::decode::parts::{Parts, parts};
use crate::filter::{Pattern, Patterns};

/// What is looked for, in the man page's words; the last column of the table is made of the value.
const FORMS: [(&str, &str); 12] = [
    ("as it is", "also coloured, wrapped by a terminal, or with its lines indented"),
    ("base64", "standard and URL alphabet, any place inside more data, wrapped"),
    ("base64 twice", "as in a Kubernetes secret that holds a Docker configuration"),
    ("base32", "any place inside more data, upper and lower case"),
    ("hex", "upper and lower case, apart or not, od and xxd"),
    ("percent", "URL encoding of any part, once or more often"),
    ("json", "and string literals of C, Python, Rust, Go, JavaScript"),
    ("html", "and XML: names and numbers"),
    ("shell", "and SQL, CSV, make, quoted-printable"),
    ("utf-16", "both byte orders"),
    ("rare", "utf-32, decimal, words of 16 bits, escapes and utf-16 in base64"),
    ("case", "all in upper or all in lower case"),
];

/// Prints a table for each value.
pub(crate) fn explain(named: &Named, out: &mut Output) -> Result<Exit> {
    for (name, value) in named.iter() {
        let one = Pattern { name, value };
        let patterns = Patterns::compile(&[one]);
        let own = |(called, _): &(&str, Reason)| *called == name;
        let remark = patterns
            .unwatched()
            .chain(patterns.risky())
            .find(own)
            .map(|(_, reason)| reason.to_string());
        if out.json {
            object(&one, &patterns, remark.as_deref(), out)?;
        } else {
            table(&one, &patterns, remark.as_deref(), out)?;
        }
    }
    Ok(Exit::OK)
}

fn object(
    one: &Pattern<'_>,
    patterns: &Patterns,
    remark: Option<&str>,
    out: &mut Output,
) -> Result<()> {
    let forms: Vec<_> = watched(patterns).map(|(form, _)| form).collect();
    let (needles, pieces) = patterns.size();
    let Parts { kept, left, more, .. } = parts(one.value);
    let kept: Vec<_> =
        kept.iter().map(|p| json!({"place": p.place.words(), "bytes": p.bytes.len()})).collect();
    let left: Vec<_> =
        left.iter().map(|(p, r)| json!({"place": p.words(), "reason": r.to_string()})).collect();
    out.object(&json!({
        "v": 1, "name": one.name, "bytes": one.value.len(), "watched": !patterns.is_empty(),
        "forms": forms, "strings": needles, "seeds": pieces, "warning": remark,
        "parts": kept, "parts_left": left, "parts_more": more,
    }))
}

/// The parts that are looked for as the value is, and those that are not.
fn list_parts(parts: &Parts, out: &mut Output) -> Result<()> {
    for part in &parts.kept {
        out.line(&format!("  and alone: {}, {} bytes", part.place.words(), part.bytes.len()))?;
    }
    for (place, reason) in &parts.left {
        out.line(&format!("  not alone: {}: {reason}", place.words()))?;
    }
    if parts.more {
        out.line("  not alone: further parts, of which there are too many")
    } else {
        Ok(())
    }
}

fn table(
    one: &Pattern<'_>,
    patterns: &Patterns,
    remark: Option<&str>,
    out: &mut Output,
) -> Result<()> {
    out.line(&format!("{}  {} bytes", one.name, one.value.len()))?;
    for (form, note) in watched(patterns) {
        out.line(&format!("  {form:<13} {note}"))?;
    }
    list_parts(&parts(one.value), out)?;
    if !patterns.is_empty() {
        let (needles, pieces) = patterns.size();
        out.line(&format!(
            "  {needles} strings, long lines and parts among them, are found by {pieces} seeds"
        ))?;
        out.line(&format!("  false positives: {}", chance(one.value.len(), remark)))?;
    }
    match remark {
        Some(remark) if patterns.is_empty() => out.line(&format!("  not looked for: {remark}")),
        Some(remark) => out.line(&format!("  dangerous: {remark}")),
        None => Ok(()),
    }
}

fn watched(patterns: &Patterns) -> impl Iterator<Item = (&'static str, &'static str)> {
    let (any, folds, rare) = (!patterns.is_empty(), patterns.folds(), patterns.are_few());
    FORMS
        .into_iter()
        .filter(move |(form, _)| any && (folds || *form != "case") && (rare || *form != "rare"))
}

/// How likely it is that other text is taken for the value.
fn chance(bytes: usize, remark: Option<&str>) -> &'static str {
    match (remark, bytes) {
        (Some(_), _) => "likely",
        (None, ..8) => {
            "possible: it is short, and looked for wherever it stands, also inside words"
        }
        (None, 8..16) => "unlikely, unless it is made of words",
        (None, 16..) => "none to speak of",
    }
}
