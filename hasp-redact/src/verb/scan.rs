//! `scan`: what is wanted, where to look, what was found, and the record of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::code;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::append;
use super::values;
use crate::cli::{Format, ScanArgs, Values};
use crate::filter::{Pattern, Patterns};
use crate::git::{self, Entry, Git};
use crate::scan::finder::Wanted;
use crate::scan::many;
use crate::scan::report::Report;
use crate::scan::table::Table;
use crate::scan::tree;
use crate::scan::watch::Watch;

/// A scan that takes this long shows how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// Scans what the command line says.
pub(crate) fn run(args: &ScanArgs, cx: &mut Context) -> Result<Exit> {
    let wanted = wanted(&args.values, cx)?;
    let git = Git::new(".", &cx.env);
    let (report, place) = look(args, &wanted, &git, cx)?;
    let format =
        if cx.out.json && args.format == Format::Text { Format::Json } else { args.format };
    report.print(format, &mut cx.out)?;
    summary(&report, cx);
    if report.leaks().next().is_none() {
        return Ok(Exit::OK);
    }
    append::leak(&report, place, cx);
    Ok(Exit::NO)
}

fn look(
    args: &ScanArgs,
    wanted: &Wanted,
    git: &Git,
    cx: &Context,
) -> Result<(Report, &'static str)> {
    if args.staged {
        return Ok((blobs::<&str>(wanted, git, &git::staged(git)?, None, cx)?, "staged"));
    }
    if let Some(range) = &args.range {
        let revisions = [checked_range(range)?];
        return Ok((
            blobs(wanted, git, &git::range(git, &revisions)?, Some(&revisions), cx)?,
            "range",
        ));
    }
    if args.history {
        let revisions: &[&OsStr] =
            if args.all { &["--all".as_ref(), "--reflog".as_ref()] } else { &["--all".as_ref()] };
        return Ok((
            blobs(wanted, git, &git::history(git, args.all)?, Some(revisions), cx)?,
            "history",
        ));
    }
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
    let mut files = Vec::new();
    for path in paths {
        tree::files(path, git, !args.no_ignore, &mut files)?;
    }
    let bar = bar(files.len(), cx);
    let report = many::files(wanted, &files, &bar)?;
    bar.finish_and_clear();
    Ok((report, "files"))
}

/// Looks through blobs, and names the commit that brought each of what is found if `revisions` are
/// given.
pub(crate) fn blobs<W: AsRef<OsStr>>(
    wanted: &Wanted,
    git: &Git,
    list: &[Entry],
    revisions: Option<&[W]>,
    cx: &Context,
) -> Result<Report> {
    let bar = bar(list.len(), cx);
    let (mut report, places) = many::blobs(wanted, git, list, &bar)?;
    bar.finish_and_clear();
    let Some(revisions) = revisions.filter(|_| !report.findings.is_empty()) else {
        return Ok(report);
    };
    let mut ids: Vec<&str> = places.iter().map(|p| list[*p].id.as_str()).collect();
    ids.dedup();
    let commits = git::first_commits(git, revisions, &ids)?;
    for (finding, place) in report.findings.iter_mut().zip(&places) {
        if let Some((commit, path)) = commits.get(&list[*place].id) {
            finding.commit = Some(commit.clone());
            finding.file.clone_from(path);
        }
    }
    Ok(report)
}

/// `A..B` or `A...B`, and no option of git's.
fn checked_range(range: &OsString) -> Result<&OsStr> {
    let bytes = range.as_bytes();
    if bytes.starts_with(b"-") || !bytes.windows(2).any(|w| w == b"..") {
        return Err(Error::new(Kind::Usage, code::BAD_RANGE, "that is no range of commits")
            .hint("a range looks like: main..HEAD; all there is: hasp-redact scan --history"));
    }
    Ok(range)
}

/// What is watched and what was given.
pub(crate) fn wanted(values: &Values, cx: &mut Context) -> Result<Wanted> {
    let named = values::read(values, &mut cx.env)?;
    let given: Vec<Pattern<'_>> =
        named.iter().map(|(name, value)| Pattern { name, value }).collect();
    let patterns = (!given.is_empty()).then(|| Arc::new(Patterns::compile(&given)));
    for (name, reason) in patterns.iter().flat_map(|p| p.unwatched()) {
        cx.out.warn(&format!("{name} is not looked for: {reason}"));
    }
    let home = Home::locate(&cx.env).and_then(|home| home.check().map(|()| home));
    let table = match home.and_then(|home| watched(&Watch::of(&home), cx)) {
        // Values that were given can be looked for without a home.
        Err(e) if patterns.is_some() && e.kind() == Kind::Missing => None,
        other => Some(other?),
    };
    Ok(Wanted { table, patterns })
}

fn watched(watch: &Watch, cx: &mut Context) -> Result<Table> {
    let (key, kept, lost) = watch.load()?;
    if lost > 0 {
        cx.out.warn(&format!(
            "{lost} bytes of the leak watch are damaged; mend it with: hasp-vault watch rebuild"
        ));
    }
    Ok(Table::new(key, kept))
}

fn bar(count: usize, cx: &Context) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::hidden());
    if cx.out.quiet || cx.out.json || !std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        return bar;
    }
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} files, {eta} left")
    {
        bar.set_style(style);
    }
    let shown = bar.downgrade();
    std::thread::spawn(move || {
        std::thread::sleep(PATIENCE);
        if let Some(bar) = shown.upgrade().filter(|b| !b.is_finished()) {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    });
    bar
}

/// One line for a person.
fn summary(report: &Report, cx: &mut Context) {
    let places = report.leaks().count();
    let looked = format!(
        "{} {}, {}",
        report.files,
        if report.files == 1 { "file" } else { "files" },
        size(report.bytes)
    );
    match places {
        0 => cx.out.note(&format!("{looked}: nothing found")),
        _ => cx.out.note(&format!(
            "{looked}: found {} in {places} {}",
            report.names().join(", "),
            if places == 1 { "place" } else { "places" }
        )),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
