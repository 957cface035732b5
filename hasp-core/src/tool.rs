//! The frame of every tool's main: harden the process, read the command line, run, print the error,
//! give the exit status.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

pub use clap_complete::Shell;

use clap::error::ErrorKind;

use crate::code;
use crate::complete;
use crate::environ::Environ;
use crate::error::{Error, Kind, Result};
use crate::output::Output;
use crate::platform;
use crate::time::Timestamp;
use crate::usage;

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

    /// Prints what a shell needs to complete this tool's command line.
    fn completions(shell: Shell, context: &mut Context) -> Result<Exit> {
        context.out.data(&complete::script(shell, &mut Self::command())).map(|()| Exit::OK)
    }

    /// What to type, where a word was typed that no verb or option takes. The word may be a value:
    /// it is shown only where it names what everybody may see.
    fn misplaced(_word: &str) -> Vec<String> {
        Vec::new()
    }

    /// The exit status for a failure; `hasp-exec`, and what runs in its place, has rules of its
    /// own.
    fn status(_args: &[OsString], error: &Error) -> u8 {
        error.kind().status()
    }
}

/// The whole of a tool's main.
pub fn main<T: Tool>() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if platform::guard(&args) {
        return ExitCode::SUCCESS;
    }
    let hardened = harden();
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
    if let [_, flag, line] = args
        && flag == complete::FLAG
    {
        let answer = complete::answer(T::command(), &line.to_string_lossy());
        return context.out.data(answer.as_bytes()).map(|()| Exit::OK);
    }
    let cli = match T::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            context.out.data(e.render().to_string().as_bytes())?;
            return Ok(Exit::OK);
        }
        Err(e) => {
            let error = usage::error(&e, &T::command(), args.get(1..).unwrap_or_default());
            let instead = usage::stray(&e).map(|word| T::misplaced(&word)).unwrap_or_default();
            return Err(instead.into_iter().fold(error, Error::hint));
        }
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
/// std has already put /dev/null on closed descriptors 0 to 2. A file size limit is an error like
/// any other, which can be said. SIGCHLD gets its default action, since a caller that ignores it
/// would make the kernel throw the children's statuses away. What our caller left open, a
/// passphrase perhaps, is inherited by no program that we start, unless it is handed down by
/// number. Returns the umask that we were started with.
fn harden() -> Result<rustix::fs::Mode> {
    refuse_more_rights(platform::has_more_rights())?;
    platform::withhold_descriptors();
    platform::harden().map_err(|e| Error::system("forbid core dumps", e))?;
    platform::default_action(rustix::process::Signal::CHILD);
    platform::survive_file_size_limit();
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
