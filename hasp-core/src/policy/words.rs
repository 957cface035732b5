//! The words of a policy: ways of delivery, and who may use a grant.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::SecretName;

/// How a value reaches the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A file of its own.
    File,
    /// A descriptor.
    Fd,
    /// Standard input.
    Stdin,
    /// The environment.
    Env,
    /// Within a file of the project.
    Template,
}

impl Way {
    /// All of them.
    pub const ALL: [Way; 5] = [Way::File, Way::Fd, Way::Stdin, Way::Env, Way::Template];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Way::File => "file",
            Way::Fd => "fd",
            Way::Stdin => "stdin",
            Way::Env => "env",
            Way::Template => "template",
        }
    }
}

/// A word for who may use a grant: those of `hasp-grant --consumer`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum Who {
    /// A session.
    Session,
    /// The parent of the process that mints.
    Parent,
    /// A process by its number.
    Pid,
    /// Every process of the user.
    User,
    /// A program by its path, or by any registered name.
    Exe,
    /// A program by this registered name.
    Named(String),
}

impl Who {
    /// The words that are none's name.
    pub const PLAIN: [Who; 5] = [Who::Session, Who::Parent, Who::Pid, Who::User, Who::Exe];

    /// The word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Who::Session => "session",
            Who::Parent => "parent",
            Who::Pid => "pid",
            Who::User => "user",
            Who::Exe => "exe",
            Who::Named(name) => name,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Who {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Who, Self::Error> {
        if let Some(who) = Who::PLAIN.into_iter().find(|who| who.as_str() == text) {
            return Ok(who);
        }
        match text.contains('/') || text.parse::<SecretName>().is_err() {
            true => Err("a consumer is session, parent, pid, user, exe or a registered name"),
            false => Ok(Who::Named(text)),
        }
    }
}
