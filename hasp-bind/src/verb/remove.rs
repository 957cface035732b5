//! `remove`: withdraws consent to references; grants that use them are refused from the next use
//! on.

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, SecretName};
use hasp_target::Target;

use crate::binding::project_vault::ProjectVault;
use crate::binding::{Binding, Consented, cut};
use crate::code;
use crate::verb::consent;

pub(crate) fn run(words: &[String], place: &ProjectVault, cx: &mut Context) -> Result<Exit> {
    let before = place.binding()?;
    let references = words.iter().map(|w| bound(w, &before)).collect::<Result<Vec<_>>>()?;
    let signed = place.change(cx, |binding| {
        binding.refs.retain(|r, _| !references.contains(r));
        Ok(())
    })?;
    for reference in &references {
        cx.out.note(&format!("{reference} is no longer bound"));
        for name in signed.targets.iter().filter(|(_, t)| uses(t, reference)).map(|(name, _)| name)
        {
            cx.out.note(&format!("target {name} uses it and cannot be granted now"));
        }
    }
    consent::object(&signed, place, cx).map(|()| Exit::OK)
}

fn uses(consented: &Consented, reference: &SecretName) -> bool {
    Target::from_canonical(&consented.canonical).is_ok_and(|t| t.references().contains(&reference))
}

fn bound(word: &str, binding: &Binding) -> Result<SecretName> {
    let parsed = word.parse::<SecretName>().ok().filter(|r| binding.refs.contains_key(r));
    parsed.ok_or_else(|| {
        Error::new(
            Kind::Missing,
            code::UNBOUND,
            format!("reference '{}' is not bound in this project", cut(word)),
        )
        .hint("see what is: hasp-bind list")
    })
}
