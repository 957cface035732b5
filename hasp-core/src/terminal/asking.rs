//! What a passphrase is asked for, in one line: the command, where its output goes, and who started
//! it. Nothing here decides anything; what cannot be found out is left out, and names that
//! processes give themselves are shown as what they are.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::platform::{self, ProcessFacts};
use crate::text::{printable, printable_os, printable_path, shell_word};

/// The longest command that is shown, in characters.
const MAX_COMMAND: usize = 160;
/// How many processes are named, from the one that started this one upwards.
const ASKERS: usize = 3;
/// Options whose words are prose, in which a value may have got.
const PROSE: [&str; 2] = ["--reason", "--note"];

/// One line: what asks, where its output goes, who started it.
pub fn purpose() -> String {
    let words: Vec<OsString> = std::env::args_os().collect();
    let fd = option(&words, "--fd").and_then(|n| n.to_str()?.parse().ok()).unwrap_or(1);
    let mut line = format!("{} (output: {})", shown(&words), destination(fd));
    let askers = askers();
    for (place, asker) in askers.iter().enumerate() {
        line.push_str(if place == 0 { ", asked by " } else { ", run by " });
        line.push_str(asker);
    }
    if askers.is_empty() {
        line.push_str(", asked by a process that cannot be seen from here");
    }
    line
}

/// The command line of this process, for a person to type in a terminal; `None` for what only other
/// tools type.
pub fn command() -> Option<String> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let internal = words
        .iter()
        .skip(1)
        .find(|w| !w.as_bytes().starts_with(b"-"))
        .is_some_and(|verb| verb == "key");
    (!internal).then(|| shown(&words))
}

/// The words as a shell would read them; of a granted command the program alone, since a value may
/// be among the others.
fn shown(words: &[OsString]) -> String {
    let mut text = words
        .first()
        .map(|w| Path::new(w).file_name().unwrap_or(w))
        .map(printable_os)
        .unwrap_or_default();
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        let prose = PROSE.iter().find(|p| word.as_bytes().starts_with(p.as_bytes()));
        match prose {
            Some(option) if word == option => {
                rest.next();
                text.push_str(&format!(" {option} ..."));
            }
            Some(option) => text.push_str(&format!(" {option}=...")),
            None => text.push_str(&format!(" {}", shell_word(word))),
        }
        if word == "--" {
            rest.next()
                .into_iter()
                .for_each(|program| text.push_str(&format!(" {}", shell_word(program))));
            text.push_str(if rest.next().is_some() { " ..." } else { "" });
            break;
        }
    }
    match text.char_indices().nth(MAX_COMMAND) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text,
    }
}

/// The word behind an option, or behind its `=`.
fn option<'a>(words: &'a [OsString], name: &str) -> Option<&'a OsStr> {
    let at = words.iter().position(|w| w.as_bytes().starts_with(name.as_bytes()))?;
    match words[at].as_bytes().strip_prefix(name.as_bytes())? {
        b"" => words.get(at + 1).map(OsString::as_os_str),
        rest => rest.strip_prefix(b"=").map(OsStr::from_bytes),
    }
}

/// Where an open descriptor of this process leads.
fn destination(fd: i32) -> String {
    let target = platform::duplicate(fd).ok().and_then(platform::target);
    let Some(path) = target else { return "unknown".to_owned() };
    let text = path.as_os_str().as_bytes();
    if fd == 1 && std::io::stdout().is_terminal() {
        return "the terminal".to_owned();
    }
    if text.starts_with(b"pipe:") {
        let readers = readers(&path);
        return if readers.is_empty() {
            "a pipe".to_owned()
        } else {
            format!("a pipe to {}", readers.join(", "))
        };
    }
    match text {
        b"/dev/null" => "none".to_owned(),
        _ if text.starts_with(b"socket:") => "a socket".to_owned(),
        _ => printable_path(&path),
    }
}

/// Who reads a pipe, as far as it can be seen: processes of the same user, but not other tools of
/// hasp, which show nothing of theirs.
fn readers(pipe: &Path) -> Vec<String> {
    let pids = platform::readers(pipe).into_iter().take(ASKERS);
    pids.filter_map(|pid| platform::process(pid).map(|facts| name(&facts))).collect()
}

/// Who started this process, and who that; the leader of the session is the last.
fn askers() -> Vec<String> {
    let mut pid = rustix::process::getppid().map(|p| p.as_raw_nonzero().get().unsigned_abs());
    let mut names = Vec::new();
    while let Some(process) = pid.filter(|_| names.len() < ASKERS).and_then(platform::process) {
        names.push(name(&process));
        pid = (process.pid != process.session && process.parent > 0).then_some(process.parent);
    }
    names
}

/// Its program's file name where that can be seen, else what it calls itself; and its number.
fn name(facts: &ProcessFacts) -> String {
    let exe = platform::program_name(facts.pid);
    let file = exe.as_deref().and_then(Path::file_name).map(printable_os);
    format!("{} {}", file.unwrap_or_else(|| printable(&facts.name)), facts.pid)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_command_is_shown_without_prose_and_granted_words() {
        for (typed, expected) in [
            ("/opt/bin/hasp-vault reveal --force db/url", "hasp-vault reveal --force db/url"),
            ("hasp-grant -x -e K=k -- psql hunter2 x", "hasp-grant -x -e K=k -- psql ..."),
            ("hasp-grant -x -e K=k -- ./show", "hasp-grant -x -e K=k -- ./show"),
            ("hasp-grant --reason hunter2 -t test", "hasp-grant --reason ... -t test"),
            (
                "hasp-vault set n --note=hunter2 --class low",
                "hasp-vault set n --note=... --class low",
            ),
            ("hasp-vault set \u{1b}[2J", "hasp-vault set '\\x1b[2J'"),
        ] {
            assert_eq!(shown(&words(typed)).replace("$'", "'"), expected);
        }
        assert!(shown(&words(&format!("hasp-vault set {}", "n".repeat(500)))).len() < 180);
        assert_eq!(shown(&[]), "");
    }

    #[test]
    fn options_have_words() {
        assert_eq!(option(&words("key audit --fd 4"), "--fd").unwrap(), "4");
        assert_eq!(option(&words("key audit --fd=5 x"), "--fd").unwrap(), "5");
        assert_eq!(option(&words("key audit --fd"), "--fd"), None);
        assert_eq!(option(&words("key audit"), "--fd"), None);
    }

    #[test]
    fn readers_of_a_pipe_are_found() {
        let mut child = std::process::Command::new("sleep")
            .arg("20")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pipe = platform::target(child.stdin.as_ref().unwrap()).unwrap();
        let found = readers(&pipe);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.iter().any(|r| r.ends_with(&format!(" {}", child.id()))), "{found:?}");
        assert!(purpose().contains(", asked by "), "{}", purpose());
    }
}
