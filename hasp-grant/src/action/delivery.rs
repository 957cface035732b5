//! Whether a value can reach the child as asked: known from its recorded size and kind, so that an
//! impossible delivery is refused before a grant is minted, and again before one is spent.

use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result, Runtime, SecretName, platform};
use hasp_target::{Channel, Delivery, Part, Template};
use hasp_vault::Version;

use crate::action::Action;
use crate::code;

/// Linux's MAX_ARG_STRLEN (32 pages) without the closing NUL: the longest `NAME=value`.
pub const MAX_VARIABLE: u64 = 131_071;
/// The longest file that a template may become, in bytes: room for the longest value with any
/// filter.
pub const MAX_RENDERED: u64 = 8 << 20;

/// Refuses an environment variable with a NUL byte or beyond the kernel's limit, and a file where
/// memory is a disk.
///
/// # Errors
/// `[env-nul]`, `[env-too-large]`, `[file-on-disk]`.
pub fn check(wanted: &Delivery, version: &Version, runtime: &Runtime) -> Result<()> {
    let name = &wanted.reference;
    match wanted.channel {
        Channel::Env => check_variable(wanted, version),
        Channel::File if runtime.on_disk() => Err(on_disk(name.as_str())),
        Channel::File | Channel::Fd | Channel::Stdin => Ok(()),
    }
}

/// Refuses a template where memory is a disk, and one that its values could make too long; a value
/// that is not stored is empty.
///
/// # Errors
/// `[file-on-disk]`, `[template-too-long]`.
pub fn check_template<'a>(
    template: &Template,
    version: impl Fn(&SecretName) -> Option<&'a Version>,
    runtime: &Runtime,
) -> Result<()> {
    let shown = printable_path(template.path());
    if runtime.on_disk() {
        return Err(on_disk(&shown));
    }
    let length = |part: Part<'_>| match part {
        Part::Text(text) => text.len() as u64,
        Part::Value(reference, filter) => version(reference).map_or(2, |v| filter.longest(v.size)),
    };
    let longest = template.parts().map(length).fold(0, u64::saturating_add);
    if longest <= MAX_RENDERED {
        return Ok(());
    }
    let text = format!(
        "{shown} may become {longest} bytes long with its values; {MAX_RENDERED} are the most"
    );
    Err(Error::new(Kind::Denied, code::TEMPLATE_TOO_LONG, text)
        .hint("deliver its long values by file instead"))
}

/// Refuses, before anything is spent, what this system cannot keep, and descriptors for which there
/// is neither a memory file nor a directory in memory.
///
/// # Errors
/// `[no-memfd]`, `[no-new-privs]`.
pub fn check_system(action: &Action, runtime: &Runtime) -> Result<()> {
    if action.no_new_privs && !platform::NO_NEW_PRIVILEGES {
        let message = "this system cannot keep a command from gaining rights";
        return Err(Error::new(Kind::Denied, code::NO_NEW_PRIVS, message)
            .hint("take no-new-privs out of the target: hasp-target check"));
    }
    let on_descriptor = action.deliveries.iter().find(|d| d.channel.is_descriptor());
    let Some(delivery) =
        on_descriptor.filter(|_| runtime.on_disk() && !platform::has_memory_files())
    else {
        return Ok(());
    };
    let name = &delivery.reference;
    let message = format!(
        "{name} cannot be put on a descriptor: memory files are refused here, and the runtime \
         directory is on a disk"
    );
    Err(Error::new(Kind::Denied, hasp_core::code::NO_MEMFD, message)
        .hint("unset HASP_RUNTIME, or name a directory on a tmpfs; or deliver it by -e"))
}

fn on_disk(name: &str) -> Error {
    let message =
        format!("{name} would be written to a disk: the runtime directory is not in memory");
    Error::new(Kind::Denied, code::FILE_ON_DISK, message).hint(
        "unset HASP_RUNTIME, or name a directory on a tmpfs; or deliver it by --fd or --stdin",
    )
}

fn check_variable(wanted: &Delivery, version: &Version) -> Result<()> {
    let (name, variable) = (&wanted.reference, wanted.variable.as_deref().unwrap_or_default());
    let instead = hasp_core::hint!(
        "deliver it by file or descriptor: --file {variable}={name} or --fd {variable}={name}"
    );
    if version.nul {
        let text = format!("{name} holds a NUL byte, which no environment variable can");
        return Err(Error::new(Kind::Denied, code::ENV_NUL, text).hint(instead));
    }
    if variable.len() as u64 + 1 + version.size > MAX_VARIABLE {
        let text = format!(
            "{name} has {} bytes; with its name a variable holds at most {MAX_VARIABLE}",
            version.size
        );
        return Err(Error::new(Kind::Denied, code::ENV_TOO_LARGE, text).hint(instead));
    }
    Ok(())
}
