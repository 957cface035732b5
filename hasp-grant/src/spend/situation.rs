//! Where, when, by whom and for what a token is presented.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use hasp_consumer::Caller;
use hasp_core::Timestamp;
use hasp_vault::Vault;

use crate::ledger::Ledger;

/// Where, when and by whom a token is presented, and for what.
pub struct Situation<'a> {
    /// The vault at hand.
    pub vault: &'a Vault,
    /// The ledger of the runtime directory.
    pub ledger: &'a Ledger,
    /// Who asks.
    pub caller: &'a Caller,
    /// The root of the project at the current directory.
    pub root: &'a Path,
    /// PATH, used only when any command was approved and the grant does not pin it.
    pub search: Option<&'a OsStr>,
    /// The wall clock.
    pub now: Timestamp,
    /// The target that is asked for, if one is.
    pub target: Option<&'a str>,
    /// The words after `--`, if there is a `--`.
    pub words: Option<&'a [OsString]>,
    /// Whether the token was looked for, not given: then words without a target mean a command,
    /// never further words of a target.
    pub searched: bool,
}
