//! The hooks as they are written: POSIX sh that does as little as it can, since it is run by shells
//! that we do not know.

use std::path::Path;

use hasp_core::text::shell_word;

use crate::cli::Hook;

/// How a hook of ours is recognised.
const SIGN: &str =
    "# hasp-redact hooks install wrote this; hasp-redact hooks remove takes it away.";

/// The text of a hook that calls this program.
pub(crate) fn text(hook: Hook, program: &Path) -> String {
    let (name, hasp) = (hook.name(), shell_word(program.as_os_str()));
    let (before, call, what) = match hook {
        Hook::PreCommit => {
            ("\"$before\" \"$@\"", "exec \"$hasp\" hooks run pre-commit", "git commit")
        }
        Hook::PrePush => (
            "printf '%s' \"$refs\" | \"$before\" \"$@\"",
            "printf '%s' \"$refs\" | \"$hasp\" hooks run pre-push -- \"$@\"",
            "git push",
        ),
    };
    let read = if hook == Hook::PrePush {
        "refs=$(cat)\n[ -z \"$refs\" ] || refs=\"$refs\n\"\n"
    } else {
        ""
    };
    format!(
        r#"#!/bin/sh
{SIGN}
{read}before=${{0%/*}}/{name}.before-hasp
if [ -x "$before" ]; then
	{before} || exit $?
fi
hasp={hasp}
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
	exit 1
fi
{call}
"#
    )
}

/// Whether we wrote this.
pub(crate) fn is_ours(text: &str) -> bool {
    text.lines().nth(1) == Some(SIGN)
}
