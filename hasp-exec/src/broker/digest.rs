//! The SHA-256 of the program that ran, for the record; remembered in the runtime directory for
//! large ones by what the kernel says of the file, whose change time a program's owner cannot set.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use hasp_core::files::{self, Guard};
use hasp_core::{Result, Runtime};

/// Smaller programs are hashed each time.
const SMALL: u64 = 1 << 20;

/// 64 hexadecimal digits, or `None` if the program cannot be read.
pub(crate) fn of_program(path: &Path, runtime: &Runtime) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let meta = file.metadata().ok()?;
    if meta.len() <= SMALL {
        return hash(&mut file);
    }
    let name = format!(
        "{}-{}-{}-{}-{}",
        meta.dev(),
        meta.ino(),
        meta.len(),
        meta.ctime(),
        meta.ctime_nsec()
    );
    let known = remembered(&name, runtime).ok().flatten();
    known.or_else(|| {
        let digest = hash(&mut file)?;
        // Only speed is lost if this fails.
        let _ =
            runtime.dir("programs").and_then(|d| files::replace(&d.join(&name), digest.as_bytes()));
        Some(digest)
    })
}

fn remembered(name: &str, runtime: &Runtime) -> Result<Option<String>> {
    let path = runtime.join("programs").join(name);
    let text = files::read_if_present(&path, Guard::Private, 64)?;
    Ok(text.and_then(|t| String::from_utf8(t).ok()).filter(|t| t.len() == 64))
}

fn hash(file: &mut File) -> Option<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(HEXLOWER.encode(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}
