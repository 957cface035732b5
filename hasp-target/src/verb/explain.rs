//! `explain`: a target in plain words, for whoever has to decide about it.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use hasp_core::text::{printable_os, printable_path};
use hasp_core::time::duration_text;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Class, Result, SecretName, trust};
use serde_json::json;

use crate::manifest::Manifest;
use crate::manifest::changes::command;
use crate::manifest::delivery::{Channel, Delivery};
use crate::manifest::target::{FURTHER, Target};
use crate::manifest::template::Template;
use crate::program::files::interpreted;
use crate::program::make::{MAKE, names_make};
use crate::program::warnings::{Meant, Subject};
use crate::verb::check::known;

pub(crate) fn run(manifest: &Manifest, name: &str, cx: &mut Context) -> Result<Exit> {
    let target = manifest.target(name)?;
    let root = manifest.path.parent().unwrap_or(Path::new("."));
    let asked = known(root)?;
    let unasked = asked.as_ref().err().map(|gap| gap.what().to_owned());
    let items = asked.map(|known| known.meant(target, manifest)).unwrap_or_default();
    let items = if items.is_empty() { by_manifest(target) } else { items };
    let subject = Subject::of(target, root, cx.env.get("PATH"), items);
    let (mut sentences, warnings) = (sentences(target, manifest, &subject), subject.all());
    let code = code(&subject);
    sentences.extend(code.sentences());
    sentences.extend(unasked.iter().map(|what| format!("Not asked: {what}.")));
    if cx.out.json {
        let program = subject.program.as_deref().map(printable_path);
        let object = json!({
            "v": 1, "name": target.name, "text": sentences, "program": program,
            "warnings": warnings, "interprets": code.interprets, "interpreter": code.interpreter,
            "writable": code.writable, "weak": weak(&subject), "unasked": unasked,
        });
        return cx.out.object(&object).map(|()| Exit::OK);
    }
    sentences.iter().try_for_each(|s| cx.out.folded(s, 2))?;
    if !warnings.is_empty() {
        cx.out.line("Look twice:")?;
        warnings.iter().try_for_each(|w| cx.out.folded(&format!("  {w}"), 4))?;
    }
    Ok(Exit::OK)
}

/// The files that decide what it does.
struct Code {
    /// What the program reads as its program.
    interprets: Vec<String>,
    /// What the program's own first line names.
    interpreter: Option<String>,
    /// What of them, and of the directories that lead to them, others than root can change.
    writable: Vec<Writable>,
}

/// Something on the way to what runs, and who can change it.
#[derive(serde::Serialize)]
struct Writable {
    path: String,
    by: Vec<String>,
}

fn code(subject: &Subject<'_>) -> Code {
    let Some(program) = &subject.program else {
        return Code { interprets: Vec::new(), interpreter: None, writable: Vec::new() };
    };
    let files = interpreted(program, &subject.argv, &subject.dir);
    let ways: BTreeSet<&Path> = files.iter().flat_map(|file| file.ancestors()).collect();
    let writable = ways.into_iter().map(|way| (way, trust::writers(way)));
    let writable = writable.filter(|(_, by)| !by.is_empty());
    Code {
        interprets: files.iter().skip(1).map(|file| printable_path(file)).collect(),
        interpreter: interpreter(program),
        writable: writable.map(|(way, by)| Writable { path: printable_path(way), by }).collect(),
    }
}

impl Code {
    fn sentences(&self) -> Vec<String> {
        let mut said = Vec::new();
        said.extend(self.interpreter.as_ref().map(|by| format!("It is a script for {by}.")));
        said.extend(self.interprets.iter().map(|file| format!("It interprets {file}.")));
        said.extend(self.writable.iter().map(|way| {
            format!(
                "On the way to what runs, {} can be changed by {}.",
                way.path,
                way.by.join(", ")
            )
        }));
        said
    }
}

/// What stands behind `#!` in the program's first line.
fn interpreter(program: &Path) -> Option<String> {
    let mut start = Vec::new();
    std::fs::File::open(program).ok()?.take(256).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
    Some(hasp_core::text::printable(line.trim_ascii()))
}

/// Deliveries that reach farther than the class of their secret should.
fn weak(subject: &Subject<'_>) -> Vec<serde_json::Value> {
    let strict = |d: &&Delivery| {
        let found = subject.items.iter().find(|item| item.reference == d.reference);
        d.channel == Channel::Env && found.is_some_and(|item| item.class.names_command())
    };
    let weak = subject.deliveries.iter().filter(strict);
    let object = |d: &Delivery| {
        json!({"ref": d.reference, "variable": d.variable,
        "channel": d.channel, "narrower": ["file", "fd", "stdin"]})
    };
    weak.map(object).collect()
}

/// What the manifest says of its references, where nobody else can be asked.
fn by_manifest(target: &Target) -> Vec<Meant> {
    let class = |reference: &SecretName| target.classes.get(reference).copied();
    let meant = |reference: &SecretName| {
        let (reference, name) = (reference.clone(), reference.clone());
        Some(Meant { class: class(&reference)?, reference, name })
    };
    target.references().into_iter().filter_map(meant).collect()
}

fn sentences(target: &Target, manifest: &Manifest, subject: &Subject<'_>) -> Vec<String> {
    let mut said = vec![match &target.about {
        Some(about) => format!("Target {} is for: {about}.", target.name),
        None => format!("Target {}.", target.name),
    }];
    said.push(format!("It runs {}.", command(target)));
    said.extend(program(subject));
    said.extend(open_words(target));
    said.push(match &target.dir {
        Some(dir) => format!("It runs in {} of the project.", printable_path(dir)),
        None => "It runs in the project's root.".to_owned(),
    });
    said.extend(target.deliveries.iter().map(|d| delivery(d, manifest)));
    said.extend(target.templates.iter().map(|t| template(t, manifest)));
    if target.references().is_empty() {
        said.push("It is given no secret.".to_owned());
    }
    said.push(environment(target));
    said.push(
        "What it prints is redacted. It approves nothing by itself: hasp-bind consents, \
         hasp-grant permits."
            .to_owned(),
    );
    said
}

/// Which file that is here and now; a grant holds the one that it was minted for.
fn program(subject: &Subject<'_>) -> Option<String> {
    let first = subject.argv.first()?;
    Some(match &subject.program {
        Some(path) => format!("Its program is {}.", printable_path(path)),
        None => format!("Its program {} is not found here.", printable_os(first)),
    })
}

/// What a grant leaves open, and what the classes say to that.
fn open_words(target: &Target) -> Option<String> {
    let strict = |(_, class): &(&SecretName, &Class)| class.names_command();
    let strict: Vec<String> = target
        .classes
        .iter()
        .filter(strict)
        .map(|(name, class)| format!("{name} is {class}"))
        .collect();
    let classes =
        if strict.is_empty() { String::new() } else { format!(" ({})", strict.join(", ")) };
    match target.run.as_deref() {
        None => Some(format!(
            "With a secret of class high or critical{classes} it cannot be any command: the grant \
             must name it."
        )),
        Some([.., last]) if last == FURTHER && !strict.is_empty() => Some(format!(
            "Whoever uses a grant adds further words although it gets a strict secret{classes}."
        )),
        Some(_) => None,
    }
}

fn delivery(delivery: &Delivery, manifest: &Manifest) -> String {
    let spec = manifest.refs.get(&delivery.reference);
    let about = spec.and_then(|s| s.about.as_ref()).map(|a| format!(" ({a})")).unwrap_or_default();
    let optional = if spec.is_some_and(|s| !s.required) { ", if it is stored" } else { "" };
    let class =
        spec.and_then(|s| s.class).map(window).map(|w| format!("; {w}")).unwrap_or_default();
    let variable = delivery.variable.as_deref().unwrap_or_default();
    format!(
        "It gets {}{about} {}{optional}{class}.",
        delivery.reference,
        how(delivery.channel, variable)
    )
}

fn template(template: &Template, manifest: &Manifest) -> String {
    let spec = |r: &&SecretName| manifest.refs.get(r);
    let named = |r: &SecretName| {
        let optional = spec(&r).is_some_and(|s| !s.required);
        let class = spec(&r).and_then(|s| s.class).map(window);
        let empty = optional.then(|| "empty if it is not stored".to_owned());
        let notes: Vec<String> = empty.into_iter().chain(class).collect();
        if notes.is_empty() { r.to_string() } else { format!("{r} ({})", notes.join("; ")) }
    };
    let names: Vec<String> = template.references().into_iter().map(named).collect();
    let with = if names.is_empty() { "no value".to_owned() } else { names.join(", ") };
    let (path, variable) = (printable_path(template.path()), template.variable());
    format!(
        "It gets a file in memory whose path is in {variable}: the text of {path} with {with} in \
         it."
    )
}

fn how(channel: Channel, variable: &str) -> String {
    match channel {
        Channel::Env => format!("as the variable {variable}"),
        Channel::File => format!("as a file in memory whose path is in {variable}"),
        Channel::Fd => format!("on a descriptor whose number is in {variable}"),
        Channel::Stdin => "on standard input".to_owned(),
    }
}

/// The longest grant of a class (DESIGN section 4).
pub(crate) fn window(class: Class) -> String {
    class.ceiling().map_or_else(
        || "each grant is for one run".to_owned(),
        |longest| format!("a grant lasts at most {}", duration_text(longest)),
    )
}

/// What of the inherited environment is not the consumer's.
const PINNED: &str = " PATH, HOME and other places of code are those of whoever grants it.";

fn environment(target: &Target) -> String {
    let kept = if target.keep_env.is_empty() {
        String::new()
    } else {
        let names = target.keep_env.join(", ");
        format!(
            " It keeps {names} as whoever uses the grant has them, which can make programs load \
             other code."
        )
    };
    let privileges = if target.no_new_privs { " It cannot gain privileges." } else { "" };
    let make = if target.run.as_deref().is_some_and(names_make) {
        format!(" {}.", MAKE)
    } else {
        String::new()
    };
    match target.clean_env {
        true if target.pass_env.is_empty() => format!("It inherits no variable.{kept}{privileges}"),
        true => {
            format!("It inherits only {}.{PINNED}{kept}{privileges}", target.pass_env.join(", "))
        }
        false => {
            format!(
                "It inherits the environment of whoever uses the grant, without the variables \
                 that hasp.toml(5) lists as loading code.{PINNED}{make}{kept}{privileges}"
            )
        }
    }
}
