//! Memory files: sealed, reopened read-only, and without a name in any file system.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

use zeroize::Zeroize;

use rustix::fs::{MemfdFlags, SealFlags, SeekFrom, fcntl_add_seals, memfd_create, seek};

use crate::output::write_all;
use crate::{Error, Result};

/// What the kernel gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sealed, and not executable for good (`MFD_NOEXEC_SEAL`, Linux 6.3).
    NoExec,
    /// Sealed.
    Sealed,
}

const FLAGS: MemfdFlags = MemfdFlags::CLOEXEC.union(MemfdFlags::ALLOW_SEALING);

/// What the kernel gives here, found by asking for one; `None` where a kernel or a filter has none
/// to give.
pub fn kind() -> Option<Kind> {
    create().map(|(_, kind)| kind)
}

/// A sealed memory file that holds these bytes, opened read-only at its beginning; `None` where
/// there are no memory files.
pub fn sealed(content: &[u8]) -> Result<Option<OwnedFd>> {
    let Some((file, _)) = create() else { return Ok(None) };
    write_all(&file, content)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&file, seals).map_err(|e| Error::system("seal a memory file", e))?;
    match File::open(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        Ok(read_only) => Ok(Some(read_only.into())),
        // Without /proc the writable description is passed on: the seals forbid writing all the
        // same.
        Err(_) => {
            seek(&file, SeekFrom::Start(0))
                .map_err(|e| Error::system("rewind a memory file", e))?;
            Ok(Some(file))
        }
    }
}

/// How much of the stack is wiped: more than any cipher or parser of ours takes, less than the
/// smallest limit that anybody sets.
const STACK: usize = 96 * 1024;

/// Overwrites the part of the stack that returned calls have left behind, with what was moved or
/// computed there.
#[inline(never)]
pub fn wipe_stack() {
    let mut left = [0u8; STACK];
    left.zeroize();
    std::hint::black_box(&left);
}

fn create() -> Option<(OwnedFd, Kind)> {
    let not_executable =
        memfd_create("hasp", FLAGS | MemfdFlags::NOEXEC_SEAL).map(|file| (file, Kind::NoExec));
    not_executable.or_else(|_| memfd_create("hasp", FLAGS).map(|file| (file, Kind::Sealed))).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_sealed_value_can_be_read_and_not_written() {
        let mut file = File::from(sealed(b"a\0b").unwrap().unwrap());
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
        let file = File::from(sealed(b"#!/bin/sh\n").unwrap().unwrap());
        if kind() == Some(Kind::NoExec) {
            assert_eq!(file.metadata().unwrap().mode() & 0o111, 0);
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o777);
            assert!(file.set_permissions(executable).is_err());
        }
    }
}
