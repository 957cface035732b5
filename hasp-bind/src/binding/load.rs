//! A binding's way to and from the home: verified before a byte of it is used, and changed only by
//! who can unlock the vault.

use std::path::Path;

use hasp_core::text::printable;
use hasp_core::{Error, Kind, Result, Timestamp};
use hasp_vault::{Unlocked, Vault, signed};

use crate::binding::body::{Body, KIND};
use crate::binding::moves::{self, Before};
use crate::binding::{Binding, events, name, store};
use crate::code;
use crate::project::Project;

impl Binding {
    /// A project without any consent that counts. From before the vault got its key it keeps
    /// whether the name is its own: it is consented to again, not for the first time.
    pub(crate) fn afresh(vault: &Vault, project: &Project) -> Binding {
        let id = store::id(&project.root);
        let text = store::read(vault.home(), &id)
            .ok()
            .flatten()
            .filter(|text| signed_earlier(vault, &id, text));
        let before = text
            .and_then(|text| Body::unverified(&text))
            .filter(|body| body.project == project.name);
        Binding { holds_name: before.and_then(|body| body.holds_name), ..Binding::new(project) }
    }

    /// The name of a project's binding: the first 32 hexadecimal digits of the SHA-256 of its real
    /// path.
    pub fn id(root: &Path) -> String {
        store::id(root)
    }

    /// Whether a scope that names the project means this root: the first one that a person bound
    /// under the name, and those that he then bound with `--also`.
    ///
    /// # Errors
    /// `[project-name-taken]`, naming the root that has the name.
    pub fn check_name(&self, vault: &Vault) -> Result<()> {
        name::check(self, vault)
    }

    /// Where a project that has no binding may have been bound before: at a path that is gone, or
    /// that is another one of the same directory. Not verified, and good for a hint only.
    pub fn before(vault: &Vault, project: &Project) -> Option<Before> {
        moves::before(vault, project)
    }

    /// The project's binding to this vault, `None` if it has none.
    ///
    /// # Errors
    /// `[tampered]`, `[rolled-back]`, and `[other-vault]` for a project that is bound to another
    /// vault.
    pub fn load(vault: &Vault, root: &Path) -> Result<Option<Binding>> {
        let id = store::id(root);
        let body =
            signed::read(|| store::read(vault.home(), &id), |text| verified(vault, &id, text))?;
        let Some(body) = body else { return Ok(None) };
        let binding = body
            .into_binding(root)
            .ok_or_else(|| signed::tampered(&store::path(vault.home(), root)))?;
        // A home that cannot be written must not stop reading.
        let _ = vault.saw(KIND, &id, binding.serial);
        Ok(Some(binding))
    }

    /// As [`Binding::load`], where one that another vault, or an earlier key of this one, signed
    /// counts as none: it is about to be replaced.
    fn load_own(vault: &Vault, root: &Path) -> Result<Option<Binding>> {
        match Binding::load(vault, root) {
            Err(e) if is_of_other_vault(&e) || e.code() == code::VAULT_REKEYED => Ok(None),
            loaded => loaded,
        }
    }

    /// Signs and writes the binding with the next serial, after what changed is on record.
    ///
    /// # Errors
    /// `Kind::Busy`, `[binding-changed]`, if the binding was written since this one was loaded: see
    /// [`Binding::change`].
    pub fn save(&mut self, unlocked: &Unlocked, now: Timestamp) -> Result<()> {
        let _held = store::exclusive(unlocked.vault().home())?;
        self.save_locked(unlocked, now)
    }

    /// Loads the project's binding (or takes an empty one), changes and saves it, with no other
    /// writer in between.
    pub fn change(
        unlocked: &Unlocked,
        project: &Project,
        now: Timestamp,
        change: impl FnOnce(&mut Binding) -> Result<()>,
    ) -> Result<Binding> {
        let _held = store::exclusive(unlocked.vault().home())?;
        let mut binding = Binding::load_own(unlocked.vault(), &project.root)?
            .unwrap_or_else(|| Binding::afresh(unlocked.vault(), project));
        change(&mut binding)?;
        name::settle(&mut binding, project, unlocked.vault())?;
        binding.save_locked(unlocked, now)?;
        Ok(binding)
    }

    /// Withdraws all consent; needs no unlock. The serial is used up, so that the old file, put
    /// back, counts as rolled back.
    pub fn withdraw(self, vault: &Vault, now: Timestamp) -> Result<()> {
        let _held = store::exclusive(vault.home())?;
        vault.log()?.append(now, &[events::dropped(&self)])?;
        let id = store::id(&self.root);
        vault.saw(KIND, &id, self.serial + 1)?;
        store::remove(vault.home(), &id)
    }

    fn save_locked(&mut self, unlocked: &Unlocked, now: Timestamp) -> Result<()> {
        let vault = unlocked.vault();
        let old = Binding::load_own(vault, &self.root)?;
        if old.as_ref().map_or(0, |o| o.serial) != self.serial {
            return Err(Error::new(
                Kind::Busy,
                code::BINDING_CHANGED,
                "the binding was changed meanwhile by another hasp tool",
            )
            .hint("run the same command again"));
        }
        let id = store::id(&self.root);
        self.serial = self.serial.max(vault.seen().highest(KIND, &id)?) + 1;
        let body = Body::of(self, *vault.id(), now).render()?;
        let text = unlocked.sign(KIND, &id, self.serial, &body);
        vault.log()?.append(now, &events::between(old.as_ref(), self))?;
        store::write(vault.home(), &id, &text)?;
        vault.saw(KIND, &id, self.serial)
    }
}

/// Whether the binding could not be loaded because another vault signed it.
pub(crate) fn is_of_other_vault(error: &Error) -> bool {
    error.code() == hasp_vault::code::OTHER_VAULT
}

/// What is signed in a binding's text.
///
/// # Errors
/// `[tampered]`, `[rolled-back]`, `[other-vault]`, `[vault-rekeyed]`.
pub(crate) fn verified(vault: &Vault, id: &str, text: &[u8]) -> Result<Body> {
    let path = store::path_of(vault.home(), id);
    let claimed = Body::unverified(text).ok_or_else(|| signed::tampered(&path))?;
    if claimed.vault != *vault.id() {
        return Err(vault.other_than_bound(Path::new(&claimed.root)));
    }
    let record = vault
        .verify(KIND, id, text)
        .map_err(|e| rekeyed(vault, id, text, &claimed).unwrap_or(e))?;
    let body = Body::parse(&record.body).filter(|b| b.serial == record.serial);
    body.ok_or_else(|| signed::tampered(&path))
}

/// A consent from before the vault got its key: not forged, and yet not valid, since somebody who
/// was removed knows the key that signed it.
fn rekeyed(vault: &Vault, id: &str, text: &[u8], claimed: &Body) -> Option<Error> {
    signed_earlier(vault, id, text).then_some(())?;
    let message = format!(
        "{} was bound before the vault got the key that it has now",
        printable(claimed.root.as_bytes())
    );
    Some(
        Error::new(Kind::Denied, code::VAULT_REKEYED, message)
            .hint("look at what it asks for and consent again: hasp-bind"),
    )
}

/// Whether a key that the vault had before signed this.
fn signed_earlier(vault: &Vault, id: &str, text: &[u8]) -> bool {
    let label = signed::Label { vault: *vault.id(), kind: KIND, name: id };
    // An earlier log may have been kept under the key of today.
    let mut earlier = vault.known().earlier.iter().filter(|e| e.key != *vault.record_key());
    earlier.any(|e| label.verify(&e.key, text).is_some())
}
