//! clap's errors in our form. A stray word is not shown: it may be the value that somebody meant to
//! store. What helps in its place is.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::code;
use crate::error::{Error, Kind};
use crate::habit;

/// The error of a command line, without its first word, that `command` does not take.
pub(crate) fn error(error: &clap::Error, command: &clap::Command, args: &[OsString]) -> Error {
    let context = |kind| error.get(kind).map(context_text).unwrap_or_default();
    let tool = command.get_name();
    let words = args.iter().filter(|w| !w.as_encoded_bytes().starts_with(b"-"));
    let first = words.clone().next().and_then(|w| w.to_str());
    // A word behind a verb of ours is no verb.
    let stray = stray(error).filter(|word| first == Some(word.as_str()));
    let habit = stray.as_deref().and_then(|word| Some((word, habit::line(tool, word)?)));
    let message = match habit {
        Some((word, _)) => format!("there is no verb '{word}'"),
        None => message(error),
    };
    let mut shown = Error::new(Kind::Usage, code::USAGE, message);
    if let Some((_, line)) = habit {
        return shown.hint(line).hint(format!("{tool} --help"));
    }
    let near =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    for kind in near {
        if !context(kind).is_empty() {
            shown = shown.hint(format!("did you mean {}?", context(kind)));
        }
    }
    let (verb, typed) = typed_verb(command, words);
    if is_about_verbs(error.kind()) {
        shown = shown.hint(format!("the verbs are {}", verbs(verb)));
    }
    shown.hint(format!("{typed} --help"))
}

/// The verb that was typed, of a verb perhaps, and how; the tool, if there was none.
fn typed_verb<'a, 'w>(
    command: &'a clap::Command,
    words: impl Iterator<Item = &'w OsString>,
) -> (&'a clap::Command, String) {
    let mut at = (command, command.get_name().to_owned());
    for word in words {
        let Some(verb) = at.0.find_subcommand(word) else { break };
        at = (verb, format!("{} {}", at.1, verb.get_name()));
    }
    at
}

/// The word that no verb or argument takes.
pub(crate) fn stray(error: &clap::Error) -> Option<String> {
    let kind = match error.kind() {
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        _ => return None,
    };
    error.get(kind).map(context_text).filter(|word| !word.starts_with('-'))
}

fn is_about_verbs(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidSubcommand
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

fn verbs(command: &clap::Command) -> String {
    let all = command.get_subcommands().filter(|c| !c.is_hide_set()).map(clap::Command::get_name);
    all.collect::<Vec<_>>().join(", ")
}

fn message(error: &clap::Error) -> String {
    let context = |kind| error.get(kind).map(context_text).unwrap_or_default();
    let argument = shown_argument(&context(ContextKind::InvalidArg));
    match error.kind() {
        ErrorKind::UnknownArgument if argument.is_empty() => {
            "there is a word too many (not shown: it may be a value; values and tokens never \
             travel in arguments)"
                .to_owned()
        }
        ErrorKind::UnknownArgument => format!("there is no option {argument}"),
        ErrorKind::InvalidSubcommand => "there is no such verb".to_owned(),
        ErrorKind::MissingRequiredArgument => {
            format!("missing: {}", context(ContextKind::InvalidArg))
        }
        kind if is_about_verbs(kind) => "no verb was given".to_owned(),
        ErrorKind::ArgumentConflict => {
            format!("{argument} cannot be used together with {}", context(ContextKind::PriorArg))
        }
        ErrorKind::InvalidValue if context(ContextKind::InvalidValue).is_empty() => {
            format!("{argument} needs a value")
        }
        ErrorKind::InvalidValue => {
            format!("{argument} takes one of: {}", context(ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => source_text(error)
            .map_or(format!("{argument} has a wrong value"), |t| format!("{argument}: {t}")),
        ErrorKind::TooManyValues
        | ErrorKind::WrongNumberOfValues
        | ErrorKind::TooFewValues
        | ErrorKind::NoEquals => format!("{argument} has the wrong number of values"),
        _ => "wrong usage".to_owned(),
    }
}

fn source_text(error: &clap::Error) -> Option<String> {
    let source = std::error::Error::source(error)?;
    let own = source.downcast_ref::<Error>().map(|e| e.message().to_owned());
    Some(own.unwrap_or_else(|| source.to_string()))
}

/// An option without its value; nothing for a word that is not an option.
fn shown_argument(argument: &str) -> String {
    if argument.starts_with('<') || argument.starts_with('[') {
        return argument.to_owned();
    }
    let Some(dashed) = argument.strip_prefix('-') else {
        return String::new();
    };
    let name = dashed.split(['=', ' ']).next().unwrap_or_default();
    if name.is_empty() {
        String::new()
    } else {
        format!("-{}", crate::text::printable(name.as_bytes()))
    }
}

fn context_text(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::StyledStrs(texts) => {
            texts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        ContextValue::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    use crate::tool::Common;

    #[derive(Parser, Debug)]
    #[command(name = "hasp-x")]
    struct Cli {
        #[command(subcommand)]
        verb: Verb,
        #[command(flatten)]
        common: Common,
    }

    #[derive(clap::Subcommand, Debug)]
    enum Verb {
        /// Store
        Set {
            name: String,
            #[arg(long, value_enum)]
            class: Option<Class>,
        },
    }

    #[derive(clap::ValueEnum, Clone, Debug)]
    enum Class {
        Low,
        High,
    }

    fn words(args: &[&str]) -> Vec<OsString> {
        args.iter().skip(1).map(OsString::from).collect()
    }

    fn refuse(args: &[&str]) -> Error {
        error(&Cli::try_parse_from(args).unwrap_err(), &Cli::command(), &words(args))
    }

    #[test]
    fn a_value_in_argv_is_never_shown() {
        for args in [
            &["hasp-x", "set", "db/url", "hunter2"][..],
            &["hasp-x", "set", "n", "--hunt=hunter2"],
            &["hasp-x", "hunter2"],
            &["hasp-x", "set", "n", "--class", "hunter2"],
        ] {
            let error = refuse(args);
            assert_eq!((error.code().as_str(), error.kind().status()), ("usage", 64));
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refuse(&["hasp-x", "set"]).message().contains("<NAME>"));
        let none = refuse(&["hasp-x"]);
        assert!(none.message().contains("no verb") && none.hints()[0].contains("set"), "{none:?}");
        assert!(refuse(&["hasp-x", "set", "n", "--clas", "low"]).hints()[0].contains("--class"));
        assert!(refuse(&["hasp-x", "set", "n", "--class", "lo"]).message().contains("low, high"));
        assert!(refuse(&["hasp-x", "set", "n", "--class"]).message().starts_with("--class"));
    }

    #[test]
    fn verbs_of_other_programs_name_ours() {
        #[derive(Parser, Debug)]
        #[command(name = "hasp-vault")]
        struct Vault {
            #[command(subcommand)]
            _verb: Verb,
        }
        let refuse = |args: &[&str]| {
            super::error(&Vault::try_parse_from(args).unwrap_err(), &Vault::command(), &words(args))
        };
        let error = refuse(&["hasp-vault", "rm", "hunter2"]);
        assert_eq!(error.hints()[0], "hasp-vault destroy NAME");
        assert!(error.message().contains("'rm'") && !format!("{error:?}").contains("hunter2"));
        let error = refuse(&["hasp-vault", "set", "name", "rm"]);
        assert!(error.message().contains("a word too many"), "{error:?}");
        let error = refuse(&["hasp-vault", "hunter2"]);
        assert!(error.hints().contains(&"the verbs are set".to_owned()), "{error:?}");
    }
}
