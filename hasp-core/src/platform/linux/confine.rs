//! Landlock (landlock(7)): a process that holds a value gives up what it does not need.

use std::ffi::c_void;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// What is read by a program that asks for addresses and looks at certificates.
const READ: [&str; 14] = [
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/usr/local/lib",
    "/usr/local/share/ca-certificates",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
];

/// Rights of linux/landlock.h, by the version that brought them: the first 13, then one each.
const FILES: u64 = (1 << 13) - 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;
const BIND_TCP: u64 = 1 << 0;
const CONNECT_TCP: u64 = 1 << 1;
const SCOPES: u64 = 0b11;

/// `struct landlock_ruleset_attr`.
#[repr(C)]
struct Ruleset {
    files: u64,
    net: u64,
    scoped: u64,
}

/// `struct landlock_path_beneath_attr`, packed as the kernel has it.
#[repr(C, packed)]
struct PathRule {
    access: u64,
    parent: i32,
}

/// `struct landlock_net_port_attr`.
#[repr(C)]
struct PortRule {
    access: u64,
    port: u64,
}

/// Keeps this thread, and those that it starts, to reading the system's settings and libraries and
/// to TCP connections to these ports; nothing is written, executed or listened on. A kernel that
/// knows less holds it to less, and one without Landlock to nothing.
///
/// # Errors
/// As the system calls, where the kernel has them.
pub fn confine(ports: &[u16]) -> std::io::Result<()> {
    let Some(version) = version() else { return Ok(()) };
    let since = |first: i64, rights: u64| if version >= first { rights } else { 0 };
    let files = FILES | since(2, REFER) | since(3, TRUNCATE) | since(5, IOCTL_DEV);
    let net = since(4, BIND_TCP | CONNECT_TCP);
    let rules = create(&Ruleset { files, net, scoped: since(6, SCOPES) })?;
    for path in READ {
        allow_reading(&rules, Path::new(path))?;
    }
    if net != 0 {
        for port in ports {
            let rule = PortRule { access: CONNECT_TCP, port: u64::from(*port) };
            // SAFETY: the rule is a live struct of the layout that type 2 has.
            unsafe { add(&rules, 2, (&raw const rule).cast()) }?;
        }
    }
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: the call takes two numbers and touches no memory.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0u32) })
        .map(drop)
}

/// The version of Landlock, if there is one.
fn version() -> Option<i64> {
    let none = std::ptr::null::<c_void>();
    // SAFETY: with this flag the call reads no memory and returns a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0usize, 1u32) };
    (version > 0).then_some(version)
}

fn create(rules: &Ruleset) -> std::io::Result<OwnedFd> {
    // A kernel takes a longer struct than it knows, if the rest is zero.
    let size = size_of::<Ruleset>();
    // SAFETY: the pointer leads to a live struct of this size.
    let number =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const *rules, size, 0u32) };
    let number = check(number)?;
    let number = i32::try_from(number).map_err(|_| std::io::ErrorKind::InvalidData)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn allow_reading(rules: &OwnedFd, path: &Path) -> std::io::Result<()> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let Ok(directory) = rustix::fs::open(path, flags, Mode::empty()) else { return Ok(()) };
    let rule = PathRule { access: READ_FILE | READ_DIR, parent: directory.as_raw_fd() };
    // SAFETY: the rule is a live struct of the layout that type 1 has.
    unsafe { add(rules, 1, (&raw const rule).cast()) }
}

/// # Safety
/// The pointer leads to a live struct of this sort.
unsafe fn add(rules: &OwnedFd, sort: u32, rule: *const c_void) -> std::io::Result<()> {
    // SAFETY: the caller's; the struct is only read.
    let outcome =
        unsafe { libc::syscall(libc::SYS_landlock_add_rule, rules.as_raw_fd(), sort, rule, 0u32) };
    check(outcome).map(drop)
}

fn check(outcome: i64) -> std::io::Result<i64> {
    if outcome < 0 { Err(std::io::Error::last_os_error()) } else { Ok(outcome) }
}
