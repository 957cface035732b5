//! What to type where there is no vault: never what would make a second one beside one that exists,
//! and never what would cost an identity, since all that is encrypted to it goes with it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::hint;
use crate::project::GIT;
use crate::text::shell_word;

/// The names of an identity in a home.
pub const IDENTITIES: [&str; 2] = ["identity.age", "identity"];
/// How deep below a repository's root a vault is looked for.
const DEPTH: usize = 4;
/// How many directories are looked into at most: a hint must not keep anybody waiting.
const MOST: usize = 2000;
/// Directories that hold much and never a vault.
const PASSED: [&str; 4] = [".git", "node_modules", "target", ".venv"];

/// The same error with hints that lead to a vault, for whoever has none in this home.
pub fn to_a_vault(error: Error, home: &Path) -> Error {
    hints(home, std::env::current_dir().ok().as_deref()).into_iter().fold(error, Error::hint)
}

/// Whether a home has an identity.
pub fn has_identity(home: &Path) -> bool {
    IDENTITIES.iter().any(|name| home.join(name).symlink_metadata().is_ok())
}

/// A vault in the repository that a directory belongs to; none where it belongs to none: what lies
/// below a home directory or a mount is nobody's invitation.
pub fn vault_near(start: &Path, home: &Path) -> Option<PathBuf> {
    let start = start.canonicalize().ok()?;
    let own = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let root = start.ancestors().find(|dir| dir.join(GIT).symlink_metadata().is_ok())?;
    let mut queue = VecDeque::from([(root.to_owned(), 0)]);
    for _ in 0..MOST {
        let (dir, depth) = queue.pop_front()?;
        if dir == own {
            continue;
        }
        if ["vault.toml", "keys.age"].iter().all(|name| dir.join(name).is_file()) {
            return Some(dir);
        }
        if depth < DEPTH {
            queue.extend(below(&dir).map(|path| (path, depth + 1)));
        }
    }
    None
}

/// Links are not followed: they lead out of the repository, or in circles.
fn below(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let mut dirs: Vec<PathBuf> = entries
        .filter(|e| {
            e.file_type().is_ok_and(|t| t.is_dir()) && !PASSED.iter().any(|p| e.file_name() == *p)
        })
        .map(|e| e.path())
        .collect();
    dirs.sort();
    dirs.into_iter()
}

fn hints(home: &Path, start: Option<&Path>) -> Vec<String> {
    if let Some(dir) = start.and_then(|start| vault_near(start, home)) {
        return vec![hint!(
            "there is a vault in this repository; to use it: hasp-vault join {}",
            short(&dir, start)
        )];
    }
    let known = home.join("known_vaults").symlink_metadata().is_ok();
    let two = match (has_identity(home), known) {
        (true, _) => [
            hint(
                "this home has an identity; put its vault back from a backup: hasp-vault restore \
                 < FILE",
            ),
            hint("or use a vault that is elsewhere: hasp-vault join DIR"),
        ],
        (false, true) => [
            hint(
                "this home knows vaults and has lost its identity: put identity.age back from a \
                 copy",
            ),
            hint("or restore with a recovery key: HASP_IDENTITY=FILE hasp-vault restore < BACKUP"),
        ],
        (false, false) => [
            hint("make one with: hasp-vault init"),
            hint("or put one back from a backup: HASP_IDENTITY=FILE hasp-vault restore < BACKUP"),
        ],
    };
    two.map(str::to_owned).to_vec()
}

/// As it is typed where the reader is.
fn short(dir: &Path, start: Option<&Path>) -> String {
    let start = start.and_then(|s| s.canonicalize().ok());
    let below = start.as_deref().and_then(|s| dir.strip_prefix(s).ok());
    let path = match below {
        Some(here) if here.as_os_str().is_empty() => Path::new("."),
        Some(below) => below,
        None => dir,
    };
    // A name that begins with a dash would be an option.
    let word = shell_word(path.as_os_str());
    if word.starts_with('-') { format!("./{word}") } else { word }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new() -> Tree {
            let tree = Tree(tempfile::tempdir().unwrap());
            fs::create_dir_all(tree.at("repo/.git")).unwrap();
            fs::create_dir_all(tree.at("repo/src/deep")).unwrap();
            fs::create_dir_all(tree.at("home")).unwrap();
            tree
        }

        fn at(&self, below: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(below)
        }

        fn vault(&self, below: &str) {
            let dir = self.at(below);
            fs::create_dir_all(&dir).unwrap();
            ["vault.toml", "keys.age"]
                .iter()
                .for_each(|name| fs::write(dir.join(name), "").unwrap());
        }

        fn hints(&self, start: &str) -> String {
            hints(&self.at("home"), Some(&self.at(start))).join("\n")
        }
    }

    #[test]
    fn a_vault_is_made_only_where_nothing_is_left_of_one() {
        let tree = Tree::new();
        assert!(tree.hints("repo/src").contains("hasp-vault init"));
        for (file, expected) in [
            ("identity", "join DIR"),
            ("identity.age", "restore"),
            ("known_vaults", "HASP_IDENTITY"),
        ] {
            fs::write(tree.at("home").join(file), "").unwrap();
            let hints = tree.hints("repo/src");
            assert!(hints.contains(expected) && !hints.contains("init"), "{file}: {hints}");
            fs::remove_file(tree.at("home").join(file)).unwrap();
        }
    }

    #[test]
    fn a_vault_in_the_repository_is_joined_wherever_it_lies() {
        for place in ["repo", "repo/vault", "repo/.hasp/team", "repo/a/b/c/vault", "repo/src/deep"]
        {
            let tree = Tree::new();
            tree.vault(place);
            let hints = tree.hints("repo/src/deep");
            assert!(
                hints.contains("hasp-vault join ") && !hints.contains("init"),
                "{place}: {hints}"
            );
            assert_eq!(vault_near(&tree.at("repo/src"), &tree.at("home")), Some(tree.at(place)));
        }
        let tree = Tree::new();
        tree.vault("repo/-v");
        assert!(tree.hints("repo").ends_with("hasp-vault join ./-v"));
        assert!(
            tree.hints("repo/src")
                .ends_with(&format!("hasp-vault join {}", tree.at("repo/-v").display()))
        );
    }

    #[test]
    fn what_is_outside_behind_a_link_or_the_homes_own_is_none_of_the_repositorys() {
        let tree = Tree::new();
        tree.vault("beside/vault");
        tree.vault("home/vault");
        tree.vault("repo/node_modules/vault");
        std::os::unix::fs::symlink(tree.at("beside"), tree.at("repo/link")).unwrap();
        assert_eq!(vault_near(&tree.at("repo"), &tree.at("home")), None);
    }

    #[test]
    fn outside_of_any_repository_no_vault_is_pointed_at() {
        let tree = Tree::new();
        tree.vault("repo/plain/vault");
        fs::remove_dir(tree.at("repo/.git")).unwrap();
        for start in ["", "repo", "repo/plain", "repo/plain/vault"] {
            assert_eq!(vault_near(&tree.at(start), &tree.at("home")), None, "{start}");
            assert!(tree.hints(start).contains("hasp-vault init"), "{start}");
        }
    }
}
