//! What a hook remembers of where it was installed: programs that call git often hand on neither
//! HASP_HOME nor HOME, and an empty home in the place of the right one would find nothing.

use std::path::PathBuf;

use hasp_core::{Environ, Home, Result, Var};

use crate::git::Git;
use crate::scan::watch::Watch;

/// The settings of a repository where no hook of its own can hold them.
const HOME: &str = "hasp.home";
const VAULT: &str = "hasp.vault";
const WATCHED: &str = "hasp.watched";

/// A home and what was in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// The home.
    pub home: Option<PathBuf>,
    /// The vault, where HASP_VAULT named one.
    pub vault: Option<PathBuf>,
    /// Whether any value was watched.
    pub watched: bool,
}

impl Memory {
    /// Of where this is run.
    pub fn of(env: &Environ) -> Memory {
        let Ok(home) = Home::locate(env) else { return Memory::default() };
        let kept = Watch::of(&home).load().map(|(_, kept, _)| kept).unwrap_or_default();
        Memory {
            vault: env.var(Var::Vault).map(PathBuf::from).filter(|p| p.is_absolute()),
            watched: kept.iter().any(|k| k.marks.is_ok()),
            home: Some(home.root().to_owned()),
        }
    }

    /// What the settings of a repository say.
    pub fn of_settings(git: &Git) -> Memory {
        Memory {
            home: git.setting(HOME),
            vault: git.setting(VAULT),
            watched: git.setting(WATCHED).is_some_and(|w| w.as_os_str() == "yes"),
        }
    }

    /// Writes it into the settings of a repository.
    pub fn write(&self, git: &Git) -> Result<()> {
        let watched = Some(PathBuf::from(if self.watched { "yes" } else { "no" }));
        for (name, value) in [(HOME, &self.home), (VAULT, &self.vault), (WATCHED, &watched)] {
            if let Some(value) = value {
                git.read(&[
                    "config".as_ref(),
                    "--local".as_ref(),
                    name.as_ref(),
                    value.as_os_str(),
                ])?;
            }
        }
        Ok(())
    }

    /// Takes it out of the settings again.
    pub fn forget(git: &Git) {
        for name in [HOME, VAULT, WATCHED] {
            // Most are not there.
            let _ = git.read(&["config", "--local", "--unset-all", name]);
        }
    }
}
