//! `scan`: what is wanted, where to look, what was found, and the record of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::append;
use super::values;
use crate::cli::{Format, ScanArgs, Values};
use crate::code;
use crate::filter::{Pattern, Patterns};
use crate::git::Git;
use crate::scan::finder::Wanted;
use crate::scan::report::Report;
use crate::scan::repository::{self, References};
use crate::scan::table::Table;
use crate::scan::watch::{Kept, Key, Watch};
use crate::scan::{many, tree};

/// A scan that takes this long shows how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a scan that was asked to be strict ends with where something was not looked into.
const UNSEEN: Exit = Exit(3);

/// Scans what the command line says.
pub(crate) fn run(args: &ScanArgs, cx: &mut Context) -> Result<Exit> {
    let wanted = wanted(&args.values, cx)?;
    let git = Git::new(".", &cx.env);
    let bar = bar(cx);
    let (report, place) = look(args, &wanted, &git, &bar)?;
    bar.finish_and_clear();
    let format =
        if cx.out.json && args.format == Format::Text { Format::Json } else { args.format };
    report.print(format, &mut cx.out)?;
    summary(&report, cx);
    if report.leaks().next().is_some() {
        append::leak(&report, place, cx);
        return Ok(Exit::NO);
    }
    if report.unread > 0 {
        let many = if report.unread == 1 { "a file" } else { "some files" };
        let text = format!("{many} could not be read; nothing was found in the others");
        return Err(Error::new(Kind::Io, code::NOT_LOOKED_AT, text)
            .hint("name files that can be read: hasp-redact scan PATH"));
    }
    Ok(if args.strict && report.unseen_count() > 0 { UNSEEN } else { Exit::OK })
}

fn look(
    args: &ScanArgs,
    wanted: &Wanted,
    git: &Git,
    bar: &ProgressBar,
) -> Result<(Report, &'static str)> {
    if args.staged {
        return Ok((repository::staged(wanted, git, bar)?, "staged"));
    }
    if let Some(range) = &args.range {
        let revisions = [checked_range(range)?.to_owned()];
        let report = repository::range(wanted, git, &revisions, References::Reached, bar)?;
        return Ok((report, "range"));
    }
    if args.history {
        let words: &[&str] = if args.all { &["--all", "--reflog"] } else { &["--all"] };
        let revisions: Vec<OsString> = words.iter().map(OsString::from).collect();
        let report = repository::range(wanted, git, &revisions, References::All, bar)?;
        return Ok((report, "history"));
    }
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
    let mut files = Vec::new();
    for path in paths {
        tree::files(path, git, !args.no_ignore, &mut files)?;
    }
    bar.set_length(files.len() as u64);
    Ok((many::files(wanted, &files, bar)?, "files"))
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
    let patterns = given(values, cx)?;
    let home = Home::locate(&cx.env).and_then(|home| home.check().map(|()| home));
    let table = match home.and_then(|home| watched(&home, cx)) {
        // Values that were given can be looked for without a home.
        Err(e) if patterns.is_some() && e.kind() == Kind::Missing => None,
        other => other.map(|(key, kept)| Some(Table::new(key, kept)))?,
    };
    Ok(Wanted { table, patterns })
}

/// What was given.
pub(crate) fn given(values: &Values, cx: &mut Context) -> Result<Option<Arc<Patterns>>> {
    let named = values::read(values, &mut cx.env)?;
    let given: Vec<Pattern<'_>> =
        named.iter().map(|(name, value)| Pattern { name, value }).collect();
    let patterns = (!given.is_empty()).then(|| Arc::new(Patterns::compile(&given)));
    for (name, reason) in patterns.iter().flat_map(|p| p.unwatched()) {
        cx.out.warn(&format!("{name} is not looked for: {reason}"));
    }
    Ok(patterns)
}

/// What is watched in this home.
pub(crate) fn watched(home: &Home, cx: &mut Context) -> Result<(Key, Vec<Kept>)> {
    let (key, kept, lost) = Watch::of(home).load()?;
    if lost > 0 {
        cx.out.warn(&format!(
            "{lost} bytes of the leak watch are damaged; mend it with: hasp-vault watch rebuild"
        ));
    }
    Ok((key, kept))
}

/// How far a scan is, shown where it takes long.
pub(crate) fn bar(cx: &Context) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
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
    let unseen = match report.unseen_count() {
        0 => String::new(),
        count => format!("; {count} not looked into"),
    };
    match places {
        0 => cx.out.note(&format!("{looked}: nothing found{unseen}")),
        _ => cx.out.note(&format!(
            "{looked}: found {} in {places} {}{unseen}",
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
