//! A terminal of its own for the child, so that its output can be redacted on the way to ours and
//! it still sees a terminal.
//!
//! Three processes, as sudo has: the broker keeps our terminal, a monitor leads the child's
//! session, and the child has a process group in that session, so that it can be stopped and
//! continued (POSIX forbids stopping an orphaned group).

mod forward;
pub(crate) mod hangup;
pub(crate) mod keyboard;
mod launch;
mod link;
pub(crate) mod monitor;
pub(crate) mod printer;
pub(crate) mod screen;
pub(crate) mod session;
pub(crate) mod stage;
