//! Each swap device, and whether what reaches it is encrypted as far as one can tell.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::platform::facts::{Keeping, Swap};

/// How far down a stack of block devices is followed: a file system on LVM on RAID on dm-crypt is
/// four.
const MAX_DEPTH: u32 = 8;

/// All swap that is on; `None` where the system does not tell.
pub fn swaps() -> Option<Vec<Swap>> {
    std::fs::read_to_string("/proc/swaps").ok().map(|table| read(&table))
}

fn read(table: &str) -> Vec<Swap> {
    let names = table.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    // The kernel writes a space in a file's name as \040.
    let paths = names.map(|name| PathBuf::from(name.replace("\\040", " ")));
    paths.map(|path| Swap { keeping: keeping(&path), path }).collect()
}

fn keeping(path: &Path) -> Keeping {
    if path.to_str().is_some_and(|p| p.starts_with("/dev/zram")) {
        return Keeping::Memory;
    }
    let Ok(meta) = path.metadata() else { return Keeping::Plain };
    let device = if meta.is_file() { meta.dev() } else { meta.rdev() };
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    if encrypted(&PathBuf::from(format!("/sys/dev/block/{major}:{minor}")), 0) {
        Keeping::Encrypted
    } else {
        Keeping::Plain
    }
}

/// Whether this block device, or everything that it is made of, is dm-crypt's (its uuid begins with
/// CRYPT-).
fn encrypted(device: &Path, depth: u32) -> bool {
    if std::fs::read_to_string(device.join("dm/uuid")).is_ok_and(|uuid| uuid.starts_with("CRYPT-"))
    {
        return true;
    }
    // A partition has no parts of its own: the disk that it is on has.
    let Ok(entries) = std::fs::read_dir(device.join("slaves"))
        .or_else(|_| std::fs::read_dir(device.join("../slaves")))
    else {
        return false;
    };
    let below: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    !below.is_empty() && depth < MAX_DEPTH && below.iter().all(|part| encrypted(part, depth + 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_table_is_read_whatever_is_in_it() {
        let table = "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 1 0 100\n\
                     /no/such\\040file file 2 0 -2\n\n";
        let found = read(table);
        assert_eq!(found[0].keeping, Keeping::Memory);
        assert_eq!(found[1], Swap { path: "/no/such file".into(), keeping: Keeping::Plain });
        assert!(found.len() == 2 && read("").is_empty());
    }

    #[test]
    fn encryption_is_seen_through_what_lies_on_it() {
        let base = tempfile::tempdir().unwrap();
        let device = |name: &str, uuid: &str| {
            let path = base.path().join(name);
            fs::create_dir_all(path.join("dm")).unwrap();
            fs::create_dir_all(path.join("slaves")).unwrap();
            fs::write(path.join("dm/uuid"), uuid).unwrap();
            path
        };
        let below = |upper: &Path, lower: &Path| {
            std::os::unix::fs::symlink(
                lower,
                upper.join("slaves").join(lower.file_name().unwrap()),
            )
            .unwrap();
        };
        let (crypt, plain, volume) =
            (device("c", "CRYPT-LUKS2-x"), device("p", ""), device("v", "LVM-x"));
        assert!(encrypted(&crypt, 0) && !encrypted(&plain, 0) && !encrypted(&volume, 0));
        below(&volume, &crypt);
        assert!(encrypted(&volume, 0));
        below(&volume, &plain);
        assert!(!encrypted(&volume, 0));
        below(&plain, &plain);
        assert!(!encrypted(&plain, 0));
    }
}
