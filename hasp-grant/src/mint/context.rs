//! Where minting happens.

use std::path::Path;

use hasp_bind::Project;
use hasp_core::{Environ, Runtime, Timestamp};
use hasp_vault::Vault;

/// Where minting happens.
pub struct MintContext<'a> {
    /// The project at the current directory.
    pub project: &'a Project,
    /// The current directory.
    pub cwd: &'a Path,
    /// Its vault.
    pub vault: &'a Vault,
    /// The runtime directory.
    pub runtime: &'a Runtime,
    /// The environment, for PATH.
    pub env: &'a Environ,
    /// Now.
    pub now: Timestamp,
}
