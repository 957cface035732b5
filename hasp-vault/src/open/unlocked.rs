//! An unlocked vault: the operator's identity and the vault's keys, which were compared with the
//! pin before anything is done with them. Only [`Vault::unlock`] makes one.

use age::secrecy::SecretString;
use ed25519_dalek::VerifyingKey;
use hasp_audit::LogId;
use hasp_core::files::{self, Guard};
use hasp_core::terminal::Terminal;
use hasp_core::tool::Context;
use hasp_core::{Error, Home, Kind, Result, Secret, Source, Var, hint, tree};

use crate::code;
use crate::crypto::age_file;
use crate::crypto::file_key::FileKey;
use crate::crypto::keys::{Keys, Roots};
use crate::crypto::passphrase;
use crate::format::item::Item;
use crate::format::signed::{self, Label};
use crate::format::version::Version;
use crate::open::fault::at_path;
use crate::open::identity::{self, Identity};
use crate::open::public;
use crate::open::vault::Vault;

/// The identity's file when it has a passphrase.
pub const IDENTITY_LOCKED: &str = "identity.age";
/// The identity's file after `init --no-passphrase`.
pub const IDENTITY_PLAIN: &str = "identity";

/// Where it says what is left without any key.
const LOST: &str =
    hint("what can be done without one is in: man hasp-vault, \"When a key is lost\"");

/// Whether a home has an identity.
///
/// # Errors
/// Where that cannot be told.
pub(crate) fn has_identity(home: &Home) -> Result<bool> {
    Ok(tree::is_there(&home.join(IDENTITY_LOCKED))? || tree::is_there(&home.join(IDENTITY_PLAIN))?)
}

/// A vault with its keys.
pub struct Unlocked {
    vault: Vault,
    identity: Identity,
    roots: Roots,
    keys: Keys,
}

impl Vault {
    /// Unlocks the vault: the identity from `HASP_IDENTITY` or the home, its passphrase from
    /// `HASP_PASSPHRASE`, `HASP_ASKPASS` or the terminal; then signs the log's checkpoint.
    ///
    /// # Errors
    /// `[locked]` at once where nobody can be asked, `[no-identity]`, `[wrong-passphrase]`,
    /// `[work-factor]`, `[not-a-recipient]`, `[key-changed]`, `[tampered]`.
    pub fn unlock(&self, cx: &mut Context) -> Result<Unlocked> {
        let unlocked = self.unlock_for_keys(cx)?;
        self.sign_checkpoint(&unlocked, cx);
        Ok(unlocked)
    }

    /// As [`Vault::unlock`], with an identity that was opened before.
    pub(crate) fn unlock_opened(&self, identity: Identity, cx: &mut Context) -> Result<Unlocked> {
        let unlocked = self.unlock_with(identity)?;
        self.sign_checkpoint(&unlocked, cx);
        Ok(unlocked)
    }

    fn sign_checkpoint(&self, unlocked: &Unlocked, cx: &mut Context) {
        let signed = self
            .log()
            .and_then(|log| log.checkpoint(self.record_key(), &|m| unlocked.keys.sign_record(m)));
        if let Err(error) = signed {
            // Not fatal: mending the record needs the keys. Whatever must be recorded fails by
            // itself.
            cx.out.warn(&format!("the record could not be signed: {error}"));
        }
    }

    /// Unlocks without touching the log: for reading keys, also when the log is what has to be
    /// looked into.
    pub fn unlock_for_keys(&self, cx: &mut Context) -> Result<Unlocked> {
        self.unlock_with(open_identity(self.home(), cx)?)
    }

    /// Unlocks the vault with an identity that was opened already.
    pub fn unlock_with(&self, identity: Identity) -> Result<Unlocked> {
        identity.check_pin(*self.id(), self.record_key())?;
        let path = self.dir().join("keys.age");
        let file = files::read(&path, self.guard(), age_file::MAX_FILE)?;
        let plain = age_file::decrypt_checked_out(&file, identity.keys())
            .map_err(|e| no_recipient(at_path(&e, &path)))?;
        let roots = Roots::parse(plain).map_err(|e| at_path(&e, &path))?;
        let keys = roots.current();
        if keys.record_key() != *self.record_key() {
            return Err(signed::tampered(&path));
        }
        Ok(Unlocked { vault: self.clone(), identity, roots, keys })
    }
}

impl Unlocked {
    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The operator's identity.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The file key of one version of a verified item, whose file was compared with the signed
    /// hash.
    ///
    /// # Errors
    /// `[version-unknown]`, `[secret-destroyed]`, `[tampered]`, `[not-a-recipient]`.
    pub fn file_key(&self, item: &Item, version: u32) -> Result<FileKey> {
        let version = item.version(version)?;
        let file = self.vault.value_file(&item.name, &version.file, &version.sha256)?;
        age_file::file_key(&file, self.identity.keys())
            .map_err(|e| self.at_value(&e, item, &version.file))
    }

    /// The value of one version of a verified item.
    pub fn value(&self, item: &Item, version: u32) -> Result<Secret> {
        let version = item.version(version)?;
        let file = self.vault.value_file(&item.name, &version.file, &version.sha256)?;
        age_file::decrypt(&file, self.identity.keys())
            .map_err(|e| self.at_value(&e, item, &version.file))
    }

    /// Signs a record: its whole text. `body` is TOML without the serial, which is put before it
    /// (or with it as first line).
    pub fn sign(&self, kind: &str, name: &str, serial: u64, body: &str) -> String {
        let label = Label { vault: *self.vault.id(), kind, name };
        label.sign(serial, body, |message| self.keys.sign_record(message))
    }

    /// Signs a token's message with the token-signing seed.
    pub fn sign_token(&self, message: &[u8]) -> [u8; 64] {
        self.keys.sign_token(message)
    }

    /// The fingerprint of a value, 32 hex digits.
    pub fn fingerprint(&self, value: &Secret) -> String {
        self.keys.fingerprint(value)
    }

    /// The fingerprints of the parts of a value that are secret by themselves: whoever finds one
    /// can ask the record whose it is. A part that ends a line has two, since many programs drop
    /// its newline.
    pub fn part_fingerprints(&self, value: &Secret) -> Result<Vec<String>> {
        let mut prints = Vec::new();
        for part in hasp_redact::parts(value.expose()).kept {
            let whole = part.bytes.as_slice();
            let end =
                whole.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |last| last + 1);
            prints.push(self.fingerprint(&Secret::copy_of(whole)?));
            if end < whole.len() {
                prints.push(self.fingerprint(&Secret::copy_of(&whole[..end])?));
            }
        }
        Ok(prints)
    }

    /// Whether a stretch of one of these texts is the value of this version. Its size is on record
    /// and its fingerprint too: every stretch of that size is compared, without opening the vault's
    /// copy.
    pub fn holds_value(&self, texts: &[&[u8]], version: &Version) -> Result<bool> {
        let size = usize::try_from(version.size).unwrap_or(usize::MAX).max(1);
        let mut stretch = Secret::with_capacity(4096)?;
        for window in texts.iter().filter(|t| t.len() >= size).flat_map(|t| t.windows(size)) {
            stretch.truncate(0);
            stretch.push(window)?;
            if self.fingerprint(&stretch) == version.fp {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The current root and the earlier ones.
    pub(crate) fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The keys under the current root.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The audit root under which a log of this home was made.
    ///
    /// # Errors
    /// `[log-unknown]` for a log that is none of this vault's.
    pub(crate) fn keys_of_log(&self, log: &LogId) -> Result<Keys> {
        let key = self.vault.known().key_of_log(log);
        let found =
            key.and_then(|key: &VerifyingKey| self.roots.all().find(|k| k.record_key() == *key));
        found.ok_or_else(|| {
            Error::new(
                Kind::Missing,
                code::LOG_UNKNOWN,
                format!("the log {log} is not one of this vault's"),
            )
            .hint("see the vault's log with: hasp-vault status")
        })
    }

    fn at_value(&self, error: &Error, item: &Item, file: &str) -> Error {
        at_path(error, &self.vault.item_dir(&item.name).join(file))
    }
}

/// The operator's identity, decrypted if it has a passphrase.
pub fn open_identity(home: &Home, cx: &mut Context) -> Result<Identity> {
    open_with_passphrase(home, cx).map(|(identity, _)| identity)
}

/// The identity with the passphrase that opened its file, for who has to write that file again.
pub(crate) fn open_with_passphrase(
    home: &Home,
    cx: &mut Context,
) -> Result<(Identity, Option<SecretString>)> {
    let opened = open_any(home, cx)?;
    if cx.env.var(hasp_core::Var::Identity).is_none() {
        // Where the home cannot be written, opening must work all the same.
        let _ = public::note(home, &opened.0);
    }
    Ok(opened)
}

fn open_any(home: &Home, cx: &mut Context) -> Result<(Identity, Option<SecretString>)> {
    let raw = read_identity(home, cx)?;
    if Identity::is_ssh(&raw) {
        return Identity::parse_ssh(raw, || passphrase::of_ssh_key(cx)).map(|i| (i, None));
    }
    if !age_file::is_age_file(raw.expose()) {
        return Identity::parse(raw).map(|i| (i, None));
    }
    // Before anybody is asked for anything: a header that wants too much work was planted.
    age_file::check_work_factor(raw.expose())?;
    if let Some(given) = passphrase::configured(cx)? {
        let opened = decrypt_identity(&raw, &given).map_err(|e| match e.code() {
            code::WRONG_PASSPHRASE => forgotten(e.hint(
                "HASP_PASSPHRASE and HASP_ASKPASS give it as it is, but for one newline at the end",
            )),
            _ => e,
        });
        return opened.map(|i| (i, Some(given)));
    }
    let mut terminal = Terminal::find().map_err(passphrase::no_way)?;
    cx.out.flush()?;
    ask_until_right(&mut terminal, &raw)
}

/// The bytes of the identity: `HASP_IDENTITY`, else the file in the home.
fn read_identity(home: &Home, cx: &mut Context) -> Result<Secret> {
    if let Some(word) = cx.env.var(Var::Identity) {
        let source = Source::parse(word)?;
        let text = source.read(&mut cx.env, identity::MAX_TEXT)?;
        return match (text.is_empty(), &source) {
            (true, Source::Fd(number)) => Err(passphrase::drained("HASP_IDENTITY", *number)),
            _ => Ok(text),
        };
    }
    for name in [IDENTITY_LOCKED, IDENTITY_PLAIN] {
        match files::open(&home.join(name), Guard::Private) {
            Ok(mut file) => return Secret::read_from(&mut file, identity::MAX_TEXT),
            Err(e) if e.code() == code::NOT_FOUND => {}
            Err(e) => return Err(e),
        }
    }
    Err(Error::new(Kind::Locked, code::NO_IDENTITY, "there is no identity in the home")
        .hint(
            "put identity.age back from a copy of the home, or name one: \
             HASP_IDENTITY=/path/to/identity",
        )
        .hint(
            "with a recovery key, make another one for this home: HASP_IDENTITY=FILE \
             hasp-vault passphrase",
        )
        .hint("or make one and have it added by a member: hasp-vault identity new")
        .hint(LOST))
}

fn no_recipient(error: Error) -> Error {
    if error.code() != code::NOT_A_RECIPIENT {
        return error;
    }
    error
        .hint(
            "name one that can: HASP_IDENTITY=/path/to/identity; who they are says: hasp-vault \
             recipients",
        )
        .hint(LOST)
}

fn ask_until_right(
    terminal: &mut Terminal,
    raw: &Secret,
) -> Result<(Identity, Option<SecretString>)> {
    let mut tries = 1;
    loop {
        let typed = passphrase::ask(terminal)?;
        match decrypt_identity(raw, &typed) {
            Err(e) if e.code() == code::WRONG_PASSPHRASE && tries < passphrase::TRIES => {
                terminal.show("Sorry, try again.\n")?
            }
            Err(e) if e.code() == code::WRONG_PASSPHRASE && terminal.was_followed() => {
                return Err(passphrase::pasted(e));
            }
            Err(e) if e.code() == code::WRONG_PASSPHRASE => return Err(forgotten(e)),
            outcome => {
                let identity = outcome?;
                terminal.nothing_behind().map_err(passphrase::one_line)?;
                return Ok((identity, Some(typed)));
            }
        }
        tries += 1;
    }
}

fn decrypt_identity(raw: &Secret, given: &SecretString) -> Result<Identity> {
    match age_file::decrypt_with_passphrase(raw.expose(), given) {
        Ok(text) => Identity::parse(text),
        Err(e) if e.code() == code::TAMPERED => {
            Err(Error::new(Kind::Data, code::TAMPERED, "the identity is damaged")
                .hint("put identity.age back from a backup"))
        }
        Err(error) => Err(error),
    }
}

/// The error of a passphrase that is wrong, for whoever does not know it any more.
fn forgotten(error: Error) -> Error {
    error
        .hint(
            "forgotten? with a recovery key this home gets another identity: \
             HASP_IDENTITY=FILE hasp-vault passphrase",
        )
        .hint(LOST)
}
