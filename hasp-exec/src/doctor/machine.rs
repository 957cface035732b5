//! What the machine gives: nothing here is needed but facts about processes, a place in memory and
//! descriptors; the rest makes hasp stronger or weaker, and is said.

use rustix::process::{Resource, getrlimit};

use hasp_consumer::Caller;
use hasp_core::platform::{self, Keeping};
use hasp_core::text::{printable_os, printable_path};
use hasp_core::{Environ, Runtime, Var, cause_text, sibling, suggest};

use super::Findings;

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
    processes(findings);
    platform::findings().into_iter().for_each(|finding| findings.of_system(finding));
    locked_memory(findings);
    swap(findings);
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

fn kernel(findings: &mut Findings) {
    let name = rustix::system::uname();
    let (system, release) = (name.sysname().to_string_lossy(), name.release().to_string_lossy());
    findings.good("kernel", format!("{system} {release}"));
}

fn processes(findings: &mut Findings) {
    match Caller::current() {
        Ok(caller) => {
            findings.good("processes", format!("can be recognised: {}", caller.process().label()))
        }
        Err(error) => findings.wrong("processes", &error),
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
    let Some(devices) = platform::swaps() else {
        return findings.good("swap", "not known: the system does not tell");
    };
    if devices.is_empty() {
        return findings.good("swap", "none");
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

fn terminals(findings: &mut Findings) {
    match platform::open_terminal() {
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
