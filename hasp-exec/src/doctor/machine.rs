//! What the kernel and its settings give: nothing here is needed but /proc, a place in memory and
//! descriptors; the rest makes hasp stronger or weaker, and is said.

use std::path::Path;

use rustix::process::{Resource, getrlimit};
use rustix::pty::{OpenptFlags, openpt, unlockpt};

use hasp_consumer::Caller;
use hasp_core::text::{printable_os, printable_path};
use hasp_core::{Environ, Runtime, Var, cause_text, sibling, suggest, system};
use hasp_grant::{Keeping, swap_devices};

use super::Findings;
use hasp_core::memory;

/// Less room than this in the runtime directory holds no grant and a few values.
const ROOM: u64 = 4 << 20;
/// The tools that hasp-exec works with; without the first nothing can be granted.
const TOOLS: [&str; 7] = [
    "hasp-grant",
    "hasp-vault",
    "hasp-bind",
    "hasp-target",
    "hasp-consumer",
    "hasp-audit",
    "hasp-redact",
];

pub(super) fn look(env: &Environ, findings: &mut Findings) {
    kernel(findings);
    proc(findings);
    ptrace(findings);
    landlock(findings);
    memory_files(findings);
    locked_memory(findings);
    swap(findings);
    core_dumps(findings);
    terminals(findings);
    runtime(env, findings);
    tools(findings);
    variables(env, findings);
}

/// A misspelt one is without effect, which is worse than an error.
fn variables(env: &Environ, findings: &mut Findings) {
    for name in env.strange() {
        let shown = printable_os(name);
        let text = format!("{shown} is no variable of hasp and without effect");
        let near = suggest::hint(&shown, Var::ALL.map(Var::as_str));
        let unset = format!("unset {shown}");
        findings.note("environment", text, &[near.as_deref().unwrap_or(&unset)]);
    }
}

fn setting(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn kernel(findings: &mut Findings) {
    let name = rustix::system::uname();
    let (system, release) = (name.sysname().to_string_lossy(), name.release().to_string_lossy());
    findings.good("kernel", format!("{system} {release}"));
}

fn proc(findings: &mut Findings) {
    match Caller::current() {
        Ok(caller) => findings
            .good("/proc", format!("processes can be recognised: {}", caller.process().label())),
        Err(error) => findings.wrong("/proc", &error),
    }
}

fn ptrace(findings: &mut Findings) {
    const OPEN: &str = "while a command runs, any program of this user can read its memory \
                        (hasp's own processes are closed)";
    let fix = "sudo sysctl kernel.yama.ptrace_scope=1";
    match setting("/proc/sys/kernel/yama/ptrace_scope").as_deref() {
        Some("0") => findings.note("ptrace", format!("scope 0: {OPEN}"), &[fix]),
        Some(scope) => findings
            .good("ptrace", format!("scope {scope}: a command is closed to its siblings' ptrace")),
        None => findings.note("ptrace", format!("this kernel has no Yama: {OPEN}"), &[]),
    }
}

fn landlock(findings: &mut Findings) {
    match system::landlock_version() {
        Some(version) => findings
            .good("Landlock", format!("version {version}: programs can be kept from the home")),
        None => findings.note(
            "Landlock",
            "not offered: only another user keeps a program from the home",
            &[],
        ),
    }
}

fn memory_files(findings: &mut Findings) {
    let rule = setting("/proc/sys/vm/memfd_noexec")
        .map(|v| format!(", vm.memfd_noexec = {v}"))
        .unwrap_or_default();
    match memory::kind() {
        Some(memory::Kind::NoExec) => {
            findings.good("memfd", format!("sealed and not executable{rule}"))
        }
        Some(memory::Kind::Sealed) => findings.good("memfd", format!("sealed{rule}")),
        None => findings.note(
            "memfd",
            "refused here: descriptors read nameless files of the runtime directory",
            &[],
        ),
    }
}

/// How many bytes are locked for one of a value: the value, as it is delivered, and the spellings
/// that are searched for.
const LOCKED: u64 = 16;

fn locked_memory(findings: &mut Findings) {
    match getrlimit(Resource::Memlock).current {
        Some(limit) if limit < 1 << 20 => {
            let text = format!("{} KiB can be locked: longer values can reach swap", limit >> 10);
            findings.note("mlock", text, &["ulimit -l unlimited, or LimitMEMLOCK= of the service"]);
        }
        Some(limit) => {
            let text = format!(
                "{} KiB can be locked: values of up to {} KiB in all, with what the filter \
                 searches for, stay out of swap",
                limit >> 10,
                (limit / LOCKED) >> 10
            );
            findings.good("mlock", text);
        }
        None => {
            findings.good("mlock", "values stay out of swap, with what the filter searches for")
        }
    }
}

fn swap(findings: &mut Findings) {
    let devices = swap_devices();
    if devices.is_empty() {
        let known = Path::new("/proc/swaps").exists();
        return findings
            .good("swap", if known { "none" } else { "not known: there is no /proc/swaps" });
    }
    for device in devices {
        let shown = printable_path(&device.path);
        match device.keeping {
            Keeping::Memory => findings.good("swap", format!("{shown} stays in memory")),
            Keeping::Encrypted => findings.good("swap", format!("{shown} is encrypted")),
            Keeping::Plain => {
                let text = format!(
                    "nothing says that {shown} is encrypted: memory of commands can be found on it"
                );
                findings.note(
                    "swap",
                    text,
                    &[&format!("sudo swapoff {shown}"), "or encrypt it: crypttab(5)"],
                );
            }
        }
    }
}

/// Ours and the command's: the soft limit 1 stops a piped pattern too (see the frame of every
/// tool).
fn core_dumps(findings: &mut Findings) {
    let pattern =
        setting("/proc/sys/kernel/core_pattern").unwrap_or_else(|| "not known".to_owned());
    let shown = hasp_core::text::printable(pattern.as_bytes());
    let limit = getrlimit(Resource::Core);
    if pattern.starts_with('|') && limit.current == Some(0) {
        let text = format!(
            "{shown} gets dumps whatever the limit, and it is 0 for good: they hold no memory, \
             but names"
        );
        return findings.note(
            "core dumps",
            text,
            &["raise the hard limit to 1: ulimit -Hc 1 where the shell starts"],
        );
    }
    findings.good("core dumps", format!("none of hasp or its commands ({shown})"));
}

fn terminals(findings: &mut Findings) {
    let made =
        openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).and_then(unlockpt);
    match made {
        Ok(_) => findings.good("terminals", "a command gets one of its own"),
        Err(e) => {
            let cause = cause_text(&e.into());
            let text = format!(
                "no new one can be made ({cause}): commands on a terminal get pipes instead"
            );
            findings.note("terminals", text, &["mount -t devpts devpts /dev/pts -o ptmxmode=666"]);
        }
    }
}

fn runtime(env: &Environ, findings: &mut Findings) {
    let runtime = match Runtime::locate(env) {
        Ok(runtime) => runtime,
        Err(error) => return findings.wrong("runtime", &error),
    };
    let shown = printable_path(runtime.root());
    if runtime.on_disk() {
        let text = format!(
            "{shown} is on a disk: half of each grant's key is written there, and no file is \
             delivered"
        );
        return findings.wrong_text(
            "runtime",
            text,
            "unset HASP_RUNTIME, or name a directory on a tmpfs".to_owned(),
        );
    }
    match rustix::fs::statvfs(runtime.root()) {
        Ok(room) if room.f_bavail.saturating_mul(room.f_frsize) < ROOM => {
            let text = format!("{shown} is full: less than {} MiB are left", ROOM >> 20);
            findings.wrong_text("runtime", text, format!("df -h {shown}; remove what fills it"));
        }
        _ => findings.good("runtime", format!("{shown}, in memory")),
    }
}

fn tools(findings: &mut Findings) {
    let missing: Vec<&str> =
        TOOLS.into_iter().filter(|tool| sibling::path(tool).is_err()).collect();
    match missing[..] {
        [] => findings.good("tools", "all are installed side by side"),
        _ => {
            let text = format!("not installed beside hasp-exec: {}", missing.join(", "));
            findings.note("tools", text, &["install all tools in one directory: make install"]);
        }
    }
}
