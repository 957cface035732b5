//! husky keeps hooks in files of the repository, one command a line: ours is a line of such a file,
//! for everybody who works there.

use crate::cli::Hook;

const SIGN: &str = "# hasp-redact";

/// The file with our line at its end.
pub(crate) fn added(before: &str, hook: Hook) -> String {
    if has(before, hook) {
        return before.to_owned();
    }
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{gap}{}\n", line(hook))
}

/// The file without our line.
pub(crate) fn removed(before: &str, hook: Hook) -> String {
    before.lines().filter(|l| *l != line(hook)).flat_map(|l| [l, "\n"]).collect()
}

/// Whether our line is there.
pub(crate) fn has(text: &str, hook: Hook) -> bool {
    text.lines().any(|l| l == line(hook))
}

/// Whoever has no hasp is stopped by `command not found`, which is what a hook that cannot check
/// does.
fn line(hook: Hook) -> String {
    let words = if hook == Hook::PreCommit { "" } else { " -- \"$@\"" };
    format!("hasp-redact hooks run {}{words} || exit $? {SIGN}", hook.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_comes_and_goes_alone() {
        for before in ["", "npm test\n", "npm test", "a\nb\n"] {
            for hook in Hook::ALL {
                let with = added(before, hook);
                assert!(has(&with, hook) && added(&with, hook) == with);
                assert_eq!(removed(&with, hook).trim_end(), before.trim_end());
            }
        }
    }
}
