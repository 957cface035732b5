//! The granted action: which program runs with which code, and how values reach it. What can be
//! known beforehand is refused before a grant is minted, and again before one is spent.

pub(crate) mod arg;
pub(crate) mod control;
pub(crate) mod delivery;
pub(crate) mod pins;

use std::collections::BTreeMap;
use std::ffi::OsStr;

use hasp_core::{Class, SecretName};
use hasp_target::{Delivery, Template};
use serde::{Deserialize, Serialize};

use crate::action::arg::Arg;

/// The granted action: a command, where it runs, with which environment and deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The target of `hasp.toml` that it was made from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
    /// The absolute path of the program; absent if any command may run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<Arg>,
    /// The approved words, the first as the child sees it in `argv[0]`.
    pub argv: Vec<Arg>,
    /// How many of these words come from the target; words given to `hasp-exec` are compared with
    /// the others.
    pub fixed: usize,
    /// Which further words may follow.
    pub extent: Extent,
    /// Where it runs.
    pub dir: Arg,
    /// What the child inherits.
    pub env: EnvRules,
    /// How each value reaches the child.
    pub deliveries: Vec<Delivery>,
    /// Files with values in them, by the text that was approved.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub templates: Vec<Template>,
    /// Whether the child may gain privileges by set-user-ID programs.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub no_new_privs: bool,
    /// Whether the output goes out unredacted.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub raw: bool,
}

/// Whether the command is exactly the approved words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// Exactly these words.
    Exact,
    /// These words, then any others.
    Open,
    /// Any command at all.
    Any,
}

/// The rules for the inherited environment (DESIGN section 6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvRules {
    /// Only `pass` is kept.
    pub clean: bool,
    /// With `clean`: names that are kept.
    pub pass: Vec<String>,
    /// Names that are kept although they are dropped or pinned by default.
    pub keep: Vec<String>,
    /// What was pinned when the grant was minted, by name; absent in a grant that pins nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pinned: Option<BTreeMap<String, Arg>>,
}

impl EnvRules {
    /// The PATH that the command gets and by which it is found, where whoever uses the grant has
    /// this one.
    pub fn search<'a>(&'a self, inherited: Option<&'a OsStr>) -> Option<&'a OsStr> {
        match &self.pinned {
            Some(pinned) if !self.keep.iter().any(|name| name == "PATH") => {
                pinned.get("PATH").map(Arg::as_os)
            }
            _ => inherited,
        }
    }
}

/// One granted version of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// What the project calls it.
    pub reference: SecretName,
    /// What the vault calls it.
    pub name: SecretName,
    /// Which version.
    pub version: u32,
    /// Its value file's name in the item's folder.
    pub file: String,
    /// The value file's SHA-256, 64 hexadecimal digits.
    pub sha256: String,
    /// The class at minting, the stricter of vault and manifest.
    pub class: Class,
    /// Whether this version was asked for by its number, and is meant whichever is current.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub pinned: bool,
}
