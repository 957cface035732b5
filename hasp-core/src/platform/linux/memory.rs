//! Memory files: sealed, reopened read-only, and without a name in any file system.

use std::ffi::c_void;
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::mm::{Advice, madvise};

/// What the kernel gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Sealed, and not executable for good (`MFD_NOEXEC_SEAL`, Linux 6.3).
    NoExec,
    /// Sealed.
    Sealed,
}

const FLAGS: MemfdFlags = MemfdFlags::CLOEXEC.union(MemfdFlags::ALLOW_SEALING);

/// What the kernel gives here, found by asking for one; `None` where a kernel or a filter has none
/// to give.
pub(super) fn sort() -> Option<Sort> {
    create().map(|(_, sort)| sort)
}

/// Whether there are files without a file system, which nobody can change.
pub fn has_memory_files() -> bool {
    sort().is_some()
}

/// A sealed memory file that holds these bytes, opened read-only at its beginning; `None` where
/// there are no memory files.
///
/// # Errors
/// As write(2) and fcntl(2).
pub fn memory_file(content: &[u8]) -> std::io::Result<Option<OwnedFd>> {
    let Some((mut file, _)) = create() else { return Ok(None) };
    file.write_all(content)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&file, seals)?;
    match File::open(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        Ok(read_only) => Ok(Some(read_only.into())),
        // Without /proc the writable description is passed on: the seals forbid writing all the
        // same.
        Err(_) => {
            file.rewind()?;
            Ok(Some(file.into()))
        }
    }
}

/// Leaves a mapping out of core dumps.
///
/// # Safety
/// The range is a mapping of the caller's.
pub unsafe fn keep_out_of_dumps(start: *mut c_void, size: usize) {
    // SAFETY: the caller's; best effort.
    let _ = unsafe { madvise(start, size, Advice::LinuxDontDump) };
}

fn create() -> Option<(File, Sort)> {
    let made = |flags, sort| memfd_create("hasp", flags).map(|file| (File::from(file), sort)).ok();
    made(FLAGS | MemfdFlags::NOEXEC_SEAL, Sort::NoExec).or_else(|| made(FLAGS, Sort::Sealed))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_sealed_value_can_be_read_and_not_written() {
        let mut file = File::from(memory_file(b"a\0b").unwrap().unwrap());
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == b"a\0b");
        assert!(rustix::io::write(&file, b"x").is_err());
        let again = File::options().write(true).open(format!("/proc/self/fd/{}", file.as_raw_fd()));
        assert!(again.is_err() || rustix::io::write(again.unwrap(), b"x").is_err());
        assert!(file.set_len(0).is_err());
    }

    #[test]
    fn where_the_kernel_has_it_nobody_can_make_it_a_program() {
        let file = File::from(memory_file(b"#!/bin/sh\n").unwrap().unwrap());
        if sort() == Some(Sort::NoExec) {
            assert_eq!(file.metadata().unwrap().mode() & 0o111, 0);
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o777);
            assert!(file.set_permissions(executable).is_err());
        }
    }
}
