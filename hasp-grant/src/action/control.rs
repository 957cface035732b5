//! The controls follow the class: for a secret of class high or critical the grant names the
//! command, and what widens the grant is said also where nothing else is.

use hasp_core::{Class, Error, Kind, Result};
use hasp_target::Channel;

use crate::action::runners;
use crate::action::{Action, Extent, Granted};
use crate::code;

/// Refuses a grant whose words leave open what runs with a secret of a strict class.
///
/// # Errors
/// `[class-any-command]`.
pub fn check(action: &Action, secret: &str, class: Class) -> Result<()> {
    if !class.names_command() {
        return Ok(());
    }
    let what = match action.extent {
        Extent::Any => "any command".to_owned(),
        Extent::Open if runners::takes_any_code(action) => {
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

/// What must be said at minting whatever else is silenced.
pub fn loud(action: &Action, items: &[Granted]) -> Vec<String> {
    let mut said = Vec::new();
    if action.extent == Extent::Any {
        said.push(format!(
            "ANY command may run with {}, given by whoever uses this grant",
            names(items.iter())
        ));
    }
    let strict: Vec<&Granted> = items.iter().filter(|i| i.class.names_command()).collect();
    if strict.is_empty() {
        return said;
    }
    if action.extent == Extent::Open {
        said.push(format!(
            "any further words may follow the command, which gets {}",
            names(strict.iter().copied())
        ));
    }
    if action.raw {
        said.push(format!(
            "what the command prints of {} is not redacted",
            names(strict.iter().copied())
        ));
    }
    let in_env = |i: &&Granted| {
        action.deliveries.iter().any(|d| d.channel == Channel::Env && d.reference == i.reference)
    };
    for item in strict.iter().copied().filter(in_env) {
        let name = names([item]);
        said.push(format!(
            "{name} goes into the environment, which all that the command starts \
            inherits: --file, --fd or --stdin is narrower"
        ));
    }
    said
}

/// What must be said of a consumer that is everybody of this user.
pub fn loud_consumer(items: &[Granted]) -> Option<String> {
    let strict: Vec<&Granted> = items.iter().filter(|i| i.class.names_command()).collect();
    (!strict.is_empty()).then(|| {
        format!("every process of this user may use this grant of {}", names(strict.into_iter()))
    })
}

/// `db/url (high), api/key (medium)`.
fn names<'a>(items: impl IntoIterator<Item = &'a Granted>) -> String {
    let named: Vec<String> =
        items.into_iter().map(|i| format!("{} ({})", i.name, i.class)).collect();
    named.join(", ")
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
