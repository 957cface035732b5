//! From the command line to a verb: the project and the vault that it speaks of.

use std::path::{Path, PathBuf};

use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::{Error, Here, Home, Result};
use hasp_vault::Vault;

use crate::binding::Binding;
use crate::cli::{Cli, Options, Verb};
use crate::project::Project;
use crate::verb;

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, cx: &mut Context) -> Result<Exit> {
        let options = &self.options;
        match &self.verb {
            Some(Verb::Completions { shell }) => Cli::completions(*shell, cx),
            Some(Verb::List { all: true }) => verb::list::all(&Home::locate(&cx.env)?, cx),
            Some(Verb::List { all: false }) => verb::list::project(&Place::new(options, cx)?, cx),
            Some(Verb::Add { references }) => {
                verb::add::run(references, &Place::new_anywhere(options, cx)?, cx)
            }
            Some(Verb::Remove { references }) => {
                verb::remove::run(references, &Place::new(options, cx)?, cx)
            }
            Some(Verb::Remember) => verb::consent::remember(&Place::new(options, cx)?, cx),
            // Taking back is easy, also where somebody else has got at the project.
            Some(Verb::Drop) => {
                verb::drop::run(&Place::new(&Options { shared: true, ..options.clone() }, cx)?, cx)
            }
            None => match &options.moved_from {
                Some(from) => verb::moved::run(from, &Place::new(options, cx)?, options.yes, cx),
                None => verb::consent::run(&Place::new(options, cx)?, options.yes, cx),
            },
        }
    }
}

/// Where a verb acts.
pub(crate) struct Place {
    pub(crate) project: Project,
    pub(crate) vault: Vault,
    /// The vault directory that `--vault` asks to remember.
    pub(crate) remember: Option<PathBuf>,
    /// Whether this directory belonged to no project until now.
    pub(crate) founded: bool,
    /// Whether `--shared` was typed.
    pub(crate) shared: bool,
    /// Whether `--also` was typed.
    pub(crate) also: bool,
}

impl Place {
    fn new(options: &Options, cx: &Context) -> Result<Place> {
        let home = Home::locate(&cx.env)?;
        let start = current_dir()?;
        let project = if options.shared {
            Project::find_shared(&home, &start)?
        } else {
            Project::find(&home, &start)?
        };
        Place::with(&home, project, options, cx)
    }

    /// As [`Place::new`], where the directory itself is the project if it belongs to none.
    fn new_anywhere(options: &Options, cx: &Context) -> Result<Place> {
        let home = Home::locate(&cx.env)?;
        let start = current_dir()?;
        let found = if options.shared {
            Project::find_shared(&home, &start)
        } else {
            Project::find(&home, &start)
        };
        match found {
            Err(e) if ["no-project", "foreign-directory"].contains(&e.code().as_str()) => {
                let here =
                    if options.shared { Project::at_shared(&start)? } else { Project::at(&start)? };
                let place = Place::with(&home, here, options, cx)?;
                Ok(Place { founded: true, ..place })
            }
            found => Place::with(&home, found?, options, cx),
        }
    }

    fn with(home: &Home, project: Project, options: &Options, cx: &Context) -> Result<Place> {
        let named = options.vault.as_deref().map(real).transpose()?;
        let vault = match &named {
            Some(dir) => {
                home.check()?;
                Vault::open(home, dir)?
            }
            None => Vault::here(&Here::find(&cx.env)?)?,
        };
        let (shared, also) = (options.shared, options.also);
        Ok(Place { project, vault, remember: named, founded: false, shared, also })
    }

    /// The project's binding, or none yet; one to another vault counts as none, for consenting
    /// afresh.
    pub(crate) fn binding(&self) -> Result<Binding> {
        let loaded = match Binding::load(&self.vault, &self.project.root) {
            Err(e) if e.code() == "other-vault" && self.remember.is_some() => None,
            Err(e) if e.code() == "vault-rekeyed" => None,
            loaded => loaded?,
        };
        Ok(loaded.unwrap_or_else(|| Binding::afresh(&self.vault, &self.project)))
    }

    /// Refuses, before anything is asked, what signing would refuse: a name that another root has.
    ///
    /// # Errors
    /// `[project-name-taken]`.
    pub(crate) fn check_name(&self, binding: &Binding) -> Result<()> {
        let claims = Binding { project: self.project.name.clone(), ..binding.clone() };
        let asks = claims.project != binding.project || binding.holds_name.is_none();
        if self.also || !asks || !self.project.is_named() {
            return Ok(());
        }
        Binding { holds_name: None, ..claims }.check_name(&self.vault)
    }

    /// Whether a flag was typed that consent does not have yet.
    pub(crate) fn widens(&self, binding: &Binding) -> bool {
        self.also && binding.holds_name != Some(true) || self.shared && !binding.shared
    }

    /// Unlocks, then changes and signs the binding.
    pub(crate) fn change(
        &self,
        cx: &mut Context,
        change: impl FnOnce(&mut Binding) -> Result<()>,
    ) -> Result<Binding> {
        let unlocked = self.vault.unlock(cx)?;
        Binding::change(&unlocked, &self.project, cx.now, |binding| {
            if self.remember.is_some() {
                binding.vault_dir.clone_from(&self.remember);
            }
            binding.shared = binding.shared && self.project.stranger.is_some() || self.shared;
            change(binding)?;
            if self.also {
                binding.holds_name = Some(true);
            }
            Ok(())
        })
    }
}

fn current_dir() -> Result<PathBuf> {
    std::env::current_dir().map_err(|e| Error::system("find the current directory", e))
}

fn real(dir: &Path) -> Result<PathBuf> {
    dir.canonicalize().map_err(|e| Error::io("open", dir, e))
}
