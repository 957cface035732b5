//! The calls of libproc and sysctl, each into a plain structure of the size that it was told.

use std::ffi::{CStr, c_int, c_void};
use std::mem::{MaybeUninit, size_of};

/// What is known of an open file (sys/proc_info.h, `proc_fileinfo`).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct FileInfo {
    pub flags: u32,
    status: u32,
    offset: i64,
    sort: i32,
    guard: u32,
}

/// `pipe_fdinfo`: a pipe, by the numbers that the kernel gives its two ends.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct PipeInfo {
    pub file: FileInfo,
    stat: libc::vinfo_stat,
    pub handle: u64,
    pub peer: u64,
    status: c_int,
    unused: c_int,
}

/// `vnode_fdinfo`: a file or a device.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct VnodeInfo {
    file: FileInfo,
    pub stat: libc::vinfo_stat,
    sort: c_int,
    unused: c_int,
    system: [i32; 2],
}

/// `PROC_PIDFDVNODEINFO` and `PROC_PIDFDPIPEINFO`.
const VNODE: c_int = 1;
const PIPE: c_int = 6;

/// Structures of numbers alone: every pattern of bytes is one.
///
/// # Safety
/// Only for such.
pub unsafe trait Plain: Copy {}
// SAFETY: numbers and arrays of numbers.
unsafe impl Plain for PipeInfo {}
// SAFETY: as above.
unsafe impl Plain for VnodeInfo {}
// SAFETY: as above.
unsafe impl Plain for libc::proc_bsdinfo {}
// SAFETY: as above.
unsafe impl Plain for libc::xsw_usage {}

/// Has a structure filled by a call that says how many bytes it wrote.
fn filled<T: Plain>(call: impl FnOnce(*mut c_void, c_int) -> c_int) -> Option<T> {
    let mut space = MaybeUninit::<T>::zeroed();
    let size = c_int::try_from(size_of::<T>()).ok()?;
    let written = call(space.as_mut_ptr().cast(), size);
    // SAFETY: a plain structure is one of zeroes as well as of what was written.
    (written == size).then(|| unsafe { space.assume_init() })
}

/// What the kernel tells of a process; nothing of one that has ended.
pub fn process(pid: u32) -> Option<libc::proc_bsdinfo> {
    let pid = c_int::try_from(pid).ok()?;
    // SAFETY: the call writes at most as many bytes as it is told that there are.
    filled(|at, size| unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, at, size) })
}

/// A pipe under a number of a process.
pub fn pipe(pid: u32, fd: i32) -> Option<PipeInfo> {
    let pid = c_int::try_from(pid).ok()?;
    // SAFETY: as above.
    filled(|at, size| unsafe { libc::proc_pidfdinfo(pid, fd, PIPE, at, size) })
}

/// A file under a number of a process.
pub fn vnode(pid: u32, fd: i32) -> Option<VnodeInfo> {
    let pid = c_int::try_from(pid).ok()?;
    // SAFETY: as above.
    filled(|at, size| unsafe { libc::proc_pidfdinfo(pid, fd, VNODE, at, size) })
}

/// The path of a process's program.
pub fn path(pid: u32) -> Option<Vec<u8>> {
    let pid = c_int::try_from(pid).ok()?;
    let mut space = vec![0u8; libc::PROC_PIDPATHINFO_MAXSIZE as usize];
    let size = u32::try_from(space.len()).ok()?;
    // SAFETY: as above.
    let length = unsafe { libc::proc_pidpath(pid, space.as_mut_ptr().cast(), size) };
    space.truncate(usize::try_from(length).ok().filter(|length| *length > 0)?);
    Some(space)
}

/// All processes that can be seen.
pub fn pids() -> Vec<u32> {
    let mut space = vec![0i32; 16 * 1024];
    let size = c_int::try_from(space.len() * size_of::<i32>()).unwrap_or(0);
    // SAFETY: as above.
    let count = unsafe { libc::proc_listallpids(space.as_mut_ptr().cast(), size) };
    space.truncate(usize::try_from(count).unwrap_or(0));
    space.into_iter().filter_map(|pid| u32::try_from(pid).ok()).collect()
}

/// The numbers of a process's descriptors.
pub fn descriptors(pid: u32) -> Vec<i32> {
    let Ok(pid) = c_int::try_from(pid) else { return Vec::new() };
    let mut space = vec![libc::proc_fdinfo { proc_fd: 0, proc_fdtype: 0 }; 4096];
    let entry = size_of::<libc::proc_fdinfo>();
    let size = c_int::try_from(space.len() * entry).unwrap_or(0);
    let at: *mut c_void = space.as_mut_ptr().cast();
    // SAFETY: as above.
    let written = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDLISTFDS, 0, at, size) };
    space.truncate(usize::try_from(written).unwrap_or(0) / entry);
    space.into_iter().map(|info| info.proc_fd).collect()
}

/// A setting that is a plain structure.
pub fn setting<T: Plain>(name: &CStr) -> Option<T> {
    filled(|at, size| {
        let mut length = usize::try_from(size).unwrap_or(0);
        // SAFETY: the call writes at most `length` bytes and says in it how many.
        match unsafe { read(name, at, &raw mut length) } {
            0 => c_int::try_from(length).unwrap_or(0),
            _ => 0,
        }
    })
}

/// A setting that is text.
pub fn text(name: &CStr) -> std::io::Result<String> {
    let mut space = vec![0u8; 256];
    let mut length = space.len();
    // SAFETY: as above.
    if unsafe { read(name, space.as_mut_ptr().cast(), &raw mut length) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    space.truncate(length);
    let text = space.split(|b| *b == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// # Safety
/// `at` has room for `*length` bytes.
unsafe fn read(name: &CStr, at: *mut c_void, length: *mut usize) -> c_int {
    // SAFETY: the caller's; nothing is set.
    unsafe { libc::sysctlbyname(name.as_ptr(), at, length, std::ptr::null_mut(), 0) }
}
