//! `list`: what was consented to, and how the manifest stands to it now; verified by the pin,
//! without an unlock.

use serde_json::json;

use hasp_core::text::{printable, printable_path};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result};
use hasp_vault::{Vault, signed};

use crate::binding::body::Body;
use crate::binding::project_vault::ProjectVault;
use crate::binding::proposal::{Proposal, Standing};
use crate::binding::store;
use crate::binding::{Binding, load};

/// This project's binding.
pub(crate) fn project(place: &ProjectVault, names: bool, cx: &mut Context) -> Result<Exit> {
    let binding = Binding::load(&place.vault, &place.project.root)?;
    let bound = binding.is_some();
    let binding = binding.unwrap_or_else(|| Binding::new(&place.project));
    if names {
        binding.refs.keys().try_for_each(|reference| cx.out.line(reference.as_str()))?;
        return Ok(Exit::OK);
    }
    let mut list = List { root: root_text(&binding), dir: printable_path(place.vault.dir()), cx };
    let proposal = place.project.manifest.as_ref().map(|m| Proposal::new(m, &binding));
    list.refs(&binding, proposal.as_ref())?;
    list.targets(&binding, proposal.as_ref())?;
    if !bound {
        cx.out.note("this project is not bound yet: hasp-bind");
        if let Some(before) = Binding::before(&place.vault, &place.project) {
            cx.out.note(&format!("{}: {}", before.text(), before.line()));
        }
    }
    Ok(Exit::OK)
}

/// Every binding of the home.
pub(crate) fn all(home: &Home, names: bool, cx: &mut Context) -> Result<Exit> {
    home.check()?;
    let ids = store::all(home)?;
    if ids.is_empty() {
        cx.out.note("no project is bound yet: hasp-bind");
    }
    let mut faults = 0;
    for id in ids {
        match verified(home, &id) {
            Ok(body) if names => cx.out.line(&body.root)?,
            Ok(body) => one(&body, cx)?,
            Err(error) => {
                cx.out.warn(&error.to_string());
                faults += 1;
            }
        }
    }
    if faults == 0 { Ok(Exit::OK) } else { Err(damaged(faults)) }
}

/// By the vault that it names: the remembered directory, else the home's own; what `HASP_VAULT`
/// says is for one project.
fn verified(home: &Home, id: &str) -> Result<Body> {
    let damaged = || signed::tampered(&store::path_of(home, id));
    let text = store::read(home, id)?.ok_or_else(damaged)?;
    let claimed = Body::unverified(&text).ok_or_else(damaged)?;
    let dir = claimed.dir.unwrap_or_else(|| home.join("vault"));
    load::verified(&Vault::open(home, &dir)?, id, &text)
}

fn one(body: &Body, cx: &mut Context) -> Result<()> {
    if cx.out.json {
        return cx.out.object(&json!({
            "v": 1, "project": body.root, "name": body.project, "holds_name": body.holds_name,
            "shared": body.shared, "vault": body.vault, "dir": body.dir, "updated": body.updated,
            "references": body.refs, "targets": body.targets.keys().collect::<Vec<_>>(),
        }));
    }
    cx.out.folded(&format!("{} ({})", body.root, printable(body.project.as_bytes())), 4)?;
    body.refs.iter().try_for_each(|(r, s)| cx.out.folded(&format!("  {r} -> {s}"), 6))?;
    body.targets.keys().try_for_each(|t| cx.out.line(&format!("  target {t}")))
}

fn root_text(binding: &Binding) -> String {
    printable_path(&binding.root)
}

fn damaged(count: usize) -> Error {
    let message = if count == 1 {
        "1 binding cannot be verified".to_owned()
    } else {
        format!("{count} bindings cannot be verified")
    };
    Error::new(Kind::Data, hasp_core::code::TAMPERED, message)
        .hint("consent again in those projects: hasp-bind")
}

struct List<'a> {
    root: String,
    dir: String,
    cx: &'a mut Context,
}

impl List<'_> {
    fn refs(&mut self, binding: &Binding, proposal: Option<&Proposal<'_>>) -> Result<()> {
        for (reference, secret) in &binding.refs {
            let object = json!({"v": 1, "project": self.root, "dir": self.dir,
            "reference": reference, "secret": secret, "state": "bound"});
            self.entry(&format!("{reference} -> {secret}"), &object)?;
        }
        for (reference, _, _) in proposal.iter().flat_map(|p| &p.refs).filter(|(_, _, new)| *new) {
            let object = json!({"v": 1, "project": self.root, "dir": self.dir,
            "reference": reference, "secret": null, "state": "unbound"});
            self.entry(&format!("{reference} is not bound yet"), &object)?;
        }
        Ok(())
    }

    fn targets(&mut self, binding: &Binding, proposal: Option<&Proposal<'_>>) -> Result<()> {
        for (target, standing) in proposal.iter().flat_map(|p| &p.targets) {
            let (state, words) = match standing {
                Standing::Same => ("consented", "consented to"),
                Standing::New => ("unconsented", "not consented to yet"),
                Standing::Changed => ("changed", "changed since it was consented to"),
            };
            let digest = binding.targets.get(&target.name).map(|c| c.digest.as_str());
            let object = json!({"v": 1, "project": self.root, "dir": self.dir,
            "target": target.name, "digest": digest, "state": state});
            self.entry(&format!("target {}: {words}", target.name), &object)?;
        }
        for name in binding.targets.keys().filter(|n| proposal.is_none_or(|p| p.gone.contains(n))) {
            let object = json!({"v": 1, "project": self.root, "dir": self.dir, "target": name,
            "digest": binding.targets[name].digest, "state": "gone"});
            self.entry(&format!("target {name}: no longer in hasp.toml"), &object)?;
        }
        Ok(())
    }

    fn entry(&mut self, line: &str, object: &serde_json::Value) -> Result<()> {
        if self.cx.out.json { self.cx.out.object(object) } else { self.cx.out.folded(line, 4) }
    }
}
