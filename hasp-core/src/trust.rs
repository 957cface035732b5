//! Who else than we and root can change what lies at a path: a manifest, a program or a directory
//! that a stranger can change says tomorrow what he likes, in our name. The rule is git's for
//! repositories and sshd's for keys: owner, and nobody else may write.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::text::{printable, printable_path, shell_word};

/// The largest user or group file that is read.
const MAX_TABLE: u64 = 4 << 20;

/// Somebody else can change this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// What he can change.
    pub path: PathBuf,
    how: How,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum How {
    /// It is his.
    Owner(u32),
    /// Its mode lets him.
    Mode(u32),
}

impl Stranger {
    /// `/srv/api/hasp.toml belongs to user mallory (1001)`.
    pub fn text(&self) -> String {
        let shown = printable_path(&self.path);
        match self.how {
            How::Owner(uid) => format!("{shown} belongs to user {}", user(uid)),
            How::Mode(mode) => {
                format!("{shown} can be changed by other users (mode {:04o})", mode & 0o7777)
            }
        }
    }

    /// What to type if that is not meant.
    pub fn hint(&self) -> String {
        let typed = shell_word(self.path.as_os_str());
        match self.how {
            How::Owner(uid) => hint_of_owner(&self.path, uid),
            How::Mode(_) => crate::hint!("chmod go-w {typed}"),
        }
    }
}

/// What to type where something belongs to another user: never what would take it from him.
pub fn hint_of_owner(path: &Path, uid: u32) -> String {
    let name = name(uid);
    match (rustix::process::geteuid().is_root(), name) {
        (true, Some(name)) => crate::hint!("run it as {name}, without sudo: su {name}"),
        (true, None) => crate::hint!("run it as user {uid}, without sudo"),
        (false, _) => crate::hint!("see whose it is: ls -ld {}", shell_word(path.as_os_str())),
    }
}

/// Whether this user is we or root.
pub fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// Who else can change what lies at this path, itself and what it points to; nobody if there is
/// nothing.
///
/// Of a directory also who can add to it, sticky or not: a program started there finds by name what
/// he adds.
pub fn stranger(path: &Path) -> Option<Stranger> {
    changes(path, false)
}

/// As [`stranger`], of a path below `root`, of `root`, and of each directory between.
pub fn stranger_below(root: &Path, path: &Path) -> Option<Stranger> {
    let ways = path.ancestors().take_while(|p| p.starts_with(root));
    ways.collect::<Vec<_>>().into_iter().rev().find_map(stranger)
}

/// As [`stranger`], of a path and of every directory that leads to it, links resolved.
///
/// On the way a sticky directory, as /tmp, is as good as ours: others can add to it and not replace
/// what is ours.
pub fn stranger_on_the_way(path: &Path) -> Option<Stranger> {
    let real = path.canonicalize().ok()?;
    stranger(&real).or_else(|| real.ancestors().skip(1).find_map(|dir| changes(dir, true)))
}

/// Who else can change this; with `on_the_way`, replace what is in it.
fn changes(path: &Path, on_the_way: bool) -> Option<Stranger> {
    let found = |how| Some(Stranger { path: path.to_owned(), how });
    let itself = path.symlink_metadata().ok()?;
    let target = path.metadata().ok();
    let owners = [Some(itself.uid()), target.as_ref().map(MetadataExt::uid)];
    if let Some(uid) = owners.into_iter().flatten().find(|uid| !is_trusted(*uid)) {
        return found(How::Owner(uid));
    }
    let meta = target?;
    let (mode, sticky) = (meta.mode(), meta.mode() & 0o1000 != 0);
    let shared =
        mode & 0o002 != 0 || mode & 0o020 != 0 && (has_acl(path) || !is_private(meta.gid()));
    if shared && !(on_the_way && sticky) { found(How::Mode(mode)) } else { None }
}

/// The first directory, going up from `start`, that belongs to neither us nor root nor whom `start`
/// belongs to: what is found there is found by accident.
pub fn frontier(start: &Path) -> Option<Stranger> {
    let owner = |path: &Path| path.metadata().map(|m| m.uid()).ok();
    let own = owner(start);
    start.ancestors().skip(1).find_map(|path| {
        let uid = owner(path).filter(|uid| !is_trusted(*uid) && Some(*uid) != own)?;
        Some(Stranger { path: path.to_owned(), how: How::Owner(uid) })
    })
}

/// Who can change what lies at this path, apart from root: whose it is, and whom its mode lets. Of
/// a directory who can replace what is in it, so that a sticky one lets only its owner.
pub fn writers(path: &Path) -> Vec<String> {
    let Ok(meta) = path.metadata() else { return Vec::new() };
    let (mode, sticky) = (meta.mode(), meta.is_dir() && meta.mode() & 0o1000 != 0);
    let owner = (meta.uid() != 0).then(|| format!("user {}", user(meta.uid())));
    let shared = |bit: u32| mode & bit != 0 && !sticky;
    let group = (shared(0o020) && !is_private(meta.gid())).then(|| format!("group {}", meta.gid()));
    let others = shared(0o002).then(|| "everybody".to_owned());
    owner.into_iter().chain(group).chain(others).collect()
}

/// `mallory (1001)`, or the number alone.
fn user(uid: u32) -> String {
    name(uid).map_or(uid.to_string(), |name| format!("{name} ({uid})"))
}

fn name(uid: u32) -> Option<String> {
    let is = |line: &&str| line.split(':').nth(2).and_then(|n| n.parse().ok()) == Some(uid);
    let users = table("/etc/passwd")?;
    let name = users.lines().find(is)?.split(':').next()?;
    Some(printable(name.as_bytes()))
}

/// Whether nobody but we and root is in the group: with a umask of 002 each user has a group of his
/// own.
fn is_private(gid: u32) -> bool {
    let (Some(groups), Some(users)) = (table("/etc/group"), table("/etc/passwd")) else {
        return false;
    };
    let field =
        |line: &str, n: usize| line.split(':').nth(n).map(str::to_owned).unwrap_or_default();
    let trusted = |name: &str| {
        let line = users.lines().find(|l| field(l, 0) == name);
        line.and_then(|l| field(l, 2).parse().ok()).is_some_and(is_trusted)
    };
    let Some(group) = groups.lines().find(|l| field(l, 2).parse() == Ok(gid)) else { return false };
    let members = field(group, 3);
    let primary = users.lines().filter(|l| field(l, 3).parse() == Ok(gid)).map(|l| field(l, 0));
    members
        .split(',')
        .filter(|n| !n.is_empty())
        .map(str::to_owned)
        .chain(primary)
        .all(|name| trusted(&name))
}

/// With an access control list the mode of the group is what any of the listed users may at most do
/// (acl(5)).
fn has_acl(path: &Path) -> bool {
    let mut value = [0u8; 4096];
    let asked = rustix::fs::getxattr(path, "system.posix_acl_access", &mut value[..]);
    !matches!(asked, Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP))
}

fn table(path: &str) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(MAX_TABLE).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn is_root() -> bool {
        let root = rustix::process::geteuid().is_root();
        if !root {
            let _ = crate::output::write_all(
                std::io::stderr(),
                b"skipped: changing owners needs root\n",
            );
        }
        root
    }

    #[test]
    fn what_others_may_write_is_theirs_to_change() {
        let base = tempfile::tempdir().unwrap();
        let (file, dir) = (base.path().join("f"), base.path().join("d"));
        std::fs::write(&file, "").unwrap();
        std::fs::create_dir(&dir).unwrap();
        for (path, modes) in [
            (&file, [(0o644, false), (0o646, true), (0o666, true)]),
            (&dir, [(0o755, false), (0o777, true), (0o1777, true)]),
        ] {
            for (bits, changeable) in modes {
                mode(path, bits);
                assert_eq!(stranger(path).is_some(), changeable, "{bits:o}");
            }
        }
        mode(&file, 0o666);
        let found = stranger(&file).unwrap();
        assert!(
            found.text().ends_with("can be changed by other users (mode 0666)")
                && found.hint().starts_with("chmod go-w /")
        );
        assert_eq!(stranger(&base.path().join("none")), None);
    }

    #[test]
    fn each_directory_between_counts() {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/f"), "").unwrap();
        assert_eq!(stranger_below(&root, &root.join("a/b/f")), None);
        mode(&root.join("a"), 0o777);
        assert_eq!(stranger_below(&root, &root.join("a/b/f")).unwrap().path, root.join("a"));
        assert_eq!(
            stranger_on_the_way(&root.join("a/b/f")).unwrap().path,
            root.canonicalize().unwrap().join("a")
        );
        mode(&root.join("a"), 0o755);
        mode(base.path(), 0o777);
        assert_eq!(stranger_below(&root, &root.join("a/b/f")), None);
        assert!(stranger_on_the_way(&root.join("a/b/f")).is_some());
    }

    #[test]
    fn a_sticky_directory_is_fine_above_and_not_within() {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().join("root");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(root.join("sub/f"), "").unwrap();
        mode(base.path(), 0o1777);
        assert_eq!(stranger_below(&root, &root.join("sub/f")), None);
        assert_eq!(stranger_on_the_way(&root.join("sub/f")), None);
        assert!(stranger_on_the_way(base.path()).is_some(), "others add to it");
        for dir in [root.join("sub"), root.clone()] {
            mode(&dir, 0o1777);
            assert_eq!(stranger_below(&root, &root.join("sub/f")).unwrap().path, dir);
            assert_eq!(stranger_on_the_way(&root.join("sub/f")), None);
            mode(&dir, 0o755);
        }
    }

    #[test]
    fn another_owner_is_named_and_a_link_to_his_file_is_his() {
        if !is_root() {
            return;
        }
        let base = tempfile::tempdir().unwrap();
        let (file, link) = (base.path().join("f"), base.path().join("l"));
        std::fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        assert_eq!(stranger(&link), None);
        chown(&file, Some(64_999), None).unwrap();
        for path in [&file, &link] {
            assert!(stranger(path).unwrap().text().ends_with("belongs to user 64999"));
        }
        assert_eq!(stranger(&file).unwrap().hint(), "run it as user 64999, without sudo");
        assert_eq!(user(0), "root (0)");
    }

    #[test]
    fn a_group_with_others_in_it_is_not_private() {
        if !is_root() {
            return;
        }
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("f");
        std::fs::write(&file, "").unwrap();
        mode(&file, 0o664);
        assert_eq!(stranger(&file), None, "nobody but root is in its group");
        // A group that is in no table may hold anybody.
        chown(&file, None, Some(64_999)).unwrap();
        assert!(stranger(&file).is_some());
        mode(&file, 0o644);
        assert_eq!(stranger(&file), None);
    }

    #[test]
    fn the_frontier_is_where_another_user_begins() {
        if !is_root() {
            return;
        }
        let base = tempfile::tempdir().unwrap();
        let (theirs, ours) = (base.path().join("theirs"), base.path().join("theirs/ours"));
        std::fs::create_dir_all(&ours).unwrap();
        assert_eq!(frontier(&ours), None);
        chown(&theirs, Some(64_999), None).unwrap();
        assert_eq!(frontier(&ours).unwrap().path, theirs);
        assert_eq!(frontier(&theirs), None, "whoever goes there means it");
        chown(&ours, Some(64_999), None).unwrap();
        assert_eq!(frontier(&ours), None);
    }
}
