//! A target as lines for people, and what changed between two of them: what a person reads before
//! consenting again.

use std::ffi::OsStr;

use data_encoding::HEXLOWER;
use hasp_core::text::{printable, printable_path, shell_words};
use sha2::{Digest, Sha256};

use crate::manifest::target::{FURTHER, Target};
use crate::manifest::template::Template;

/// What a target may do, one thing a line, in a fixed order.
pub fn lines(target: &Target) -> Vec<String> {
    let mut lines = vec![format!("run {}", command(target))];
    lines.extend(target.dir.as_ref().map(|dir| format!("dir {}", printable_path(dir))));
    lines.extend(target.deliveries.iter().map(|d| printable(d.to_string().as_bytes())));
    lines.extend(target.templates.iter().flat_map(template));
    lines.extend(
        target.classes.iter().map(|(name, class)| format!("class of {name}: at least {class}")),
    );
    if target.clean_env {
        lines.push(format!("environment: only {}", list(&target.pass_env)));
    } else if !target.pass_env.is_empty() {
        lines.push(format!("with a clean environment: passes {}", list(&target.pass_env)));
    }
    if !target.keep_env.is_empty() {
        lines.push(format!("keeps {}, which may load code", list(&target.keep_env)));
    }
    if target.no_new_privs {
        lines.push("gains no privileges".to_owned());
    }
    lines
}

/// Where it is, what it is, and its text line by line: whoever consents reads all of it, and a
/// change of any line shows.
fn template(template: &Template) -> Vec<String> {
    let variable = template.variable();
    let digest = HEXLOWER.encode(&Sha256::digest(template.text())[..8]);
    let head =
        format!("template {variable} = {} (sha256 {digest}..)", printable_path(template.path()));
    let text = template
        .text()
        .lines()
        .map(|line| format!("template {variable} | {}", printable(line.as_bytes())));
    std::iter::once(head).chain(text).collect()
}

/// What is different: `- ` before a line of the old target, `+ ` before one of the new.
pub fn changes(old: &Target, new: &Target) -> Vec<String> {
    let (old, new) = (lines(old), lines(new));
    let gone = old.iter().filter(|l| !new.contains(l)).map(|l| format!("- {l}"));
    let come = new.iter().filter(|l| !old.contains(l)).map(|l| format!("+ {l}"));
    gone.chain(come).collect()
}

/// The command as a shell would read it, with what may follow.
pub(crate) fn command(target: &Target) -> String {
    match target.run.as_deref() {
        None => "any command that the grant names".to_owned(),
        Some([fixed @ .., last]) if last == FURTHER => {
            format!("{} (any further words)", words(fixed))
        }
        Some(run) => words(run),
    }
}

fn words(words: &[String]) -> String {
    shell_words(words.iter().map(OsStr::new))
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { printable(names.join(" ").as_bytes()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
