//! Verbs that people bring along from other programs, and what does the same here. Only these
//! words are ever said again: any other stray word may be the value that somebody meant to store.

/// The tool, the words, and what to type in their place.
const HABITS: &[(&str, &str, &str)] = &[
    ("hasp-vault", "rm delete del remove unset erase", "hasp-vault destroy NAME"),
    ("hasp-vault", "add put new create insert store save write", "hasp-vault set NAME"),
    ("hasp-vault", "edit update change replace", "hasp-vault set NAME"),
    ("hasp-vault", "cat read print view value decrypt copy cp", "hasp-vault reveal NAME"),
    ("hasp-vault", "mv rename move", "hasp-vault set NEW, then hasp-vault destroy OLD"),
    ("hasp-vault", "ls dir search find grep all", "hasp-vault list"),
    ("hasp-vault", "info describe", "hasp-vault show NAME"),
    ("hasp-vault", "gen random", "hasp-vault generate NAME"),
    ("hasp-vault", "dump", "hasp-vault export"),
    ("hasp-vault", "share invite members", "hasp-vault recipients"),
    ("hasp-vault", "passwd password", "hasp-vault passphrase"),
    ("hasp-vault", "log audit", "hasp-audit log"),
    ("hasp-vault", "run exec", "hasp-grant -x -t TARGET"),
    ("hasp-target", "rm delete del remove edit update change mv rename set", EDIT),
    ("hasp-target", "new create put", "hasp-target add TARGET -e VAR=REF -- COMMAND"),
    ("hasp-target", "ls dir search find all", "hasp-target list"),
    ("hasp-target", "cat get view info print", "hasp-target show TARGET"),
    ("hasp-target", "describe why", "hasp-target explain TARGET"),
    ("hasp-target", "validate lint test verify doctor status", "hasp-target check"),
    ("hasp-target", "run exec start", "hasp-grant -x -t TARGET"),
    ("hasp-bind", "rm delete del unbind", "hasp-bind remove REF"),
    ("hasp-bind", "revoke reset clear", "hasp-bind drop"),
    ("hasp-bind", "ls show status get cat info check", "hasp-bind list"),
    ("hasp-bind", "search find all", "hasp-bind list --all"),
    ("hasp-bind", "edit update sync consent approve allow trust yes", "hasp-bind"),
    ("hasp-bind", "set put new create bind", "hasp-bind add REF"),
    ("hasp-bind", "mv rename move moved", "hasp-bind --moved-from DIR"),
    ("hasp-bind", "clone worktree copy also", "hasp-bind --also"),
    ("hasp-consumer", "rm delete del drop unregister", "hasp-consumer remove NAME"),
    ("hasp-consumer", "ls dir search find all", "hasp-consumer list"),
    ("hasp-consumer", "get cat view info", "hasp-consumer show NAME"),
    ("hasp-consumer", "set put new create register", "hasp-consumer add NAME --exe PATH"),
    ("hasp-consumer", "edit update change mv rename", RENAME),
    ("hasp-consumer", "who me id self", "hasp-consumer whoami"),
    ("hasp-grant", "rm delete del remove end stop cancel", "hasp-grant revoke ID"),
    ("hasp-grant", "ls dir", "hasp-grant list"),
    ("hasp-grant", "search find all history", "hasp-grant list --all"),
    ("hasp-grant", "get cat view info inspect", "hasp-grant show ID"),
    ("hasp-grant", "add new create mint issue grant", "hasp-grant -t TARGET"),
    ("hasp-grant", "edit mv rename extend renew", "hasp-grant -t TARGET --for 1h --keep"),
    ("hasp-grant", "run exec", "hasp-grant -x -t TARGET"),
    ("hasp-grant", "clean gc prune", "hasp-grant sweep"),
    ("hasp-exec", "run start exec", "hasp-exec -t TARGET"),
    ("hasp-exec", "ls list search find get show", "hasp-grant list"),
    ("hasp-exec", "rm delete del remove revoke stop", "hasp-grant revoke ID"),
    ("hasp-exec", "add new create mint grant", "hasp-grant -t TARGET"),
    ("hasp-exec", "explain check why", "hasp-exec --explain -t TARGET"),
    ("hasp-exec", "doctor status", "hasp-exec --doctor"),
    ("hasp-audit", "ls list show cat get view search find grep history", "hasp-audit log"),
    ("hasp-audit", "tail follow watch", "hasp-audit log --follow"),
    ("hasp-audit", "check validate status", "hasp-audit verify"),
    ("hasp-audit", "leaked leaks released", "hasp-audit exposed"),
    ("hasp-audit", "dump", "hasp-audit export"),
    ("hasp-audit", "repair fix", "hasp-audit recover"),
    ("hasp-redact", "ls list show status get", "hasp-redact watch"),
    ("hasp-redact", "check search find grep", "hasp-redact scan"),
    ("hasp-redact", "hook install add", "hasp-redact hooks install"),
    ("hasp-redact", "rm delete remove uninstall", "hasp-redact hooks remove"),
];
const EDIT: &str = "${EDITOR:-vi} hasp.toml";
const RENAME: &str = "hasp-consumer remove NAME, then hasp-consumer add NAME --exe PATH";

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
