//! From the command line to the verb.

use hasp_core::Result;
use hasp_core::tool::{Common, Context, Exit, Tool};

use crate::cli::{Cli, Verb};
use crate::verb::{explain, filter, hooks, markers, scan, watch};

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, context: &mut Context) -> Result<Exit> {
        match &self.verb {
            None => filter::run(&self, context),
            Some(Verb::Explain { values }) => {
                explain::explain(&filter::read(values, context)?, &mut context.out)
            }
            Some(Verb::Markers { paths }) => markers::markers(paths, &mut context.out),
            Some(Verb::Scan(args)) => scan::run(args, context),
            Some(Verb::Watch) => watch::run(context),
            Some(Verb::Hooks(verb)) => hooks::run(verb, context),
            Some(Verb::Completions { shell }) => Self::completions(*shell, context),
        }
    }
}
