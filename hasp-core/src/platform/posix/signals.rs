//! What signals do to this process.

use rustix::process::Signal;

/// Ignores a signal in this process; a child inherits that unless its start says otherwise.
pub fn ignore(signal: Signal) {
    // SAFETY: SIG_IGN runs no handler, and signal(2) touches nothing but this process's disposition
    // of that signal.
    unsafe { libc::signal(signal.as_raw(), libc::SIG_IGN) };
}

/// Gives a signal its default action in this process.
pub fn default_action(signal: Signal) {
    // SAFETY: SIG_DFL runs no handler, and signal(2) touches nothing but this process's disposition
    // of that signal.
    unsafe { libc::signal(signal.as_raw(), libc::SIG_DFL) };
}

/// Makes a write beyond the file size limit fail with EFBIG instead of ending us by SIGXFSZ.
///
/// A handler that does nothing, not SIG_IGN: execve(2) gives handled signals their default action
/// back, so that no child inherits this; what our caller ignores it still inherits.
pub fn survive_file_size_limit() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: both actions are plain values that sigaction reads or fills; the handler touches
    // nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGXFSZ, std::ptr::null(), &raw mut action);
        if action.sa_sigaction == libc::SIG_DFL {
            action.sa_sigaction = nothing as *const () as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(libc::SIGXFSZ, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Ends this process by the signal of this number with its default action; returns where that
/// cannot be, as for PID 1.
pub fn die_of(number: i32) {
    // SAFETY: the set is a plain value that sigemptyset initialises; no handler runs, and the calls
    // touch only this process's disposition and this thread's mask of that signal.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, number);
        libc::signal(number, libc::SIG_DFL);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        libc::raise(number);
    }
}

/// Stops this process, or its whole group, as ^Z does, and returns when it is continued.
///
/// The default action of SIGTSTP, not SIGSTOP: the kernel drops it for a group that nobody could
/// continue (POSIX, orphaned process groups), where a SIGSTOP would be for ever.
pub fn stop(group: bool) {
    // SAFETY: the old action is a plain value that sigaction fills before it is given back; no
    // handler runs while SIG_DFL is set.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(libc::SIGTSTP, &raw const default, &raw mut old);
        if group {
            libc::kill(0, libc::SIGTSTP);
            // Another thread may be the one that takes it; the handler must not be back before
            // that.
            std::thread::sleep(std::time::Duration::from_millis(20));
        } else {
            libc::raise(libc::SIGTSTP);
        }
        libc::sigaction(libc::SIGTSTP, &raw const old, std::ptr::null_mut());
    }
}

/// Whether this process ignores a signal, as it may have been started.
pub fn is_ignored(number: i32) -> bool {
    // SAFETY: the action is a plain value that sigaction fills; nothing is changed.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(number, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}
