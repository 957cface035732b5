//! `check`: what is missing before a target can run. The manifest says what is asked for; what is
//! bound and stored is asked of the sibling tools, and left out where they are not installed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use hasp_core::sibling::{self, Said};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Class, Error, Result, SecretName, Timestamp, Var};
use serde_json::{Value, json};

use crate::manifest::Manifest;
use crate::manifest::target::Target;
use crate::program::find;
use crate::program::warnings::{Meant, Subject};

/// One thing that is missing.
pub(crate) struct Gap {
    target: Option<String>,
    sort: Sort,
    what: String,
    fix: String,
    /// Whether the target runs without it.
    optional: bool,
}

impl Gap {
    /// What is missing.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }
}

/// What sort of thing is missing, as JSON has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    /// The directory, the program, or a file of the project.
    Project,
    /// A person's consent, which the next grant asks for where there is a terminal.
    Consent,
    /// A value.
    Secret,
    /// A new value: it runs with the old one.
    Due,
    /// Nobody knows: a tool that would is missing, or failed.
    Unasked,
}

/// What a person types for missing consent.
const CONSENT: &str = "hasp-bind, or say yes to the next hasp-grant";

pub(crate) fn run(path: &Path, wanted: Option<&str>, cx: &mut Context) -> Result<Exit> {
    let manifest = Manifest::load(path)?;
    let targets: Vec<&Target> = match wanted {
        Some(name) => vec![manifest.target(name)?],
        None => manifest.targets.values().collect(),
    };
    let root = path.parent().unwrap_or(Path::new("."));
    let mut gaps: Vec<Gap> = targets.iter().flat_map(|t| in_project(t, root, cx)).collect();
    let known = known(root)?;
    for target in &targets {
        let items = known.as_ref().map(|k| k.meant(target, &manifest)).unwrap_or_default();
        let subject = Subject::of(target, root, cx.env.get("PATH"), items);
        subject.all().iter().for_each(|w| cx.out.warn(&format!("{}: {w}", target.name)));
    }
    gaps.extend(in_vault(known, &manifest, &targets, cx.now));
    for gap in &gaps {
        print(gap, cx)?;
    }
    if gaps.iter().all(|g| g.optional) {
        if cx.out.json && gaps.is_empty() {
            cx.out.object(&json!({"v": 1, "target": wanted, "missing": null}))?;
        }
        cx.out.note("nothing is missing");
        return Ok(Exit::OK);
    }
    if gaps.iter().all(|g| g.optional || g.sort == Sort::Consent) {
        cx.out.note("only consent is missing: on a terminal the next hasp-grant asks for it");
    }
    Ok(Exit::NO)
}

fn print(gap: &Gap, cx: &mut Context) -> Result<()> {
    if cx.out.json {
        let Gap { target, sort, what, fix, optional } = gap;
        return cx.out.object(&json!({
            "v": 1, "target": target, "sort": sort, "missing": what, "fix": fix,
            "optional": optional,
        }));
    }
    let whose = gap.target.as_ref().map(|t| format!("{t}: ")).unwrap_or_default();
    let optional = if gap.optional { " (optional)" } else { "" };
    cx.out.line(&format!("{whose}{}{optional}: {}", gap.what, gap.fix))
}

/// What the project itself lacks: the directory and the program.
fn in_project(target: &Target, root: &Path, cx: &Context) -> Vec<Gap> {
    let gap = |what: String, fix: String| {
        vec![Gap {
            target: Some(target.name.clone()),
            sort: Sort::Project,
            what,
            fix,
            optional: false,
        }]
    };
    let dir = match target.resolve_dir(root) {
        Ok(dir) => dir,
        Err(error) => return gap(error.message().to_owned(), error.hints().join("; ")),
    };
    match target.run.as_ref().and_then(|r| r.first()) {
        Some(program) if find(OsStr::new(program), &dir, cx.env.get("PATH")).is_err() => {
            let shown = hasp_core::text::printable(program.as_bytes());
            gap(
                format!("the program {shown} is not found"),
                format!("install it, or correct 'run' of [target.{}]", target.name),
            )
        }
        _ => Vec::new(),
    }
}

/// What the siblings know, by name.
pub(crate) struct Known {
    /// From bound reference to secret.
    secrets: BTreeMap<String, String>,
    /// From target to how it stands to the consent.
    targets: BTreeMap<String, String>,
    /// From stored secret to its state; `None` where the vault's tool is not installed.
    items: Option<BTreeMap<String, String>>,
    /// From stored secret to when it should get a new value.
    due: BTreeMap<String, String>,
    /// From stored secret to its class.
    classes: BTreeMap<String, String>,
}

impl Known {
    /// What the references of a target mean: the stricter of the vault's class and the manifest's.
    pub(crate) fn meant(&self, target: &Target, manifest: &Manifest) -> Vec<Meant> {
        let meant = |reference: &SecretName| {
            let bound = self.secrets.get(reference.as_str()).and_then(|name| name.parse().ok());
            let name: SecretName = bound.unwrap_or_else(|| reference.clone());
            let stored: Option<Class> = self.classes.get(name.as_str())?.parse().ok();
            let asked = manifest.refs.get(reference).and_then(|spec| spec.class);
            Some(Meant { reference: reference.clone(), class: stored.max(asked)?, name })
        };
        target.references().into_iter().filter_map(meant).collect()
    }
}

/// What binding and vault lack.
fn in_vault(
    known: std::result::Result<Known, Gap>,
    manifest: &Manifest,
    targets: &[&Target],
    now: Timestamp,
) -> Vec<Gap> {
    let known = match known {
        Err(gap) => return vec![gap],
        Ok(known) => known,
    };
    let gaps = targets.iter().flat_map(|target| {
        let references = target
            .references()
            .into_iter()
            .filter_map(|r| reference(target, r, manifest, &known, now));
        consent(target, &known).into_iter().chain(references).collect::<Vec<_>>()
    });
    let unasked = known.items.is_none().then(|| not_installed("hasp-vault", "what is stored"));
    gaps.chain(unasked).collect()
}

/// What nobody was asked about is not there for that.
fn not_installed(tool: &str, what: &str) -> Gap {
    Gap {
        target: None,
        sort: Sort::Unasked,
        what: format!("{what} could not be asked: {tool} is not installed beside this tool"),
        fix: "install all tools in one directory: make install".to_owned(),
        optional: false,
    }
}

pub(crate) fn known(root: &Path) -> Result<std::result::Result<Known, Gap>> {
    let bound = match ask("hasp-bind", root, None)? {
        None => return Ok(Err(not_installed("hasp-bind", "what was consented to"))),
        Some(Err(gap)) => return Ok(Err(gap)),
        Some(Ok(bound)) => bound,
    };
    let dir = bound.first().and_then(|line| line["dir"].as_str());
    let stored = match ask("hasp-vault", root, dir)? {
        Some(Err(gap)) => return Ok(Err(gap)),
        stored => stored.and_then(std::result::Result::ok),
    };
    Ok(Ok(Known {
        secrets: table(&bound, "reference", "secret"),
        targets: table(&bound, "target", "state"),
        classes: stored.as_deref().map(|lines| table(lines, "name", "class")).unwrap_or_default(),
        due: stored.as_deref().map(|lines| table(lines, "name", "due")).unwrap_or_default(),
        items: stored.as_deref().map(|lines| table(lines, "name", "state")),
    }))
}

/// Two fields of the objects that have both.
fn table(lines: &[Value], from: &str, to: &str) -> BTreeMap<String, String> {
    let text = |line: &Value, key: &str| line[key].as_str().map(str::to_owned);
    lines.iter().filter_map(|line| Some((text(line, from)?, text(line, to)?))).collect()
}

fn consent(target: &Target, known: &Known) -> Option<Gap> {
    let what = match known.targets.get(&target.name).map(String::as_str) {
        Some("consented") => return None,
        Some("changed") => "it was changed since it was consented to",
        _ => "nobody has consented to it yet",
    };
    // What was changed is not offered: a person reads it first.
    let fix = if what.starts_with("it was") { "hasp-bind" } else { CONSENT };
    Some(Gap {
        target: Some(target.name.clone()),
        sort: Sort::Consent,
        what: what.into(),
        fix: fix.into(),
        optional: false,
    })
}

fn reference(
    target: &Target,
    reference: &SecretName,
    manifest: &Manifest,
    known: &Known,
    now: Timestamp,
) -> Option<Gap> {
    let optional = manifest.refs.get(reference).is_some_and(|spec| !spec.required);
    let gap = |sort: Sort, what: String, fix: String| {
        Some(Gap { target: Some(target.name.clone()), sort, what, fix, optional })
    };
    let Some(secret) = known.secrets.get(reference.as_str()) else {
        return gap(Sort::Consent, format!("{reference} is not bound"), CONSENT.to_owned());
    };
    let set = format!("hasp-vault set {secret}");
    match known.items.as_ref()?.get(secret).map(String::as_str) {
        Some("active") => {
            let since = known.due.get(secret)?.parse::<Timestamp>().ok().filter(|at| *at <= now)?;
            Some(Gap {
                optional: true,
                ..gap(
                    Sort::Due,
                    format!("{secret} is due for a new value since {}", since.local()),
                    format!("hasp-vault rotate {secret}"),
                )?
            })
        }
        Some(state) => gap(Sort::Secret, format!("{secret} is {state}"), set),
        None => gap(Sort::Secret, format!("{secret} is not stored"), set),
    }
}

/// The objects that `TOOL list --json` prints of this vault; `None` where the tool is not
/// installed, the gap that it names where it fails.
fn ask(
    tool: &str,
    root: &Path,
    vault: Option<&str>,
) -> Result<Option<std::result::Result<Vec<Value>, Gap>>> {
    let Ok(mut command) = sibling::command(tool) else { return Ok(None) };
    let command = command.args(["list", "--json"]).current_dir(root).stdin(Stdio::null());
    if let Some(dir) = vault {
        command.env(Var::Vault.as_str(), dir);
    }
    let output = command.output().map_err(|e| Error::system(&format!("run {tool}"), e))?;
    if output.status.success() {
        let lines = output.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty());
        return Ok(Some(Ok(lines.filter_map(|l| serde_json::from_slice(l).ok()).collect())));
    }
    let error = Said::of(tool, &output.stderr).error();
    let what = error.as_ref().map_or_else(|| format!("{tool} failed"), |e| e.message().to_owned());
    let hint = error.as_ref().and_then(|e| e.hints().first().cloned());
    let fix = hint.unwrap_or_else(|| format!("{tool} list"));
    Ok(Some(Err(Gap { target: None, sort: Sort::Unasked, what, fix, optional: false })))
}
