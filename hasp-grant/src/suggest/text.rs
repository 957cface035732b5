//! Targets as the text of a hasp.toml, each tried before it is shown: what is suggested can be put
//! in place as it stands.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use hasp_core::text::printable;
use hasp_core::{Result, SecretName};
use hasp_target::{Channel, FILE_NAME, Manifest, RefSpec, Target};

use crate::suggest::Suggested;

/// The manifest with these targets, and behind it why others are no target of it.
///
/// # Errors
/// What is wrong with the references, which were a project's before.
pub fn manifest(
    suggested: &[Suggested],
    used: &BTreeMap<SecretName, SecretName>,
    (root, old): (&Path, Option<&Manifest>),
) -> Result<String> {
    let mut text = String::new();
    if let Some(name) = old.and_then(|m| m.project.as_ref()) {
        let _ = writeln!(text, "[project]\nname = {}\n", quoted(name));
    }
    text.push_str("[refs]\n");
    for reference in used.keys() {
        let spec = old.and_then(|m| m.refs.get(reference));
        let _ = writeln!(text, "{} = {}", quoted(reference.as_str()), described(spec));
    }
    let path = root.join(FILE_NAME);
    Manifest::parse(text.as_bytes(), &path)?;
    for one in suggested {
        let target = of_target(&one.target);
        let times = if one.runs == 1 { "once".to_owned() } else { format!("{} times", one.runs) };
        let _ = writeln!(text, "\n# ran {times}");
        one.remarks.iter().for_each(|remark| text.push_str(&comment(remark)));
        match Manifest::parse(format!("{text}{target}").as_bytes(), &path) {
            Ok(_) => text.push_str(&target),
            Err(error) => text.push_str(&comment(&format!(
                "target {} cannot be written: {}",
                one.target.name,
                error.message().lines().next().unwrap_or_default()
            ))),
        }
    }
    Ok(text)
}

/// A line that is none of the text's.
pub fn comment(text: &str) -> String {
    format!("# {}\n", printable(text.as_bytes()))
}

/// `["a", "b"]`.
pub fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

/// What the project says of a reference stays.
fn described(spec: Option<&RefSpec>) -> String {
    let mut fields = Vec::new();
    if let Some(spec) = spec {
        fields.extend(spec.about.as_ref().map(|about| format!("about = {}", quoted(about))));
        fields.extend(spec.class.map(|class| format!("class = {}", quoted(&class.to_string()))));
        fields.extend((!spec.required).then(|| "required = false".to_owned()));
    }
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

fn of_target(target: &Target) -> String {
    let mut text = format!("[target.{}]\n", quoted(&target.name));
    let mut field = |name: &str, value: Option<String>| {
        let _ = value.map(|value| writeln!(text, "{name} = {value}"));
    };
    field("about", target.about.as_deref().map(quoted));
    field("run", target.run.as_deref().map(list));
    field("dir", target.dir.as_ref().and_then(|dir| dir.to_str()).map(quoted));
    for (name, channel) in [("env", Channel::Env), ("file", Channel::File), ("fd", Channel::Fd)] {
        let of = target.deliveries.iter().filter(|d| d.channel == channel);
        let pairs = of.filter_map(|d| Some((d.variable.clone()?, d.reference.to_string())));
        field(name, table(pairs.collect()));
    }
    let stdin = target.deliveries.iter().find(|d| d.channel == Channel::Stdin);
    field("stdin", stdin.map(|d| quoted(d.reference.as_str())));
    let templates = target.templates.iter();
    let pairs =
        templates.filter_map(|t| Some((t.variable().to_owned(), t.path().to_str()?.to_owned())));
    field("template", table(pairs.collect()));
    field("clean-env", target.clean_env.then(|| "true".to_owned()));
    let names = |names: &Vec<String>| (!names.is_empty()).then(|| list(names));
    field("pass-env", names(&target.pass_env));
    field("keep-env", names(&target.keep_env));
    field("no-new-privs", target.no_new_privs.then(|| "true".to_owned()));
    text
}

fn table(pairs: Vec<(String, String)>) -> Option<String> {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{} = {}", quoted(name), quoted(value))).collect();
    (!pairs.is_empty()).then(|| format!("{{ {} }}", pairs.join(", ")))
}

/// A basic string of TOML: JSON's escapes are among its own, but for DEL, which JSON leaves.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
