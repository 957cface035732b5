//! The seam between hasp and the system that it runs on: nothing outside of this folder names an
//! operating system or makes a call that one of them lacks.
//!
//! `posix` is what all have, `linux` and `darwin` what each has of its own, `portable` stands for
//! a system that has POSIX alone, and `this` chooses. Nothing here knows anything of hasp.

mod facts;
#[cfg_attr(
    all(target_os = "linux", not(hasp_portable)),
    allow(dead_code, reason = "Linux has ways of its own")
)]
mod posix;
mod this;

#[cfg(target_os = "macos")]
mod darwin;
#[cfg(target_os = "linux")]
#[cfg_attr(
    hasp_portable,
    allow(dead_code, unused_imports, reason = "only what it tells of processes is used")
)]
mod linux;
#[cfg(all(target_os = "linux", hasp_portable))]
mod portable;

pub use facts::{FileId, Finding, Keeping, ProcessFacts, Swap, identity, mode, mode_bits};
pub use posix::children::ended_child;
pub use posix::descriptors::{close, duplicate, pipe, set_inherited};
pub use posix::exec::{BeforeExec, Block, Image};
pub use posix::pages::{Pages, wipe_stack};
pub use posix::questions;
pub use posix::signals::{
    default_action, die_of, ignore, is_ignored, stop, survive_file_size_limit,
};
pub use posix::zones::{local_zone, zone};
pub use this::{
    DESCRIPTOR_PREFIXES, JOURNAL, NO_NEW_PRIVILEGES, PROCESSES, SHARED_MEMORY, SYSLOG, boot_id,
    boot_seconds, confine, enter, file_id, findings, flush, guard, harden, has_memory_files,
    has_more_rights, holders, in_memory, memory_file, memory_place, memory_places, on_network,
    open_terminal, pid_space, process, program, program_name, readers, set_mode, swaps, target,
    widen, withhold_descriptors,
};
