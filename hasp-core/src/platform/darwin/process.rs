//! What libproc tells of processes and of what they hold open.

use std::ffi::{CStr, OsString};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::info;
use crate::platform::facts::{FileId, ProcessFacts};

/// `SSTOP` of sys/proc.h.
const STOPPED: u32 = 4;
/// `FREAD` of sys/fcntl.h.
const READ: u32 = 1;

/// Where processes are seen: what to say if they are not, and what to type then.
pub const PROCESSES: [&str; 2] = [
    "the system tells nothing of this process",
    crate::hint("leave the sandbox: run it in Terminal"),
];

/// What can be seen of a process, `None` if there is none that we can see.
pub fn process(pid: u32) -> Option<ProcessFacts> {
    let told = info::process(pid).filter(|told| told.pbi_pid == pid)?;
    let number = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?);
    let session = rustix::process::getsid(number).ok();
    let name = told.pbi_comm.iter().take_while(|c| **c != 0);
    Some(ProcessFacts {
        pid,
        #[allow(clippy::cast_sign_loss, reason = "bytes of a name")]
        name: name.map(|c| *c as u8).collect(),
        parent: told.pbi_ppid,
        session: session.map_or(0, |leader| leader.as_raw_nonzero().get().unsigned_abs()),
        terminal: terminal(told.e_tdev),
        start: told.pbi_start_tvsec.wrapping_mul(1_000_000).wrapping_add(told.pbi_start_tvusec),
        alive: told.pbi_status != libc::SZOMB,
        stopped: told.pbi_status == STOPPED,
    })
}

fn terminal(device: u32) -> Option<PathBuf> {
    #[allow(clippy::cast_possible_wrap, reason = "a device number is a pattern of bits")]
    let device = (device != u32::MAX && device != 0).then_some(device as libc::dev_t)?;
    // SAFETY: the call returns null or a NUL-terminated name in a buffer of the C library's, which
    // is copied before anybody else of this thread asks.
    let name = unsafe {
        let name = libc::devname(device, libc::S_IFCHR);
        if name.is_null() { None } else { Some(CStr::from_ptr(name).to_bytes().to_vec()) }
    };
    Some(Path::new("/dev").join(OsString::from_vec(name?)))
}

/// The program's path, if the file there is one that can be looked at: what runs has no other name
/// here.
pub fn program(pid: u32) -> Option<PathBuf> {
    program_name(pid).filter(|path| path.symlink_metadata().is_ok_and(|m| m.is_file()))
}

/// What the program's path is, for people.
pub fn program_name(pid: u32) -> Option<PathBuf> {
    info::path(pid).map(|path| OsString::from_vec(path).into())
}

/// Where the numbers of processes count: in all of the machine.
pub fn pid_space() -> Option<u64> {
    process(std::process::id()).map(|_| 0)
}

/// Of an end of ours: a pipe by the number of its other end, a terminal by its device.
///
/// # Errors
/// As fstat(2).
pub fn file_id(end: impl AsFd) -> std::io::Result<FileId> {
    let stat = rustix::fs::fstat(&end)?;
    let name = rustix::pty::ptsname(&end, Vec::new()).ok();
    let device = name.and_then(|n| std::fs::metadata(n.to_str().ok()?).ok()).map(|m| m.rdev());
    let mut id = FileId::of(&stat, device);
    if let Some(pipe) = info::pipe(std::process::id(), end.as_fd().as_raw_fd()) {
        (id.dev, id.ino) = (0, pipe.peer);
    }
    Ok(id)
}

/// The processes of this user, other than this one, that hold one of these files.
pub fn holders(files: &[FileId]) -> Vec<u32> {
    let holds = |pid: &u32| {
        let held = |fd: i32| files.iter().any(|file| is(file, *pid, fd));
        info::descriptors(*pid).into_iter().any(held)
    };
    others().filter(holds).collect()
}

fn is(file: &FileId, pid: u32, fd: i32) -> bool {
    match file.terminal {
        Some(device) => info::vnode(pid, fd).is_some_and(|v| u64::from(v.stat.vst_rdev) == device),
        None => info::pipe(pid, fd).is_some_and(|p| p.handle == file.ino),
    }
}

/// Where a descriptor of this process leads, for people; a pipe has a name that begins with its
/// sort and a colon.
pub fn target(descriptor: impl AsFd) -> Option<PathBuf> {
    let descriptor = descriptor.as_fd();
    if let Some(pipe) = info::pipe(std::process::id(), descriptor.as_raw_fd()) {
        return Some(format!("pipe:{}", pipe.peer).into());
    }
    let path = rustix::fs::getpath(descriptor).ok()?;
    Some(OsString::from_vec(path.into_bytes()).into())
}

/// The processes that read a pipe, of which [`target`] gave the name, as far as they can be seen.
pub fn readers(pipe: &Path) -> Vec<u32> {
    let handle = pipe.to_str().and_then(|p| p.strip_prefix("pipe:")?.parse::<u64>().ok());
    let reads = |pid: &u32| {
        let read = |fd| {
            info::pipe(*pid, fd)
                .is_some_and(|p| Some(p.handle) == handle && p.file.flags & READ != 0)
        };
        info::descriptors(*pid).into_iter().any(read)
    };
    others().filter(reads).collect()
}

fn others() -> impl Iterator<Item = u32> {
    let own = std::process::id();
    info::pids().into_iter().filter(move |pid| *pid != own)
}
