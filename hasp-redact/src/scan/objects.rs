//! What git has and would send: contents of files, names, commits, annotated tags, and the contents
//! that others keep for it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::Path;

use hasp_core::{Error, Result};
use indicatif::ProgressBar;

use super::archive::{self, Opener};
use super::finder::Wanted;
use super::many;
use super::pointer::{self, Pointer, Stores};
use super::report::{Part, Report, Source, Unseen};
use crate::git::{Entry, Git, ObjectKind, each_object};

/// How many bytes of names are collected before they are looked at.
const NAMES: usize = 64 << 10;

/// The mode of a submodule in a tree.
const SUBMODULE: &[u8] = b"160000";

/// Looks through objects of one repository.
pub(crate) struct Objects<'w> {
    opener: Opener<'w>,
    report: Report,
    git: Git,
    /// What stands before paths, in a submodule.
    prefix: Vec<u8>,
    stores: Option<Stores>,
    names: Names,
    /// Whether any tree has a submodule.
    pub submodules: bool,
    /// Files that nobody can read who has not their key.
    pub enciphered: HashSet<Vec<u8>>,
}

/// Names that are to be looked at, a line each, and those that were.
#[derive(Default)]
struct Names {
    text: Vec<u8>,
    paths: Vec<Vec<u8>>,
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl<'w> Objects<'w> {
    /// Those of this repository.
    pub fn new(wanted: &'w Wanted, git: &Git, prefix: &[u8]) -> Objects<'w> {
        Objects {
            opener: Opener::new(wanted),
            report: Report::default(),
            git: git.clone(),
            prefix: prefix.to_vec(),
            stores: None,
            names: Names::default(),
            submodules: false,
            enciphered: HashSet::new(),
        }
    }

    /// Looks through each object of a list.
    pub fn look(&mut self, list: &[Entry], bar: &ProgressBar) -> Result<()> {
        let git = self.git.clone();
        self.report.missing += each_object(&git, list, |object| {
            bar.inc(1);
            let entry = &list[object.index];
            match object.kind {
                ObjectKind::Blob => self.blob(entry, object.content),
                ObjectKind::Tree => self.tree(entry, object.content),
                ObjectKind::Commit => self.commit(entry, object.content),
                ObjectKind::Tag => self.tag(object.content),
            }
        })?;
        self.look_at_names();
        Ok(())
    }

    /// Looks at the paths of a list alone.
    pub fn look_at_paths(&mut self, list: &[Entry]) {
        for entry in list {
            self.name(&entry.path);
        }
        self.look_at_names();
    }

    /// Looks at a text that is no object.
    pub fn look_at(&mut self, part: Part, name: &[u8], text: &[u8]) {
        for hit in self.opener.find(text) {
            self.report.find(&mut self.opener, part, name, hit, Source::None);
        }
    }

    /// Looks at the names of references.
    pub fn look_at_references(&mut self, names: &[Vec<u8>]) {
        for name in names {
            self.look_at(Part::Reference, name, name);
        }
    }

    /// Names something that cannot be looked at.
    pub fn unseen(&mut self, path: &[u8], why: &str, pointer: bool) {
        let file = self.opener.masked(&[&self.prefix[..], path].concat());
        self.report.unseen.push(Unseen { file, why: why.to_owned(), pointer });
    }

    /// Looks at a file of the work tree under the path that it has in git, unless what git has of
    /// it was found already.
    pub fn look_at_file(&mut self, file: &Path, path: &[u8], pointer: Option<&str>) {
        let mut there = Report::default();
        many::file(&mut self.opener, file, &mut there);
        let shown = self.opener.masked(&[&self.prefix[..], path].concat());
        there.findings.retain(|f| f.part == Part::Content);
        for finding in &mut there.findings {
            finding.file.clone_from(&shown);
            // Who brought the pointer brought this.
            if let Some(id) = pointer {
                finding.source = Source::Blob(id.to_owned(), Vec::new());
            }
        }
        there.unseen.iter_mut().for_each(|u| u.file.clone_from(&shown));
        let known = self.report.findings.iter().any(|f| f.file == shown && f.is_leak());
        if !known {
            self.report.findings.extend(there.findings);
        }
        self.report.unseen.extend(there.unseen);
        self.report.bytes += there.bytes;
    }

    /// What was found.
    pub fn report(self) -> Report {
        self.report
    }

    fn blob(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<()> {
        let looked = self.opener.look(content)?;
        let pointers = pointer::pointers(&entry.path, &looked.head);
        if archive::packed(&looked.head).is_some_and(archive::Packed::is_enciphered) {
            self.enciphered.insert(entry.path.clone());
        }
        let path = [&self.prefix[..], &entry.path].concat();
        self.report.add(&mut self.opener, &path, looked, Some(&entry.id));
        pointers.iter().for_each(|pointer| self.pointed(&entry.path, &entry.id, pointer));
        Ok(())
    }

    /// The content that a pointer stands for.
    fn pointed(&mut self, path: &[u8], id: &str, pointer: &Pointer) {
        let stores = self.stores.get_or_insert_with(|| Stores::of(&self.git)).clone();
        let Some(file) = pointer.file(&stores) else {
            let why = format!("{} keeps its content, which is not here", pointer.keeper());
            return self.unseen(path, &why, true);
        };
        if let Pointer::Dvc(md5) = pointer
            && md5.ends_with(".dir")
        {
            let list = std::fs::read(&file).unwrap_or_default();
            for one in pointer::dvc_directory(&list) {
                self.pointed(path, id, &one);
            }
            return;
        }
        // Under the name that it has here, not that of the store.
        self.look_at_file(&file, path, Some(id));
    }

    /// The names of a directory, under its path.
    fn tree(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<()> {
        let raw = whole(content)?;
        let (mut at, id) = (0, entry.id.len() / 2);
        while let Some(end) = raw[at..].iter().position(|b| *b == 0).map(|n| at + n) {
            let mut cells = raw[at..end].splitn(2, |b| *b == b' ');
            let (mode, name) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
            self.submodules |= mode == SUBMODULE;
            match entry.path.is_empty() {
                true => self.name(name),
                false => self.name(&[&entry.path, &b"/"[..], name].concat()),
            }
            at = (end + 1 + id).min(raw.len());
        }
        Ok(())
    }

    fn name(&mut self, path: &[u8]) {
        if !self.names.seen.insert(self.names.hasher.hash_one(path)) {
            return;
        }
        self.names.text.extend(path.iter().map(|b| if *b == b'\n' { b'\r' } else { *b }));
        self.names.text.push(b'\n');
        self.names.paths.push(path.to_vec());
        if self.names.text.len() >= NAMES {
            self.look_at_names();
        }
    }

    fn look_at_names(&mut self) {
        let names = &mut self.names;
        let (text, paths) = (std::mem::take(&mut names.text), std::mem::take(&mut names.paths));
        let mut found: Vec<&[u8]> = Vec::new();
        for mut hit in self.opener.find(&text) {
            let Some(path) = paths.get(hit.line as usize - 1) else { continue };
            // A directory's name stands in the path of each of its files.
            let told =
                found.iter().any(|f| path.starts_with(f) && path.get(f.len()) == Some(&b'/'));
            (hit.line, hit.last_line) = (1, 1);
            if told {
                continue;
            }
            found.push(path);
            let name = [&self.prefix[..], path].concat();
            let source = Source::Path(path.clone());
            self.report.find(&mut self.opener, Part::Name, &name, hit, source);
        }
    }

    /// A commit as git keeps it: lines of a head, an empty line, the message.
    fn commit(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<()> {
        let raw = whole(content)?;
        let lines: Vec<&[u8]> = raw.split(|b| *b == b'\n').collect();
        let head = lines.iter().position(|l| l.is_empty()).unwrap_or(lines.len()) as u64;
        for mut hit in self.opener.find(&raw) {
            let line = lines.get(hit.line as usize - 1).copied().unwrap_or_default();
            let part = match line {
                _ if hit.line > head => Part::Message,
                _ if [&b"author "[..], b"committer "].iter().any(|w| line.starts_with(w)) => {
                    Part::Person
                }
                _ => Part::Header,
            };
            if part == Part::Message {
                (hit.line, hit.last_line) = (hit.line - head - 1, hit.last_line - head - 1);
            }
            self.report.find(&mut self.opener, part, b"", hit, Source::None);
            if let Some(last) = self.report.findings.last_mut() {
                last.commit = Some(entry.id.clone());
            }
        }
        Ok(())
    }

    fn tag(&mut self, content: &mut dyn Read) -> Result<()> {
        let raw = whole(content)?;
        let named = raw.split(|b| *b == b'\n').find_map(|l| l.strip_prefix(b"tag "));
        let name = named.unwrap_or_default().to_vec();
        self.look_at(Part::Tag, &name, &raw);
        Ok(())
    }
}

fn whole(content: &mut dyn Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).map_err(|e| Error::system("read from git", e))?;
    Ok(bytes)
}
