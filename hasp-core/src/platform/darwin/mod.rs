//! macOS: POSIX, and what libproc and sysctl tell.

mod info;
mod place;
mod process;

use std::ffi::OsString;

use super::posix;

pub use super::posix::descriptors::withhold_one_by_one as withhold_descriptors;
pub use super::posix::guard::on_parent_death;
pub use super::posix::memory::{
    NO_NEW_PRIVILEGES, confine, flush, has_memory_files, keep_out_of_dumps, memory_file,
    no_new_privileges, widen,
};
pub use super::posix::terminal::open_terminal;
pub use super::posix::tree::{enter, set_mode};
pub use place::{
    DESCRIPTOR_PREFIXES, JOURNAL, SHARED_MEMORY, SYSLOG, boot_id, boot_seconds, findings, harden,
    has_more_rights, in_memory, memory_place, memory_places, on_network, swaps,
};
pub use process::{
    PROCESSES, file_id, holders, pid_space, process, program, program_name, readers, target,
};

/// What this process has to do if it was started as a guard; it does nothing else then.
pub fn guard(args: &[OsString]) -> bool {
    posix::guard::guard(args, |pid| process(pid).map(|facts| facts.start))
}
