//! Making a vault. All of it is prepared in a directory of its own; a marker there is the commit
//! point, after which a crash is finished by the next `init`, and before which it is cleared away.

use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use hasp_audit::{Event, EventKind, Log, LogId};
use hasp_core::files::{self, Guard};
use hasp_core::lock::{self, Lock};
use hasp_core::text::printable_path;
use hasp_core::{Error, Home, Kind, Result, Secret, Timestamp, VaultId, tree};
use serde::{Deserialize, Serialize};

use crate::code;
use crate::crypto::age_file;
use crate::crypto::keys::{Keys, Roots};
use crate::crypto::recipient::Recipient;
use crate::format::known::{self, Known};
use crate::format::settings::{FORMAT, Settings};
use crate::format::signed::{self, Label};
use crate::open::gitattributes;
use crate::open::identity::Identity;
use crate::open::public;
use crate::open::unlocked::{self, IDENTITY_LOCKED, IDENTITY_PLAIN};
use crate::open::vault::Vault;

const STAGING: &str = "init.new";
const MARKER: &str = "complete.toml";

/// Whose vault it will be.
pub enum Owner {
    /// A new identity, wrapped under this passphrase.
    Passphrase(SecretString),
    /// A new identity, kept plain: file permissions are all that protects it.
    Plain,
    /// The identity that the home has already; the vault is a further one.
    Existing(Box<Identity>),
}

/// The making of one vault, alone in its home.
pub struct Init {
    home: Home,
    dir: PathBuf,
    _lock: Lock,
}

/// What is moved into place after the commit point.
#[derive(Serialize, Deserialize)]
struct Plan {
    dir: PathBuf,
    known: Known,
}

impl Init {
    /// Makes the home if need be and takes the lock.
    pub fn begin(home: &Home, dir: &Path) -> Result<Init> {
        home.create()?;
        let locks = files::ensure_dirs(home.root(), Path::new("locks"))?;
        let lock = lock::lock(&locks.join("init"))?;
        Ok(Init { home: home.clone(), dir: dir.to_owned(), _lock: lock })
    }

    /// Finishes what an earlier `init` had committed, if one was interrupted; clears away what was
    /// not committed.
    pub fn resume(&self) -> Result<Option<Vault>> {
        let staging = self.staging();
        if !tree::is_there(&staging)? {
            return Ok(None);
        }
        files::check_dir(&staging)?;
        if !tree::is_there(&staging.join(MARKER))? {
            remove_all(&staging)?;
            return Ok(None);
        }
        self.finish().map(Some)
    }

    /// Whether the home has an identity.
    pub fn has_identity(&self) -> Result<bool> {
        unlocked::has_identity(&self.home)
    }

    /// Refuses to make a vault where one is, or was.
    ///
    /// # Errors
    /// `[exists]`.
    pub fn refuse_existing(&self) -> Result<()> {
        refuse_existing(&self.dir).map_err(|e| {
            e.hint("or make another one in an empty home: HASP_HOME=/another/home hasp-vault init")
        })
    }

    /// Makes the vault for its owner and further recipients.
    pub fn make(&self, owner: &Owner, others: &[Recipient], now: Timestamp) -> Result<Vault> {
        let (id, roots) = (VaultId::random()?, Roots::generate()?);
        let keys = roots.current();
        let known = Known {
            id,
            key: keys.record_key(),
            log: LogId::random()?,
            since: now,
            how: "init".into(),
            earlier: Vec::new(),
        };
        files::ensure_dir(&self.staging())?;
        let own = self.stage_identity(owner, &known, now)?;
        let recipients = distinct(own.into_iter().chain(others.iter().cloned()));
        self.stage_vault(&known, &keys, &roots, recipients)?;
        self.stage_log(&known, &keys, now)?;
        self.stage_plan(known)?;
        self.finish()
    }

    fn staging(&self) -> PathBuf {
        self.home.join(STAGING)
    }

    fn stage_identity(
        &self,
        owner: &Owner,
        known: &Known,
        now: Timestamp,
    ) -> Result<Vec<Recipient>> {
        let fresh = || Identity::generate(known.id, &known.key, now);
        let write =
            |name: &str, content: &[u8]| files::replace(&self.staging().join(name), content);
        match owner {
            Owner::Existing(identity) => Ok(identity.recipients().to_vec()),
            Owner::Plain => {
                let identity = fresh()?;
                write(IDENTITY_PLAIN, identity.text().expose())?;
                Ok(identity.recipients().to_vec())
            }
            Owner::Passphrase(passphrase) => {
                let identity = fresh()?;
                write(
                    IDENTITY_LOCKED,
                    &age_file::encrypt_with_passphrase(identity.text(), passphrase)?,
                )?;
                public::note(&Home::at(self.staging()), &identity)?;
                Ok(identity.recipients().to_vec())
            }
        }
    }

    fn stage_vault(
        &self,
        known: &Known,
        keys: &Keys,
        roots: &Roots,
        recipients: Vec<Recipient>,
    ) -> Result<()> {
        let root: &Secret = roots.plain();
        files::replace(&self.staging().join("keys.age"), &age_file::encrypt(root, &recipients)?)?;
        let settings = Settings {
            serial: 1,
            format: FORMAT,
            id: known.id,
            record_key: known.key,
            token_key: keys.token_key(),
            recipients,
        };
        let label = Label { vault: known.id, kind: signed::VAULT, name: "" };
        let text = label.sign(1, &settings.render()?, |m| keys.sign_record(m));
        files::replace(&self.staging().join("vault.toml"), text.as_bytes())
    }

    fn stage_log(&self, known: &Known, keys: &Keys, now: Timestamp) -> Result<()> {
        let staged = Home::at(self.staging());
        let log =
            Log::create(&staged, &known.log, keys.audit_root(), &known.id.to_string(), now, None)?;
        log.append(now, &[Event::new(EventKind::VaultInit).field("vault", known.id.to_string())])?;
        log.checkpoint(&known.key, &|m| keys.sign_record(m))
    }

    /// The commit point.
    fn stage_plan(&self, known: Known) -> Result<()> {
        let plan = Plan { dir: self.dir.clone(), known };
        let text =
            toml::to_string(&plan).map_err(|e| Error::bug(format!("cannot write TOML: {e}")))?;
        files::replace(&self.staging().join(MARKER), text.as_bytes())
    }

    /// Each step can be done again: what was moved before is not there any more.
    fn finish(&self) -> Result<Vault> {
        let staging = self.staging();
        let plan = read_plan(&staging.join(MARKER))?;
        let audit = files::ensure_dirs(self.home.root(), Path::new("audit"))?;
        let log = plan.known.log.to_string();
        move_into(&staging.join("audit").join(&log), &audit.join(&log))?;
        known::put(&self.home, plan.known)?;
        for name in [public::NAME, IDENTITY_LOCKED, IDENTITY_PLAIN] {
            move_into(&staging.join(name), &self.home.join(name))?;
        }
        hasp_redact::Watch::of(&self.home).create()?;
        make_dir(&plan.dir)?;
        make_dir(&plan.dir.join("items"))?;
        for name in ["keys.age", "vault.toml"] {
            let content = files::read(&staging.join(name), Guard::Private, age_file::MAX_FILE)?;
            files::replace(&plan.dir.join(name), &content)?;
        }
        if !plan.dir.starts_with(self.home.root()) {
            gitattributes::write(&plan.dir)?;
        }
        // The marker first: without it the rest is cleared away, whatever is left of it.
        std::fs::remove_file(staging.join(MARKER)).map_err(|e| Error::io("remove", &staging, e))?;
        remove_all(&staging)?;
        Vault::open(&self.home, &plan.dir)
    }
}

/// Refuses a place where something is.
///
/// # Errors
/// `[exists]`.
pub(crate) fn refuse_existing(dir: &Path) -> Result<()> {
    let used = match std::fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_some(),
        Err(e) => e.kind() != std::io::ErrorKind::NotFound,
    };
    if !used {
        return Ok(());
    }
    let shown = printable_path(dir);
    Err(Error::new(
        Kind::Create,
        code::EXISTS,
        format!("{shown} is there already: nothing was changed"),
    )
    .hint("see it with: hasp-vault status"))
}

fn distinct(recipients: impl Iterator<Item = Recipient>) -> Vec<Recipient> {
    let mut list: Vec<Recipient> = Vec::new();
    recipients.for_each(|r| {
        if !list.contains(&r) {
            list.push(r)
        }
    });
    list
}

fn read_plan(path: &Path) -> Result<Plan> {
    let text = files::read(path, Guard::Private, 1 << 16)?;
    let plan = std::str::from_utf8(&text).ok().and_then(|t| toml::from_str(t).ok());
    plan.ok_or_else(|| signed::tampered(path))
}

/// A rename within the home; nothing to do if it was done before.
fn move_into(from: &Path, to: &Path) -> Result<()> {
    match std::fs::rename(from, to) {
        Ok(()) => files::sync_parent(to),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io("move", from, e)),
    }
}

/// A directory that may be in a repository, where parents have any mode.
fn make_dir(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
    files::ensure_dir(path)
}

fn remove_all(dir: &Path) -> Result<()> {
    std::fs::remove_dir_all(dir).map_err(|e| Error::io("remove", dir, e))?;
    files::sync_parent(dir)
}
