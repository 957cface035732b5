//! Where a tool was started, and which project and vault that means: one answer for all of them. It
//! is read without being verified and good for finding only; the vault that is found is verified by
//! its pin, and then verifies the binding that led to it.
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

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

pub use self::binding::{
    BINDINGS, Bound, MAX_BINDING, binding_id, binding_path, damaged, is_binding_id, is_shared,
    read_binding,
};
pub use self::log::{KNOWN_VAULTS, LogRef, VAULT_FILE, change_of, no_vault, unknown_vault};
pub use self::root::{manifest, root};
pub use self::unverified::Unverified;
use crate::environ::Environ;
use crate::error::{Error, Result};
use crate::home::{Home, Runtime};
pub use crate::project::{GIT, MANIFEST};
use crate::var::Var;

/// Where a tool was started: home, directory, project, vault, log and runtime directory, each
/// looked for when it is asked for first.
pub struct Here<'e> {
    env: &'e Environ,
    home: Home,
    /// Where it is as if the tool had been started; the current directory if absent.
    start: Option<PathBuf>,
    cwd: OnceCell<Result<PathBuf>>,
    root: OnceCell<Result<Option<PathBuf>>>,
    vault: OnceCell<Result<Lead>>,
}

/// Where the vault is said to be, and what says so.
struct Lead {
    dir: Unverified<PathBuf>,
    bound: Option<Bound>,
}

impl<'e> Here<'e> {
    /// The current directory, for a home that is checked first.
    ///
    /// # Errors
    /// Those of [`Home::check`].
    pub fn find(env: &'e Environ) -> Result<Here<'e>> {
        let home = Home::locate(env)?;
        home.check()?;
        Ok(Here::within(&home, env))
    }

    /// As [`Here::find`], for a home that may not be there yet.
    pub fn within(home: &Home, env: &'e Environ) -> Here<'e> {
        Here::new(home, env, None)
    }

    /// As [`Here::within`], as if the tool had been started in `start`.
    pub fn at(home: &Home, env: &'e Environ, start: &Path) -> Here<'e> {
        Here::new(home, env, Some(start.to_owned()))
    }

    fn new(home: &Home, env: &'e Environ, start: Option<PathBuf>) -> Here<'e> {
        let (cwd, root, vault) = Default::default();
        Here { env, home: home.clone(), start, cwd, root, vault }
    }

    /// The home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The current directory, a real path.
    ///
    /// # Errors
    /// `Kind::Io` where it is gone or cannot be reached.
    pub fn cwd(&self) -> Result<&Path> {
        let find = || match &self.start {
            Some(start) => real(start),
            None => std::env::current_dir()
                .map_err(|e| Error::system("find the current directory", e))
                .and_then(|dir| real(&dir)),
        };
        self.cwd.get_or_init(find).as_deref().map_err(Clone::clone)
    }

    /// The root of the project, by [`root`]; none outside of any.
    ///
    /// # Errors
    /// Those of [`Here::cwd`] and of [`root`].
    pub fn root(&self) -> Result<Option<&Path>> {
        let find = || root(&self.home, self.cwd()?);
        let found = self.root.get_or_init(find).as_ref().map_err(Clone::clone)?;
        Ok(found.as_deref())
    }

    /// The vault's directory: `HASP_VAULT`, else the one that the project's binding remembers, else
    /// `vault` in the home.
    ///
    /// # Errors
    /// `[tampered]` for a binding that is damaged; the file discipline's codes for one that others
    /// could have written.
    pub fn vault_dir(&self) -> Result<&Unverified<PathBuf>> {
        self.lead().map(|lead| &lead.dir)
    }

    /// The binding that was asked, if `HASP_VAULT` did not speak first and the project has one.
    ///
    /// # Errors
    /// Those of [`Here::vault_dir`].
    pub fn bound(&self) -> Result<Option<&Bound>> {
        self.lead().map(|lead| lead.bound.as_ref())
    }

    /// The record of that vault.
    ///
    /// # Errors
    /// `[no-vault]`, `[unknown-vault]`, `[tampered]`; the file discipline's codes.
    pub fn log(&self) -> Result<Unverified<LogRef>> {
        log::find(&self.home, self.vault_dir()?.for_finding()).map(Unverified::new)
    }

    /// The runtime directory.
    ///
    /// # Errors
    /// Those of [`Runtime::locate`].
    pub fn runtime(&self) -> Result<Runtime> {
        Runtime::locate(self.env)
    }

    fn lead(&self) -> Result<&Lead> {
        let found = self.vault.get_or_init(|| {
            let (dir, bound) = self.look()?;
            Ok(Lead { dir: Unverified::new(dir), bound })
        });
        found.as_ref().map_err(Clone::clone)
    }

    fn look(&self) -> Result<(PathBuf, Option<Bound>)> {
        if let Some(named) = self.env.var(Var::Vault).map(Path::new) {
            // Absolute, so that what is remembered and shown does not depend on where the tool was
            // started.
            let dir = std::path::absolute(named).map_err(|e| Error::io("find", named, e))?;
            return Ok((dir, None));
        }
        let own = self.home.join("vault");
        // Where nothing is bound it does not matter where we are.
        if !binding::any_bound(&self.home)? {
            return Ok((own, None));
        }
        let Some(root) = self.root()? else { return Ok((own, None)) };
        let id = binding_id(root);
        let path = binding_path(&self.home, &id);
        let text = read_binding(&self.home, &id).map_err(|e| binding::with_way_out(e, &path))?;
        let Some(text) = text else { return Ok((own, None)) };
        let claim = binding::Claim::parse(&text).ok_or_else(|| damaged(&path))?;
        let bound = Bound { root: root.to_owned(), id, text, vault: claim.vault };
        Ok((claim.dir.unwrap_or(own), Some(bound)))
    }
}

fn real(dir: &Path) -> Result<PathBuf> {
    dir.canonicalize().map_err(|e| Error::io("open", dir, e))
}
