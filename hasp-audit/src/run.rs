//! From the command line to the verbs.

use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::{Error, Kind, Result};

use crate::cli::{Cli, LogArgs, Verb};
use crate::code;
use crate::verb::place::Place;
use crate::verb::{append, export, exposed, head, log, prune, recover, touched, verify, who};

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, cx: &mut Context) -> Result<Exit> {
        let id = self.id.as_deref();
        let Some(verb) = self.verb else {
            return log::run(cx, &Place::find(cx, id)?, &self.log);
        };
        if self.log != LogArgs::default() {
            return Err(Error::new(Kind::Usage, code::USAGE, "options of a verb stand behind it")
                .hint("hasp-audit log --secret db/url"));
        }
        match verb {
            Verb::Log(args) => log::run(cx, &Place::find(cx, id)?, &args),
            Verb::Verify(args) => verify::run(cx, id, &args),
            Verb::Head { note } => head::run(cx, &Place::find(cx, id)?, note),
            Verb::Who { from, asker } => {
                who::run(cx, &Place::find(cx, id)?, &from, asker.as_deref())
            }
            Verb::Touched { name, asker, since } => {
                let (asker, since) = (asker.as_deref(), since.as_deref());
                let wanted = touched::Wanted::read(&name, asker, since, cx)?;
                touched::run(cx, &Place::find(cx, id)?, &wanted)
            }
            Verb::Exposed { since, until, consumer, asker } => {
                let wanted = exposed::Wanted::read(since, until, consumer, asker, cx)?;
                exposed::run(cx, &Place::find(cx, id)?, &wanted)
            }
            Verb::Export { since, until, redacted } => {
                export::run(cx, &Place::find(cx, id)?, since.as_deref(), until.as_deref(), redacted)
            }
            Verb::Prune { due } => prune::run(cx, &Place::find(cx, id)?, due),
            Verb::Recover => recover::recover(cx, &Place::find(cx, id)?),
            Verb::AcceptLoss { yes } => recover::accept_loss(cx, &Place::find(cx, id)?, yes),
            Verb::Append => append::run(cx, &Place::find(cx, id)?),
            Verb::Completions { shell } => Cli::completions(shell, cx),
        }
    }
}
