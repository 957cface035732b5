//! The hooks as they are written: POSIX sh that does as little as it can, since it is run by shells
//! that we do not know, and by programs that hand on nothing of the user's environment.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use hasp_core::text::shell_word;

use super::memory::Memory;
use crate::cli::Hook;

/// How a hook of ours is recognised.
const SIGN: &str =
    "# hasp-redact hooks install wrote this; hasp-redact hooks remove takes it away.";

/// The text of a hook that calls this program, and tells it of this home.
pub(crate) fn text(hook: Hook, program: &Path, memory: &Memory) -> String {
    let (name, what) = (hook.name(), hook.command());
    let (read, given) = match hook {
        Hook::PrePush => {
            ("refs=$(cat)\n[ -z \"$refs\" ] || refs=\"$refs\n\"\n", "printf '%s' \"$refs\" | ")
        }
        Hook::PreCommit | Hook::CommitMsg => ("", ""),
    };
    let words = if hook == Hook::PreCommit { "" } else { " -- \"$@\"" };
    let hasp = shell_word(program.as_os_str());
    let remembered = remembered(memory);
    format!(
        r#"#!/bin/sh
{SIGN}
{read}before=${{0%/*}}/{name}.before-hasp
if [ -x "$before" ]; then
	{given}"$before" "$@" || exit $?
fi
{remembered}hasp={hasp}
if [ ! -x "$hasp" ]; then
	hasp=$(command -v hasp-redact) || hasp=
fi
if [ -z "$hasp" ]; then
	if [ -n "${{HASP_SKIP_SCAN-}}" ]; then
		echo "hasp-redact: warning: it is not installed: not scanned, and this is not recorded" >&2
		exit 0
	fi
	echo "hasp-redact: error: it is not installed, so your values cannot be looked for [no-hasp]" >&2
	echo "hasp-redact: hint: install hasp, or go without once: HASP_SKIP_SCAN=reason {what}" >&2
	echo "hasp-redact: hint: if it is gone for good, take this hook away: rm '$0'" >&2
	exit 1
fi
{given}"$hasp" hooks run "--home=$home" "--vault=$vault" "--watched=$watched" {name}{words}
ended=$?
if [ $ended -eq 64 ]; then
	echo "hasp-redact: hint: if this hook is not of that version of hasp: $hasp hooks install" >&2
fi
exit $ended
"#
    )
}

/// What the hook tells of the home: nothing that another installation would write differently.
fn remembered(memory: &Memory) -> String {
    let word = |path: &Option<PathBuf>| {
        path.as_ref().map(|p| shell_word(p.as_os_str())).unwrap_or_else(|| "''".to_owned())
    };
    let watched = if memory.watched { "yes" } else { "no" };
    format!("home={}\nvault={}\nwatched={watched}\n", word(&memory.home), word(&memory.vault))
}

/// What a hook of ours tells of the home.
pub(crate) fn memory(text: &str) -> Memory {
    let value = |name: &str| {
        let word = text.lines().find_map(|l| l.strip_prefix(name))?.strip_prefix('=')?;
        let bare = word.strip_prefix('\'').and_then(|w| w.strip_suffix('\'')).unwrap_or(word);
        Some(bare.replace("'\\''", "'")).filter(|value| !value.is_empty())
    };
    let path = |name| value(name).map(|v| PathBuf::from(OsStr::from_bytes(v.as_bytes())));
    let watched = value("watched").is_some_and(|v| v == "yes");
    Memory { home: path("home"), vault: path("vault"), watched }
}

/// Whether we wrote this.
pub(crate) fn is_ours(text: &str) -> bool {
    text.lines().nth(1) == Some(SIGN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hook_remembers_is_read_back() {
        for path in ["/home/ann/.local/share/hasp", "/a b/it's", "/ä"] {
            let memory = Memory { home: Some(path.into()), vault: None, watched: true };
            let text = text(Hook::CommitMsg, Path::new("/usr/bin/hasp-redact"), &memory);
            assert!(is_ours(&text));
            assert_eq!(super::memory(&text), memory, "{text}");
        }
        assert_eq!(super::memory("#!/bin/sh\n"), Memory::default());
    }
}
