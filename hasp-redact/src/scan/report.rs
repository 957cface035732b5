//! What was found and what could not be looked at: places and names, never a value. A name that
//! holds one is kept with a marker in its place, since it is printed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use hasp_core::text::printable;

use super::finder::{Hit, What};

/// What of a file, a commit or a push was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The content of a file.
    Content,
    /// The name of a file or directory.
    Name,
    /// The message of a commit.
    Message,
    /// Who wrote or committed it.
    Person,
    /// Any other line of a commit's head.
    Header,
    /// An annotated tag: its name, who made it, its message.
    Tag,
    /// The name of a branch, a tag or another reference.
    Reference,
    /// What `git push -o` tells the server.
    PushOption,
}

impl Part {
    /// The word for it in `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Content => "content",
            Part::Name => "name",
            Part::Message => "message",
            Part::Person => "person",
            Part::Header => "header",
            Part::Tag => "tag",
            Part::Reference => "reference",
            Part::PushOption => "push-option",
        }
    }

    /// As it stands in a line, with the file's or reference's name where it has one.
    fn place(self, name: &str) -> String {
        match self {
            Part::Content => name.to_owned(),
            Part::Name => format!("the name {name}"),
            Part::Message => "the message".to_owned(),
            Part::Person => "the author or committer".to_owned(),
            Part::Header => "the head of the commit".to_owned(),
            Part::Tag => format!("the tag {name}"),
            Part::Reference => format!("the reference {name}"),
            Part::PushOption => "an option of the push".to_owned(),
        }
    }

    /// Whether its lines are counted.
    pub fn has_lines(self) -> bool {
        matches!(self, Part::Content | Part::Message | Part::Tag)
    }
}

/// Something that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What it was found in.
    pub part: Part,
    /// The path of the file or the name of the reference, as bytes, markers in place of values.
    pub file: Vec<u8>,
    /// The commit that brought it, where history was scanned.
    pub commit: Option<String>,
    /// What, and where in the text.
    pub hit: Hit,
    /// How the commit can be found that brought it.
    pub source: Source,
}

/// What a finding was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nothing that a commit brings.
    None,
    /// The object with this id, and what of its content, as a path behind its own.
    Blob(String, Vec<u8>),
    /// A path as it is.
    Path(Vec<u8>),
}

impl Finding {
    /// Where it is, for a person.
    pub fn place(&self) -> String {
        let place = self.part.place(&printable(&self.file));
        match self.part {
            Part::Content => format!("{place}:{}:{}", self.hit.line, self.hit.column),
            part if part.has_lines() => format!("{place}, line {}", self.hit.line),
            _ => place,
        }
    }

    /// The file, or what else it is in, without the line.
    pub fn file_or_part(&self) -> String {
        self.part.place(&printable(&self.file))
    }

    /// Whether it is a value.
    pub fn is_leak(&self) -> bool {
        matches!(self.hit.what, What::Leak { .. })
    }
}

/// What was there and not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unseen {
    /// Its path, as bytes, markers in place of values.
    pub file: Vec<u8>,
    /// What it is, and why it was not.
    pub why: String,
    /// Whether it is content that is elsewhere and that git has a pointer to.
    pub pointer: bool,
}

/// What was looked at and found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// In order.
    pub findings: Vec<Finding>,
    /// How many files, or objects of git, were looked at.
    pub files: usize,
    /// How many bytes they had.
    pub bytes: u64,
    /// What could not be looked into.
    pub unseen: Vec<Unseen>,
    /// Objects that the repository does not have.
    pub missing: usize,
    /// Files that could not be read.
    pub unread: usize,
}

impl Report {
    /// Findings that are values.
    pub fn leaks(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.is_leak())
    }

    /// The names of what leaked, each once.
    pub fn names(&self) -> Vec<&str> {
        let names = self.findings.iter().filter_map(|f| match &f.hit.what {
            What::Leak { name, .. } => Some(name.as_str()),
            What::Marker(_) => None,
        });
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// How much was not looked at.
    pub fn unseen_count(&self) -> usize {
        self.unseen.len() + self.missing
    }

    /// This and another one.
    pub fn with(mut self, other: Report) -> Report {
        self.files += other.files;
        self.bytes += other.bytes;
        self.missing += other.missing;
        self.unread += other.unread;
        self.unseen.extend(other.unseen);
        self.findings.extend(other.findings);
        self
    }
}

/// A path's bytes.
pub(crate) fn bytes(path: &std::path::Path) -> Vec<u8> {
    OsStr::as_bytes(path.as_os_str()).to_vec()
}
