//! Where a verb acts: the project of the current directory, and the vault that signs for it.

use std::path::{Path, PathBuf};

use hasp_core::tool::Context;
use hasp_core::{Error, Here, Home, Result};
use hasp_vault::Vault;

use crate::binding::Binding;
use crate::binding::load::is_of_other_vault;
use crate::cli::Options;
use crate::code;
use crate::project::Project;

/// Where a verb acts.
pub(crate) struct ProjectVault {
    pub(crate) project: Project,
    pub(crate) vault: Vault,
    /// The vault directory that `--vault` asks to remember.
    pub(crate) remember: Option<PathBuf>,
    /// Whether `--shared` was typed.
    pub(crate) shared: bool,
    /// Whether `--also` was typed.
    pub(crate) also: bool,
}

impl ProjectVault {
    pub(crate) fn new(options: &Options, cx: &Context) -> Result<ProjectVault> {
        let here = Here::within(&Home::locate(&cx.env)?, &cx.env);
        ProjectVault::with(&here, find(&here, options)?, options)
    }

    /// As [`ProjectVault::new`], where the directory itself is the project if it belongs to none.
    pub(crate) fn new_anywhere(options: &Options, cx: &Context) -> Result<ProjectVault> {
        let here = Here::within(&Home::locate(&cx.env)?, &cx.env);
        match find(&here, options) {
            Err(e)
                if [code::NO_PROJECT, hasp_target::code::FOREIGN_DIRECTORY].contains(&e.code()) =>
            {
                let dir = here.cwd()?;
                let founded =
                    if options.shared { Project::at_shared(dir)? } else { Project::at(dir)? };
                ProjectVault::with(&here, founded, options)
            }
            found => ProjectVault::with(&here, found?, options),
        }
    }

    fn with(here: &Here<'_>, project: Project, options: &Options) -> Result<ProjectVault> {
        let named = options.vault.as_deref().map(real).transpose()?;
        here.home().check()?;
        let vault = match &named {
            Some(dir) => Vault::open(here.home(), dir)?,
            None => Vault::here(here)?,
        };
        let (shared, also) = (options.shared, options.also);
        Ok(ProjectVault { project, vault, remember: named, shared, also })
    }

    /// The project's binding, or none yet; one to another vault counts as none, for consenting
    /// afresh.
    pub(crate) fn binding(&self) -> Result<Binding> {
        let loaded = match Binding::load(&self.vault, &self.project.root) {
            Err(e) if is_of_other_vault(&e) && self.remember.is_some() => None,
            Err(e) if e.code() == code::VAULT_REKEYED => None,
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

fn find(here: &Here<'_>, options: &Options) -> Result<Project> {
    if options.shared { Project::find_shared(here) } else { Project::find(here) }
}

fn real(dir: &Path) -> Result<PathBuf> {
    dir.canonicalize().map_err(|e| Error::io("open", dir, e))
}
