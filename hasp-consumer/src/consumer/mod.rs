//! Who may use a grant, as it stands in the grant's claims, and the check of one caller against it.

pub(crate) mod ceiling;
pub(crate) mod describe;
pub(crate) mod program;
pub(crate) mod registry;
pub(crate) mod resolve;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use hasp_core::{Code, Error, Kind, Result};

use crate::code;
use crate::process::ProcessId;
use crate::process::caller::Caller;

/// Who may use a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Consumer {
    /// A session: whoever is a member of it, or descends from its leader, as long as the leader
    /// lives.
    Session {
        /// The session's leader.
        leader: ProcessId,
        /// The terminal, for people.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        tty: Option<String>,
    },
    /// A process or a descendant of it, as long as it lives.
    Process {
        /// The process.
        process: ProcessId,
        /// What it ran when the grant was made, for people.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        exe: Option<String>,
    },
    /// Any process of this user.
    User {
        /// The user.
        uid: u32,
    },
    /// A process that runs this program, or a descendant of one: a label, not a barrier.
    Exe {
        /// The program's real path.
        path: PathBuf,
    },
    /// The same by a registered name.
    Named {
        /// The name in `consumers.toml`.
        name: String,
        /// The program's real path.
        path: PathBuf,
        /// The SHA-256 of its file, if it was pinned when the grant was made.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        pin: Option<String>,
    },
}

impl Consumer {
    /// Whether this caller may use a grant of this consumer.
    ///
    /// # Errors
    /// `Kind::Denied`: `[other-session]`, `[other-process]`, `[other-user]`, `[other-program]`;
    /// what to type instead says whoever knows the grant.
    pub fn admits(&self, caller: &Caller) -> Result<()> {
        match self {
            Consumer::Session { leader, .. } => admits_session(leader, caller),
            Consumer::Process { process, .. } => admits_process(process, caller),
            Consumer::User { uid } => admits_user(*uid),
            Consumer::Exe { path } => admits_program(path, caller),
            Consumer::Named { name, path, pin } => {
                admits_program(path, caller)?;
                ceiling::check_pin(name, path, pin.as_deref())
            }
        }
    }

    /// Whether nobody can be it any more: the session or process that it names has ended. What is
    /// in another pid namespace cannot be seen from here, and is taken to live.
    pub fn is_gone(&self, caller: &Caller) -> bool {
        let gone = |id: &ProcessId| {
            id.boot != caller.namespace.boot || (caller.namespace.holds(id) && !id.alive())
        };
        match self {
            Consumer::Session { leader, .. } => gone(leader),
            Consumer::Process { process, .. } => gone(process),
            Consumer::User { .. } | Consumer::Exe { .. } | Consumer::Named { .. } => false,
        }
    }

    /// Whether both mean the same, whatever is added for people.
    pub fn is(&self, other: &Consumer) -> bool {
        match (self, other) {
            (Consumer::Session { leader: a, .. }, Consumer::Session { leader: b, .. })
            | (Consumer::Process { process: a, .. }, Consumer::Process { process: b, .. }) => {
                a == b
            }
            _ => self == other,
        }
    }
}

fn admits_session(leader: &ProcessId, caller: &Caller) -> Result<()> {
    check_alive(leader, caller, code::OTHER_SESSION, "the session that the grant was made in")?;
    let member = caller.process().sid == leader.pid;
    if member || caller.chain().iter().any(|p| p.id == *leader) {
        return Ok(());
    }
    let message =
        format!("the grant was made in another session (its leader is pid {})", leader.pid);
    Err(denied(code::OTHER_SESSION, message))
}

fn admits_process(process: &ProcessId, caller: &Caller) -> Result<()> {
    check_alive(process, caller, code::OTHER_PROCESS, "the process that the grant was made for")?;
    if caller.chain().iter().any(|p| p.id == *process) {
        return Ok(());
    }
    let message =
        format!("the grant is for process {} and what it starts, which this is not", process.pid);
    Err(denied(code::OTHER_PROCESS, message))
}

/// Boot, namespace and start time: a pid alone is somebody else's tomorrow.
fn check_alive(id: &ProcessId, caller: &Caller, code: Code, what: &str) -> Result<()> {
    let fault = match () {
        () if id.boot != caller.namespace.boot => "ended with the last boot",
        () if !caller.namespace.holds(id) => "is in another pid namespace",
        () if !id.alive() => "has ended",
        () => return Ok(()),
    };
    Err(denied(code, format!("{what} {fault}")))
}

fn admits_user(uid: u32) -> Result<()> {
    let own = rustix::process::getuid().as_raw();
    let effective = rustix::process::geteuid().as_raw();
    if (own, effective) == (uid, uid) {
        return Ok(());
    }
    Err(denied(code::OTHER_USER, format!("the grant is for user {uid}, not for user {own}")))
}

fn admits_program(path: &Path, caller: &Caller) -> Result<()> {
    if caller.chain().iter().any(|p| p.exe.as_deref() == Some(path)) {
        return Ok(());
    }
    let shown = hasp_core::text::printable_path(path);
    Err(denied(
        code::OTHER_PROGRAM,
        format!(
            "the grant is for {shown} and what it starts; neither this process nor an \
                 ancestor runs it"
        ),
    )
    .hint(
        "see who asks with: hasp-consumer whoami; a program replaced while it ran has to be \
           started again",
    ))
}

fn denied(code: Code, message: impl Into<String>) -> Error {
    Error::new(Kind::Denied, code, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::process::Process;

    fn caller() -> Caller {
        Caller::current().unwrap()
    }

    fn of(process: &Process) -> Consumer {
        Consumer::Process { process: process.id.clone(), exe: None }
    }

    fn code_of(consumer: &Consumer) -> Code {
        consumer.admits(&caller()).unwrap_err().code()
    }

    #[test]
    fn every_ancestor_admits_and_a_sibling_does_not() {
        let caller = caller();
        for ancestor in caller.chain() {
            of(ancestor).admits(&caller).unwrap();
        }
        let mut sibling = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let other = caller.namespace.process(sibling.id()).unwrap();
        assert_eq!(code_of(&of(&other)), code::OTHER_PROCESS);
        sibling.kill().unwrap();
        sibling.wait().unwrap();
        assert_eq!(code_of(&of(&other)), code::OTHER_PROCESS);
    }

    #[test]
    fn another_start_time_boot_or_namespace_is_another_process() {
        let caller = caller();
        let id = &caller.parent().unwrap().id;
        let forged = [
            ProcessId { start: id.start + 1, ..id.clone() },
            ProcessId { boot: "0".into(), ..id.clone() },
            ProcessId { pidns: id.pidns + 1, ..id.clone() },
        ];
        for process in forged {
            assert_eq!(
                code_of(&Consumer::Process { process: process.clone(), exe: None }),
                code::OTHER_PROCESS
            );
            assert_eq!(
                code_of(&Consumer::Session { leader: process, tty: None }),
                code::OTHER_SESSION
            );
        }
    }

    #[test]
    fn users_and_programs() {
        let uid = rustix::process::getuid().as_raw();
        Consumer::User { uid }.admits(&caller()).unwrap();
        assert_eq!(code_of(&Consumer::User { uid: uid + 1 }), code::OTHER_USER);
        Consumer::Exe { path: std::env::current_exe().unwrap() }.admits(&caller()).unwrap();
        assert_eq!(code_of(&Consumer::Exe { path: "/bin/no-such".into() }), code::OTHER_PROGRAM);
    }

    #[test]
    fn claims_have_one_spelling() {
        let leader = ProcessId { boot: "b".into(), pidns: 1, pid: 2, start: 3 };
        let session = Consumer::Session { leader, tty: Some("/dev/pts/0".into()) };
        let json = serde_json::to_string(&session).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"kind":"session","leader":{"boot":"b","pidns":1,"pid":2,"start":3},"#,
                r#""tty":"/dev/pts/0"}"#
            )
        );
        assert_eq!(serde_json::from_str::<Consumer>(&json).unwrap(), session);
    }
}
