//! The last step of a value: into the child's environment, a file in memory, a sealed descriptor, or its standard input.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use hasp_core::output::write_all;
use hasp_core::{Error, Kind, Result, Runtime, Secret};
use hasp_grant::Opened;
use hasp_target::Channel;

use crate::directory::Directory;

/// What the child gets of its values, ready to be inherited.
#[derive(Default)]
pub struct Delivered {
    /// Variables: values, paths and descriptor numbers.
    pub vars: Vec<(OsString, OsString)>,
    /// Descriptors that must survive exec.
    pub descriptors: Vec<OwnedFd>,
    /// Standard input, if a value is delivered there.
    pub stdin: Option<OwnedFd>,
    /// The directory of delivered files; they live as long as this.
    pub directory: Option<Directory>,
}

/// Delivers every opened value as it was approved.
pub fn deliver(opened: &[Opened], runtime: &Runtime) -> Result<Delivered> {
    let mut delivered = Delivered::default();
    for one in opened {
        deliver_one(one, runtime, &mut delivered)?;
    }
    Ok(delivered)
}

fn deliver_one(one: &Opened, runtime: &Runtime, delivered: &mut Delivered) -> Result<()> {
    let variable = one.delivery.variable.as_deref().unwrap_or_default();
    let content = match one.delivery.channel {
        Channel::Env => OsString::from_vec(one.value.expose().to_vec()),
        Channel::File => {
            if delivered.directory.is_none() {
                delivered.directory = Some(Directory::create(runtime)?);
            }
            let directory = delivered.directory.as_ref().ok_or_else(|| Error::bug("no delivery directory"))?;
            directory.write(variable, &one.value)?.into_os_string()
        }
        Channel::Fd => {
            let descriptor = sealed(&one.value)?;
            let number = descriptor.as_raw_fd().to_string();
            delivered.descriptors.push(descriptor);
            number.into()
        }
        Channel::Stdin => {
            delivered.stdin = Some(sealed(&one.value)?);
            return Ok(());
        }
    };
    delivered.vars.push((variable.into(), content));
    Ok(())
}

/// A sealed memory file, opened read-only at its beginning; `MFD_NOEXEC_SEAL` where the kernel has it (6.3).
fn sealed(value: &Secret) -> Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let made = memfd_create("hasp", flags | MemfdFlags::NOEXEC_SEAL).or_else(|_| memfd_create("hasp", flags));
    let file = made.map_err(|e| {
        Error::new(Kind::Io, "no-memfd", format!("this kernel gives no memory file: {}", std::io::Error::from(e)))
            .hint("deliver the value by --file or -e instead")
    })?;
    write_all(&file, value.expose())?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&file, seals).map_err(|e| Error::system("seal a value", e))?;
    let reopened = File::open(format!("/proc/self/fd/{}", file.as_raw_fd()));
    match reopened {
        Ok(read_only) => Ok(read_only.into()),
        // Without /proc the writable description is passed on: the seals forbid writing all the same.
        Err(_) => {
            rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0)).map_err(|e| Error::system("rewind a value", e))?;
            Ok(file)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_sealed_value_can_be_read_and_not_written() {
        let mut file = File::from(sealed(&Secret::copy_of(b"a\0b").unwrap()).unwrap());
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == b"a\0b");
        assert!(rustix::io::write(&file, b"x").is_err());
        let again = File::options().write(true).open(format!("/proc/self/fd/{}", file.as_raw_fd()));
        assert!(again.is_err() || rustix::io::write(again.unwrap(), b"x").is_err());
    }
}
