//! What a person types elsewhere, where there is no terminal to ask on: an agent, a hook or a job
//! cannot unlock and should not look for a way to. He grants it from his terminal, and the process
//! that asked uses what was kept.

use std::time::Duration;

use hasp_consumer::{Caller, Consumer, Process};
use hasp_core::text::shell_word;
use hasp_core::{Class, Error};

use crate::mint::request::Request;
use crate::token::claims::Terms;
use crate::token::line::{mint_line_unseen, use_line_unseen};

/// The window that is proposed, if the class allows one.
const HOUR: Duration = Duration::from_secs(3600);

/// The same refusal, with the line for a person in a terminal, if it was for want of one.
pub fn elsewhere(error: Error, terms: &Terms, request: &Request) -> Error {
    if ![hasp_core::code::LOCKED, hasp_core::code::NO_TERMINAL].contains(&error.code()) {
        return error;
    }
    let mut like = terms.clone();
    if like.uses == Some(1) && request.class < Class::Critical {
        like.uses = None;
        like.exp = like.iat.after(HOUR);
    }
    if matches!(like.consumer, Consumer::Session { .. } | Consumer::Process { .. })
        && let Some(asker) = Caller::current().ok().as_ref().and_then(lasting)
    {
        like.consumer = Consumer::Process { process: asker.id.clone(), exe: None };
    }
    let there = shell_word(like.project.as_os());
    Error::new(error.kind(), error.code(), error.message())
        .hint(format!("a person types in a terminal: cd {there}; {}", mint_line_unseen(&like)))
        .hint(format!("and then here: {}", use_line_unseen(&like)))
}

/// Who asks and will still be there: the leader of the session, unless that is only the shell of
/// this one line.
fn lasting(caller: &Caller) -> Option<&Process> {
    let parent = caller.parent()?;
    let above: Vec<&Process> =
        caller.chain().iter().skip_while(|p| p.id != parent.id).skip(1).collect();
    let lasting: Vec<&Process> = above.into_iter().filter(|p| p.id.pid > 1).collect();
    let leader = lasting.iter().find(|p| p.id.pid == caller.process().sid);
    leader.or(lasting.first()).copied().or(Some(parent))
}
