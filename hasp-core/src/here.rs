//! Which vault a tool uses where it was started: one answer for all of them. It is read without
//! being verified and good for finding only; the vault that is found is verified by its pin, and
//! then verifies the binding that led to it.
//!
//! "Not there" and "cannot be read" are two answers: without a binding the vault is the home's own,
//! and behind one that cannot be read it is none, since whatever is written there must not go into
//! another vault. `hasp.toml` is looked for and never read.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use crate::code;
use crate::environ::Environ;
use crate::error::{Error, Kind, Result};
use crate::files::{self, Guard};
use crate::home::Home;
use crate::text::{printable_path, shell_word};
use crate::trust;
use crate::var::Var;

/// The file that makes a directory a project.
pub const MANIFEST: &str = "hasp.toml";
/// What makes a directory the root of a git repository.
pub const GIT: &str = ".git";
/// The directory of bindings in the home.
pub const BINDINGS: &str = "bindings";
/// The largest binding, in bytes: consented targets are copied into it.
pub const MAX_BINDING: usize = 2 << 20;
/// How many hexadecimal digits of the hash name a binding.
const ID_LENGTH: usize = 32;

/// Where a tool was started.
#[derive(Clone, Debug)]
pub struct Here {
    home: Home,
    vault_dir: PathBuf,
    bound: Option<Bound>,
}

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

impl Here {
    /// Looks around from the current directory, for a home that is checked first.
    ///
    /// # Errors
    /// Those of [`Home::check`] and of [`Here::within`].
    pub fn find(env: &Environ) -> Result<Here> {
        let home = Home::locate(env)?;
        home.check()?;
        Here::within(&home, env)
    }

    /// As [`Here::find`], for a home that may not be there yet.
    ///
    /// # Errors
    /// `[tampered]` for a binding that is damaged; the file discipline's codes for one that others
    /// could have written.
    pub fn within(home: &Home, env: &Environ) -> Result<Here> {
        if let Some(here) = Here::named(home, env)? {
            return Ok(here);
        }
        // Where nothing is bound it does not matter where we are.
        if !any_bound(home)? {
            return Ok(Here::at_home(home));
        }
        let cwd =
            std::env::current_dir().map_err(|e| Error::system("find the current directory", e))?;
        Here::from(home, &cwd)
    }

    /// As [`Here::within`], as if the tool had been started in `start`.
    ///
    /// # Errors
    /// Those of [`Here::within`], and where `start` is not there.
    pub fn at(home: &Home, env: &Environ, start: &Path) -> Result<Here> {
        Here::named(home, env)?.map_or_else(|| Here::from(home, start), Ok)
    }

    /// Where `HASP_VAULT` says.
    fn named(home: &Home, env: &Environ) -> Result<Option<Here>> {
        let Some(named) = env.var(Var::Vault).map(Path::new) else { return Ok(None) };
        // Absolute, so that what is remembered and shown does not depend on where the tool was
        // started.
        let dir = std::path::absolute(named).map_err(|e| Error::io("find", named, e))?;
        Ok(Some(Here { home: home.clone(), vault_dir: dir, bound: None }))
    }

    fn from(home: &Home, start: &Path) -> Result<Here> {
        let start = start.canonicalize().map_err(|e| Error::io("open", start, e))?;
        let Some(root) = root(home, &start)? else { return Ok(Here::at_home(home)) };
        let id = binding_id(&root);
        let path = binding_path(home, &id);
        let Some(text) = read_binding(home, &id).map_err(|e| with_way_out(e, &path))? else {
            return Ok(Here::at_home(home));
        };
        let claim = Claim::parse(&text).ok_or_else(|| damaged(&path))?;
        let vault_dir = claim.dir.unwrap_or_else(|| home.join("vault"));
        let bound = Bound { root, id, text, vault: claim.vault };
        Ok(Here { home: home.clone(), vault_dir, bound: Some(bound) })
    }

    fn at_home(home: &Home) -> Here {
        Here { home: home.clone(), vault_dir: home.join("vault"), bound: None }
    }

    /// The home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The vault's directory: `HASP_VAULT`, else the one that the project's binding remembers, else
    /// `vault` in the home.
    pub fn vault_dir(&self) -> &Path {
        &self.vault_dir
    }

    /// The binding that was asked, if `HASP_VAULT` did not speak first and the project has one.
    pub fn bound(&self) -> Option<&Bound> {
        self.bound.as_ref()
    }
}

/// The root of the project that `start`, a real path, belongs to: the nearest directory upwards
/// with a manifest, else the nearest bound one, else the git root. The search does not leave the
/// directories that are ours, root's, or of whom `start` belongs to, but for a root that is bound
/// as shared.
///
/// # Errors
/// `Kind::Io` where it cannot be seen what is there.
pub fn root(home: &Home, start: &Path) -> Result<Option<PathBuf>> {
    let frontier = trust::frontier(start);
    let within = |dir: &&Path| frontier.as_ref().is_none_or(|f| !f.path.starts_with(dir));
    let ways: Vec<&Path> = start.ancestors().take_while(within).collect();
    let ours: [&dyn Fn(&Path) -> PathBuf; 3] =
        [&|dir| dir.join(MANIFEST), &|dir| binding_path(home, &binding_id(dir)), &|dir| {
            dir.join(GIT)
        }];
    for sign in ours {
        if let Some(root) = nearest(&ways, |dir| there(&sign(dir)))? {
            return Ok(Some(root));
        }
    }
    match frontier {
        Some(_) => nearest(&start.ancestors().collect::<Vec<_>>(), |dir| is_shared(home, dir)),
        None => Ok(None),
    }
}

/// The first of these directories that is so.
fn nearest(dirs: &[&Path], so: impl Fn(&Path) -> Result<bool>) -> Result<Option<PathBuf>> {
    for dir in dirs {
        if so(dir)? {
            return Ok(Some((*dir).to_owned()));
        }
    }
    Ok(None)
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

/// What a binding says of the vault. Its format is hasp-bind's; all that it must have is asked for,
/// so that a text cut short is none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Claim {
    signature: IgnoredAny,
    serial: u64,
    root: String,
    vault: String,
    dir: Option<PathBuf>,
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
    fn parse(text: &[u8]) -> Option<Claim> {
        toml::from_str(std::str::from_utf8(text).ok()?).ok()
    }
}

fn any_bound(home: &Home) -> Result<bool> {
    let dir = home.join(BINDINGS);
    match files::check_dir(&dir) {
        Err(e) if e.code() == code::NOT_FOUND => return Ok(false),
        other => other?,
    }
    let mut entries = std::fs::read_dir(&dir).map_err(|e| Error::io("read", &dir, e))?;
    Ok(entries.next().is_some())
}

/// What may not be looked at is not "not there".
fn there(path: &Path) -> Result<bool> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(e) if matches!(e.kind(), NotFound | NotADirectory) => Ok(false),
        Err(e) => Err(Error::io("look at", path, e)),
    }
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
fn with_way_out(error: Error, path: &Path) -> Error {
    if !error.hints().is_empty() {
        return error;
    }
    let word = shell_word(path.as_os_str());
    error
        .hint("it says which vault this project uses; until it is mended, name that one: HASP_VAULT=DIR")
        .hint(format!("to be rid of it and consent again: rm -r {word}; hasp-bind --vault DIR"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const TEXT: &str = "signature = \"x\"\nserial = 3\nroot = \"/p\"\nvault = \"00\"\ndir = \"/elsewhere\"\n\
        project = \"p\"\nupdated = \"2026-01-31T12:00:00Z\"\n\n[refs]\na = \"b\"\n\n[targets.t]\ndigest = \"0\"\ncanonical = \"\"\n";

    struct Tree {
        dir: tempfile::TempDir,
    }

    impl Tree {
        /// A home, and a project with a directory below it.
        fn new() -> Tree {
            let tree = Tree { dir: tempfile::tempdir().unwrap() };
            fs::create_dir_all(tree.at("p/below/deep")).unwrap();
            fs::create_dir(tree.at("home")).unwrap();
            files::ensure_dir(&tree.at("home/bindings")).unwrap();
            tree
        }

        fn at(&self, below: &str) -> PathBuf {
            self.dir.path().canonicalize().unwrap().join(below)
        }

        fn home(&self) -> Home {
            Home::at(self.at("home"))
        }

        fn binding(&self, below: &str) -> PathBuf {
            binding_path(&self.home(), &binding_id(&self.at(below)))
        }

        fn bind(&self, below: &str, text: &str) {
            files::replace(&self.binding(below), text.as_bytes()).unwrap();
        }

        fn vault(&self, start: &str) -> std::result::Result<PathBuf, &'static str> {
            Here::from(&self.home(), &self.at(start))
                .map(|h| h.vault_dir)
                .map_err(|e| e.code().as_str())
        }
    }

    #[test]
    fn the_nearest_manifest_then_a_binding_then_git() {
        let tree = Tree::new();
        let root = |start: &str| root(&tree.home(), &tree.at(start)).unwrap();
        assert_eq!(root("p/below/deep"), None);
        fs::create_dir(tree.at("p/.git")).unwrap();
        assert_eq!(root("p/below/deep"), Some(tree.at("p")));
        tree.bind("p/below", TEXT);
        assert_eq!(root("p/below/deep"), Some(tree.at("p/below")));
        symlink("/nonexistent", tree.at("p/hasp.toml")).unwrap();
        assert_eq!(root("p/below/deep"), Some(tree.at("p")));
    }

    #[test]
    fn a_project_without_a_binding_uses_the_vault_of_the_home() {
        let tree = Tree::new();
        let own = Ok(tree.at("home/vault"));
        assert_eq!(tree.vault("p/below"), own);
        fs::write(tree.at("p/hasp.toml"), "no toml at all [").unwrap();
        assert_eq!(tree.vault("p/below"), own);
        tree.bind("p", &TEXT.replace("dir = \"/elsewhere\"\n", ""));
        assert_eq!(tree.vault("p/below"), own);
    }

    #[test]
    fn a_bound_project_uses_its_vault_whatever_its_manifest_says() {
        let tree = Tree::new();
        tree.bind("p", TEXT);
        for manifest in ["", "x = ", "[project]\nname = 3", "\u{0}", "[[["] {
            fs::write(tree.at("p/hasp.toml"), manifest).unwrap();
            assert_eq!(tree.vault("p/below/deep"), Ok("/elsewhere".into()));
        }
    }

    #[test]
    fn no_prefix_of_a_binding_is_another_one() {
        let tree = Tree::new();
        let head = TEXT.find("\n[refs]").unwrap();
        for end in 0..head {
            tree.bind("p", &TEXT[..end]);
            let found = tree.vault("p");
            assert!(
                found == Ok("/elsewhere".into())
                    || found == Err("tampered")
                    || found == Err("no-project"),
                "{end}: {found:?}"
            );
            assert!(found != Ok(tree.at("home/vault")), "{end}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_missing_binding() {
        let tree = Tree::new();
        fs::create_dir(tree.at("p/.git")).unwrap();
        tree.bind("p", TEXT);
        let path = tree.binding("p");
        for (mode, code) in [(0o644, "open-mode"), (0o640, "open-mode"), (0o666, "open-mode")] {
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(tree.vault("p"), Err(code), "{mode:o}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(tree.vault("p"), Err("not-a-file"));
        fs::remove_dir(&path).unwrap();
        symlink("/etc/hostname", &path).unwrap();
        assert_eq!(tree.vault("p"), Err("symlink"));
        fs::remove_file(&path).unwrap();
        let large = format!("{TEXT}#{}", "x".repeat(MAX_BINDING));
        for text in
            ["", "\u{0}", "serial = 3", TEXT.replace("vault =", "vaults =").as_str(), &large]
        {
            tree.bind("p", text);
            assert!(tree.vault("p").is_err());
        }
    }

    #[test]
    fn a_directory_of_bindings_that_is_not_ours_alone_is_refused() {
        let tree = Tree::new();
        let bindings = tree.at("home/bindings");
        assert!(!any_bound(&tree.home()).unwrap());
        tree.bind("p", TEXT);
        assert!(any_bound(&tree.home()).unwrap());
        fs::set_permissions(&bindings, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(any_bound(&tree.home()).unwrap_err().code(), "open-mode");
        fs::remove_dir_all(&bindings).unwrap();
        assert!(!any_bound(&tree.home()).unwrap());
        symlink(tree.at("p"), &bindings).unwrap();
        assert_eq!(any_bound(&tree.home()).unwrap_err().code(), "symlink");
    }
}
