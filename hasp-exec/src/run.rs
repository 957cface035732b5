//! What `hasp-exec` does with its command line.

use std::ffi::OsString;

use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::{Error, Kind, Result, hint};
use hasp_grant::{KnownWord, as_program, known_word};

use crate::broker::status::StatusFd;
use crate::cli::Cli;
use crate::deliver::directory;
use crate::pty::monitor;
use crate::verb::{explain, run};
use crate::{child, doctor};

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, context: &mut Context) -> Result<Exit> {
        if let Some(shell) = self.completions {
            return Self::completions(shell, context);
        }
        if let Some(name) = &self.reap {
            return directory::reap(name).map(|()| Exit::OK);
        }
        if let Some(socket) = self.monitor {
            return monitor::run(socket).map(|()| Exit::OK);
        }
        if self.doctor {
            return doctor::run(self.repair, context);
        }
        if self.explain {
            return explain::explain(&self, context);
        }
        // Before the status's own descriptor is open: it could get a number that was asked for.
        let passed = child::passed(&self, &context.env);
        let status = StatusFd::open(self.status_fd)?;
        let outcome = passed.and_then(|passed| run::run(&self, passed, &status, context));
        if let Err(error) = &outcome {
            status.refused(error, refusal(error));
        }
        outcome
    }

    fn misplaced(word: &str) -> Vec<String> {
        match known_word(word) {
            KnownWord::Target => vec![hint!("name the target with -t: hasp-exec -t {word}")],
            KnownWord::File => {
                let program = as_program(word);
                vec![hint!("a granted command stands behind --: hasp-exec -- {program}")]
            }
            KnownWord::Unknown => [
                hint(
                    "name a target with -t, and further words behind --: hasp-exec -t TARGET \
                     -- WORDS",
                ),
                hint("a granted command stands behind --: hasp-exec -- COMMAND"),
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    fn status(args: &[OsString], error: &Error) -> u8 {
        let asks =
            args.iter().take_while(|a| *a != "--").any(|a| a == "--explain" || a == "--doctor");
        if asks { Exit::NO.0 } else { refusal(error) }
    }
}

/// The exit status of what never led to a child: apart from every status that a command has of
/// itself.
fn refusal(error: &Error) -> u8 {
    match error.kind() {
        Kind::NotExecutable | Kind::NotFound => error.kind().status(),
        _ => 125,
    }
}
