//! The line that mints a grant like this one: what a person types after a refusal, with nothing
//! left for him to fill in.

use std::ffi::OsString;
use std::time::Duration;

use hasp_consumer::{Caller, Consumer};
use hasp_core::text::shell_words;
use hasp_core::time::duration_text;
use hasp_target::{Channel, Delivery};

use crate::action::{Action, Extent};
use crate::token::claims::Terms;

/// A window of this many seconds needs no `--for`.
const DEFAULT_WINDOW: i64 = 15 * 60;
/// A longer line is nothing to be typed: its command is left to whoever types it.
const MAX_LINE: usize = 400;

/// The line; one that keeps the token, or one that runs the action at once.
pub fn mint_line(terms: &Terms, kept: bool) -> String {
    minting(terms, kept, &command(&terms.action, kept))
}

/// The line that keeps the token, without the words that were typed for the command: where nothing
/// is open yet that they could be compared with, one of them may be a value.
pub fn mint_line_unseen(terms: &Terms) -> String {
    minting(terms, true, &unseen(&terms.action))
}

fn minting(terms: &Terms, kept: bool, tail: &[OsString]) -> String {
    let mut words: Vec<OsString> = vec!["hasp-grant".into()];
    if !kept {
        words.push("-x".into());
    }
    words.extend(what(&terms.action));
    for item in terms.items.iter().filter(|item| item.pinned) {
        words.extend(["--at".into(), format!("{}@{}", item.reference, item.version).into()]);
    }
    words.extend(how_long(terms, kept));
    words.extend(who(&terms.consumer, kept).into_iter().flat_map(|who| ["--consumer".into(), who]));
    let head = shell_words(words.iter().map(OsString::as_os_str));
    if tail.is_empty() {
        return head;
    }
    let whole = format!("{head} -- {}", shell_words(tail.iter().map(OsString::as_os_str)));
    if whole.len() <= MAX_LINE { whole } else { format!("{head} -- COMMAND") }
}

/// The line that uses a kept grant like this one.
pub fn use_line(terms: &Terms) -> String {
    let own = terms.action.argv.get(terms.action.fixed..).unwrap_or_default();
    using(&terms.action, &own.iter().map(|w| w.as_os().to_owned()).collect::<Vec<_>>())
}

/// As [`use_line`], without the words that [`mint_line_unseen`] leaves out.
pub fn use_line_unseen(terms: &Terms) -> String {
    using(&terms.action, &unseen(&terms.action))
}

fn using(action: &Action, own: &[OsString]) -> String {
    let target = action.target.iter().flat_map(|t| ["-t".into(), t.into()]);
    let words: Vec<OsString> = [OsString::from("hasp-exec")].into_iter().chain(target).collect();
    let head = shell_words(words.iter().map(OsString::as_os_str));
    let tail = shell_words(own.iter().map(OsString::as_os_str));
    match (action.extent, tail.is_empty()) {
        (Extent::Any, _) => format!("{head} -- COMMAND"),
        (Extent::Exact | Extent::Open, true) => head,
        (Extent::Exact | Extent::Open, false) if tail.len() > MAX_LINE => {
            format!("{head} -- COMMAND")
        }
        (Extent::Exact | Extent::Open, false) => format!("{head} -- {tail}"),
    }
}

fn what(action: &Action) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    match &action.target {
        Some(target) => words.extend(["-t".into(), target.into()]),
        None => {
            words.extend(action.deliveries.iter().flat_map(delivery));
            for template in &action.templates {
                let mut word = OsString::from(format!("{}=", template.variable()));
                word.push(template.path());
                words.extend(["--template".into(), word]);
            }
            let kept = action.env.keep.iter().flat_map(|name| ["--keep-env".into(), name.into()]);
            words.extend(kept);
            words.extend(action.env.clean.then(|| "--clean-env".into()));
        }
    }
    words.extend(action.raw.then(|| "--raw".into()));
    words.extend((action.extent == Extent::Any).then(|| "--any-command".into()));
    words
}

fn delivery(delivery: &Delivery) -> [OsString; 2] {
    let option = match delivery.channel {
        Channel::Env => "-e",
        Channel::File => "--file",
        Channel::Fd => "--fd",
        Channel::Stdin => "--stdin",
    };
    let reference = &delivery.reference;
    let word = match &delivery.variable {
        Some(variable) => format!("{variable}={reference}"),
        None => reference.to_string(),
    };
    [option.into(), word.into()]
}

fn how_long(terms: &Terms, kept: bool) -> Vec<OsString> {
    let seconds = terms.exp.as_second().saturating_sub(terms.nbf.as_second());
    let mut words: Vec<OsString> = Vec::new();
    if terms.uses != Some(1) || seconds > DEFAULT_WINDOW {
        let length = duration_text(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        words.extend(["--for".into(), length.into()]);
        words.extend(terms.uses.iter().flat_map(|n| ["--uses".into(), n.to_string().into()]));
    }
    words.extend(kept.then(|| "--keep".into()));
    words
}

/// A session is the one in which the line is typed; so is a process that is gone.
fn who(consumer: &Consumer, kept: bool) -> Option<OsString> {
    match consumer {
        Consumer::Session { .. } => None,
        Consumer::Process { process, .. } => {
            let gone = Caller::current().is_ok_and(|caller| consumer.is_gone(&caller));
            (kept && !gone).then(|| format!("pid:{}", process.pid).into())
        }
        Consumer::User { .. } => Some("user".into()),
        Consumer::Exe { path } => {
            let mut word = OsString::from("exe:");
            word.push(path);
            Some(word)
        }
        Consumer::Named { name, .. } => Some(name.into()),
    }
}

/// What is typed after `--`.
fn command(action: &Action, kept: bool) -> Vec<OsString> {
    if action.extent == Extent::Any {
        return if kept { Vec::new() } else { vec!["COMMAND".into()] };
    }
    let own = action.argv.get(action.fixed..).unwrap_or_default();
    let mut words: Vec<OsString> = own.iter().map(|w| w.as_os().to_owned()).collect();
    if action.extent == Extent::Open && !words.is_empty() {
        words.push("...".into());
    }
    words
}

/// The program, if it was typed, and that more follows.
fn unseen(action: &Action) -> Vec<OsString> {
    let own = action.argv.get(action.fixed..).unwrap_or_default();
    let program = own.first().filter(|_| action.fixed == 0).map(|w| w.as_os().to_owned());
    let more = own.len() > usize::from(program.is_some()) || action.extent == Extent::Open;
    let dots = (more && !own.is_empty()).then(|| "...".into());
    program.into_iter().chain(dots).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::token::claims::Claims;

    fn line(change: impl Fn(&mut serde_json::Value), kept: bool) -> String {
        mint_line(&terms(change), kept)
    }

    fn terms(change: impl Fn(&mut serde_json::Value)) -> Terms {
        let vector: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/token.json")).unwrap();
        let payload = vector["payload"].as_str().unwrap();
        let terms = Claims::decode(payload.as_bytes()).unwrap().terms;
        let mut json = serde_json::to_value(&terms).unwrap();
        json["consumer"] = serde_json::json!({"kind": "user", "uid": 0});
        change(&mut json);
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_line_is_what_was_typed_and_asks_for_nothing() {
        let target = line(|_| {}, false);
        assert!(target.starts_with("hasp-grant -x -t ") && target.ends_with("--consumer user"));
        let hours = line(
            |t| {
                t["exp"] = "2026-01-31T20:00:00Z".into();
                t["uses"] = serde_json::Value::Null;
            },
            true,
        );
        assert!(hours.contains(" --for 8h --keep --consumer user"), "{hours}");
        let typed = line(
            |t| {
                t["action"]["target"] = serde_json::Value::Null;
                t["action"]["fixed"] = 0.into();
                t["action"]["argv"] = serde_json::json!(["sh", "-c", "echo $K"]);
            },
            false,
        );
        assert!(typed.contains(" -e ") && typed.ends_with("-- sh -c 'echo $K'"), "{typed}");
        let long = line(
            |t| {
                t["action"]["fixed"] = 0.into();
                t["action"]["argv"] = serde_json::json!(["x".repeat(MAX_LINE)]);
            },
            false,
        );
        assert!(long.ends_with("-- COMMAND"));
    }

    #[test]
    fn words_that_may_be_values_are_left_out() {
        let unseen = |fixed: u32, argv: &[&str]| {
            let change = |t: &mut serde_json::Value| {
                t["action"]["fixed"] = fixed.into();
                t["action"]["argv"] = serde_json::json!(argv);
            };
            let terms = terms(change);
            (mint_line_unseen(&terms), use_line_unseen(&terms))
        };
        for line in <[String; 2]>::from(unseen(0, &["sh", "-c", "hunter2 -- x"])) {
            assert!(line.ends_with(" -- sh ..."), "{line}");
        }
        for line in <[String; 2]>::from(unseen(1, &["sh", "hunter2"])) {
            assert!(line.ends_with(" -- ..."), "{line}");
        }
        for line in <[String; 2]>::from(unseen(0, &["true"])) {
            assert!(line.ends_with(" -- true"), "{line}");
        }
        for line in <[String; 2]>::from(unseen(1, &["true"])) {
            assert!(!line.contains(" -- "), "{line}");
        }
    }
}
