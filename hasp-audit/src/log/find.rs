//! The log of the vault that is used here, without asking the vault's tool: any event may be
//! written to a log that was found unverified, and whether it is whole only the vault's key says.

use std::process::Stdio;

use ed25519_dalek::VerifyingKey;
use hasp_core::here::LogRef;
use hasp_core::{Environ, Error, Here, Home, Kind, LogId, Result, sibling};

use super::Log;
use crate::code;

/// A log that was found, and the key that its heads are verified with.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) home: Home,
    pub(crate) log: LogId,
    pub(crate) public: VerifyingKey,
    /// The logs before it, newest first, and their keys.
    pub(crate) earlier: Vec<(LogId, VerifyingKey)>,
}

impl Log {
    /// The log of the vault that is used here, for tools that know no vaults.
    ///
    /// # Errors
    /// Those of [`Here::find`] and [`Here::log`]; `[log-missing]`.
    pub fn find(env: &Environ) -> Result<Log> {
        let found = find(env)?;
        Log::open(&found.home, &found.log)
    }
}

/// Finds the log. While the recipients of the vault are changed it is about to get another one: the
/// vault's tool is run, which goes the rest of the way, and is looked for again.
pub(crate) fn find(env: &Environ) -> Result<Found> {
    let here = Here::find(env)?;
    let mut found = unverified(&here)?;
    if found.changing {
        let mut status = sibling::command("hasp-vault")?;
        status.args(["--quiet", "status"]).stdin(Stdio::null()).stdout(Stdio::null());
        // Where it fails the change is not complete, and its record is the one that is there.
        status.status().map_err(|e| Error::system("run hasp-vault", e))?;
        found = unverified(&Here::find(env)?)?;
    }
    let public = public(&found.key)?;
    let earlier = found.earlier.iter().map(|(log, key)| Ok((*log, self::public(key)?)));
    let earlier = earlier.collect::<Result<_>>()?;
    Ok(Found { home: here.home().clone(), log: found.log, public, earlier })
}

fn public(key: &[u8; 32]) -> Result<VerifyingKey> {
    VerifyingKey::from_bytes(key).map_err(|_| {
        Error::new(Kind::Data, code::TAMPERED, "a public key in known_vaults is malformed")
            .hint("put it back from a backup")
    })
}

fn unverified(here: &Here<'_>) -> Result<LogRef> {
    Ok(here.log()?.for_finding().clone())
}
