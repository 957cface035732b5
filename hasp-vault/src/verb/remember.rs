//! The vault that was joined becomes the one of the project here. Bindings are hasp-bind's: it is
//! run beside this tool, with the identity over a pipe, so that nobody is asked for a passphrase
//! twice.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hasp_core::sibling::{self, Said};
use hasp_core::text::{printable_path, shell_word};
use hasp_core::tool::Context;
use hasp_core::{Error, Here, Home, Result, Var, VaultId, lead, platform};

use crate::code;
use crate::open::identity::Identity;
use crate::open::vault::Vault;

/// What a project here would need to use a vault.
pub enum Use {
    /// It uses the vault already.
    Already,
    /// It is bound to no vault, and can be.
    Free(PathBuf),
    /// It uses another one, or another copy, and goes on doing so.
    Other(PathBuf),
    /// `HASP_VAULT` decides, as long as it is set.
    Named,
    /// The current directory belongs to no project.
    NoProject,
}

/// Looks which it is.
///
/// # Errors
/// Those of [`Here::vault_dir`] and [`Here::root`].
pub fn look(home: &Home, dir: &Path, id: VaultId, cx: &Context) -> Result<Use> {
    let here = Here::within(home, &cx.env);
    let theirs = Vault::dir_of(&here)?;
    let same = same(theirs, dir);
    if let Some(bound) = here.bound()? {
        let used = same && bound.vault == id.to_string();
        return Ok(if used { Use::Already } else { Use::Other(theirs.to_owned()) });
    }
    if same {
        return Ok(Use::Already);
    }
    if cx.env.var(Var::Vault).is_some() {
        return Ok(Use::Named);
    }
    Ok(here.root()?.map_or(Use::NoProject, |root| Use::Free(root.to_owned())))
}

/// Binds the project here, which has no binding, to the vault in `dir`.
///
/// # Errors
/// `[no-sibling]`, `[not-remembered]`.
pub fn bind(dir: &Path, identity: &Identity, cx: &Context) -> Result<()> {
    let mut command = sibling::command("hasp-bind")?;
    command
        .args(["--json", "--quiet", "remember", "--vault"])
        .arg(dir)
        .env_clear()
        .envs(cx.env.for_child());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // An ssh key is named again; no file of an identity is needed for any other one.
    let ended = match Identity::is_ssh(identity.text()) {
        true => command.output().map_err(run_error)?,
        false => with_identity(command, identity)?,
    };
    if ended.status.success() {
        return Ok(());
    }
    let why = Said::of("hasp-bind", &ended.stderr).error();
    let why = why.map_or_else(|| "hasp-bind ended without a word".to_owned(), |e| e.to_string());
    let message = format!("the vault is not remembered for this project: {why}");
    Err(Error::new(hasp_core::Kind::Io, code::NOT_REMEMBERED, message))
}

fn with_identity(mut command: Command, identity: &Identity) -> Result<Output> {
    let pipe = platform::pipe();
    let (reader, writer) = pipe.map_err(run_error)?;
    platform::set_inherited(reader.as_raw_fd(), true).map_err(run_error)?;
    command.env("HASP_IDENTITY", format!("fd:{}", reader.as_raw_fd()));
    let child = command.spawn().map_err(run_error)?;
    drop(reader);
    // If it does not read, its exit status says why.
    let _ = File::from(writer).write_all(identity.text().expose());
    child.wait_with_output().map_err(run_error)
}

fn run_error(cause: std::io::Error) -> Error {
    Error::system("run hasp-bind", cause)
}

fn same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// What to type next, once the vault is trusted.
pub fn next(used: &Use, dir: &Path) -> String {
    let word = shell_word(dir.as_os_str());
    match used {
        Use::Already | Use::Free(_) => "  hasp-vault list          # what is in it\n  \
             hasp-bind                # consent to what this project asks for\n"
            .to_owned(),
        Use::Named => {
            "  hasp-vault list          # what is in the vault that HASP_VAULT names\n".to_owned()
        }
        Use::Other(other) => format!(
            "  hasp-bind --vault {word}\n\nto use it in this project, which uses the vault in \
             {} now\n",
            printable_path(other)
        ),
        Use::NoProject => format!(
            "  cd PROJECT && hasp-vault join {word}      # use it in a project\n  \
             HASP_VAULT={word} hasp-vault list         # or name it\n"
        ),
    }
}

/// Refuses where there is no identity at all, before anything is asked or made.
///
/// # Errors
/// `[no-identity]`.
pub fn require_identity(home: &Home, dir: &Path, cx: &Context) -> Result<()> {
    if cx.env.var(Var::Identity).is_some() || lead::has_identity(home.root()) {
        return Ok(());
    }
    let word = shell_word(dir.as_os_str());
    Err(Error::new(hasp_core::Kind::Locked, code::NO_IDENTITY, "there is no identity to join with")
        .hint("make one, and have a member add what it prints: hasp-vault identity new")
        .hint(format!(
            "or name the one that you have: HASP_IDENTITY=/path/to/identity hasp-vault join {word}"
        )))
}
