//! `--doctor --repair`: what can be mended without a question, since nothing is lost by it. A mode
//! is taken from others, never given; only what has ended is removed.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hasp_audit::EventKind;
use hasp_core::text::shell_word;
use hasp_core::tool::Context;
use hasp_core::{Home, Result, Runtime, platform};
use hasp_grant::{Ledger, everywhere, record_end, sweep_expired};

use super::Findings;
use crate::deliver::directory;

/// Mends, and says what it did.
pub(super) fn repair(context: &Context, findings: &mut Findings) {
    let Ok(home) = Home::locate(&context.env) else { return };
    close(home.root(), 0o700, findings);
    for name in ["identity", "identity.age", "known_vaults"] {
        close(&home.join(name), 0o600, findings);
    }
    for ledger in everywhere(&context.env, &home, context.now).ledgers {
        let kept = ledger.runtime().join("kept").read_dir().into_iter().flatten().flatten();
        kept.for_each(|entry| close(&entry.path(), 0o600, findings));
        match swept(&ledger, context) {
            Ok(0) => {}
            Ok(count) => findings.good("grants", format!("{count} that had ended were removed")),
            Err(error) => findings.wrong("grants", &error),
        }
    }
    if let Some(Err(error)) = Runtime::locate(&context.env).ok().map(|r| directory::sweep(&r)) {
        findings.wrong("files", &error);
    }
}

fn swept(ledger: &Ledger, context: &Context) -> Result<usize> {
    let swept = sweep_expired(ledger, context.now)?;
    record_end(&swept, EventKind::GrantSweep, context).map(|()| swept.len())
}

/// Takes a file or directory of ours from others; a link, or what belongs to somebody else, is
/// left.
fn close(path: &Path, mode: u32, findings: &mut Findings) {
    let ours = |uid| uid == rustix::process::geteuid().as_raw();
    let open = path
        .symlink_metadata()
        .is_ok_and(|m| !m.is_symlink() && ours(m.uid()) && m.mode() & 0o077 != 0);
    if !open {
        return;
    }
    let shown = shell_word(path.as_os_str());
    match platform::set_mode(path, platform::mode(mode)) {
        Ok(()) => findings.good("mode", format!("{shown} was taken from other users")),
        Err(e) => findings.wrong("mode", &hasp_core::Error::io("close", path, e)),
    }
}
