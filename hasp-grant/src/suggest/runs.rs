//! What ran, from the record: each start with its words and what it was given. A list that was too
//! long for its record stands in others just before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hasp_audit::{EventKind, Log, Record};
use hasp_core::text::printable_path;
use hasp_core::{Result, SecretName, Timestamp};
use hasp_target::{Channel, Delivery};
use serde_json::Value;

/// What stands in a recorded word in the place of a value.
const MARKER: &str = "[hasp:";

/// A command that got values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The target that it was granted for.
    pub target: Option<String>,
    /// Its words, as far as the record has them.
    pub argv: Vec<String>,
    /// Whether these are all of them, as they were typed.
    pub whole: bool,
    /// What it was given, by the ways that a target has.
    pub deliveries: BTreeSet<Delivery>,
    /// The variables of the templates that it was given.
    pub templates: BTreeSet<String>,
    /// The secrets behind the references.
    pub secrets: BTreeMap<SecretName, SecretName>,
}

/// The runs of a project since a moment.
///
/// # Errors
/// Those of reading the record.
pub fn read(log: &Log, root: &Path, since: Timestamp) -> Result<Vec<Run>> {
    let root = printable_path(root);
    let (mut runs, mut parts) = (Vec::new(), Vec::new());
    let kinds = [EventKind::ExecItem, EventKind::ExecStart];
    log.each_of(&kinds, Some(since), &mut |record| {
        if record.is_plumbing() || record.text("project") != root {
            return Ok(());
        }
        if record.event() == EventKind::ExecItem.name() {
            parts.push(record);
        } else {
            let own = parts.drain(..).filter(|part: &Record| part.object["of"] == record.n());
            runs.push(run(&record, &own.collect::<Vec<_>>()));
        }
        Ok(())
    })?;
    Ok(runs)
}

fn run(record: &Record, parts: &[Record]) -> Run {
    let list = |name: &str| -> Vec<Value> {
        let own = record.object[name].as_array().cloned().unwrap_or_default();
        let moved = parts.iter().filter_map(|part| part.object[name].as_array()).flatten();
        own.into_iter().chain(moved.cloned()).collect()
    };
    let argv: Vec<String> =
        list("argv").iter().filter_map(|word| word.as_str().map(str::to_owned)).collect();
    let seen = |word: &String| !word.contains(MARKER) && word.len() < CUT;
    let mut run = Run {
        target: record.object["target"].as_str().map(str::to_owned),
        whole: record.object["argc"].is_null() && !argv.is_empty() && argv.iter().all(seen),
        argv: argv.iter().take_while(|word| seen(word)).cloned().collect(),
        ..Run::default()
    };
    list("secrets").iter().for_each(|secret| given(secret, &mut run));
    run
}

/// A longer word may have been cut for the record, in bytes.
const CUT: usize = 500;

fn given(secret: &Value, run: &mut Run) {
    let text = |field: &str| secret[field].as_str();
    let name = |field: &str| text(field).and_then(|name| name.parse::<SecretName>().ok());
    let (Some(reference), Some(stored)) = (name("ref"), name("name")) else { return };
    run.secrets.insert(reference.clone(), stored);
    let variable = text("var").map(str::to_owned);
    let channel = match text("channel") {
        Some("env") => Channel::Env,
        Some("file") => Channel::File,
        Some("fd") => Channel::Fd,
        Some("stdin") => Channel::Stdin,
        _ => return run.templates.extend(variable),
    };
    run.deliveries.insert(Delivery { channel, variable, reference });
}
