//! The text of a binding: TOML behind the signature's line, in one spelling.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use hasp_core::text::printable_path;
use hasp_core::{Error, Result, SecretName, Timestamp};
use hasp_vault::{VaultId, signed};

use crate::binding::{Binding, Consented};

/// The kind of the record, part of what is signed.
pub(crate) const KIND: &str = signed::BINDING;

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
    /// Whether that name is this root's for scopes; absent in a binding from before that was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) holds_name: Option<bool>,
    /// Whether a person said that others may own or change the project's files.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) shared: bool,
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
            holds_name: binding.holds_name,
            shared: binding.shared,
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
            holds_name: self.holds_name,
            shared: self.shared,
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

    /// Reads a binding without verifying it: for finding the vault and for lists, authorises
    /// nothing.
    pub(crate) fn unverified(text: &[u8]) -> Option<Body> {
        signed::unverified(text).and_then(|r| Body::parse(&r.body))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(root: &str, refs: BTreeMap<SecretName, SecretName>) -> Body {
        let vault = "00112233445566778899aabbccddeeff".parse().unwrap();
        let updated = "2026-01-31T12:00:00Z".parse().unwrap();
        let consented =
            Consented { digest: "0".repeat(64), canonical: "{\"a\":\"'''\"}".to_owned() };
        let targets = BTreeMap::from([("test".to_owned(), consented)]);
        let (root, project) = (root.to_owned(), "api".to_owned());
        Body {
            serial: 3,
            root,
            vault,
            dir: None,
            project,
            holds_name: None,
            shared: false,
            updated,
            refs,
            targets,
        }
    }

    #[test]
    fn the_text_of_another_project_is_none() {
        assert!(body("/a", BTreeMap::new()).into_binding(Path::new("/b")).is_none());
        assert_eq!(body("/a", BTreeMap::new()).into_binding(Path::new("/a")).unwrap().serial, 3);
    }

    #[test]
    fn a_binding_from_before_names_were_held_reads_as_it_was_written() {
        let old = body("/a", BTreeMap::new());
        let text = old.render().unwrap();
        assert!(!text.contains("holds_name") && !text.contains("shared"));
        assert_eq!(Body::parse(&text).unwrap().holds_name, None);
        let new = Body { holds_name: Some(false), shared: true, ..old };
        let read = Body::parse(&new.render().unwrap()).unwrap();
        assert_eq!((read.holds_name, read.shared), (Some(false), true));
    }

    #[test]
    fn unknown_and_missing_keys_are_no_binding() {
        let text = body("/a", BTreeMap::new()).render().unwrap();
        assert!(Body::parse(&text).is_some());
        assert!(Body::parse(&format!("more = 1\n{text}")).is_none());
        assert!(Body::parse(&text.replace("serial = 3\n", "")).is_none());
    }

    proptest! {
        #[test]
        fn what_is_rendered_reads_back(
            root in "/\\PC{0,30}",
            names in proptest::collection::btree_set("[a-z]{1,5}/[a-z]{1,5}", 0..6),
        ) {
            let refs = names.iter().map(|n| (n.parse().unwrap(), n.parse().unwrap())).collect();
            let text = body(&root, refs).render().unwrap();
            let read = Body::parse(&text).unwrap();
            prop_assert_eq!(read.render().unwrap(), text);
            prop_assert_eq!((read.root, read.refs.len()), (root, names.len()));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, tail in "\\PC{0,60}") {
            let _ = Body::unverified(&bytes);
            let _ = Body::parse(&tail);
        }
    }
}
