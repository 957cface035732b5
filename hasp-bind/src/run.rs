//! From the command line to a verb.

use std::path::PathBuf;

use hasp_audit::EventKind;
use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::{Here, Home, Result};
use hasp_vault::{asker, record_denial};

use crate::binding::project_vault::ProjectVault;
use crate::cli::{Cli, Options, Verb};
use crate::verb;

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, cx: &mut Context) -> Result<Exit> {
        let outcome = self.dispatch(cx);
        outcome.inspect_err(|error| {
            let project = project(cx);
            record_denial(error, EventKind::BindDeny, cx, |event| {
                let event = event.field("asker", asker());
                project.into_iter().fold(event, |event, root| event.os("project", root))
            });
        })
    }
}

/// The root of the project here, where there is one.
fn project(cx: &Context) -> Option<PathBuf> {
    let here = Here::within(&Home::locate(&cx.env).ok()?, &cx.env);
    Some(here.root().ok()??.to_owned())
}

impl Cli {
    fn dispatch(self, cx: &mut Context) -> Result<Exit> {
        let options = &self.options;
        match &self.verb {
            Some(Verb::Completions { shell }) => Cli::completions(*shell, cx),
            Some(Verb::List { all: true, names }) => {
                verb::list::all(&Home::locate(&cx.env)?, *names, cx)
            }
            Some(Verb::List { all: false, names }) => {
                verb::list::project(&ProjectVault::new(options, cx)?, *names, cx)
            }
            Some(Verb::Add { references }) => {
                let place = ProjectVault::new_anywhere(options, cx)
                    .map_err(|e| verb::add::with_words(&e, references))?;
                verb::add::run(references, &place, cx)
            }
            Some(Verb::Remove { references }) => {
                verb::remove::run(references, &ProjectVault::new(options, cx)?, cx)
            }
            Some(Verb::Remember) => verb::consent::remember(&ProjectVault::new(options, cx)?, cx),
            // Taking back is easy, also where somebody else has got at the project.
            Some(Verb::Drop) => verb::drop::run(
                &ProjectVault::new(&Options { shared: true, ..options.clone() }, cx)?,
                cx,
            ),
            None => match &options.moved_from {
                Some(from) => {
                    verb::moved::run(from, &ProjectVault::new(options, cx)?, options.yes, cx)
                }
                None => verb::consent::run(&ProjectVault::new(options, cx)?, options.yes, cx),
            },
        }
    }
}
