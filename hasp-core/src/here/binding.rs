//! Bindings, as far as they lead to a vault: named by the project, read without being verified.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use crate::code;
use crate::error::{Error, Kind, Result};
use crate::files::{self, Guard};
use crate::home::Home;
use crate::text::{printable_path, shell_word};

/// The directory of bindings in the home.
pub const BINDINGS: &str = "bindings";
/// The largest binding, in bytes: consented targets are copied into it.
pub const MAX_BINDING: usize = 2 << 20;
/// How many hexadecimal digits of the hash name a binding.
const ID_LENGTH: usize = 32;

/// The binding of the project here, not verified.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The project's root.
    pub root: PathBuf,
    /// The binding's name: what its signature covers beside its text.
    pub id: String,
    /// Its whole text.
    pub text: Vec<u8>,
    /// The id of the vault that it claims to be of.
    pub vault: String,
}

/// The name of a project's binding: the first 32 hexadecimal digits of the SHA-256 of its real
/// path.
pub fn binding_id(root: &Path) -> String {
    let mut id = HEXLOWER.encode(&Sha256::digest(root.as_os_str().as_bytes()));
    id.truncate(ID_LENGTH);
    id
}

/// Whether this can be the name of a binding.
pub fn is_binding_id(id: &str) -> bool {
    id.len() == ID_LENGTH && id.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The file of the binding of this name.
pub fn binding_path(home: &Home, id: &str) -> PathBuf {
    home.join(BINDINGS).join(format!("{id}.toml"))
}

/// The bytes of a binding, `None` if there is none.
///
/// # Errors
/// The file discipline's codes.
pub fn read_binding(home: &Home, id: &str) -> Result<Option<Vec<u8>>> {
    files::read_if_present(&binding_path(home, id), Guard::Private, MAX_BINDING)
}

/// Whether the directory is bound as one that others own or can change: read unverified, which lets
/// nothing through but the search for a project; whatever is granted there is verified.
///
/// # Errors
/// The file discipline's codes for a binding that cannot be read.
pub fn is_shared(home: &Home, dir: &Path) -> Result<bool> {
    let text = read_binding(home, &binding_id(dir))?;
    Ok(text.and_then(|text| Claim::parse(&text)).is_some_and(|claim| claim.shared))
}

/// What a binding says of the vault. Its format is hasp-bind's; all that it must have is asked for,
/// so that a text cut short is none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
pub(super) struct Claim {
    signature: IgnoredAny,
    serial: u64,
    root: String,
    pub(super) vault: String,
    pub(super) dir: Option<PathBuf>,
    project: String,
    #[serde(default)]
    holds_name: Option<IgnoredAny>,
    #[serde(default)]
    shared: bool,
    updated: String,
    #[serde(default)]
    refs: Option<IgnoredAny>,
    #[serde(default)]
    targets: Option<IgnoredAny>,
}

impl Claim {
    pub(super) fn parse(text: &[u8]) -> Option<Claim> {
        toml::from_str(std::str::from_utf8(text).ok()?).ok()
    }
}

/// Whether anything is bound in this home.
pub(super) fn any_bound(home: &Home) -> Result<bool> {
    let dir = home.join(BINDINGS);
    match files::check_dir(&dir) {
        Err(e) if e.code() == code::NOT_FOUND => return Ok(false),
        other => other?,
    }
    let mut entries = std::fs::read_dir(&dir).map_err(|e| Error::io("read", &dir, e))?;
    Ok(entries.next().is_some())
}

/// The error for a binding that is no binding.
pub fn damaged(path: &Path) -> Error {
    let what = format!("the consent of this project, {},", printable_path(path));
    let error = Error::new(
        Kind::Data,
        code::TAMPERED,
        format!("{what} is damaged or was not written by hasp"),
    );
    with_way_out(error, path)
}

/// How to be rid of what is no binding, since consent can be given again; where it only has the
/// wrong mode, that is mended instead.
pub(super) fn with_way_out(error: Error, path: &Path) -> Error {
    if !error.hints().is_empty() {
        return error;
    }
    let word = shell_word(path.as_os_str());
    error
        .hint(
            "it says which vault this project uses; until it is mended, name that one: \
               HASP_VAULT=DIR",
        )
        .hint(format!("to be rid of it and consent again: rm -r {word}; hasp-bind --vault DIR"))
}
