//! A binding: what a person consented to for one project. Only data and what it permits; how it is
//! signed, verified and kept is in `load`.

pub(crate) mod body;
pub(crate) mod events;
pub(crate) mod load;
pub(crate) mod moves;
pub(crate) mod name;
pub(crate) mod project_vault;
pub(crate) mod proposal;
pub(crate) mod store;
pub(crate) mod summary;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use hasp_core::text::printable;
use hasp_core::{Error, Kind, Result, SecretName};
use hasp_target::{Target, changes, lines};

use crate::code;
use crate::project::Project;

/// What a person consented to for one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The project's root, a real path.
    pub root: PathBuf,
    /// The vault's directory, where it is not the home's own.
    pub vault_dir: Option<PathBuf>,
    /// The project's name as it was consented to: scopes of secrets (`--allow`) are compared with
    /// this one, if it is held.
    pub project: String,
    /// Whether the name is this root's; unset before the first consent, and in a binding from
    /// before that was asked.
    pub holds_name: Option<bool>,
    /// Whether a person said that others may own or change the project's files.
    pub shared: bool,
    /// Rises with each change; 0 before the first.
    pub serial: u64,
    /// From reference to secret.
    pub refs: BTreeMap<SecretName, SecretName>,
    /// Consented targets by name.
    pub targets: BTreeMap<String, Consented>,
}

/// A target as it was consented to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consented {
    /// SHA-256 of `canonical`, 64 hexadecimal digits.
    pub digest: String,
    /// What the digest is of, kept to show what changed.
    pub canonical: String,
}

impl Consented {
    /// Consent to this target as it stands.
    pub fn to(target: &Target) -> Consented {
        Consented { digest: target.digest(), canonical: target.canonical() }
    }

    /// What is different in `target`, for people; all of it if the old text cannot be read.
    pub fn changes(&self, target: &Target) -> Vec<String> {
        match Target::from_canonical(&self.canonical) {
            Ok(old) => changes(&old, target),
            Err(_) => lines(target).into_iter().map(|l| format!("+ {l}")).collect(),
        }
    }
}

impl Binding {
    /// A project without any consent.
    pub fn new(project: &Project) -> Binding {
        Binding {
            root: project.root.clone(),
            vault_dir: None,
            project: project.name.clone(),
            holds_name: None,
            shared: false,
            serial: 0,
            refs: BTreeMap::new(),
            targets: BTreeMap::new(),
        }
    }

    /// The secret that a reference means here.
    ///
    /// # Errors
    /// `[unbound]`.
    pub fn secret_for(&self, reference: &SecretName) -> Result<&SecretName> {
        self.refs.get(reference).ok_or_else(|| {
            let message = format!("reference '{reference}' is not bound in this project");
            Error::new(Kind::Denied, code::UNBOUND, message)
                .hint("see what this project asks for and consent: hasp-bind")
                .hint(format!("or bind this one alone: hasp-bind add {reference}"))
        })
    }

    /// Whether the target may run as it stands.
    ///
    /// # Errors
    /// `[target-unconsented]`; `[target-changed]` with what changed.
    pub fn check_target(&self, target: &Target) -> Result<()> {
        let hint = hasp_core::hint("read it, and consent: hasp-bind");
        let Some(consented) = self.targets.get(&target.name) else {
            let message = format!("nobody has consented to target '{}' yet", target.name);
            return Err(Error::new(Kind::Denied, code::TARGET_UNCONSENTED, message).hint(hint));
        };
        if consented.digest == target.digest() {
            return Ok(());
        }
        let lines: Vec<String> =
            consented.changes(target).iter().map(|l| format!("\n  {l}")).collect();
        let message = format!(
            "target '{}' was changed since it was consented to:{}\n ",
            target.name,
            lines.concat()
        );
        Err(Error::new(Kind::Denied, code::TARGET_CHANGED, message).hint(hint))
    }
}

/// A name for a message, cut and printable.
pub(crate) fn cut(name: &str) -> String {
    printable(name.as_bytes()).chars().take(64).collect()
}
