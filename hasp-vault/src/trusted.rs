//! Programs that are given a value or asked for a passphrase: whoever can change one, or put
//! another in its place, gets both. So the name is followed link by link, each directory on the way
//! is looked at, and what is run is the path at which that ended: nobody but us or root can make
//! another program of it between the look and the run.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use hasp_core::cause_text;
use hasp_core::text::printable_path;

/// What such a program sees of the environment; all else may be a source of values.
pub const KEPT: [&str; 11] = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ", "TMPDIR", "LANG", "LC_ALL",
    "LC_CTYPE",
];

/// As many links as the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;
/// Set on a directory where only its owner, and an entry's, can remove or rename that entry.
const STICKY: u32 = 0o1000;
/// Group and others may write.
const SHARED: u32 = 0o022;

/// The path of a program without links, to be run instead of the name that was given.
///
/// # Errors
/// Why it is not to be trusted: somebody beside us and root can change it, a directory on the way
/// to it, or a link.
pub fn find(program: &Path) -> Result<PathBuf, String> {
    if !program.is_absolute() {
        return Err("it is not an absolute path".to_owned());
    }
    let mut walk = Walk { here: PathBuf::from("/"), ahead: names(program), links: 0 };
    walk.enter_root()?;
    while let Some(name) = walk.ahead.pop_front() {
        walk.step(&name)?;
    }
    let meta = walk.here.symlink_metadata().map_err(|e| unseen(&walk.here, &e))?;
    if meta.is_file() {
        Ok(walk.here)
    } else {
        Err(format!("{} is not a program", printable_path(&walk.here)))
    }
}

/// A walk from the root to a program.
struct Walk {
    /// Where it is: a path without links, of which every part was looked at.
    here: PathBuf,
    /// The names that are still to be gone through.
    ahead: VecDeque<OsString>,
    links: usize,
}

impl Walk {
    fn enter_root(&mut self) -> Result<(), String> {
        self.here = PathBuf::from("/");
        let meta = self.here.symlink_metadata().map_err(|e| unseen(&self.here, &e))?;
        self.enter(&meta)
    }

    fn step(&mut self, name: &OsString) -> Result<(), String> {
        if name == ".." {
            // It was come through, so it was looked at; what is above it is as it was.
            self.here.pop();
            let meta = self.here.symlink_metadata().map_err(|e| unseen(&self.here, &e))?;
            return self.enter(&meta);
        }
        let next = self.here.join(name);
        let meta = next.symlink_metadata().map_err(|e| unseen(&next, &e))?;
        // The owner of a file changes it, of a directory what is in it, and of a link in a sticky
        // directory where it leads.
        if foreign(&meta) {
            return Err(changeable(&next));
        }
        if meta.is_symlink() {
            return self.follow(&next);
        }
        self.here = next;
        match meta.is_dir() {
            true => self.enter(&meta),
            false if meta.mode() & SHARED != 0 => Err(changeable(&self.here)),
            false => Ok(()),
        }
    }

    /// In a sticky directory others can add entries and not replace ours.
    fn enter(&self, meta: &Metadata) -> Result<(), String> {
        let replaceable = meta.mode() & SHARED != 0 && meta.mode() & STICKY == 0;
        if foreign(meta) || replaceable { Err(changeable(&self.here)) } else { Ok(()) }
    }

    fn follow(&mut self, link: &Path) -> Result<(), String> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(format!("{} is a link to itself", printable_path(link)));
        }
        let target = link.read_link().map_err(|e| unseen(link, &e))?;
        if target.is_absolute() {
            self.enter_root()?;
        }
        names(&target).into_iter().rev().for_each(|name| self.ahead.push_front(name));
        Ok(())
    }
}

/// The names that a path goes through; `.` is none.
fn names(path: &Path) -> VecDeque<OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    };
    path.components().filter_map(name).collect()
}

fn foreign(meta: &Metadata) -> bool {
    meta.uid() != rustix::process::geteuid().as_raw() && meta.uid() != 0
}

fn changeable(path: &Path) -> String {
    format!("others can change {}", printable_path(path))
}

fn unseen(path: &Path, cause: &std::io::Error) -> String {
    match cause.kind() {
        std::io::ErrorKind::NotFound => "it is not there".to_owned(),
        _ => format!("{} cannot be looked at: {}", printable_path(path), cause_text(cause)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// A directory of ours with the program `real/prog`, without links on the way.
    struct Place {
        _dir: tempfile::TempDir,
        at: PathBuf,
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    impl Place {
        fn new() -> Place {
            let dir = tempfile::tempdir().unwrap();
            let at = dir.path().canonicalize().unwrap();
            for name in ["real", "links"] {
                std::fs::create_dir(at.join(name)).unwrap();
                mode(&at.join(name), 0o755);
            }
            std::fs::write(at.join("real/prog"), "#!/bin/sh\n").unwrap();
            mode(&at.join("real/prog"), 0o755);
            Place { _dir: dir, at }
        }

        fn link(&self, name: &str, target: impl AsRef<Path>) -> PathBuf {
            let link = self.at.join(name);
            symlink(target, &link).unwrap();
            link
        }

        fn prog(&self) -> PathBuf {
            self.at.join("real/prog")
        }
    }

    #[test]
    fn names_lead_to_one_path_without_links() {
        let place = Place::new();
        place.link("links/dir", "../real");
        place.link("links/far", place.at.join("links/dir"));
        let chain = place.link("links/chain", "./far/../real/./prog");
        for name in
            [place.prog(), place.at.join("links/dir/prog"), place.at.join("links/far//prog"), chain]
        {
            assert_eq!(find(&name).unwrap(), place.prog(), "{}", name.display());
        }
        assert!(
            find(&place.at.join("links/../../../../../../../../../bin/sh"))
                .is_ok_and(|p| p.is_absolute())
        );
    }

    #[test]
    fn every_directory_on_the_way_counts_those_of_links_too() {
        let place = Place::new();
        place.link("links/dir", "../real");
        let direct = place.link("direct", place.prog());
        let through = place.link("through", place.at.join("links/dir/prog"));
        let back = place.at.join("links/../real/prog");
        mode(&place.at.join("links"), 0o777);
        assert!(find(&through).unwrap_err().ends_with("/links"), "a link leads through it");
        assert!(find(&back).unwrap_err().ends_with("/links"), "the name itself goes through it");
        assert_eq!(find(&direct).unwrap(), place.prog());
        mode(&place.at.join("links"), 0o1777);
        assert_eq!(
            find(&through).unwrap(),
            place.prog(),
            "in a sticky directory our own link is ours"
        );
        mode(&place.at.join("real"), 0o775);
        assert!(find(&direct).unwrap_err().ends_with("/real"));
    }

    #[test]
    fn what_is_no_program_of_ours() {
        let place = Place::new();
        let at = |name: &str| place.at.join(name);
        place.link("loop", at("loop"));
        place.link("gone", at("nothing"));
        mode(&place.prog(), 0o775);
        for (name, why) in [
            (at("real/prog"), "others can change"),
            (at("loop"), "link to itself"),
            (at("gone"), "not there"),
            (at("nothing"), "not there"),
            (at("real"), "not a program"),
            (at("real/prog/x"), "others can change"),
            (PathBuf::from("real/prog"), "absolute"),
            (PathBuf::from(""), "absolute"),
            (PathBuf::from("/dev/null"), "change"),
        ] {
            assert!(
                find(&name).unwrap_err().contains(why),
                "{}: {:?}",
                name.display(),
                find(&name)
            );
        }
    }

    #[test]
    fn what_another_user_owns_is_his() {
        use std::os::unix::fs::{chown, lchown};
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let (place, other) = (Place::new(), Some(61_236));
        mode(&place.at.join("links"), 0o1777);
        let link = place.link("links/prog", place.prog());
        lchown(&link, other, None).unwrap();
        assert!(
            find(&link).unwrap_err().ends_with("/links/prog"),
            "its owner turns it to another program"
        );
        lchown(&link, Some(0), None).unwrap();
        assert_eq!(find(&link).unwrap(), place.prog());
        chown(place.at.join("links"), other, None).unwrap();
        assert!(find(&link).unwrap_err().ends_with("/links"), "so does the owner of its directory");
        chown(place.prog(), other, None).unwrap();
        assert!(find(&place.prog()).unwrap_err().ends_with("/real/prog"));
    }
}
