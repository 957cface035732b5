//! Children that have ended.

/// The number of a child of this process that has ended and not been waited for. It stays so.
pub fn ended_child() -> Option<u32> {
    let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the structure is a plain value that waitid fills, or leaves zero where no child has
    // ended; its number is what such a call writes.
    let number = unsafe {
        let mut about: libc::siginfo_t = std::mem::zeroed();
        if libc::waitid(libc::P_ALL, 0, &raw mut about, how) != 0 {
            return None;
        }
        about.si_pid()
    };
    u32::try_from(number).ok().filter(|number| *number != 0)
}
