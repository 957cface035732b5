//! The process that asks and its ancestors, read once, so that every check speaks of the same ones;
//! a hop counts only if the parent is older than the child and the child still has that parent.

use std::path::Path;

use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result, platform};

use crate::code;
use crate::process::Process;
use crate::process::namespace::PidNamespace;

/// How often a chain that changes is read again.
const TRIES: usize = 3;
/// More ancestors than any real process has.
const MAX_CHAIN: usize = 1024;
/// How many processes go on record.
const RECORDED: usize = 8;

/// The asking process and its ancestors.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) namespace: PidNamespace,
    chain: Vec<Process>,
}

/// What became of the leader of the caller's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leader {
    /// It runs.
    Alive(Process),
    /// It is the asking process itself, and ends with it.
    Caller,
    /// It has ended.
    Gone,
    /// It is outside of our pid namespace, or hidden from us.
    Invisible,
}

impl Caller {
    /// The caller is this very process.
    ///
    /// # Errors
    /// `[no-proc]`.
    pub fn current() -> Result<Caller> {
        let namespace = PidNamespace::here()?;
        let unseen =
            || Error::new(Kind::Denied, code::NO_PROC, "this process does not see itself in /proc");
        // An ancestor that ended meanwhile made room for whoever inherited its children, so that is
        // asked again.
        for _ in 0..TRIES {
            let chain = climb(&namespace).ok_or_else(unseen)?;
            if chain.iter().all(Process::unchanged) {
                return Ok(Caller { namespace, chain });
            }
        }
        let chain: Vec<Process> = climb(&namespace)
            .ok_or_else(unseen)?
            .into_iter()
            .take_while(Process::unchanged)
            .collect();
        if chain.is_empty() { Err(unseen()) } else { Ok(Caller { namespace, chain }) }
    }

    /// The asking process first, its oldest visible ancestor last; never empty.
    pub fn chain(&self) -> &[Process] {
        &self.chain
    }

    /// The nearest of them as the record has them: pid, start and program of each, and what a
    /// program calls itself that is not its file's name.
    pub fn recorded(&self) -> serde_json::Value {
        let shown = |p: &Process| {
            let exe = p.exe.as_deref().map(printable_path);
            let file = p.exe.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
            let mut entry = serde_json::json!({"pid": p.id.pid, "start": p.id.start, "exe": exe});
            if file.is_none_or(|file| !file.starts_with(&p.comm)) {
                entry["comm"] = p.comm.as_str().into();
            }
            entry
        };
        self.chain.iter().take(RECORDED).map(shown).collect()
    }

    /// The asking process.
    pub fn process(&self) -> &Process {
        &self.chain[0]
    }

    /// Its parent, if that can be seen.
    pub fn parent(&self) -> Option<&Process> {
        self.chain.get(1)
    }

    /// The leader of its session, by the session id, as sudo finds it.
    ///
    /// The kernel does not give the leader's pid to another process as long as the session has
    /// members, so a process of that pid is the leader.
    pub fn leader(&self) -> Leader {
        let own = self.process();
        if own.sid == 0 {
            return Leader::Invisible;
        }
        if own.sid == own.id.pid {
            return Leader::Caller;
        }
        let ancestor = self.chain.iter().find(|p| p.id.pid == own.sid && p.id.alive()).cloned();
        let found = ancestor.or_else(|| self.namespace.process(own.sid));
        match found.filter(|l| l.sid == l.id.pid && l.id.start <= own.id.start) {
            Some(leader) => Leader::Alive(leader),
            None if platform::process(own.sid).is_some_and(|leader| leader.alive) => {
                Leader::Invisible
            }
            None => Leader::Gone,
        }
    }
}

/// This process and its ancestors at a glance. Each is read after its child; when afterwards none
/// has changed, each had its pid from before its child was read again until after that, so that
/// they are one chain.
fn climb(namespace: &PidNamespace) -> Option<Vec<Process>> {
    let mut chain = vec![namespace.glance(std::process::id())?];
    while let Some(parent) =
        chain.last().filter(|_| chain.len() < MAX_CHAIN).and_then(|c| parent(namespace, c))
    {
        chain.push(parent);
    }
    Some(chain)
}

/// Whoever has the parent's pid, if it is older than the child.
fn parent(namespace: &PidNamespace, child: &Process) -> Option<Process> {
    namespace.glance(child.ppid).filter(|p| p.id.start <= child.id.start)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_leads_to_the_oldest_ancestor_without_a_gap() {
        let caller = Caller::current().unwrap();
        let chain = caller.chain();
        assert_eq!(chain[0].id.pid, std::process::id());
        assert_eq!(caller.parent().unwrap().id.pid, std::os::unix::process::parent_id());
        for hop in chain.windows(2) {
            assert_eq!(hop[0].ppid, hop[1].id.pid);
            assert!(hop[1].id.start <= hop[0].id.start);
        }
        assert!(chain.last().unwrap().ppid <= 1 || chain.last().unwrap().id.pid == 1);
    }

    #[test]
    fn a_parent_that_is_younger_than_its_child_is_none() {
        let caller = Caller::current().unwrap();
        let mut own = caller.process().clone();
        assert!(parent(&caller.namespace, &own).is_some());
        own.id.start = 0;
        assert_eq!(parent(&caller.namespace, &own), None);
    }
}
