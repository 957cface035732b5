//! From the command line to the verb.

use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::{Error, Kind, Result, code};

use crate::cli::{Cli, Values, Verb};
use crate::verb::{explain, filter, hooks, markers, scan, watch};

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, context: &mut Context) -> Result<Exit> {
        self.refuse_mixed()?;
        match &self.verb {
            None => filter::run(&self, context),
            Some(Verb::Explain { values }) => {
                explain::explain(&filter::read(values, context)?, &mut context.out)
            }
            Some(Verb::Markers { paths }) => markers::markers(paths, &mut context.out),
            Some(Verb::Scan(args)) => scan::run(args, context),
            Some(Verb::Watch { names }) => watch::run(*names, context),
            Some(Verb::Hooks(verb)) => hooks::run(verb, context),
            Some(Verb::Completions { shell }) => Self::completions(*shell, context),
        }
    }
}

impl Cli {
    /// Options of filtering say nothing to a verb; those of every tool stand on either side of it.
    fn refuse_mixed(&self) -> Result<()> {
        let Values { values, env, file } = &self.values;
        let sources = values.is_some() || !env.is_empty() || !file.is_empty();
        if self.verb.is_none() || !(sources || self.ci.is_some() || self.json_status) {
            return Ok(());
        }
        let message = "the options of filtering stand before a verb, which does not filter";
        Err(Error::new(Kind::Usage, code::USAGE, message)
            .hint("put the verb's options behind it: hasp-redact VERB --help"))
    }
}
