//! A vault that was located and pinned but not unlocked: everything that can be read and verified
//! with public keys, and a value with the file key that a grant carries.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;
use hasp_audit::{Log, LogId};
use hasp_core::files::{self, Guard};
use hasp_core::here::{self, Bound, VAULT_FILE};
use hasp_core::suggest;
use hasp_core::text::printable_path;
use hasp_core::{Error, Here, Home, Kind, Result, Secret, SecretName, VaultId};
use sha2::{Digest, Sha256};

use crate::code;
use crate::crypto::age_file;
use crate::crypto::file_key::FileKey;
use crate::crypto::line_ends::lf;
use crate::format::item::{self, Item};
use crate::format::known::{self, Known};
use crate::format::seen::Seen;
use crate::format::settings::{self, Settings};
use crate::format::signed::{self, Label, Verified};
use crate::open::{fault, replay};

/// A vault whose `vault.toml` verified with the key that this home pinned.
#[derive(Clone, Debug)]
pub struct Vault {
    home: Home,
    dir: PathBuf,
    known: Known,
    settings: Settings,
    seen: Seen,
    guard: Guard,
}

impl Vault {
    /// The vault that the project here uses. The binding that led to it must be one of this
    /// vault's.
    ///
    /// # Errors
    /// `[no-vault]`, `[unknown-vault]`, `[key-changed]`, `[tampered]`, `[rolled-back]`,
    /// `[newer-format]`, `[other-vault]`.
    pub fn here(here: &Here<'_>) -> Result<Vault> {
        let vault = Vault::open(here.home(), Vault::dir_of(here)?)?;
        here.bound()?.map_or(Ok(()), |bound| vault.check_bound(bound))?;
        Ok(vault)
    }

    /// Where the vault is, or one is to be, that the project here uses: whatever is done there, the
    /// vault is verified first, or made.
    ///
    /// # Errors
    /// Those of [`Here::vault_dir`].
    pub(crate) fn dir_of<'a>(here: &'a Here<'_>) -> Result<&'a Path> {
        here.vault_dir().map(|dir| dir.for_finding().as_path())
    }

    /// Consent from before the vault got its key does not count any more, and still says which
    /// vault was meant.
    fn check_bound(&self, bound: &Bound) -> Result<()> {
        if bound.vault != self.id().to_string() {
            return Err(self.other_than_bound(&bound.root));
        }
        let label = Label { vault: *self.id(), kind: signed::BINDING, name: &bound.id };
        let mut keys = self.known.earlier.iter().map(|e| &e.key).chain([&self.known.key]);
        match keys.any(|key| label.verify(key, &bound.text).is_some()) {
            true => Ok(()),
            false => Err(here::damaged(&here::binding_path(&self.home, &bound.id))),
        }
    }

    /// The error for a project that is bound to another vault than this one.
    pub fn other_than_bound(&self, root: &Path) -> Error {
        let (root, dir) = (printable_path(root), printable_path(&self.dir));
        Error::new(
            Kind::Denied,
            code::OTHER_VAULT,
            format!("{root} is bound to another vault than the one in {dir}"),
        )
        .hint("name the vault that is meant: hasp-bind --vault DIR; or unset HASP_VAULT")
    }

    /// The vault in this directory. A change of its recipients that was interrupted is finished
    /// first; one that is on its way is waited for.
    pub fn open(home: &Home, dir: &Path) -> Result<Vault> {
        let (claimed, text) = Vault::read_settings(home, dir)?;
        let id = claimed.id;
        if replay::pending(home, id)? {
            replay::settle(home, id)?;
        } else {
            match Vault::open_as(home, dir, claimed, &text) {
                // Read in the midst of a change, pin and settings belong to two different ones.
                Err(e)
                    if [code::KEY_CHANGED, code::ROLLED_BACK].contains(&e.code())
                        && known::find(home, id)?.is_some() =>
                {
                    replay::settle(home, id).map_err(|_| e)?;
                }
                outcome => return outcome,
            }
        }
        let (claimed, text) = Vault::read_settings(home, dir)?;
        Vault::open_as(home, dir, claimed, &text)
    }

    fn read_settings(home: &Home, dir: &Path) -> Result<(Settings, Vec<u8>)> {
        let path = dir.join(VAULT_FILE);
        let text = files::read_if_present(&path, guard(home, dir), settings::MAX_FILE)?;
        let text = text.ok_or_else(|| here::no_vault(home, dir))?;
        let claimed = signed::unverified(&text).ok_or_else(|| fault::settings(&path, &text))?;
        let claimed = Settings::parse(&claimed.body).map_err(|e| fault::at_path(&e, &path))?;
        Ok((claimed, text))
    }

    fn open_as(home: &Home, dir: &Path, claimed: Settings, text: &[u8]) -> Result<Vault> {
        let guard = guard(home, dir);
        let path = dir.join(VAULT_FILE);
        let known =
            known::find(home, claimed.id)?.ok_or_else(|| here::unknown_vault(&claimed.id, dir))?;
        if claimed.record_key != known.key {
            return Err(fault::key_changed(dir));
        }
        let seen = Seen::of(home, known.id);
        let settings = verify_settings(&known, &seen, text, &path)?;
        if guard == Guard::Private {
            files::check_dir(dir)?;
        }
        Ok(Vault { home: home.clone(), dir: dir.to_owned(), known, settings, seen, guard })
    }

    /// Its id.
    pub fn id(&self) -> &VaultId {
        &self.known.id
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The home that pins it.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The pin: the key that verifies records.
    pub fn record_key(&self) -> &VerifyingKey {
        &self.known.key
    }

    /// The key that verifies tokens, from the verified `vault.toml`.
    pub fn token_key(&self) -> Result<VerifyingKey> {
        Ok(self.settings.token_key)
    }

    /// The verified `vault.toml`.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the home knows of it.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The serials seen of its records.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Whether owner and mode of its files count: in the home they do, in a repository they do not.
    pub fn guard(&self) -> Guard {
        self.guard
    }

    /// The log that this home keeps under the vault's root.
    pub fn log_id(&self) -> &LogId {
        &self.known.log
    }

    /// Opens the log; no key is needed to append to it.
    pub fn log(&self) -> Result<Log> {
        Log::open(&self.home, &self.known.log)
    }

    /// Verifies a record with the pinned key and against the highest serial seen.
    ///
    /// # Errors
    /// `[tampered]` and `[rolled-back]`, both naming the file.
    pub fn verify(&self, kind: &str, name: &str, text: &[u8]) -> Result<Verified> {
        let label = Label { vault: *self.id(), kind, name };
        let path = self.record_path(kind, name);
        let record =
            label.verify(self.record_key(), text).ok_or_else(|| signed::tampered(&path))?;
        self.seen.check(kind, name, record.serial, &path)?;
        Ok(record)
    }

    /// Remembers that a verified record of this serial was seen.
    pub fn saw(&self, kind: &str, name: &str, serial: u64) -> Result<()> {
        self.seen.raise(kind, name, serial)
    }

    fn record_path(&self, kind: &str, name: &str) -> PathBuf {
        match kind {
            signed::VAULT => self.dir.join(VAULT_FILE),
            signed::ITEM => self.dir.join("items").join(name).join("meta.toml"),
            _ => self.home.join(format!("{kind}s")).join(format!("{name}.toml")),
        }
    }

    /// A secret's record, verified: signed by the pinned key for this vault and this name, and not
    /// older than seen.
    ///
    /// # Errors
    /// `[secret-unknown]` with a hint, `[tampered]` and `[rolled-back]` naming the file.
    pub fn item(&self, name: &SecretName) -> Result<Item> {
        self.item_if_present(name)?.ok_or_else(|| self.secret_unknown(name))
    }

    /// A secret's record as [`Vault::item`], `None` if there is none.
    pub fn item_if_present(&self, name: &SecretName) -> Result<Option<Item>> {
        signed::read(|| self.read_item(name), |text| self.verify_item(name, text))
    }

    /// A secret's record without verifying it: good for lists, authorises nothing.
    pub fn item_unverified(&self, name: &SecretName) -> Result<Item> {
        let text = self.read_item(name)?.ok_or_else(|| self.secret_unknown(name))?;
        self.parse_unverified(name, &text)
    }

    /// A value, opened with the age file key alone, after its file was compared with the signed
    /// hash.
    ///
    /// # Errors
    /// `[tampered]` naming the file.
    pub fn open_value(
        &self,
        name: &SecretName,
        file: &str,
        sha256: &str,
        key: &FileKey,
    ) -> Result<Secret> {
        let content = self.value_file(name, file, sha256)?;
        age_file::decrypt_with_file_key(&content, key)
            .map_err(|e| fault::at_path(&e, &self.item_dir(name).join(file)))
    }

    /// The bytes of a value file that has the signed hash.
    ///
    /// # Errors
    /// `[tampered]` naming the file, also if it is missing.
    pub fn value_file(&self, name: &SecretName, file: &str, sha256: &str) -> Result<Vec<u8>> {
        let path = self.item_dir(name).join(file);
        if file.contains('/') || !file.ends_with(".age") {
            return Err(signed::tampered(&path));
        }
        self.refuse_links(name)?;
        let content = files::read_if_present(&path, self.guard, age_file::MAX_FILE)?;
        let content = content.ok_or_else(|| fault::value_missing(&path))?;
        // git takes a short value file for text now and then, and turns its line ends.
        let same = |content: &[u8]| HEXLOWER.encode(&Sha256::digest(content)) == sha256;
        [content.clone(), lf(&content)]
            .into_iter()
            .find(|content| same(content))
            .ok_or_else(|| signed::tampered(&path))
    }

    /// The directory of a secret.
    pub fn item_dir(&self, name: &SecretName) -> PathBuf {
        self.dir.join("items").join(name.as_str())
    }

    /// The record of a secret.
    pub fn meta_path(&self, name: &SecretName) -> PathBuf {
        self.item_dir(name).join("meta.toml")
    }

    /// The lock that every writer to this vault takes; it lies in the home, since nothing in a
    /// vault is per machine.
    pub fn lock_path(&self) -> Result<PathBuf> {
        let dir = files::ensure_dirs(self.home.root(), Path::new("locks"))?;
        Ok(dir.join(self.id().to_string()))
    }

    /// Refuses to write where somebody else has changed recipients or keys since this vault was
    /// opened: what we encrypt to and sign with is not right any more.
    ///
    /// # Errors
    /// `[vault-changed]`.
    pub(crate) fn refuse_if_changed(&self) -> Result<()> {
        let path = self.dir.join(VAULT_FILE);
        let text = files::read(&path, self.guard, settings::MAX_FILE)?;
        match signed::unverified(&text) {
            Some(now) if now.serial == self.settings.serial => Ok(()),
            _ => Err(Error::new(
                Kind::Busy,
                code::VAULT_CHANGED,
                "the vault got other recipients just now: nothing was changed",
            )
            .hint("type the same once more")),
        }
    }

    /// A directory on the way to a secret that is a symlink could lead out of the vault; O_NOFOLLOW
    /// guards the last step only.
    pub(crate) fn refuse_links(&self, name: &SecretName) -> Result<()> {
        let mut path = self.dir.join("items");
        for part in name.as_str().split('/') {
            path.push(part);
            match path.symlink_metadata() {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => return Err(signed::tampered(&path)),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(e) => return Err(Error::io("open", &path, e)),
            }
        }
        Ok(())
    }

    pub(crate) fn parse_unverified(&self, name: &SecretName, text: &[u8]) -> Result<Item> {
        let parsed = signed::unverified(text).and_then(|record| {
            Item::parse(name, &record.body).filter(|i| i.serial == record.serial)
        });
        parsed.ok_or_else(|| self.unreadable(name, text))
    }

    /// What git leaves in a file that two people changed is no damage: it says what to type.
    fn unreadable(&self, name: &SecretName, text: &[u8]) -> Error {
        let path = self.meta_path(name);
        if !signed::in_conflict(text) {
            return signed::tampered(&path);
        }
        Error::new(
            Kind::Data,
            code::MERGE_CONFLICT,
            format!("{} was changed on both sides of a merge", printable_path(&path)),
        )
        .hint(format!("take one of them: hasp-vault resolve {name} --ours (or --theirs)"))
    }

    fn read_item(&self, name: &SecretName) -> Result<Option<Vec<u8>>> {
        self.refuse_links(name)?;
        files::read_if_present(&self.meta_path(name), self.guard, item::MAX_FILE)
    }

    pub(crate) fn verify_item(&self, name: &SecretName, text: &[u8]) -> Result<Item> {
        let record =
            self.verify(signed::ITEM, name.as_str(), text).map_err(|e| match e.code() {
                code::TAMPERED => self.unreadable(name, text),
                _ => e,
            })?;
        let item = Item::parse(name, &record.body).filter(|i| i.serial == record.serial);
        let item = item.ok_or_else(|| signed::tampered(&self.meta_path(name)))?;
        // Where the home cannot be written (a read-only file system), reading must work all the
        // same.
        let _ = self.saw(signed::ITEM, name.as_str(), item.serial);
        Ok(item)
    }

    fn secret_unknown(&self, name: &SecretName) -> Error {
        let error = Error::new(
            Kind::Missing,
            code::SECRET_UNKNOWN,
            format!("there is no secret '{name}' in the vault"),
        );
        let names = self.names().unwrap_or_default();
        let near = suggest::hint(name.as_str(), names.iter().map(SecretName::as_str));
        error.hint(near.unwrap_or_else(|| hasp_core::hint!("store it with: hasp-vault set {name}")))
    }
}

fn guard(home: &Home, dir: &Path) -> Guard {
    if dir.starts_with(home.root()) { Guard::Private } else { Guard::Signed }
}

fn verify_settings(known: &Known, seen: &Seen, text: &[u8], path: &Path) -> Result<Settings> {
    let label = Label { vault: known.id, kind: signed::VAULT, name: "" };
    let verified = label.verify(&known.key, text).ok_or_else(|| fault::settings(path, text))?;
    seen.check(signed::VAULT, "", verified.serial, path)?;
    // As for secrets: a home that cannot be written must not stop reading.
    let _ = seen.raise(signed::VAULT, "", verified.serial);
    Settings::parse(&verified.body).map_err(|e| fault::at_path(&e, path))
}
