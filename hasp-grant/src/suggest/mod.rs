//! The narrowest targets that would have covered what ran, from the record: one for each target
//! that was used, one for each command that was granted without. It says what would have been
//! enough, and a person decides.

pub(crate) mod runs;
pub(crate) mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hasp_core::SecretName;
use hasp_target::{Delivery, Manifest, Target, Template};

use crate::suggest::runs::Run;

/// A target that would have been enough, or why none can be told.
#[derive(Debug)]
pub struct Suggested {
    /// The target.
    pub target: Target,
    /// How often it ran.
    pub runs: usize,
    /// What a reader has to know.
    pub remarks: Vec<String>,
}

/// As many commands as are suggested each by itself; more of one program become one target with
/// further words.
const EACH: usize = 3;
/// What stands for any further words.
const FURTHER: &str = "...";

/// The targets, in the order of their names: those of the manifest keep theirs.
pub fn suggested(runs: &[Run], manifest: Option<&Manifest>) -> Vec<Suggested> {
    let mut named: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    let mut others: BTreeMap<(&str, &BTreeSet<Delivery>), Vec<&Run>> = BTreeMap::new();
    for run in runs {
        match run.target.as_deref() {
            Some(target) => named.entry(target).or_default().push(run),
            None => {
                let program = run.argv.first().map(String::as_str).unwrap_or_default();
                others.entry((program, &run.deliveries)).or_default().push(run);
            }
        }
    }
    let mut taken: BTreeSet<String> =
        manifest.iter().flat_map(|m| m.targets.keys().cloned()).collect();
    taken.extend(named.keys().map(|name| (*name).to_owned()));
    let mut found: Vec<Suggested> = Vec::new();
    for (name, runs) in named {
        found.push(of_target(name, &runs, manifest.and_then(|m| m.targets.get(name))));
    }
    for ((program, _), runs) in others {
        for group in apart(runs) {
            found.push(of_command(unused(program, &mut taken), &group));
        }
    }
    found.sort_by(|a, b| a.target.name.cmp(&b.target.name));
    found
}

/// Targets of the manifest that none of the runs used.
pub fn unused_targets<'a>(runs: &[Run], manifest: &'a Manifest) -> Vec<&'a str> {
    let used: BTreeSet<&str> = runs.iter().filter_map(|run| run.target.as_deref()).collect();
    manifest.targets.keys().map(String::as_str).filter(|name| !used.contains(name)).collect()
}

/// What was used, by reference: the secret behind it.
pub fn used_secrets(runs: &[Run]) -> BTreeMap<SecretName, SecretName> {
    runs.iter().flat_map(|run| run.secrets.clone()).collect()
}

/// A few commands of one program each by themselves, or all of them together.
fn apart(runs: Vec<&Run>) -> Vec<Vec<&Run>> {
    let mut each: BTreeMap<&[String], Vec<&Run>> = BTreeMap::new();
    runs.iter().for_each(|run| each.entry(&run.argv).or_default().push(run));
    if each.len() <= EACH { each.into_values().collect() } else { vec![runs] }
}

/// What of a target was used; its directory and environment stay, they were part of what was
/// granted.
fn of_target(name: &str, runs: &[&Run], there: Option<&Target>) -> Suggested {
    let mut target = there.cloned().unwrap_or_else(|| empty(name));
    let mut remarks = Vec::new();
    let (run, remark) = words(runs);
    remarks.extend(remark);
    if there.is_none() {
        remarks.push("it is not in hasp.toml any more".to_owned());
    }
    if let (Some(old), Some(run)) = (there.and_then(|t| t.run.as_ref()), &run)
        && old != run
    {
        remarks.push(format!("its run was {}", text::list(old)));
    }
    target.run = run.or(target.run);
    let delivered: BTreeSet<Delivery> = runs.iter().flat_map(|r| r.deliveries.clone()).collect();
    let gone = target.deliveries.iter().filter(|d| !delivered.contains(*d));
    remarks.extend(gone.map(|d| format!("{} was not delivered", d.reference)));
    target.deliveries = delivered.into_iter().collect();
    let rendered: BTreeSet<&str> =
        runs.iter().flat_map(|r| r.templates.iter().map(String::as_str)).collect();
    target.templates.retain(|t: &Template| rendered.contains(t.variable()));
    let lost = rendered.iter().filter(|v| !target.templates.iter().any(|t| t.variable() == **v));
    remarks.extend(lost.map(|v| format!("the template of {v} is not in hasp.toml")));
    Suggested { target, runs: runs.len(), remarks }
}

fn of_command(name: String, runs: &[&Run]) -> Suggested {
    let (run, remark) = words(runs);
    let mut remarks: Vec<String> = remark.into_iter().collect();
    let deliveries = runs.iter().flat_map(|r| r.deliveries.clone()).collect::<BTreeSet<_>>();
    let rendered = runs.iter().flat_map(|r| r.templates.iter()).collect::<BTreeSet<_>>();
    remarks.extend(rendered.iter().map(|v| format!("a template went into {v}: name its file")));
    let target = Target { run, deliveries: deliveries.into_iter().collect(), ..empty(&name) };
    Suggested { target, runs: runs.len(), remarks }
}

/// The words that all have in common, and what may follow.
fn words(runs: &[&Run]) -> (Option<Vec<String>>, Option<String>) {
    let Some(first) = runs.first() else { return (None, None) };
    let told = runs.iter().filter(|run| !run.whole).count();
    let hidden = (told > 0).then(|| "the record does not hold all words of its command".to_owned());
    let same = runs.iter().all(|run| run.whole && run.argv == first.argv);
    if same {
        return (Some(first.argv.clone()), None);
    }
    let common = |shared: usize, run: &&Run| {
        first.argv.iter().zip(&run.argv).take(shared).take_while(|(a, b)| a == b).count()
    };
    let shared = runs.iter().fold(first.argv.len(), common);
    if shared == 0 {
        return (None, hidden.or_else(|| Some("its commands have no word in common".to_owned())));
    }
    let words = first.argv[..shared].iter().cloned().chain([FURTHER.to_owned()]);
    (Some(words.collect()), hidden)
}

/// `pytest`, `pytest-2`: the program's name as a target's, which no other has.
fn unused(program: &str, taken: &mut BTreeSet<String>) -> String {
    let base = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let kept: String =
        base.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(32).collect();
    let base = match kept.trim_matches('-') {
        "" => "command",
        name => name,
    };
    let names = std::iter::once(base.to_owned()).chain((2..).map(|n| format!("{base}-{n}")));
    let name = names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

fn empty(name: &str) -> Target {
    Target {
        name: name.to_owned(),
        about: None,
        run: None,
        dir: None,
        deliveries: Vec::new(),
        templates: Vec::new(),
        clean_env: false,
        pass_env: Vec::new(),
        keep_env: Vec::new(),
        no_new_privs: false,
        classes: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests;
