//! `verify`: yes with 0, no with 1 and the first bad record, no answer with 69; "no key" never
//! reads as whole.

use std::path::Path;

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};
use indicatif::ProgressBar;
use serde_json::json;

use crate::cli::VerifyArgs;
use crate::code;
use crate::record::chain::Key;
use crate::record::head::{Head, SignedHead};
use crate::record::line;
use crate::verb::export;
use crate::verb::place::Place;
use crate::verb::{keys, progress};
use crate::verify::{self, Against, Fault, Report, Ungranted};

/// Of a log that the vault does not write any more.
const EARLIER: &str = "this is an earlier log of the vault: its checkpoint is not signed with the \
                       key of today, and its signature was not looked at";

/// Verifies a log, or an exported file.
pub fn run(cx: &mut Context, id: Option<&str>, args: &VerifyArgs) -> Result<Exit> {
    if let (Some(file), Some(key)) = (&args.export, &args.public_key) {
        return export::verify(cx, file, key);
    }
    let place = Place::find(cx, id)?;
    let (mut report, _) = checked(cx, &place, args.expect.as_deref())?;
    if args.allow_accepted && report.fault.as_ref().is_some_and(|f| f.code == code::LOSS_ACCEPTED) {
        report.notes.extend(report.fault.take().map(|f| f.message));
    }
    tell(cx, &place, &report)?;
    if let Some(fault) = report.fault {
        return Err(no(&fault));
    }
    report.ungranted.first().map_or(Ok(Exit::OK), |start| Err(ungranted(start)))
}

/// A whole record of something that should not have happened.
fn ungranted(start: &Ungranted) -> Error {
    Error::new(Kind::No, code::START_UNGRANTED, start.message.clone())
        .hint(
            "the record itself is whole; a ledger may have been put back: hasp-grant revoke --all",
        )
        .hint("then replace what was let out: hasp-audit exposed --since 24h | hasp-vault rotate -")
}

/// The report on a log against the vault's keys and an expected head, and the key that it begins
/// with; asks the vault for its key.
pub fn checked(cx: &mut Context, place: &Place, expect: Option<&str>) -> Result<(Report, Key)> {
    match place.log() {
        Err(e) if e.code() == code::LOG_MISSING => {
            let no = Error::new(Kind::No, code::LOG_MISSING, e.message());
            return Err(no.hints_of(&e));
        }
        other => drop(other?),
    }
    let public = place.public()?;
    let expect = expect.map(|word| expected(word, &public)).transpose()?;
    let root = keys::audit_root(&place.id, cx)?;
    checked_with(cx, place, expect.as_ref(), &root)
}

/// The same with the vault's key at hand.
pub fn checked_with(
    cx: &mut Context,
    place: &Place,
    expect: Option<&Head>,
    root: &[u8; 32],
) -> Result<(Report, Key)> {
    let (log, public) = (place.log()?, place.public()?);
    let bar = bar(cx, log.path());
    let progress = |more| bar.inc(more);
    let against = Against { audit_root: root, public: Some(&public), expect, progress: &progress };
    let mut report = verify::verify(&place.home, &place.id, &against);
    let forged = |report: &Report| {
        report.fault.as_ref().is_some_and(|fault| fault.code == code::HEAD_FORGED)
    };
    // The checkpoint of an earlier log is signed with the key that the vault had then.
    if report.as_ref().is_ok_and(forged) && !place.is_current()? {
        report = verify::verify(&place.home, &place.id, &Against { public: None, ..against });
        if let Ok(report) = &mut report {
            report.notes.push(EARLIER.to_owned());
        }
    }
    bar.finish_and_clear();
    report.map(|report| (report, Key::first(root, &place.id)))
}

/// A head from the line itself, or from a file that is one or ends in one.
fn expected(word: &str, public: &ed25519_dalek::VerifyingKey) -> Result<Head> {
    let path = Path::new(word);
    let text = if path.exists() {
        std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?
    } else {
        word.to_owned()
    };
    let last = text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default();
    let signed = SignedHead::parse(&text).or_else(|_| SignedHead::parse(last))?;
    signed.verify(public).cloned()
}

/// A bar on a terminal; how many records there will be is guessed from the size of the files.
fn bar(cx: &Context, dir: &Path) -> ProgressBar {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let bytes: u64 = entries.filter_map(|e| e.metadata().ok()).map(|m| m.len()).sum();
    progress::bar(
        cx,
        bytes / (line::FRAME as u64 + 64),
        "{bar:40} {human_pos} of about {human_len} records",
    )
}

fn tell(cx: &mut Context, place: &Place, report: &Report) -> Result<()> {
    if cx.out.json {
        let start = report.ungranted.first();
        let whole = start.map_or("whole", |_| code::START_UNGRANTED.as_str());
        let outcome = report.fault.as_ref().map_or(whole, |f| f.code.as_str());
        let first_bad = report.fault.as_ref().map_or(start.map(|s| s.n), |f| f.n);
        return cx.out.object(&json!({
            "v": 1, "log": place.id, "outcome": outcome, "since": report.since,
            "records": report.records - report.since,
            "notes": report.notes,
            "first_bad": first_bad,
        }));
    }
    report.notes.iter().for_each(|note| cx.out.note(&format!("note: {note}")));
    // The first one is the error; here stand the others.
    for start in report.ungranted.iter().skip(usize::from(report.fault.is_none())) {
        cx.out.warn(&start.message);
    }
    if report.fault.is_some() || !report.ungranted.is_empty() {
        return Ok(());
    }
    match report.since {
        0 => cx.out.line(&format!("whole: {} records", report.records))?,
        n => cx.out.line(&format!("whole since {n}: {} records", report.records - n))?,
    }
    cx.out.note(
        "note: a rollback of the whole home shows only against a head kept elsewhere: hasp-audit \
         verify --expect HEAD",
    );
    Ok(())
}

fn no(fault: &Fault) -> Error {
    let error = Error::new(Kind::No, fault.code, format!("not whole: {}", fault.message));
    match fault.code {
        code::KEY_STATE => error.hint("rebuild the key state: hasp-audit recover"),
        code::TAIL_MISSING => error.hint(
            "put a copy of the record back, or go on without it, on record: hasp-audit \
                        accept-loss",
        ),
        code::LOSS_ACCEPTED => {
            error.hint("to ask about the rest: hasp-audit verify --allow-accepted")
        }
        _ => error.hint(
            "what comes before it still holds: hasp-audit log --until TIME; compare \
                        with a copy of the home",
        ),
    }
}
