//! What of Linux makes hasp stronger or weaker here: nothing of it is needed.

use rustix::process::{Resource, getrlimit};

use crate::platform::facts::Finding;
use crate::platform::linux::memory::{Sort, sort};

/// One answer to each question.
pub fn findings() -> Vec<Finding> {
    vec![ptrace(), memory_files(), core_dumps()]
}

fn setting(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn ptrace() -> Finding {
    const OPEN: &str = "while a command runs, any program of this user can read its memory \
                        (hasp's own processes are closed)";
    let fix = "sudo sysctl kernel.yama.ptrace_scope=1";
    match setting("/proc/sys/kernel/yama/ptrace_scope").as_deref() {
        Some("0") => Finding::note("ptrace", format!("scope 0: {OPEN}"), &[fix]),
        Some(scope) => {
            let text = format!("scope {scope}: a command is closed to its siblings' ptrace");
            Finding::good("ptrace", text)
        }
        None => Finding::note("ptrace", format!("this kernel has no Yama: {OPEN}"), &[]),
    }
}

fn memory_files() -> Finding {
    let rule = setting("/proc/sys/vm/memfd_noexec")
        .map(|v| format!(", vm.memfd_noexec = {v}"))
        .unwrap_or_default();
    match sort() {
        Some(Sort::NoExec) => Finding::good("memfd", format!("sealed and not executable{rule}")),
        Some(Sort::Sealed) => Finding::good("memfd", format!("sealed{rule}")),
        None => Finding::note(
            "memfd",
            "refused here: descriptors read nameless files of the runtime directory",
            &[],
        ),
    }
}

/// Ours and the command's: the soft limit 1 stops a piped pattern too (see the frame of every
/// tool).
fn core_dumps() -> Finding {
    let pattern =
        setting("/proc/sys/kernel/core_pattern").unwrap_or_else(|| "not known".to_owned());
    let limit = getrlimit(Resource::Core);
    if pattern.starts_with('|') && limit.current == Some(0) {
        let text = format!(
            "{pattern} gets dumps whatever the limit, and it is 0 for good: they hold no memory, \
             but names"
        );
        let fix = "raise the hard limit to 1: ulimit -Hc 1 where the shell starts";
        return Finding::note("core dumps", text, &[fix]);
    }
    Finding::good("core dumps", format!("none of hasp or its commands ({pattern})"))
}
