//! The command: values in, then filter or one of the verbs.

use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::{Error, Kind, Result};
use std::sync::Arc;

use crate::cli::{Cli, Values, Verb};
use crate::filter::Filter;
use crate::filter::patterns::{Pattern, Patterns};
use crate::filter::pump::pump;
use crate::verb::values::{self, Named};
use crate::verb::{ci, explain, hooks, markers, scan, status, watch};

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, context: &mut Context) -> Result<Exit> {
        match &self.verb {
            None => filter(&self, context),
            Some(Verb::Explain { values }) => {
                explain::explain(&read(values, context)?, &mut context.out)
            }
            Some(Verb::Markers { paths }) => markers::markers(paths, &mut context.out),
            Some(Verb::Scan(args)) => scan::run(args, context),
            Some(Verb::Watch) => watch::run(context),
            Some(Verb::Hooks(verb)) => hooks::run(verb, context),
            Some(Verb::Completions { shell }) => Self::completions(*shell, context),
        }
    }
}

fn read(values: &Values, context: &mut Context) -> Result<Named> {
    let named = values::read(values, &mut context.env)?;
    if named.is_empty() {
        return Err(Error::new(Kind::Usage, "no-values", "there is no value to look for")
            .hint("hasp-redact --env API_KEY, --values SRC or --file NAME=PATH"));
    }
    Ok(named)
}

fn filter(cli: &Cli, context: &mut Context) -> Result<Exit> {
    if cli.values.values.as_deref().is_some_and(values::is_stdin) {
        return Err(Error::new(
            Kind::Usage,
            "stdin-twice",
            "stdin cannot be both the values and what is filtered",
        )
        .hint("hasp-redact --values fd:3 3<values.env0 <build.log"));
    }
    let named = read(&cli.values, context)?;
    let patterns = Arc::new(compile(&named));
    for (name, reason) in patterns.unwatched() {
        context.out.warn(&format!("{name} is not looked for: {reason}"));
    }
    for (name, reason) in patterns.risky() {
        context.out.warn(&format!("{name} is dangerous to look for: {reason}"));
    }
    if let Some(system) = cli.ci {
        ci::mask(system, &named, context)?;
    }
    drop(named);
    let mut filter = Filter::new(patterns);
    let traffic = pump(&mut filter, rustix::stdio::stdin(), rustix::stdio::stdout())?;
    if cli.json_status {
        status::report(&filter, traffic);
    }
    Ok(Exit::OK)
}

fn compile(named: &Named) -> Patterns {
    let patterns: Vec<Pattern<'_>> =
        named.iter().map(|(name, value)| Pattern { name, value }).collect();
    Patterns::compile(&patterns)
}
