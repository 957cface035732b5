//! Where things lie: file systems in memory and on other machines, this boot, the log daemons.

use std::path::{Path, PathBuf};

/// `f_type` of tmpfs and ramfs (linux/magic.h).
const MEMORY_FILE_SYSTEMS: [u64; 2] = [0x0102_1994, 0x8584_58f6];
/// `f_type` of NFS, SMB2, CIFS, FUSE (sshfs and the like), AFS, 9p, Ceph: places that other
/// machines can read or where locks do not hold.
const NETWORK_FILE_SYSTEMS: [u64; 6] =
    [0x6969, 0xfe53_4d42, 0xff53_4d42, 0x5346_414f, 0x0102_1997, 0x00c3_6400];

/// The socket of the system's log.
pub const SYSLOG: &str = "/dev/log";

/// The socket of systemd's journal, where there is one.
pub const JOURNAL: &str = "/run/systemd/journal/socket";

/// The directory in memory that every user can write.
pub const SHARED_MEMORY: &str = "/dev/shm";

/// The names of this process's own descriptors, before their numbers.
pub const DESCRIPTOR_PREFIXES: [&str; 2] = ["/dev/fd/", "/proc/self/fd/"];

/// A directory in memory for this user, as far as the system has one for everybody.
pub fn memory_place() -> Option<PathBuf> {
    in_memory(Path::new(SHARED_MEMORY)).then(|| own(SHARED_MEMORY))
}

/// Where this user's directory may be if another process found another one.
pub fn memory_places() -> Vec<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    vec![format!("/run/user/{user}/hasp").into(), own(SHARED_MEMORY)]
}

fn own(place: &str) -> PathBuf {
    Path::new(place).join(format!("hasp-{}", rustix::process::geteuid().as_raw()))
}

/// Whether the path, or the nearest directory above it that exists, lies on a tmpfs or ramfs.
pub fn in_memory(path: &Path) -> bool {
    file_system(path).is_some_and(|kind| MEMORY_FILE_SYSTEMS.contains(&kind))
}

/// Whether it lies on a network file system.
pub fn on_network(path: &Path) -> bool {
    file_system(path).is_some_and(|kind| NETWORK_FILE_SYSTEMS.contains(&kind))
}

fn file_system(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|p| p.exists())?;
    let found = rustix::fs::statfs(existing).ok()?;
    u64::try_from(found.f_type).ok()
}

/// Seconds since boot, suspend included: setting the wall clock back does not lengthen a window
/// measured so.
pub fn boot_seconds() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0)
}

/// The random id that the kernel draws at each boot.
///
/// # Errors
/// Where /proc is not mounted.
pub fn boot_id() -> std::io::Result<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(text.trim().to_owned())
}
