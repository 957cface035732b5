//! Projects, bindings and vaults as they lie on disk, and what is forged in them.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::binding::any_bound;
use super::*;
use crate::code;
use crate::files;
use crate::hexid::{LogId, VaultId};

const TEXT: &str = "signature = \"x\"\nserial = 3\nroot = \"/p\"\nvault = \"00\"\ndir = \
                    \"/elsewhere\"\n\
    project = \"p\"\nupdated = \"2026-01-31T12:00:00Z\"\n\n[refs]\na = \
    \"b\"\n\n[targets.t]\ndigest = \"0\"\ncanonical = \"\"\n";

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
        Here::at(&self.home(), &Environ::default(), &self.at(start))
            .vault_dir()
            .map(|dir| dir.for_finding().to_owned())
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
    for text in ["", "\u{0}", "serial = 3", TEXT.replace("vault =", "vaults =").as_str(), &large] {
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
    assert_eq!(any_bound(&tree.home()).unwrap_err().code(), code::OPEN_MODE);
    fs::remove_dir_all(&bindings).unwrap();
    assert!(!any_bound(&tree.home()).unwrap());
    symlink(tree.at("p"), &bindings).unwrap();
    assert_eq!(any_bound(&tree.home()).unwrap_err().code(), code::SYMLINK);
}

/// A home that knows two vaults, each in a directory of its own.
struct Vaults {
    tree: Tree,
    ids: [VaultId; 2],
    logs: [LogId; 2],
}

impl Vaults {
    fn new() -> Vaults {
        let tree = Tree::new();
        let ids = [(); 2].map(|()| VaultId::random().unwrap());
        let logs = [(); 2].map(|()| LogId::random().unwrap());
        let key = |n: u8| data_encoding::BASE64.encode(&[n; 32]);
        let entry = |n: usize| {
            let (id, log, key) = (ids[n], logs[n], key(u8::try_from(n).unwrap()));
            format!("[[vault]]\nid = \"{id}\"\nkey = \"{key}\"\nlog = \"{log}\"\n")
        };
        let known = format!("# the vaults\n\n{}\n{}", entry(0), entry(1));
        files::replace(&tree.at("home/known_vaults"), known.as_bytes()).unwrap();
        let vaults = Vaults { tree, ids, logs };
        vaults.claim("home/vault", &ids[0].to_string());
        vaults.claim("team", &ids[1].to_string());
        vaults
    }

    /// Puts a vault's file there that anybody could have written.
    fn claim(&self, dir: &str, id: &str) {
        fs::create_dir_all(self.tree.at(dir)).unwrap();
        let text = format!("signature = \"none\"\nserial = 9\nid = \"{id}\"\nformat = 1\n");
        files::replace(&self.tree.at(dir).join(VAULT_FILE), text.as_bytes()).unwrap();
    }

    fn log(&self, start: &str) -> std::result::Result<LogId, &'static str> {
        let env = Environ::default();
        let here = Here::at(&self.tree.home(), &env, &self.tree.at(start));
        let found = here.log().map_err(|e| e.code().as_str())?;
        Ok(found.for_finding().log)
    }
}

#[test]
fn a_forged_file_of_a_vault_chooses_among_the_known_ones_and_makes_none() {
    let vaults = Vaults::new();
    assert_eq!(vaults.log("p"), Ok(vaults.logs[0]));
    vaults.claim("home/vault", &vaults.ids[1].to_string());
    assert_eq!(vaults.log("p"), Ok(vaults.logs[1]));
    vaults.claim("home/vault", &VaultId::random().unwrap().to_string());
    assert_eq!(vaults.log("p"), Err("unknown-vault"));
    for id in ["../../audit", "", "\\u0000", &"A".repeat(32)] {
        vaults.claim("home/vault", id);
        assert_eq!(vaults.log("p"), Err("tampered"), "{id}");
    }
    fs::remove_file(vaults.tree.at("home/vault/vault.toml")).unwrap();
    assert_eq!(vaults.log("p"), Err("no-vault"));
}

#[test]
fn a_forged_list_of_vaults_is_refused_like_any_private_file() {
    let vaults = Vaults::new();
    let list = vaults.tree.at("home/known_vaults");
    fs::set_permissions(&list, PermissionsExt::from_mode(0o666)).unwrap();
    assert_eq!(vaults.log("p"), Err("open-mode"));
    fs::rename(&list, vaults.tree.at("list")).unwrap();
    symlink(vaults.tree.at("list"), &list).unwrap();
    assert_eq!(vaults.log("p"), Err("symlink"));
    fs::remove_file(&list).unwrap();
    assert_eq!(vaults.log("p"), Err("unknown-vault"));
    let id = vaults.ids[0];
    let log = vaults.logs[0];
    for entry in [
        format!("[[vault]]\nid = \"{id}\"\nkey = \"AA==\"\nlog = \"{log}\"\n"),
        format!("[[vault]]\nid = \"{id}\"\nkey = \"\"\nlog = \"../../x\"\n"),
        format!("[[vault]]\nid = \"{id}\"\n"),
        "[[vault".to_owned(),
    ] {
        files::replace(&list, entry.as_bytes()).unwrap();
        assert_eq!(vaults.log("p"), Err("tampered"), "{entry}");
    }
}

#[test]
fn a_forged_binding_leads_to_no_log_but_a_known_one() {
    let vaults = Vaults::new();
    let team = vaults.tree.at("team");
    let bind = |dir: &Path| {
        vaults.tree.bind("p", &TEXT.replace("/elsewhere", dir.to_str().unwrap()));
    };
    bind(&team);
    assert_eq!(vaults.log("p"), Ok(vaults.logs[1]));
    vaults.claim("team", &VaultId::random().unwrap().to_string());
    assert_eq!(vaults.log("p"), Err("unknown-vault"));
    bind(Path::new("/nonexistent"));
    assert_eq!(vaults.log("p"), Err("no-vault"));
}

#[test]
fn a_change_of_recipients_is_seen() {
    let vaults = Vaults::new();
    let env = Environ::default();
    let here = Here::at(&vaults.tree.home(), &env, &vaults.tree.at("p"));
    assert!(!here.log().unwrap().for_finding().changing);
    fs::create_dir(vaults.tree.at("home/locks")).unwrap();
    fs::write(change_of(&vaults.tree.home(), &vaults.ids[0]), "").unwrap();
    assert!(here.log().unwrap().for_finding().changing);
}

#[test]
fn here_gives_one_answer_to_where_root_and_manifest_are() {
    let tree = Tree::new();
    let env = Environ::default();
    let home = tree.home();
    let here = Here::at(&home, &env, &tree.at("p/below/../below/deep"));
    assert_eq!(here.cwd().unwrap(), tree.at("p/below/deep"));
    assert_eq!(here.root().unwrap(), None);
    assert_eq!(manifest(here.cwd().unwrap()).unwrap(), None);
    fs::write(tree.at("p/hasp.toml"), "no toml at all [").unwrap();
    assert_eq!(here.root().unwrap(), None, "it is looked for once");
    let later = Here::at(&home, &env, &tree.at("p/below"));
    assert_eq!(later.root().unwrap(), Some(tree.at("p").as_path()));
    assert_eq!(manifest(&tree.at("p/below")).unwrap(), Some(tree.at("p/hasp.toml")));
    let gone = Here::at(&home, &env, &tree.at("p/gone"));
    assert_eq!(gone.cwd().unwrap_err().kind(), crate::Kind::Io);
    assert_eq!(gone.vault_dir().unwrap().for_finding(), &tree.at("home/vault"), "nothing is bound");
}

#[test]
fn a_named_vault_needs_no_current_directory() {
    let tree = Tree::new();
    tree.bind("p", TEXT);
    let env: Environ = [("HASP_VAULT".into(), "/named".into())].into_iter().collect();
    let here = Here::at(&tree.home(), &env, &tree.at("p/gone"));
    assert_eq!(here.vault_dir().unwrap().for_finding(), &PathBuf::from("/named"));
    assert!(here.bound().unwrap().is_none());
    assert!(here.root().is_err());
}
