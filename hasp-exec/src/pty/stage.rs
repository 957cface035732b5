//! The new terminal that stands in for ours, with its modes and its size.

use std::os::fd::{AsFd, OwnedFd};

use rustix::termios::{OptionalActions, tcsetattr, tcsetwinsize};

use hasp_core::{Error, Result, platform};

use crate::pty::screen::Screen;

/// Both sides of a new terminal.
pub(crate) struct Pair {
    /// What we hold.
    pub(crate) leader: OwnedFd,
    /// What the child sees.
    pub(crate) follower: OwnedFd,
}

/// Our terminal and the child's.
pub(crate) struct Stage {
    /// Ours.
    pub(crate) screen: Screen,
    /// The child's.
    pub(crate) pair: Pair,
}

/// Where a child runs whose output is redacted.
pub(crate) enum Place {
    /// On a terminal of its own: ours would show what it writes there past the filter, and would
    /// take keys from it.
    Terminal(Box<Stage>),
    /// In a session without a terminal, where none can be made, as in a container without devpts.
    Apart,
    /// In our session, which has no terminal.
    Here,
}

/// Where to run a child, wherever its output goes.
pub(crate) fn place() -> Place {
    let Some(screen) = Screen::open() else { return Place::Here };
    match Pair::like(&screen) {
        Ok(pair) => Place::Terminal(Box::new(Stage { screen, pair })),
        Err(_) => Place::Apart,
    }
}

impl Pair {
    /// A new terminal with the modes and the size of ours.
    fn like(screen: &Screen) -> Result<Pair> {
        let failed = |e: rustix::io::Errno| Error::system("make a terminal for the command", e);
        let (leader, follower) = platform::open_terminal().map_err(failed)?;
        // Who writes keys must hear of a hangup while the child reads none.
        rustix::io::ioctl_fionbio(&leader, true).map_err(failed)?;
        tcsetattr(&follower, OptionalActions::Now, &screen.modes()).map_err(failed)?;
        set_size(&follower, screen);
        Ok(Pair { leader, follower })
    }
}

/// Gives the child's terminal the size of ours, if that has one.
pub(crate) fn set_size(follower: &OwnedFd, screen: &Screen) {
    if let Some(size) = screen.size() {
        // The size of a terminal that we have open can be set; one that cannot keeps its own.
        let _ = tcsetwinsize(follower, size);
    }
}

/// Another descriptor of the same terminal.
pub(crate) fn duplicate(descriptor: impl AsFd) -> Result<OwnedFd> {
    let duplicate = descriptor.as_fd().try_clone_to_owned();
    duplicate.map_err(|e| Error::system("open the command's terminal", e))
}
