//! What one command line works with while a grant is consumed: the runtime directory and its
//! ledger, the project and its vault, and who asks. Everything before the spend changes nothing.

pub(crate) mod asked;
pub(crate) mod digest;
pub(crate) mod events;
pub(crate) mod find;
pub(crate) mod running;
pub(crate) mod status;
pub(crate) mod verify;

use std::path::PathBuf;

use rustix::fs::{Access, access, statvfs};
use rustix::io::Errno;

use hasp_bind::{Binding, Project};
use hasp_consumer::Caller;
use hasp_core::tool::Context;
use hasp_core::{Error, Here, Home, Result, Runtime};
use hasp_grant::{Everywhere, Ledger, Situation, everywhere};
use hasp_vault::Vault;

use crate::cli::Cli;

/// Everything that stays the same while one grant is consumed.
pub(crate) struct Broker {
    /// The runtime directory.
    pub(crate) runtime: Runtime,
    /// The ledgers of all runtime directories that this user may have.
    pub(crate) ledgers: Vec<Ledger>,
    /// Why others could not be looked into.
    pub(crate) unreached: Vec<Error>,
    /// The home.
    pub(crate) home: Home,
    /// The root of the project here, or why there is none.
    pub(crate) root: Result<PathBuf>,
    /// The project's vault; the home's own outside of any project, so that a denial there is on
    /// record.
    pub(crate) vault: Vault,
    /// Who asks.
    pub(crate) caller: Caller,
}

impl Broker {
    /// Finds runtime directory, project and vault.
    pub(crate) fn open(context: &Context) -> Result<Broker> {
        let here = Here::find(&context.env)?;
        let home = here.home().clone();
        let runtime = here.runtime()?;
        Ledger::open(&runtime)?;
        let Everywhere { ledgers, unreached } = everywhere(&context.env, &home, context.now);
        here.cwd()?;
        let root = Project::root(&here);
        let vault = Vault::here(&here)?;
        let caller = Caller::current()?;
        Ok(Broker { runtime, ledgers, unreached, home, root, vault, caller })
    }

    /// The target that was asked for, if somebody has consented to one of this name: any other word
    /// may be a value, typed in its place.
    pub(crate) fn consented<'a>(&self, cli: &'a Cli) -> Option<&'a str> {
        let asked = cli.target.as_deref()?;
        let binding = Binding::load(&self.vault, self.root.as_deref().ok()?).ok()??;
        binding.targets.contains_key(asked).then_some(asked)
    }

    /// Whether what a run writes before anything is released can be written.
    ///
    /// # Errors
    /// `[read-only]`, `[permission]`, `[disk-full]`; those of finding the record.
    pub(crate) fn can_write(&self) -> Result<()> {
        let log = self.vault.log()?;
        for path in [log.path(), self.runtime.root()] {
            access(path, Access::WRITE_OK).map_err(|e| Error::io("write", path, e))?;
            if statvfs(path).is_ok_and(|room| room.f_blocks > 0 && room.f_bavail == 0) {
                return Err(Error::io("write", path, Errno::NOSPC));
            }
        }
        Ok(())
    }

    /// The situation in which a token is presented.
    ///
    /// # Errors
    /// `[no-project]`.
    pub(crate) fn situation<'a>(
        &'a self,
        cli: &'a Cli,
        searched: bool,
        context: &'a Context,
    ) -> Result<Situation<'a>> {
        Ok(Situation {
            vault: &self.vault,
            ledgers: &self.ledgers,
            runtime: &self.runtime,
            caller: &self.caller,
            root: self.root.as_deref().map_err(Clone::clone)?,
            search: context.env.get("PATH"),
            now: context.now,
            target: cli.target.as_deref(),
            words: cli.argv.as_deref(),
            searched,
        })
    }
}
