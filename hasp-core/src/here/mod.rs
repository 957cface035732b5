//! Which vault a tool uses where it was started: one answer for all of them. It is read without
//! being verified and good for finding only; the vault that is found is verified by its pin, and
//! then verifies the binding that led to it.
//!
//! "Not there" and "cannot be read" are two answers: without a binding the vault is the home's own,
//! and behind one that cannot be read it is none, since whatever is written there must not go into
//! another vault. `hasp.toml` is looked for and never read.

mod binding;
mod log;
mod root;
#[cfg(test)]
mod tests;
mod unverified;

use std::path::{Path, PathBuf};

pub use self::binding::{
    BINDINGS, Bound, MAX_BINDING, binding_id, binding_path, damaged, is_binding_id, is_shared,
    read_binding,
};
pub use self::log::{KNOWN_VAULTS, LogRef, VAULT_FILE, change_of, no_vault, unknown_vault};
pub use self::root::root;
pub use self::unverified::Unverified;
use crate::environ::Environ;
use crate::error::{Error, Result};
use crate::home::Home;
pub use crate::project::{GIT, MANIFEST};
use crate::var::Var;

/// Where a tool was started.
#[derive(Clone, Debug)]
pub struct Here {
    home: Home,
    vault_dir: Unverified<PathBuf>,
    bound: Option<Bound>,
}

impl Here {
    /// Looks around from the current directory, for a home that is checked first.
    ///
    /// # Errors
    /// Those of [`Home::check`] and of [`Here::within`].
    pub fn find(env: &Environ) -> Result<Here> {
        let home = Home::locate(env)?;
        home.check()?;
        Here::within(&home, env)
    }

    /// As [`Here::find`], for a home that may not be there yet.
    ///
    /// # Errors
    /// `[tampered]` for a binding that is damaged; the file discipline's codes for one that others
    /// could have written.
    pub fn within(home: &Home, env: &Environ) -> Result<Here> {
        if let Some(here) = Here::named(home, env)? {
            return Ok(here);
        }
        // Where nothing is bound it does not matter where we are.
        if !binding::any_bound(home)? {
            return Ok(Here::at_home(home));
        }
        let cwd =
            std::env::current_dir().map_err(|e| Error::system("find the current directory", e))?;
        Here::from(home, &cwd)
    }

    /// As [`Here::within`], as if the tool had been started in `start`.
    ///
    /// # Errors
    /// Those of [`Here::within`], and where `start` is not there.
    pub fn at(home: &Home, env: &Environ, start: &Path) -> Result<Here> {
        Here::named(home, env)?.map_or_else(|| Here::from(home, start), Ok)
    }

    /// Where `HASP_VAULT` says.
    fn named(home: &Home, env: &Environ) -> Result<Option<Here>> {
        let Some(named) = env.var(Var::Vault).map(Path::new) else { return Ok(None) };
        // Absolute, so that what is remembered and shown does not depend on where the tool was
        // started.
        let dir = std::path::absolute(named).map_err(|e| Error::io("find", named, e))?;
        Ok(Some(Here::with(home, dir, None)))
    }

    fn from(home: &Home, start: &Path) -> Result<Here> {
        let start = start.canonicalize().map_err(|e| Error::io("open", start, e))?;
        let Some(root) = root(home, &start)? else { return Ok(Here::at_home(home)) };
        let id = binding_id(&root);
        let path = binding_path(home, &id);
        let text = read_binding(home, &id).map_err(|e| binding::with_way_out(e, &path))?;
        let Some(text) = text else { return Ok(Here::at_home(home)) };
        let claim = binding::Claim::parse(&text).ok_or_else(|| damaged(&path))?;
        let vault_dir = claim.dir.unwrap_or_else(|| home.join("vault"));
        let bound = Bound { root, id, text, vault: claim.vault };
        Ok(Here::with(home, vault_dir, Some(bound)))
    }

    fn at_home(home: &Home) -> Here {
        Here::with(home, home.join("vault"), None)
    }

    fn with(home: &Home, vault_dir: PathBuf, bound: Option<Bound>) -> Here {
        Here { home: home.clone(), vault_dir: Unverified::new(vault_dir), bound }
    }

    /// The home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The vault's directory: `HASP_VAULT`, else the one that the project's binding remembers, else
    /// `vault` in the home.
    pub fn vault_dir(&self) -> &Unverified<PathBuf> {
        &self.vault_dir
    }

    /// The binding that was asked, if `HASP_VAULT` did not speak first and the project has one.
    pub fn bound(&self) -> Option<&Bound> {
        self.bound.as_ref()
    }

    /// The record of that vault.
    ///
    /// # Errors
    /// `[no-vault]`, `[unknown-vault]`, `[tampered]`; the file discipline's codes.
    pub fn log(&self) -> Result<Unverified<LogRef>> {
        log::find(&self.home, self.vault_dir.for_finding()).map(Unverified::new)
    }
}
