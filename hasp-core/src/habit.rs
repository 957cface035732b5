//! Verbs that people bring along from other programs, and what does the same here. Only these
//! words are ever said again: any other stray word may be the value that somebody meant to store.

use crate::error::hint;

/// The tool, the words, and what to type in their place.
const HABITS: &[(&str, &str, &str)] = &[
    ("hasp-vault", "rm delete del remove unset erase", hint("hasp-vault destroy NAME")),
    ("hasp-vault", "add put new create insert store save write", hint("hasp-vault set NAME")),
    ("hasp-vault", "edit update change replace", hint("hasp-vault set NAME")),
    ("hasp-vault", "cat read print view value decrypt copy cp", hint("hasp-vault reveal NAME")),
    ("hasp-vault", "mv rename move", hint("hasp-vault set NEW, then hasp-vault destroy OLD")),
    ("hasp-vault", "ls dir search find grep all", hint("hasp-vault list")),
    ("hasp-vault", "info describe", hint("hasp-vault show NAME")),
    ("hasp-vault", "gen random", hint("hasp-vault generate NAME")),
    ("hasp-vault", "dump", hint("hasp-vault export")),
    ("hasp-vault", "share invite members", hint("hasp-vault recipients")),
    ("hasp-vault", "passwd password", hint("hasp-vault passphrase")),
    ("hasp-vault", "log audit", hint("hasp-audit log")),
    ("hasp-vault", "run exec", hint("hasp-grant -x -t TARGET")),
    ("hasp-target", "rm delete del remove edit update change mv rename set", EDIT),
    ("hasp-target", "new create put", hint("hasp-target add TARGET -e VAR=REF -- COMMAND")),
    ("hasp-target", "ls dir search find all", hint("hasp-target list")),
    ("hasp-target", "cat get view info print", hint("hasp-target show TARGET")),
    ("hasp-target", "describe why", hint("hasp-target explain TARGET")),
    ("hasp-target", "validate lint test verify doctor status", hint("hasp-target check")),
    ("hasp-target", "run exec start", hint("hasp-grant -x -t TARGET")),
    ("hasp-bind", "rm delete del unbind", hint("hasp-bind remove REF")),
    ("hasp-bind", "revoke reset clear", hint("hasp-bind drop")),
    ("hasp-bind", "ls show status get cat info check", hint("hasp-bind list")),
    ("hasp-bind", "search find all", hint("hasp-bind list --all")),
    ("hasp-bind", "edit update sync consent approve allow trust yes", hint("hasp-bind")),
    ("hasp-bind", "set put new create bind", hint("hasp-bind add REF")),
    ("hasp-bind", "mv rename move moved", hint("hasp-bind --moved-from DIR")),
    ("hasp-bind", "clone worktree copy also", hint("hasp-bind --also")),
    ("hasp-consumer", "rm delete del drop unregister", hint("hasp-consumer remove NAME")),
    ("hasp-consumer", "ls dir search find all", hint("hasp-consumer list")),
    ("hasp-consumer", "get cat view info", hint("hasp-consumer show NAME")),
    ("hasp-consumer", "set put new create register", hint("hasp-consumer add NAME --exe PATH")),
    ("hasp-consumer", "edit update change mv rename", RENAME),
    ("hasp-consumer", "who me id self", hint("hasp-consumer whoami")),
    ("hasp-grant", "rm delete del remove end stop cancel", hint("hasp-grant revoke ID")),
    ("hasp-grant", "ls dir", hint("hasp-grant list")),
    ("hasp-grant", "search find all history", hint("hasp-grant list --all")),
    ("hasp-grant", "get cat view info inspect", hint("hasp-grant show ID")),
    ("hasp-grant", "add new create mint issue grant", hint("hasp-grant -t TARGET")),
    ("hasp-grant", "edit mv rename extend renew", hint("hasp-grant -t TARGET --for 1h --keep")),
    ("hasp-grant", "run exec", hint("hasp-grant -x -t TARGET")),
    ("hasp-grant", "clean gc prune", hint("hasp-grant sweep")),
    ("hasp-exec", "run start exec", hint("hasp-exec -t TARGET")),
    ("hasp-exec", "ls list search find get show", hint("hasp-grant list")),
    ("hasp-exec", "rm delete del remove revoke stop", hint("hasp-grant revoke ID")),
    ("hasp-exec", "add new create mint grant", hint("hasp-grant -t TARGET")),
    ("hasp-exec", "explain check why", hint("hasp-exec --explain -t TARGET")),
    ("hasp-exec", "doctor status", hint("hasp-exec --doctor")),
    ("hasp-audit", "ls list show cat get view search find grep history", hint("hasp-audit log")),
    ("hasp-audit", "tail follow watch", hint("hasp-audit log --follow")),
    ("hasp-audit", "check validate status", hint("hasp-audit verify")),
    ("hasp-audit", "leaked leaks released", hint("hasp-audit exposed")),
    ("hasp-audit", "dump", hint("hasp-audit export")),
    ("hasp-audit", "repair fix", hint("hasp-audit recover")),
    ("hasp-redact", "ls list show status get", hint("hasp-redact watch")),
    ("hasp-redact", "check search find grep", hint("hasp-redact scan")),
    ("hasp-redact", "hook install add", hint("hasp-redact hooks install")),
    ("hasp-redact", "rm delete remove uninstall", hint("hasp-redact hooks remove")),
];
const EDIT: &str = hint("${EDITOR:-vi} hasp.toml");
const RENAME: &str = hint("hasp-consumer remove NAME, then hasp-consumer add NAME --exe PATH");

/// What does here what the word does elsewhere.
pub(crate) fn line(tool: &str, word: &str) -> Option<&'static str> {
    let meant =
        |(of, words, _): &&(&str, &str, &str)| *of == tool && words.split(' ').any(|w| w == word);
    HABITS.iter().find(meant).map(|(_, _, line)| *line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_a_tool_stands_once_and_is_a_word() {
        let mut pairs: Vec<(&str, &str)> =
            HABITS.iter().flat_map(|(t, words, _)| words.split(' ').map(|w| (*t, w))).collect();
        assert!(pairs.iter().all(|(_, w)| !w.is_empty()));
        let count = pairs.len();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), count);
    }

    #[test]
    fn the_verbs_of_other_programs_lead_somewhere() {
        assert_eq!(line("hasp-vault", "rm"), Some("hasp-vault destroy NAME"));
        assert_eq!(line("hasp-grant", "ls"), Some("hasp-grant list"));
        assert_eq!(line("hasp-vault", "hunter2"), None);
    }
}
