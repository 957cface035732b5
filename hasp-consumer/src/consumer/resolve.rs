//! From the word that a person types to the consumer that a grant holds, and what it is without a
//! word.

use std::path::Path;

use hasp_core::text::{printable, printable_path};
use hasp_core::{Error, Home, Kind, Result};

use crate::code;
use crate::consumer::Consumer;
use crate::consumer::ceiling;
use crate::consumer::program;
use crate::consumer::registry::Registry;
use crate::process::Process;
use crate::process::caller::{Caller, Leader};

impl Consumer {
    /// The consumer that a word means here, with what to warn of: `session`, `parent`, `pid:N`,
    /// `user`, `exe:PATH` or a registered name.
    ///
    /// # Errors
    /// `[no-session]`, `[no-parent]`, `[no-process]`, `[no-program]`, `[consumer-unknown]`,
    /// `[bad-consumer]`.
    pub fn resolve(word: &str, home: &Home, caller: &Caller) -> Result<(Consumer, Vec<String>)> {
        match word.split_once(':') {
            Some(("pid", digits)) => pid(digits, caller),
            Some(("exe", path)) => {
                let path = program::real_path(Path::new(path))?;
                let warnings = program::warnings(&path);
                Ok((Consumer::Exe { path }, warnings))
            }
            Some(_) => Err(bad_word(word)),
            None => match word {
                "session" => session(caller),
                "parent" => caller.parent().map(|p| (process(p), broad(p))).ok_or_else(no_parent),
                "user" => {
                    Ok((Consumer::User { uid: rustix::process::getuid().as_raw() }, Vec::new()))
                }
                name => named(name, home),
            },
        }
    }

    /// The consumer without a word: the session if its leader is alive and visible; otherwise, for
    /// a grant that is used once, the parent, said in a warning.
    ///
    /// # Errors
    /// `[consumer-unclear]`, which asks for a word.
    pub fn default_for(caller: &Caller, once: bool) -> Result<(Consumer, Vec<String>)> {
        let leader = match caller.leader() {
            Leader::Alive(leader) => return Ok((of_leader(&leader), Vec::new())),
            leader => leader,
        };
        let why = why_not(&leader);
        if !once {
            return Err(Error::new(
                Kind::Usage,
                code::CONSUMER_UNCLEAR,
                format!("who shall use the grant? {why}"),
            )
            .hint("say so: --consumer parent, --consumer pid:N or --consumer user"));
        }
        let (found, name) = match caller.parent() {
            Some(parent) => (parent, "its parent"),
            None => (caller.process(), "this process alone"),
        };
        let mut warnings = vec![format!("{why}: the grant is for {name} ({})", found.label())];
        warnings.extend(broad(found));
        Ok((process(found), warnings))
    }
}

fn session(caller: &Caller) -> Result<(Consumer, Vec<String>)> {
    match caller.leader() {
        Leader::Alive(leader) => Ok((of_leader(&leader), Vec::new())),
        Leader::Caller => {
            let warning = "this process leads its session: the grant ends with it".to_owned();
            Ok((of_leader(caller.process()), vec![warning]))
        }
        leader => Err(Error::new(
            Kind::Usage,
            code::NO_SESSION,
            format!("no session can be named: {}", why_not(&leader)),
        )
        .hint("say so: --consumer parent, --consumer pid:N or --consumer user")),
    }
}

fn of_leader(leader: &Process) -> Consumer {
    let tty = leader.tty.as_deref().map(printable_path);
    Consumer::Session { leader: leader.id.clone(), tty }
}

fn why_not(leader: &Leader) -> &'static str {
    match leader {
        Leader::Alive(_) => "this session has a leader",
        Leader::Caller => "this process leads a session of its own, which ends with it",
        Leader::Gone => "the leader of this session has ended",
        Leader::Invisible => "the leader of this session cannot be seen from here",
    }
}

fn process(process: &Process) -> Consumer {
    let exe = process.exe.as_deref().map_or_else(|| process.comm.clone(), printable_path);
    Consumer::Process { process: process.id.clone(), exe: Some(exe) }
}

fn pid(digits: &str, caller: &Caller) -> Result<(Consumer, Vec<String>)> {
    let number =
        digits.parse::<u32>().ok().filter(|n| *n > 0 && digits.bytes().all(|b| b.is_ascii_digit()));
    let number = number.ok_or_else(|| bad_word(&format!("pid:{digits}")))?;
    let found = caller.namespace.process(number).ok_or_else(|| {
        Error::new(Kind::Missing, code::NO_PROCESS, format!("no process {number} can be seen"))
            .hint("look for it with: ps -e")
    })?;
    Ok((process(&found), broad(&found)))
}

/// Everything descends from the first process.
fn broad(process: &Process) -> Vec<String> {
    let first = process.id.pid == 1;
    first
        .then(|| {
            "process 1 is the ancestor of everything that runs here, other sessions included"
                .to_owned()
        })
        .into_iter()
        .collect()
}

fn named(name: &str, home: &Home) -> Result<(Consumer, Vec<String>)> {
    let registry = Registry::load(home)?;
    let entry = registry.get(name)?;
    let real = program::real_path(&entry.exe)?;
    let mut warnings = program::warnings(&real);
    if real != entry.exe {
        let registered = printable_path(&entry.exe);
        warnings.push(format!(
            "{registered}, registered as {name}, leads to {} now",
            printable_path(&real)
        ));
    }
    ceiling::check_pin(name, &real, entry.pin.as_deref())?;
    let pin = entry.pin.clone();
    Ok((Consumer::Named { name: name.to_owned(), path: real, pin }, warnings))
}

fn no_parent() -> Error {
    Error::new(Kind::Usage, code::NO_PARENT, "the parent of this process cannot be seen from here")
        .hint("say so: --consumer pid:N or --consumer user")
}

fn bad_word(word: &str) -> Error {
    let shown: String = printable(word.as_bytes()).chars().take(64).collect();
    Error::new(Kind::Usage, code::BAD_CONSUMER, format!("'{shown}' is not a consumer")).hint(
        "a consumer is session, parent, pid:N, user, exe:PATH, or a name from: hasp-consumer list",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn resolve(word: &str) -> Result<(Consumer, Vec<String>)> {
        let dir = tempfile::tempdir().unwrap();
        Consumer::resolve(word, &Home::at(dir.path()), &Caller::current().unwrap())
    }

    #[test]
    fn words_mean_what_they_say() {
        let caller = Caller::current().unwrap();
        let parent = caller.parent().unwrap();
        let (found, _) = resolve("parent").unwrap();
        assert!(found.is(&resolve(&format!("pid:{}", parent.id.pid)).unwrap().0));
        assert!(matches!(resolve("user").unwrap().0, Consumer::User { .. }));
        assert!(
            matches!(resolve("exe:/bin/sh").unwrap(), (Consumer::Exe { .. }, w) if w.len() == 1)
        );
        assert!(resolve("pid:1").unwrap().1[0].contains("ancestor of everything"));
        for word in ["parent", "user", "pid:1"] {
            resolve(word).unwrap().0.admits(&caller).unwrap();
        }
    }

    #[test]
    fn other_words_are_refused() {
        for (word, code) in [
            ("pid:0", code::BAD_CONSUMER),
            ("pid:+1", code::BAD_CONSUMER),
            ("pid:", code::BAD_CONSUMER),
            ("pid:99999999999", code::BAD_CONSUMER),
            ("pid:4294967295", code::NO_PROCESS),
            ("exe:sh", code::BAD_CONSUMER),
            ("exe:/no/such", code::NO_PROGRAM),
            ("group:x", code::BAD_CONSUMER),
            ("claude", code::CONSUMER_UNKNOWN),
            ("", code::CONSUMER_UNKNOWN),
        ] {
            assert_eq!(resolve(word).unwrap_err().code(), code, "{word}");
        }
    }
}
