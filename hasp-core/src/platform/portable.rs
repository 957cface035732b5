//! Linux as if it were another system, for tests (`--cfg hasp_portable`): POSIX wherever POSIX can.
//! Only what no system has in common, facts of processes, boots and swap, is Linux's.

use std::ffi::OsString;

use crate::platform::facts::Finding;
use crate::platform::linux;
use crate::platform::posix;

pub use linux::{
    DESCRIPTOR_PREFIXES, JOURNAL, PROCESSES, SHARED_MEMORY, SYSLOG, boot_id, boot_seconds, file_id,
    holders, in_memory, memory_place, memory_places, on_network, pid_space, process, program,
    program_name, readers, swaps, target,
};
pub use posix::descriptors::withhold_one_by_one as withhold_descriptors;
pub use posix::guard::on_parent_death;
pub use posix::memory::{
    NO_NEW_PRIVILEGES, confine, flush, has_memory_files, has_other_ids as has_more_rights,
    keep_out_of_dumps, memory_file, no_core_dump as harden, no_new_privileges, widen,
};
pub use posix::terminal::open_terminal;
pub use posix::tree::{enter, set_mode};

/// Nothing is known.
pub fn findings() -> Vec<Finding> {
    Vec::new()
}

/// What this process has to do if it was started as a guard; it does nothing else then.
pub fn guard(args: &[OsString]) -> bool {
    posix::guard::guard(args, |pid| process(pid).map(|facts| facts.start))
}
