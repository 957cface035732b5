//! What `hasp-grant` does with its command line.

use std::ffi::OsString;

use clap::Parser;

use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::{Error, Kind, Result, hint};

use crate::cli::{Cli, Mint, Verb};
use crate::misplaced::{KnownWord, as_program, known_word};
use crate::verb::{list, mint, narrow, policy, revoke, show, suggest, sweep, why};

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, context: &mut Context) -> Result<Exit> {
        if let Some(shell) = self.mint.completions {
            return Self::completions(shell, context);
        }
        if self.verb.is_some() && self.mint != Mint::default() {
            return Err(Error::new(
                Kind::Usage,
                hasp_core::code::USAGE,
                "a verb goes with none of the options of minting",
            )
            .hint("hasp-grant --help"));
        }
        match &self.verb {
            Some(Verb::List { all, all_homes, names }) => {
                list::list(*all, *all_homes, *names, context)
            }
            Some(Verb::Show { source }) => show::show(source.as_deref(), context),
            Some(Verb::Revoke(which)) => revoke::revoke(which, context),
            Some(Verb::Policy { verb }) => policy::policy(verb, context),
            Some(Verb::Sweep) => sweep::sweep(context),
            Some(Verb::Why(asked)) => why::why(asked, context),
            Some(Verb::Suggest { since }) => suggest::suggest(since.as_deref(), context),
            Some(Verb::Narrow(asked)) => narrow::narrow(asked, context),
            None => mint::mint(&self.mint, context),
        }
    }

    fn misplaced(word: &str) -> Vec<String> {
        match known_word(word) {
            KnownWord::Target => vec![hint!("name the target with -t: hasp-grant -x -t {word}")],
            KnownWord::File => {
                let program = as_program(word);
                vec![hint!("a command stands behind --: hasp-grant -x -e VAR=REF -- {program}")]
            }
            KnownWord::Unknown => [
                hint("name a target with -t: hasp-grant -x -t TARGET"),
                hint("a command stands behind --: hasp-grant -x -e VAR=REF -- COMMAND"),
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    /// With `-x` this stands in hasp-exec's place, and a caller must be able to tell its failures
    /// from the child's.
    fn status(args: &[OsString], error: &Error) -> u8 {
        let exec = match Cli::try_parse_from(args) {
            Ok(cli) => cli.mint.exec,
            Err(_) => args.iter().take_while(|a| *a != "--").any(|a| a == "-x" || a == "--exec"),
        };
        match error.kind() {
            Kind::NotExecutable | Kind::NotFound if exec => error.kind().status(),
            Kind::NotExecutable | Kind::NotFound => Kind::Missing.status(),
            _ if exec => 125,
            kind => kind.status(),
        }
    }
}
