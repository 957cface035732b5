//! Memory for secret bytes: locked where the limit allows it, kept out of core dumps where that can
//! be said of a part, and erased before it is given back.

use std::ffi::c_void;

use rustix::mm::{MapFlags, ProtFlags, mlock, mmap_anonymous, munmap};
use zeroize::Zeroize;

use crate::platform::this;

/// Anonymous private pages that hold secret bytes: locked in memory and left out of core dumps,
/// both best effort, zeroized before they are given back.
pub struct Pages {
    start: *mut c_void,
    size: usize,
}

// SAFETY: `Pages` owns its mapping alone; nothing else holds the pointer, so moving it to another
// thread or reading it from several is as safe as for a `Box<[u8]>`.
unsafe impl Send for Pages {}
// SAFETY: as above; all writes go through `&mut self`.
unsafe impl Sync for Pages {}

impl Pages {
    /// Zeroed pages for at least `len` bytes.
    pub fn new(len: usize) -> std::io::Result<Pages> {
        let page = rustix::param::page_size();
        let size = len.max(1).next_multiple_of(page);
        // SAFETY: a fresh anonymous mapping at an address the kernel picks overlaps nothing.
        let start = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                size,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )?
        };
        // SAFETY: the range is exactly the mapping made above. Failure (RLIMIT_MEMLOCK) leaves
        // ordinary memory: best effort.
        let _ = unsafe { mlock(start, size) };
        // SAFETY: the range is exactly the mapping made above.
        unsafe { this::keep_out_of_dumps(start, size) };
        Ok(Pages { start, size })
    }

    /// All bytes of the pages.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `start` points to `size` readable, initialised (zeroed by the kernel) bytes that
        // live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.size) }
    }

    /// All bytes of the pages, to write.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.size) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        // SAFETY: the range is exactly our mapping and no reference into it outlives `self`.
        let _ = unsafe { munmap(self.start, self.size) };
    }
}

/// More than any cipher or parser of ours takes, less than the smallest limit that anybody sets.
const STACK: usize = 96 * 1024;

/// Overwrites the part of the stack that returned calls have left behind, with what was moved or
/// computed there.
#[inline(never)]
pub fn wipe_stack() {
    let mut left = [0u8; STACK];
    left.zeroize();
    std::hint::black_box(&left);
}
