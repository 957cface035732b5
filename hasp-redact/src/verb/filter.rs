//! Without a verb: standard input to standard output, with markers in place of values.

use std::sync::Arc;

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, platform};

use super::values::{self, Named};
use super::{ci, status};
use crate::cli::{Cli, Values};
use crate::code;
use crate::filter::pump::{Pump, Watcher};
use crate::filter::{Filter, Pattern, Patterns};

/// The capacity that is asked for where a pipe lends itself to it.
const PIPE: usize = 1 << 20;

/// Nothing goes on beside this stream.
struct Alone;

impl Watcher for Alone {
    fn source(&self) -> &'static str {
        "input"
    }
}

/// The values that are named, of which there must be one.
pub(crate) fn read(values: &Values, context: &mut Context) -> Result<Named> {
    let named = values::read(values, &mut context.env)?;
    if named.is_empty() {
        return Err(Error::new(Kind::Usage, code::NO_VALUES, "there is no value to look for")
            .hint("hasp-redact --env API_KEY, --values SRC or --file NAME=PATH"));
    }
    Ok(named)
}

/// Copies, and at the end says what was found.
pub(crate) fn run(cli: &Cli, context: &mut Context) -> Result<Exit> {
    if cli.values.values.as_deref().is_some_and(values::is_stdin) {
        return Err(Error::new(
            Kind::Usage,
            code::STDIN_TWICE,
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
    let (input, output) = (rustix::stdio::stdin(), rustix::stdio::stdout());
    for fd in [input, output] {
        // More than the default of 64 KiB saves system calls; a limit on the user's pipes may
        // forbid it.
        platform::widen(fd, PIPE);
    }
    let mut pump = Pump::new(Filter::new(patterns), input, output, Alone);
    pump.run(None)?;
    pump.finish()?;
    if cli.json_status {
        status::report(pump.filter(), pump.traffic());
    }
    Ok(Exit::OK)
}

fn compile(named: &Named) -> Patterns {
    let patterns: Vec<Pattern<'_>> =
        named.iter().map(|(name, value)| Pattern { name, value }).collect();
    Patterns::compile(&patterns)
}
