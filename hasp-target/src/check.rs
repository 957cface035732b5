//! `check`: what is missing before a target can run. The manifest says what is asked for; what is bound and stored is asked of the
//! sibling tools, and left out where they are not installed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Result, SecretName, sibling};
use serde_json::{Value, json};

use crate::manifest::Manifest;
use crate::target::Target;

/// One thing that is missing.
struct Gap {
    target: Option<String>,
    what: String,
    fix: String,
    /// Whether the target runs without it.
    optional: bool,
}

pub(crate) fn run(path: &Path, wanted: Option<&str>, cx: &mut Context) -> Result<Exit> {
    let manifest = Manifest::load(path)?;
    let targets: Vec<&Target> = match wanted {
        Some(name) => vec![manifest.target(name)?],
        None => manifest.targets.values().collect(),
    };
    let root = path.parent().unwrap_or(Path::new("."));
    let mut gaps: Vec<Gap> = targets.iter().flat_map(|t| in_project(t, root, cx)).collect();
    gaps.extend(in_vault(&manifest, &targets, root, cx)?);
    for gap in &gaps {
        print(gap, cx)?;
    }
    if gaps.iter().all(|g| g.optional) {
        cx.out.note("nothing is missing");
        return Ok(Exit::OK);
    }
    Ok(Exit::NO)
}

fn print(gap: &Gap, cx: &mut Context) -> Result<()> {
    if cx.out.json {
        let Gap { target, what, fix, optional } = gap;
        return cx.out.object(&json!({"v": 1, "target": target, "missing": what, "fix": fix, "optional": optional}));
    }
    let whose = gap.target.as_ref().map(|t| format!("{t}: ")).unwrap_or_default();
    let optional = if gap.optional { " (optional)" } else { "" };
    cx.out.line(&format!("{whose}{}{optional}: {}", gap.what, gap.fix))
}

/// What the project itself lacks: the directory and the program.
fn in_project(target: &Target, root: &Path, cx: &Context) -> Vec<Gap> {
    let gap = |what: String, fix: String| vec![Gap { target: Some(target.name.clone()), what, fix, optional: false }];
    let dir = match target.resolve_dir(root) {
        Ok(dir) => dir,
        Err(error) => return gap(error.message().to_owned(), error.hints().join("; ")),
    };
    match target.run.as_ref().and_then(|r| r.first()) {
        Some(program) if !found(program, &dir, cx.env.get("PATH")) => {
            let shown = hasp_core::text::printable(program.as_bytes());
            gap(
                format!("the program {shown} is not found"),
                format!("install it, or correct 'run' of [target.{}]", target.name),
            )
        }
        _ => Vec::new(),
    }
}

/// By path below the directory, else by PATH; relative entries of PATH are not searched.
fn found(program: &str, dir: &Path, path: Option<&OsStr>) -> bool {
    let executable = |file: PathBuf| file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if program.contains('/') {
        return executable(dir.join(program));
    }
    std::env::split_paths(path.unwrap_or_default()).any(|entry| entry.is_absolute() && executable(entry.join(program)))
}

/// What binding and vault lack.
fn in_vault(manifest: &Manifest, targets: &[&Target], root: &Path, cx: &mut Context) -> Result<Vec<Gap>> {
    let Some(bound) = ask("hasp-bind", root, cx)? else { return Ok(Vec::new()) };
    let stored = ask("hasp-vault", root, cx)?;
    let (bound, stored) = match (bound, stored) {
        (Err(gap), _) | (_, Some(Err(gap))) => return Ok(vec![gap]),
        (Ok(bound), stored) => (bound, stored.and_then(std::result::Result::ok)),
    };
    let text = |line: &Value, key: &str| line[key].as_str().map(str::to_owned);
    let secrets: BTreeMap<String, String> =
        bound.iter().filter_map(|l| Some((text(l, "reference")?, text(l, "secret")?))).collect();
    let states: BTreeMap<String, String> =
        bound.iter().filter_map(|l| Some((text(l, "target")?, text(l, "state")?))).collect();
    let items: Option<BTreeMap<String, String>> =
        stored.map(|lines| lines.iter().filter_map(|l| Some((text(l, "name")?, text(l, "state")?))).collect());
    let mut gaps = Vec::new();
    for target in targets {
        if let Some(what) = consent(states.get(&target.name).map(String::as_str)) {
            gaps.push(Gap {
                target: Some(target.name.clone()),
                what: what.to_owned(),
                fix: "hasp-bind".to_owned(),
                optional: false,
            });
        }
        gaps.extend(
            target.references().into_iter().filter_map(|r| reference(target, r, manifest, &secrets, items.as_ref())),
        );
    }
    Ok(gaps)
}

fn consent(state: Option<&str>) -> Option<&'static str> {
    match state {
        Some("consented") => None,
        Some("changed") => Some("it was changed since it was consented to"),
        _ => Some("nobody has consented to it yet"),
    }
}

fn reference(
    target: &Target,
    reference: &SecretName,
    manifest: &Manifest,
    secrets: &BTreeMap<String, String>,
    items: Option<&BTreeMap<String, String>>,
) -> Option<Gap> {
    let optional = manifest.refs.get(reference).is_some_and(|spec| !spec.required);
    let gap = |what: String, fix: String| Some(Gap { target: Some(target.name.clone()), what, fix, optional });
    let Some(secret) = secrets.get(reference.as_str()) else {
        return gap(format!("{reference} is not bound"), "hasp-bind".to_owned());
    };
    match items?.get(secret).map(String::as_str) {
        Some("active") => None,
        Some(state) => gap(format!("{secret} is {state}"), format!("hasp-vault set {secret}")),
        None => gap(format!("{secret} is not stored"), format!("hasp-vault set {secret}")),
    }
}

/// The objects that `TOOL list --json` prints; `None` where the tool is not installed, the gap that it names where it fails.
fn ask(tool: &str, root: &Path, cx: &mut Context) -> Result<Option<std::result::Result<Vec<Value>, Gap>>> {
    let Ok(mut command) = sibling::command(tool) else {
        cx.out.note(&format!("{tool} is not installed beside this tool: not asked"));
        return Ok(None);
    };
    let command = command.args(["list", "--json"]).current_dir(root).stdin(Stdio::null());
    let output = command.output().map_err(|e| Error::system(&format!("run {tool}"), e))?;
    if output.status.success() {
        let lines = output.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty());
        return Ok(Some(Ok(lines.filter_map(|l| serde_json::from_slice(l).ok()).collect())));
    }
    let objects = output.stderr.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice::<Value>(l).ok());
    let error = objects.filter(|o| o["error"].is_object()).last().unwrap_or_default();
    let what = error["error"]["message"].as_str().map_or_else(|| format!("{tool} failed"), str::to_owned);
    let fix = error["error"]["hints"][0].as_str().map_or_else(|| format!("{tool} list"), str::to_owned);
    Ok(Some(Err(Gap { target: None, what, fix, optional: false })))
}
