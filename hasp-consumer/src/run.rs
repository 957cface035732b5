//! From the command line to a verb.

use hasp_core::Result;
use hasp_core::tool::{Common, Context, Exit, Tool};

use crate::cli::{Cli, Verb};
use crate::verb::{add, edit, list, remove, show, whoami};

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, cx: &mut Context) -> Result<Exit> {
        match self.verb {
            Verb::Whoami => whoami::run(cx),
            Verb::Add { consumer, exe, limits } => add::run(&consumer, &exe, &limits, cx),
            Verb::Edit { consumer, how } => edit::run(&consumer, &how, cx),
            Verb::Remove { consumer } => remove::run(&consumer, cx),
            Verb::List { names } => list::run(names, cx),
            Verb::Show { consumer } => show::run(&consumer, cx),
            Verb::Completions { shell } => Cli::completions(shell, cx),
        }
    }
}
