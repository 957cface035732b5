//! Which project a directory belongs to, always by its real path: a link to a project is the
//! project, a copy of it is another one.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hasp_core::here;
use hasp_core::text::{printable_os, printable_path};
use hasp_core::tree;
use hasp_core::trust::{self, Stranger};
use hasp_core::{Error, Here, Kind, Result};
use hasp_target::{FILE_NAME, Manifest};

use crate::code;

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its root, a real path.
    pub root: PathBuf,
    /// Its manifest, if it has one.
    pub manifest: Option<Manifest>,
    /// `[project] name`, else the root directory's name.
    pub name: String,
    /// Who else can change it, where a person has said that this is meant: `hasp-bind --shared`.
    pub stranger: Option<Stranger>,
    /// Whether nothing made the directory a project until now.
    pub founded: bool,
}

impl Project {
    /// The project here: the nearest directory upwards with a `hasp.toml`, else the nearest bound
    /// one, else the git root. The search does not leave the directories that are ours, root's, or
    /// of whom the current one belongs to, but for a root that is bound as shared.
    ///
    /// # Errors
    /// `[no-project]`; `[foreign-project]` if another user owns or can change it;
    /// `[foreign-directory]` where another user's directories begin; the manifest's own errors.
    pub fn find(here: &Here<'_>) -> Result<Project> {
        Project::load(Project::root(here)?)
    }

    /// As [`Project::root`], whoever can change it: for what only takes away.
    ///
    /// # Errors
    /// `[no-project]`, `[foreign-directory]`.
    pub fn any_root(here: &Here<'_>) -> Result<PathBuf> {
        search(here)
    }

    /// As [`Project::find`], whoever can change it: for the person who says that this is meant.
    pub(crate) fn find_shared(here: &Here<'_>) -> Result<Project> {
        Project::load(search(here)?)
    }

    /// The root alone, found in the same way without reading the manifest: what is in it does not
    /// matter to a grant that exists.
    ///
    /// # Errors
    /// As [`Project::find`], without the manifest's.
    pub fn root(here: &Here<'_>) -> Result<PathBuf> {
        let root = search(here)?;
        match stranger(&root)? {
            Some(stranger) if !here::is_shared(here.home(), &root)? => {
                Err(foreign(&root, &stranger))
            }
            _ => Ok(root),
        }
    }

    /// The directory itself as a project without a manifest, for binding by hand where there is
    /// none.
    ///
    /// # Errors
    /// `[foreign-project]`.
    pub fn at(root: &Path) -> Result<Project> {
        let project = Project::at_shared(root)?;
        match &project.stranger {
            None => Ok(project),
            Some(stranger) => Err(foreign(&project.root, stranger)),
        }
    }

    /// As [`Project::at`], whoever can change it.
    pub(crate) fn at_shared(root: &Path) -> Result<Project> {
        let root = root.canonicalize().map_err(|e| Error::io("open", root, e))?;
        Ok(Project { founded: true, ..Project::new(root, None)? })
    }

    /// Whether the manifest names it; else it has the name of its directory.
    pub fn is_named(&self) -> bool {
        self.manifest.as_ref().is_some_and(|m| m.project.is_some())
    }

    /// What belongs to the project because its root does, in words. `home` is the user's own
    /// directory, as HOME has it.
    pub fn extent(&self, home: Option<&OsStr>) -> String {
        let shown = printable_path(&self.root);
        let home = home.and_then(|home| Path::new(home).canonicalize().ok());
        let is_home = home.as_deref() == Some(self.root.as_path());
        let below = match () {
            () if self.root.parent().is_none() => "everything on this machine",
            () if is_home => "everything in this home directory",
            () => "everything below it",
        };
        format!("{shown} is a project now, with {below} that has no hasp.toml of its own")
    }

    fn load(root: PathBuf) -> Result<Project> {
        // What cannot be looked at is not a project without a manifest.
        let path = root.join(FILE_NAME);
        let manifest = tree::is_there(&path)?.then(|| Manifest::load(&path)).transpose()?;
        Project::new(root, manifest)
    }

    fn new(root: PathBuf, manifest: Option<Manifest>) -> Result<Project> {
        let named = manifest.as_ref().and_then(|m| m.project.clone());
        let name = named.unwrap_or_else(|| root.file_name().map_or("/".to_owned(), printable_os));
        let stranger = stranger(&root)?;
        Ok(Project { root, manifest, name, stranger, founded: false })
    }
}

/// The root, whoever can change it.
fn search(here: &Here<'_>) -> Result<PathBuf> {
    let none = |start: &Path| match trust::frontier(start) {
        Some(frontier) => at_frontier(start, &frontier),
        None => no_project(start),
    };
    match here.root()? {
        Some(root) => Ok(root.to_owned()),
        None => Err(none(here.cwd()?)),
    }
}

/// Who else can change the directory or what makes it a root.
///
/// # Errors
/// Where that cannot be seen: it is not "nobody".
fn stranger(root: &Path) -> Result<Option<Stranger>> {
    let manifest = root.join(FILE_NAME);
    let makes_root = if tree::is_there(&manifest)? { manifest } else { root.join(here::GIT) };
    for path in [root, &makes_root] {
        match path.metadata() {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(Error::io("look at", path, e));
            }
            _ => {}
        }
    }
    Ok(trust::stranger_below(root, &makes_root))
}

fn foreign(root: &Path, stranger: &Stranger) -> Error {
    let message = format!(
        "{}: what {} asks for may be another user's wish",
        stranger.text(),
        printable_path(root)
    );
    Error::new(Kind::Denied, code::FOREIGN_PROJECT, message)
        .hint(stranger.hint())
        .hint(
            "or read what it asks for (hasp-target list) and say that this is meant: hasp-bind \
               --shared",
        )
        .hint("or bind a secret without a hasp.toml: hasp-bind --shared add REF")
}

fn at_frontier(start: &Path, frontier: &Stranger) -> Error {
    let (shown, dir) =
        (printable_path(start), hasp_core::text::shell_word(frontier.path.as_os_str()));
    let message = format!(
        "{shown} belongs to no project as far as directories are yours: {}",
        frontier.text()
    );
    Error::new(Kind::Denied, hasp_target::code::FOREIGN_DIRECTORY, message)
        .hint(format!(
            "if a project there is meant, look at it first: cd {dir} && hasp-target list"
        ))
        .hint(format!("or make one here: hasp-target init, which writes {FILE_NAME}"))
}

fn no_project(start: &Path) -> Error {
    Error::new(
        Kind::Missing,
        code::NO_PROJECT,
        format!("{} belongs to no project", printable_path(start)),
    )
    .hint(format!("make one here: hasp-target init, which writes {FILE_NAME}"))
    .hint("or bind a secret to this directory without one: hasp-bind add REF")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::binding::store;
    use hasp_core::{Environ, Home};
    use std::fs;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new() -> Tree {
            let tree = Tree(tempfile::tempdir().unwrap());
            fs::create_dir_all(tree.at("a/b/c")).unwrap();
            fs::create_dir_all(tree.at("home/bindings")).unwrap();
            tree
        }

        fn at(&self, below: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(below)
        }

        fn find(&self, start: &str) -> Result<PathBuf> {
            self.project(start).map(|p| p.root)
        }

        fn project(&self, start: &str) -> Result<Project> {
            let env = Environ::default();
            Project::find(&Here::at(&Home::at(self.at("home")), &env, &self.at(start)))
        }
    }

    #[test]
    fn the_nearest_manifest_then_a_binding_then_git() {
        let tree = Tree::new();
        assert_eq!(tree.find("a/b/c").unwrap_err().code(), code::NO_PROJECT);
        fs::create_dir(tree.at("a/.git")).unwrap();
        assert_eq!(tree.find("a/b/c").unwrap(), tree.at("a"));
        fs::write(store::path(&Home::at(tree.at("home")), &tree.at("a/b")), "").unwrap();
        assert_eq!(tree.find("a/b/c").unwrap(), tree.at("a/b"));
        fs::write(tree.at("a/hasp.toml"), "[project]\nname = 'api'").unwrap();
        let project = tree.project("a/b/c").unwrap();
        assert_eq!((project.root, project.name.as_str()), (tree.at("a"), "api"));
        fs::write(tree.at("a/b/hasp.toml"), "").unwrap();
        assert_eq!(tree.find("a/b/c").unwrap(), tree.at("a/b"));
    }

    #[test]
    fn a_link_leads_to_the_real_project() {
        let tree = Tree::new();
        fs::write(tree.at("a/hasp.toml"), "").unwrap();
        std::os::unix::fs::symlink(tree.at("a"), tree.at("link")).unwrap();
        assert_eq!(tree.find("link/b").unwrap(), tree.at("a"));
    }

    #[test]
    fn a_broken_manifest_is_not_passed_over() {
        let tree = Tree::new();
        fs::create_dir(tree.at("a/.git")).unwrap();
        fs::write(tree.at("a/b/hasp.toml"), "x = 1").unwrap();
        assert_eq!(tree.find("a/b/c").unwrap_err().code(), hasp_target::code::MANIFEST_UNKNOWN_KEY);
        fs::remove_file(tree.at("a/b/hasp.toml")).unwrap();
        std::os::unix::fs::symlink("/nonexistent", tree.at("a/b/hasp.toml")).unwrap();
        assert_eq!(tree.find("a/b/c").unwrap_err().code(), hasp_target::code::MANIFEST_SYMLINK);
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_nobodys() {
        let tree = Tree::new();
        std::os::unix::fs::symlink(".git", tree.at("a/.git")).unwrap();
        assert_eq!(tree.find("a/b/c").unwrap_err().kind(), Kind::Io);
    }

    #[test]
    fn what_a_new_project_takes_with_it_is_said() {
        let tree = Tree::new();
        let home = tree.at("a");
        let extent = |path: &Path| Project::at_shared(path).unwrap().extent(Some(home.as_os_str()));
        assert!(extent(Path::new("/")).contains("everything on this machine"));
        assert!(extent(&tree.at("a")).contains("everything in this home directory"));
        assert!(extent(&tree.at("a/b")).contains("everything below it"));
    }
}
