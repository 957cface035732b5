//! Where things lie: the RAM disk that stands for a file system in memory, other machines' disks,
//! this boot, swap.

use std::ffi::{CStr, OsString, c_char};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::info;
use crate::platform::facts::{Finding, Keeping, Swap};
use crate::platform::posix::memory::{has_other_ids, no_core_dump};

/// The socket of the system's log.
pub const SYSLOG: &str = "/var/run/syslog";

/// The socket of systemd's journal, where there is one.
pub const JOURNAL: &str = "/run/systemd/journal/socket";

/// What is in memory for every user.
pub const SHARED_MEMORY: &str = "a RAM disk";

/// The names of this process's own descriptors, before their numbers.
pub const DESCRIPTOR_PREFIXES: [&str; 1] = ["/dev/fd/"];

/// How large the RAM disk is, in blocks of 512 bytes: 32 MiB.
const BLOCKS: u32 = 65_536;

/// A directory in memory for this user, on a RAM disk that is made once a boot.
pub fn memory_place() -> Option<PathBuf> {
    let place = ram_disk()?;
    if !in_memory(&place) {
        mount(&place)?;
    }
    Some(place.join("hasp"))
}

/// Where this user's directory may be if another process found another one.
pub fn memory_places() -> Vec<PathBuf> {
    ram_disk().map(|place| place.join("hasp")).into_iter().collect()
}

/// Below the directory that the system keeps for this user alone.
fn ram_disk() -> Option<PathBuf> {
    let mut space = vec![0u8; 1024];
    let at: *mut c_char = space.as_mut_ptr().cast();
    // SAFETY: the call writes at most as many bytes as it is told that there are.
    let length = unsafe { libc::confstr(libc::_CS_DARWIN_USER_TEMP_DIR, at, space.len()) };
    space.truncate(length.checked_sub(1)?);
    let user = PathBuf::from(OsString::from_vec(space)).canonicalize().ok()?;
    Some(user.join("hasp-ram"))
}

fn mount(place: &Path) -> Option<()> {
    std::fs::create_dir_all(place).ok()?;
    let device = answer("hdiutil", &["attach", "-nomount", &format!("ram://{BLOCKS}")])?;
    answer("newfs_hfs", &["-v", "hasp", &device])?;
    let place = place.to_str()?;
    answer("diskutil", &["mount", "nobrowse", "-mountPoint", place, &device]).map(drop)
}

/// What a program of the system says, if it ends well.
fn answer(program: &str, words: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(words).env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Whether the path, or the nearest directory above it that exists, lies on this user's RAM disk or
/// a tmpfs.
pub fn in_memory(path: &Path) -> bool {
    let Some(found) = file_system(path) else { return false };
    let on = ram_disk().is_some_and(|disk| disk.to_str() == Some(&name(&found.f_mntonname)));
    on || name(&found.f_fstypename) == "tmpfs"
}

/// Whether it lies on a network file system.
pub fn on_network(path: &Path) -> bool {
    #[allow(clippy::cast_sign_loss, reason = "a flag")]
    let local = libc::MNT_LOCAL as u32;
    file_system(path).is_some_and(|found| found.f_flags & local == 0)
}

fn file_system(path: &Path) -> Option<rustix::fs::StatFs> {
    let existing = path.ancestors().find(|p| p.exists())?;
    rustix::fs::statfs(existing).ok()
}

fn name(field: &[c_char]) -> String {
    #[allow(clippy::cast_sign_loss, reason = "bytes of a name")]
    let bytes: Vec<u8> = field.iter().take_while(|c| **c != 0).map(|c| *c as u8).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Seconds since boot, sleep included: setting the wall clock back does not lengthen a window
/// measured so.
pub fn boot_seconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_RAW, &raw mut now) };
    u64::try_from(now.tv_sec).unwrap_or(0)
}

/// The random id that the kernel draws at each boot.
///
/// # Errors
/// As sysctl(3).
pub fn boot_id() -> std::io::Result<String> {
    const NAME: &CStr = c"kern.bootsessionuuid";
    info::text(NAME)
}

/// Swap, if any is in use.
pub fn swaps() -> Option<Vec<Swap>> {
    const NAME: &CStr = c"vm.swapusage";
    let usage = info::setting::<libc::xsw_usage>(NAME)?;
    let keeping = if usage.xsu_encrypted == 0 { Keeping::Plain } else { Keeping::Encrypted };
    let swap = Swap { path: "/private/var/vm".into(), keeping };
    Some(if usage.xsu_total == 0 { Vec::new() } else { vec![swap] })
}

/// No core dump, and no debugger.
///
/// # Errors
/// As setrlimit(2) and ptrace(2).
pub fn harden() -> std::io::Result<()> {
    no_core_dump()?;
    // SAFETY: with this request the call takes no address and concerns this process alone.
    match unsafe { libc::ptrace(libc::PT_DENY_ATTACH, 0, std::ptr::null_mut(), 0) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Whether this process has rights that its caller has not.
pub fn has_more_rights() -> bool {
    // SAFETY: the call takes nothing and changes nothing.
    has_other_ids() || unsafe { libc::issetugid() } != 0
}

/// What of macOS makes hasp stronger or weaker here.
pub fn findings() -> Vec<Finding> {
    vec![
        Finding::good("core dumps", "none of hasp or its commands"),
        Finding::note(
            "memory files",
            "there are none here: descriptors read nameless files of the runtime directory",
            &[],
        ),
    ]
}
