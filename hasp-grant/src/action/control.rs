//! The controls follow the class: for a secret of class high or critical the grant names the
//! command, and what widens the grant is said also where nothing else is.

use std::ffi::OsStr;
use std::path::Path;

use hasp_core::{Class, Error, Kind, Result};
use hasp_target::{Meant, Subject};

use crate::action::{Action, Extent, Granted};
use crate::code;

/// Refuses a grant whose words leave open what runs with a secret of a strict class.
///
/// # Errors
/// `[class-any-command]`.
pub fn check(action: &Action, secret: &str, class: Class) -> Result<()> {
    if class.names_command() { check_named(action, secret, class) } else { Ok(()) }
}

/// The same for a class of which a policy says so.
///
/// # Errors
/// `[class-any-command]`.
pub fn check_named(action: &Action, secret: &str, class: Class) -> Result<()> {
    let what = match action.extent {
        Extent::Any => "any command".to_owned(),
        Extent::Open if takes_any_code(action) => {
            let name =
                action.program.as_ref().and_then(|p| p.as_path().file_name()).unwrap_or_default();
            format!("{} with any words, which is any command,", hasp_core::text::printable_os(name))
        }
        Extent::Exact | Extent::Open => return Ok(()),
    };
    let message = format!("{secret} is {class}, and {what} may not run with it");
    Err(Error::new(Kind::Denied, code::CLASS_ANY_COMMAND, message)
        .hint("name the command: hasp-grant -x -e VAR=REF -- COMMAND ARGS")
        .hint(
            "or put what it does into a script, and name that: hasp-grant -x -e VAR=REF -- \
            ./SCRIPT ...",
        ))
}

/// Whether the approved words are an interpreter without a script, or a program that runs what its
/// words name: with further words it is any command.
fn takes_any_code(action: &Action) -> bool {
    let Some(program) = &action.program else { return true };
    let words: Vec<&Path> = action.argv.iter().skip(1).map(|w| w.as_path()).collect();
    let called = action.argv.first().map_or(program.as_path(), |w| w.as_path());
    hasp_target::any_code(&[called, program.as_path()], &words, action.dir.as_path())
}

/// The action as consent and `hasp-target explain` look at it, so that all say the same.
pub fn subject<'a>(
    action: &'a Action,
    items: &[Granted],
    root: &'a Path,
    search: Option<&'a OsStr>,
) -> Subject<'a> {
    let meant = |item: &Granted| Meant {
        reference: item.reference.clone(),
        name: item.name.clone(),
        class: item.class,
    };
    Subject {
        root,
        dir: action.dir.as_path().to_owned(),
        argv: action.argv.iter().map(|w| w.as_os().to_owned()).collect(),
        program: action.program.as_ref().map(|p| p.as_path().to_owned()),
        further: action.extent == Extent::Open,
        search,
        clean_env: action.env.clean,
        keep_env: &action.env.keep,
        deliveries: &action.deliveries,
        templates: action.templates.iter().map(|t| root.join(t.path())).collect(),
        items: items.iter().map(meant).collect(),
    }
}

/// What must be said at minting whatever else is silenced.
pub fn loud(subject: &Subject<'_>, raw: bool) -> Vec<String> {
    let mut said = hasp_target::loud(subject);
    said.extend(raw.then(|| "the output will not be redacted".to_owned()));
    said
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// An action with these words, as a token holds it.
    fn action(extent: &str, words: &[&str]) -> Action {
        let program = words.first().map(|word| format!("/usr/bin/{word}"));
        let fields = serde_json::json!({
            "program": program, "argv": words, "fixed": 0, "extent": extent, "dir": "/p",
            "env": {"clean": false, "pass": [], "keep": []}, "deliveries": [],
        });
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn the_stricter_the_class_the_closer_the_command() {
        let open = |words: &[&str]| action("open", words);
        for (action, narrow) in [
            (action("any", &[]), false),
            (open(&["sh"]), false),
            (open(&["python3.11", "-u", "-m"]), false),
            (open(&["nice", "-n5"]), false),
            (open(&["timeout", "5"]), false),
            (open(&["sh", "deploy.sh"]), true),
            (open(&["timeout", "5", "pytest"]), false),
            (open(&["pytest"]), true),
            (action("exact", &["sh"]), true),
        ] {
            for class in [Class::Low, Class::Medium, Class::High, Class::Critical] {
                let outcome = check(&action, "db/url", class);
                assert_eq!(outcome.is_ok(), narrow || class < Class::High, "{class} {action:?}");
                assert!(outcome.err().is_none_or(
                    |e| e.code().as_str() == "class-any-command" && !e.hints().is_empty()
                ));
            }
        }
    }
}
