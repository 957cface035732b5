//! One rotation of a secret at a time: programs run for minutes, and the lock of the vault is not
//! held while they do.

use hasp_core::lock::{self, Lock};
use hasp_core::{Error, Result, SecretName};
use sha2::{Digest, Sha256};

use crate::code;
use crate::open::vault::Vault;

/// Lock files are shared by names that hash alike, so that no name stays behind when its secret is
/// forgotten.
const SLOTS: u8 = 64;

impl Vault {
    /// The right to rotate a secret, held until drop.
    ///
    /// # Errors
    /// `[busy]` while another process has it for longer than 10 s.
    pub fn rotation_lock(&self, name: &SecretName) -> Result<Lock> {
        let slot = Sha256::digest(name.as_str())[0] % SLOTS;
        let path = self.lock_path()?.with_extension(format!("rotate-{slot}"));
        lock::lock(&path).map_err(|error| match error.code() {
            code::BUSY => Error::new(
                error.kind(),
                code::BUSY,
                format!("{name} is being rotated by another process"),
            )
            .hint("wait for it to end, then: hasp-vault status"),
            _ => error,
        })
    }
}
