//! `examples`: the commands that run a target, ready to copy, or put over it as a comment.

use std::path::Path;

use hasp_core::time::duration_text;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Class, Error, Kind, Result};
use serde_json::json;
use toml_edit::{DocumentMut, Item};

use crate::code;
use crate::edit;
use crate::edit::lines::keep_ends;
use crate::manifest::Manifest;
use crate::manifest::target::{FURTHER, Target};
use crate::manifest::text::FILE_NAME;

pub(crate) fn run(path: &Path, name: &str, write: bool, cx: &mut Context) -> Result<Exit> {
    let manifest = Manifest::load(path)?;
    let examples = examples(manifest.target(name)?);
    if write {
        return put(path, name, &examples, cx);
    }
    for (command, meaning) in &examples {
        if cx.out.json {
            cx.out.object(&json!({"v": 1, "command": command, "meaning": meaning}))?;
        } else {
            cx.out.line(&line(command, meaning))?;
        }
    }
    Ok(Exit::OK)
}

fn line(command: &str, meaning: &str) -> String {
    format!("{command:44}  # {meaning}")
}

fn examples(target: &Target) -> Vec<(String, &'static str)> {
    let name = &target.name;
    let words = words(target);
    let mut found = vec![
        ("hasp-bind".to_owned(), "once, and after each change here: consent"),
        (format!("hasp-grant -x -t {name}{words}"), "grant and run at once"),
        (format!("hasp-grant -t {name}{words} | hasp-exec"), "the same through a pipe"),
    ];
    if let Some(window) = window(target) {
        found.push((
            format!("hasp-grant -t {name} --for {window} --keep{words}"),
            "a working day ...",
        ));
        found.push((
            format!("hasp-exec -t {name}{words}"),
            "... any number of times, in a Makefile, without a prompt",
        ));
    }
    found.push((
        format!("hasp-exec --explain -t {name}{words}"),
        "what would be checked and delivered",
    ));
    found
}

/// What a command that names the target needs besides.
pub(crate) fn words(target: &Target) -> &'static str {
    match target.run.as_deref() {
        None => " -- COMMAND",
        Some([.., last]) if last == FURTHER => " -- WORDS",
        Some(_) => "",
    }
}

/// The longest window that every class allows, a working day at most; none if each run is granted
/// by itself.
fn window(target: &Target) -> Option<String> {
    let strictest = target.classes.values().copied().max().unwrap_or_default();
    strictest.max(Class::default()).ceiling().map(duration_text)
}

fn put(path: &Path, name: &str, examples: &[(String, &str)], cx: &mut Context) -> Result<Exit> {
    let opened = edit::open(path)?;
    let mut document = opened
        .text
        .parse::<DocumentMut>()
        .map_err(|_| Error::bug("a manifest that loads cannot be edited"))?;
    let table = document
        .get_mut("target")
        .and_then(|t| t.get_mut(name))
        .and_then(Item::as_table_mut)
        .filter(|t| !t.is_dotted() && !t.is_implicit());
    let table = table.ok_or_else(|| {
        Error::new(
            Kind::Create,
            code::CANNOT_EDIT,
            format!("target '{name}' is not written as a table of its own"),
        )
        .hint(format!(
            "write it as [target.{name}], or copy what this prints: hasp-target examples {name}"
        ))
    })?;
    let old = table.decor().prefix().and_then(|p| p.as_str()).unwrap_or_default().to_owned();
    let missing: Vec<String> = examples
        .iter()
        .map(|(c, m)| format!("# {}\n", line(c, m)))
        .filter(|l| !old.contains(l.as_str()))
        .collect();
    table.decor_mut().set_prefix(format!("{old}{}", missing.concat()));
    let text = keep_ends(&opened.text, &document.to_string());
    if Manifest::parse(text.as_bytes(), path)? != opened.manifest {
        return Err(Error::bug("a comment would change the manifest"));
    }
    opened.save(&text)?;
    if cx.out.json {
        let written = missing.len();
        cx.out.object(&json!({"v": 1, "target": name, "written": written}))?;
    }
    cx.out.note(&format!(
        "{} lines of comment are over [target.{name}] in {FILE_NAME}",
        missing.len()
    ));
    Ok(Exit::OK)
}
