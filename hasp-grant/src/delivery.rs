//! Whether a value can reach the child as asked: known from its recorded size and kind, so that an impossible delivery is refused
//! before a grant is minted, and again before one is spent.

use hasp_core::{Error, Kind, Result, Runtime};
use hasp_target::{Channel, Delivery};
use hasp_vault::Version;

/// Linux's MAX_ARG_STRLEN (32 pages) without the closing NUL: the longest `NAME=value`.
pub const MAX_VARIABLE: u64 = 131_071;

/// Refuses an environment variable with a NUL byte or beyond the kernel's limit, and a file where memory is a disk.
///
/// # Errors
/// `[env-nul]`, `[env-too-large]`, `[file-on-disk]`.
pub fn check(wanted: &Delivery, version: &Version, runtime: &Runtime) -> Result<()> {
    let name = &wanted.reference;
    match wanted.channel {
        Channel::Env => check_variable(wanted, version),
        Channel::File if runtime.on_disk() => Err(Error::new(
            Kind::Denied,
            "file-on-disk",
            format!("{name} would be written to a disk: the runtime directory is not in memory"),
        )
        .hint("unset HASP_RUNTIME, or name a directory on a tmpfs; or deliver it by --fd or --stdin")),
        Channel::File | Channel::Fd | Channel::Stdin => Ok(()),
    }
}

fn check_variable(wanted: &Delivery, version: &Version) -> Result<()> {
    let (name, variable) = (&wanted.reference, wanted.variable.as_deref().unwrap_or_default());
    let instead = format!("deliver it by file or descriptor: --file {variable}={name} or --fd {variable}={name}");
    if version.nul {
        let text = format!("{name} holds a NUL byte, which no environment variable can");
        return Err(Error::new(Kind::Denied, "env-nul", text).hint(instead));
    }
    if variable.len() as u64 + 1 + version.size > MAX_VARIABLE {
        let text = format!("{name} has {} bytes; with its name a variable holds at most {MAX_VARIABLE}", version.size);
        return Err(Error::new(Kind::Denied, "env-too-large", text).hint(instead));
    }
    Ok(())
}
