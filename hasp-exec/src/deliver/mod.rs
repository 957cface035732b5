//! The last step of a value: into the child's environment, a file in memory, a sealed descriptor,
//! or its standard input.

pub(crate) mod directory;

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};

use hasp_core::{Error, Result, Runtime, Secret, platform};
use hasp_grant::Opened;
use hasp_target::Channel;

use crate::deliver::directory::Directory;

/// What the child gets of its values, ready to be inherited.
#[derive(Default)]
pub(crate) struct Delivered {
    /// Variables: paths and descriptor numbers.
    pub(crate) vars: Vec<(OsString, OsString)>,
    /// Variables with values, as [`crate::child::ChildSpec`] takes them.
    pub(crate) values: Option<Secret>,
    /// Descriptors that must survive exec.
    pub(crate) descriptors: Vec<OwnedFd>,
    /// Standard input, if a value is delivered there.
    pub(crate) stdin: Option<OwnedFd>,
    /// The directory of delivered files; they live as long as this.
    pub(crate) directory: Option<Directory>,
}

/// Delivers every opened value and every rendered template as it was approved.
pub(crate) fn deliver(opened: &Opened, runtime: &Runtime) -> Result<Delivered> {
    let mut delivered = Delivered::default();
    for (delivery, value) in opened.deliveries() {
        let variable = delivery.variable.as_deref().unwrap_or_default();
        match delivery.channel {
            Channel::Env => delivered.value(variable, value)?,
            Channel::File => delivered.file(variable, value, runtime)?,
            Channel::Fd => {
                let descriptor = delivered.descriptor(value, runtime)?;
                delivered.set(variable, descriptor.as_raw_fd().to_string().into());
                delivered.descriptors.push(descriptor);
            }
            Channel::Stdin => delivered.stdin = Some(delivered.descriptor(value, runtime)?),
        }
    }
    for (variable, content) in &opened.files {
        delivered.file(variable, content, runtime)?;
    }
    Ok(delivered)
}

impl Delivered {
    fn set(&mut self, variable: &str, content: OsString) {
        self.vars.push((variable.into(), content));
    }

    fn value(&mut self, variable: &str, value: &Secret) -> Result<()> {
        let room = variable.len() + value.len() + 2;
        let mut block = self.values.take().map_or_else(|| Secret::with_capacity(room), Ok)?;
        for part in [variable.as_bytes(), b"=", value.expose(), b"\0"] {
            block.push(part)?;
        }
        self.values = Some(block);
        Ok(())
    }

    fn file(&mut self, variable: &str, content: &Secret, runtime: &Runtime) -> Result<()> {
        let path = self.directory(runtime)?.write(variable, content)?;
        self.set(variable, path.into_os_string());
        Ok(())
    }

    /// A memory file; where a filter refuses those, a file in memory that has no name any more when
    /// the child starts.
    fn descriptor(&mut self, value: &Secret, runtime: &Runtime) -> Result<OwnedFd> {
        let made = platform::memory_file(value.expose());
        match made.map_err(|e| Error::system("make a memory file", e))? {
            Some(file) => Ok(file),
            None => self.directory(runtime)?.nameless(value),
        }
    }

    /// The directory that all files share.
    fn directory(&mut self, runtime: &Runtime) -> Result<&Directory> {
        let directory = match self.directory.take() {
            Some(directory) => directory,
            None => Directory::create(runtime)?,
        };
        Ok(self.directory.insert(directory))
    }
}
