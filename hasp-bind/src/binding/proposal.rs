//! What a manifest asks for beyond what was consented to: computed without unlocking, shown, and
//! only then signed.

use std::collections::BTreeMap;

use hasp_core::SecretName;
use hasp_target::{Manifest, Target};

use crate::binding::{Binding, Consented};

/// How a target stands to the consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// As consented to.
    Same,
    /// Never consented to.
    New,
    /// Consented to in another form.
    Changed,
}

/// What consenting would change.
#[derive(Debug)]
pub(crate) struct Proposal<'a> {
    /// References of the manifest with the secret that each would mean, and whether that is new.
    pub(crate) refs: Vec<(&'a SecretName, SecretName, bool)>,
    /// References that are bound although the manifest does not list them.
    pub(crate) extra: Vec<(SecretName, SecretName)>,
    /// Targets of the manifest.
    pub(crate) targets: Vec<(&'a Target, Standing)>,
    /// Consented targets that the manifest has no more.
    pub(crate) gone: Vec<String>,
}

impl<'a> Proposal<'a> {
    /// Compares a manifest with a binding.
    pub(crate) fn new(manifest: &'a Manifest, binding: &Binding) -> Proposal<'a> {
        let meant = |r: &SecretName| binding.refs.get(r).unwrap_or(r).clone();
        let refs =
            manifest.refs.keys().map(|r| (r, meant(r), !binding.refs.contains_key(r))).collect();
        let extra = binding.refs.iter().filter(|(r, _)| !manifest.refs.contains_key(*r));
        let gone = binding.targets.keys().filter(|t| !manifest.targets.contains_key(*t));
        Proposal {
            refs,
            extra: extra.map(|(r, s)| (r.clone(), s.clone())).collect(),
            targets: manifest
                .targets
                .values()
                .map(|t| (t, standing(t, &binding.targets)))
                .collect(),
            gone: gone.cloned().collect(),
        }
    }

    /// Whether there is anything to consent to.
    pub(crate) fn is_empty(&self) -> bool {
        let news = self.refs.iter().any(|(_, _, new)| *new)
            || self.targets.iter().any(|(_, s)| *s != Standing::Same);
        !news && self.gone.is_empty()
    }

    /// Makes the consent; what the manifest does not list stays bound, since a person bound it.
    pub(crate) fn apply(&self, binding: &mut Binding) {
        for (reference, secret, _) in &self.refs {
            binding.refs.insert((*reference).clone(), secret.clone());
        }
        binding.targets =
            self.targets.iter().map(|(t, _)| (t.name.clone(), Consented::to(t))).collect();
    }
}

fn standing(target: &Target, consented: &BTreeMap<String, Consented>) -> Standing {
    match consented.get(&target.name) {
        None => Standing::New,
        Some(consented) if consented.digest == target.digest() => Standing::Same,
        Some(_) => Standing::Changed,
    }
}
