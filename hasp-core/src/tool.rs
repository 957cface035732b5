//! The frame of every tool's main: harden the process, read the command line, run, print the error,
//! give the exit status.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

pub use clap_complete::Shell;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use crate::code;
use crate::environ::Environ;
use crate::error::{Error, Kind, Result};
use crate::output::Output;
use crate::time::Timestamp;

/// The exit status of a tool that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// Done, or yes.
    pub const OK: Exit = Exit(0);
    /// No, for verbs that ask a question.
    pub const NO: Exit = Exit(1);
}

/// Flags that every tool has.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Common {
    /// Print errors and warnings only
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Act as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub dir: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long, global = true)]
    pub json: bool,
}

/// What a tool is given besides its command line.
#[derive(Debug)]
pub struct Context {
    /// The environment at start.
    pub env: Environ,
    /// Where to print.
    pub out: Output,
    /// When the tool was started, or what it waited for arrived.
    pub now: Timestamp,
    /// The umask that it was started with, for a child.
    pub umask: rustix::fs::Mode,
}

/// A command line that can be run.
pub trait Tool: clap::Parser {
    /// The flags shared by all tools.
    fn common(&self) -> &Common;

    /// Does what the command line says.
    fn run(self, context: &mut Context) -> Result<Exit>;

    /// Prints what a shell needs to complete this tool's command line. It knows no names of secrets.
    fn completions(shell: Shell, context: &mut Context) -> Result<Exit> {
        let mut command = Self::command();
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, name, &mut script);
        context.out.data(&script).map(|()| Exit::OK)
    }

    /// The exit status for a failure; `hasp-exec`, and what runs in its place, has rules of its
    /// own.
    fn status(_args: &[OsString], error: &Error) -> u8 {
        error.kind().status()
    }
}

/// The whole of a tool's main.
pub fn main<T: Tool>() -> ExitCode {
    let hardened = harden();
    let args: Vec<OsString> = std::env::args_os().collect();
    let command = T::command();
    let umask =
        hardened.as_ref().map_or(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO, |mask| *mask);
    let mut context = Context {
        env: Environ::capture(),
        out: Output::new(command.get_name()),
        now: Timestamp::now(),
        umask,
    };
    context.out.json = args.iter().take_while(|a| *a != "--").any(|a| a == "--json");
    let outcome = hardened.and_then(|_| run::<T>(&args, &mut context));
    let outcome = outcome.and_then(|exit| context.out.finish().map(|()| exit));
    match outcome {
        Ok(exit) => ExitCode::from(exit.0),
        Err(error) => {
            context.out.error(&error);
            ExitCode::from(T::status(&args, &error))
        }
    }
}

fn run<T: Tool>(args: &[OsString], context: &mut Context) -> Result<Exit> {
    let cli = match T::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            context.out.data(e.render().to_string().as_bytes())?;
            return Ok(Exit::OK);
        }
        Err(e) => return Err(usage(&e, T::command().get_name())),
    };
    context.out.json = cli.common().json;
    context.out.quiet = cli.common().quiet;
    if let Some(dir) = &cli.common().dir {
        std::env::set_current_dir(dir).map_err(|e| Error::io("change to", dir, e))?;
    }
    cli.run(context)
}

/// First thing in main: not with more rights than the caller's, no core dump, no ptrace by the same
/// user, private files.
///
/// The dump filter comes before PR_SET_DUMPABLE, which makes /proc/self/coredump_filter unwritable.
/// std has already put /dev/null on closed descriptors 0 to 2. A file size limit is an error like
/// any other, which can be said. SIGCHLD gets its default action, since a caller that ignores it
/// would make the kernel throw the children's statuses away. What our caller left open, a
/// passphrase perhaps, is inherited by no program that we start, unless it is handed down by
/// number. Returns the umask that we were started with.
fn harden() -> Result<rustix::fs::Mode> {
    refuse_more_rights(crate::system::has_more_rights())?;
    crate::system::withhold_descriptors();
    let _ = std::fs::write("/proc/self/coredump_filter", "0");
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|e| Error::system("forbid core dumps", e))?;
    let limit = rustix::process::getrlimit(Resource::Core);
    // 1, not 0: a core_pattern that is a pipe ignores every limit but this one, which no file takes
    // either (fs/coredump.c).
    let current = Some(limit.maximum.map_or(1, |hard| hard.min(1)));
    rustix::process::setrlimit(Resource::Core, Rlimit { current, maximum: limit.maximum })
        .map_err(|e| Error::system("forbid core dumps", e))?;
    crate::system::default_action(rustix::process::Signal::CHILD);
    crate::system::survive_file_size_limit();
    Ok(rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO))
}

/// A set-user-ID copy would open its owner's home to whoever runs it.
fn refuse_more_rights(more: bool) -> Result<()> {
    if !more {
        return Ok(());
    }
    let own = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("PROGRAM"));
    let own = crate::text::shell_word(own.as_os_str());
    Err(Error::new(
        Kind::Denied,
        code::SET_ID,
        "this program was started with rights that its caller has not",
    )
    .hint(format!("take them away: chmod u-s,g-s {own}"))
    .hint(format!("or, where it has file capabilities: setcap -r {own}")))
}

/// clap's error in our form. A stray word is not shown: it may be the value that somebody meant to
/// store.
fn usage(error: &clap::Error, tool: &str) -> Error {
    let context = |kind| error.get(kind).map(context_text).unwrap_or_default();
    let argument = shown_argument(&context(ContextKind::InvalidArg));
    let message = match error.kind() {
        ErrorKind::UnknownArgument if argument.is_empty() => {
            "there is a word too many (not shown: it may be a value; values and tokens never travel in arguments)"
                .to_owned()
        }
        ErrorKind::UnknownArgument => format!("there is no option {argument}"),
        ErrorKind::InvalidSubcommand => "there is no such verb".to_owned(),
        ErrorKind::MissingRequiredArgument => format!("missing: {}", context(ContextKind::InvalidArg)),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "what shall it do? no verb was given".to_owned()
        }
        ErrorKind::ArgumentConflict => {
            format!("{argument} cannot be used together with {}", context(ContextKind::PriorArg))
        }
        ErrorKind::InvalidValue if context(ContextKind::InvalidValue).is_empty() => format!("{argument} needs a value"),
        ErrorKind::InvalidValue => format!("{argument} takes one of: {}", context(ContextKind::ValidValue)),
        ErrorKind::ValueValidation => {
            source_text(error).map_or(format!("{argument} has a wrong value"), |t| format!("{argument}: {t}"))
        }
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues | ErrorKind::NoEquals => {
            format!("{argument} has the wrong number of values")
        }
        _ => "wrong usage".to_owned(),
    };
    let mut shown = Error::new(Kind::Usage, code::USAGE, message);
    let near =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    for kind in near {
        if !context(kind).is_empty() {
            shown = shown.hint(format!("did you mean {}?", context(kind)));
        }
    }
    shown.hint(format!("{tool} --help"))
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
    use clap::Parser;

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

    fn refuse(args: &[&str]) -> Error {
        usage(&Cli::try_parse_from(args).unwrap_err(), "hasp-x")
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
        assert!(refuse(&["hasp-x"]).message().contains("no verb"));
        assert!(refuse(&["hasp-x", "set", "n", "--clas", "low"]).hints()[0].contains("--class"));
        assert!(refuse(&["hasp-x", "set", "n", "--class", "lo"]).message().contains("low, high"));
        assert!(refuse(&["hasp-x", "set", "n", "--class"]).message().starts_with("--class"));
    }
}
