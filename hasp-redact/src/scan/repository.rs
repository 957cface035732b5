//! What a repository would commit, and what a range of its commits brings: every object, the names
//! of references, and the commits of submodules that nobody else has.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use hasp_core::Result;
use indicatif::ProgressBar;

use super::finder::{Finder, Wanted};
use super::objects::Objects;
use super::report::{Finding, Report, Source};
use crate::git::{self, Entry, Git};

/// Which references are looked at by name.
pub(crate) enum References {
    /// All there are.
    All,
    /// Those that point into the range.
    Reached,
    /// These.
    Named(Vec<Vec<u8>>),
}

/// Looks at what the next commit would have.
pub(crate) fn staged(wanted: &Wanted, git: &Git, bar: &ProgressBar) -> Result<Report> {
    let list = git::staged(git)?;
    bar.set_length(list.len() as u64);
    let mut objects = Objects::new(wanted, git, b"");
    objects.look(&list, bar)?;
    objects.look_at_paths(&list);
    let filtered = git::filtered(git, &list)?;
    let top = top(git);
    for (path, filter) in &filtered {
        if objects.enciphered.contains(path) {
            continue;
        }
        // What a filter made of it may be packed in any way; the file is what it was made from.
        match top.as_ref().map(|top| top.join(OsStr::from_bytes(path))).filter(|p| p.is_file()) {
            Some(file) => objects.look_at_file(&file, path, None),
            None => {
                let why = format!("the filter {filter} made it from a file that is not here");
                objects.unseen(path, &why, true);
            }
        }
    }
    Ok(objects.report())
}

/// Looks at everything that these revisions reach and the excluded ones do not.
pub(crate) fn range(
    wanted: &Wanted,
    git: &Git,
    revisions: &[OsString],
    references: References,
    bar: &ProgressBar,
) -> Result<Report> {
    let list = git::range(git, revisions)?;
    bar.set_length(list.len() as u64);
    let mut objects = Objects::new(wanted, git, b"");
    objects.look(&list, bar)?;
    objects.look_at_references(&match references {
        References::All => git::references(git, None)?,
        References::Reached => git::references(git, Some(&list))?,
        References::Named(names) => names,
    });
    let mut below = Report::default();
    if objects.submodules {
        for submodule in git::submodules(git, revisions)? {
            match commits_of(git, &submodule)? {
                None => {
                    let why = "the commit of this submodule is not here";
                    objects.unseen(&submodule.path, why, true);
                }
                Some((git, list)) => {
                    let prefix = [&submodule.path[..], b"/"].concat();
                    let mut objects = Objects::new(wanted, &git, &prefix);
                    objects.look(&list, bar)?;
                    below = below.with(objects.report());
                }
            }
        }
    }
    let mut report = objects.report();
    name_commits(wanted, git, revisions, &mut report.findings)?;
    Ok(report.with(below))
}

/// What this commit of a submodule reaches and no remote of it has; `None` if it is not here.
fn commits_of(git: &Git, submodule: &Entry) -> Result<Option<(Git, Vec<Entry>)>> {
    let dir = top(git).map(|top| top.join(OsStr::from_bytes(&submodule.path)));
    let Some(dir) = dir.filter(|dir| dir.join(".git").symlink_metadata().is_ok()) else {
        return Ok(None);
    };
    let git = git.elsewhere(dir);
    let commit = format!("{}^{{commit}}", submodule.id);
    if git.read(&["cat-file", "-e", &commit]).is_err() {
        return Ok(None);
    }
    let list = git::range(&git, &[submodule.id.as_str(), "--not", "--remotes"])?;
    Ok(Some((git, list)))
}

fn top(git: &Git) -> Option<PathBuf> {
    git.path(&["rev-parse", "--path-format=absolute", "--show-toplevel"]).ok()
}

/// Names the commit that brought each find, and the path that it has there.
fn name_commits(
    wanted: &Wanted,
    git: &Git,
    revisions: &[OsString],
    findings: &mut [Finding],
) -> Result<()> {
    let (mut ids, mut paths) = (Vec::new(), Vec::new());
    for finding in findings.iter() {
        match &finding.source {
            Source::Blob(id, _) => ids.push(id.as_str()),
            Source::Path(path) => paths.push(&path[..]),
            Source::None => {}
        }
    }
    if ids.is_empty() && paths.is_empty() {
        return Ok(());
    }
    ids.dedup();
    let brought = git::first_commits(git, revisions, &ids, &paths)?;
    let mut finder = Finder::new(wanted);
    for finding in findings {
        match &finding.source {
            Source::Blob(id, within) => {
                if let Some((commit, path)) = brought.objects.get(id) {
                    finding.commit = Some(commit.clone());
                    finding.file = finder.masked(&[&path[..], within].concat());
                }
            }
            Source::Path(path) => finding.commit = brought.paths.get(path).cloned(),
            Source::None => {}
        }
    }
    Ok(())
}
