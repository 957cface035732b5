//! The text of a binding: TOML behind the signature's line, in one spelling.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use hasp_core::text::printable_path;
use hasp_core::{Error, Result, SecretName, Timestamp};
use hasp_vault::{VaultId, record};

use crate::binding::{Binding, Consented};

/// The kind of the record, part of what is signed.
pub(crate) const KIND: &str = "binding";

/// What is in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    pub(crate) serial: u64,
    /// The root as text; the file's name, which is signed too, is the hash of its bytes.
    pub(crate) root: String,
    pub(crate) vault: VaultId,
    /// The vault's directory, if it is not the home's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) dir: Option<PathBuf>,
    /// The project's name when it was consented to.
    pub(crate) project: String,
    pub(crate) updated: Timestamp,
    #[serde(default)]
    pub(crate) refs: BTreeMap<SecretName, SecretName>,
    #[serde(default)]
    pub(crate) targets: BTreeMap<String, Consented>,
}

impl Body {
    /// What is written of a binding.
    pub(crate) fn of(binding: &Binding, vault: VaultId, now: Timestamp) -> Body {
        Body {
            serial: binding.serial,
            root: printable_path(&binding.root),
            vault,
            dir: binding.vault_dir.clone(),
            project: binding.project.clone(),
            updated: now,
            refs: binding.refs.clone(),
            targets: binding.targets.clone(),
        }
    }

    /// The binding of `root`; `None` if this is the text of another project's.
    pub(crate) fn into_binding(self, root: &Path) -> Option<Binding> {
        (self.root == printable_path(root)).then(|| Binding {
            root: root.to_owned(),
            vault_dir: self.dir,
            project: self.project,
            serial: self.serial,
            refs: self.refs,
            targets: self.targets,
        })
    }

    pub(crate) fn render(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::bug(format!("cannot write a binding: {e}")))
    }

    /// Reads what stands behind the signature.
    pub(crate) fn parse(body: &str) -> Option<Body> {
        toml::from_str(body).ok()
    }

    /// Reads a binding without verifying it: for finding the vault and for lists, authorises nothing.
    pub(crate) fn unverified(text: &[u8]) -> Option<Body> {
        record::unverified(text).and_then(|r| Body::parse(&r.body))
    }
}
