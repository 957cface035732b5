//! `log`: the story, filtered; as lines to read or as the records themselves.

use std::collections::VecDeque;
use std::path::Path;

use hasp_core::suggest;
use hasp_core::text::{printable, printable_path};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, VersionedName};

use crate::cli::LogArgs;
use crate::code;
use crate::query::checked;
use crate::query::filter::Filter;
use crate::query::{self, By};
use crate::record::kind::EventKind;
use crate::record::term;
use crate::verb::follow;
use crate::verb::place::{Place, moment};
use crate::verb::render::Render;
use crate::verb::verify;

/// How many records `-f` shows before it waits, as tail does.
const FOLLOWED: usize = 10;

/// Prints what answers the question.
pub fn run(cx: &mut Context, place: &Place, args: &LogArgs) -> Result<Exit> {
    let filter = filter(args, cx)?;
    if args.verify {
        return verified(cx, place, &filter, args.count);
    }
    let log = place.packed_log(cx)?;
    let mut render = Render::new(cx, log.path());
    // Taken before the listing, so that no record falls in between; what was listed is not shown
    // twice.
    let position = follow::Position::end(log.path())?;
    match args.count.or(args.follow.then_some(FOLLOWED)) {
        Some(count) => {
            let last = query::last(log.path(), &filter, By::Index, count)?;
            last.iter().try_for_each(|record| render.print(cx, record))?;
        }
        None => {
            query::run(log.path(), &filter, By::Index, &mut |record| render.print(cx, &record))?
        }
    }
    render.done(cx);
    if render.none {
        nothing(cx, args);
    }
    if args.follow {
        render.follow();
        follow::run(cx, log.path(), position, &filter, &mut render)?;
    }
    Ok(Exit::OK)
}

/// Where nothing answers, a word that was mistyped is the likeliest reason.
fn nothing(cx: &mut Context, args: &LogArgs) {
    if let Some(word) = args.event.as_deref() {
        let names = EventKind::ALL.iter().flat_map(|kind| [kind.name(), kind.family()]);
        if !names.clone().any(|name| name == word) {
            let word = printable(word.as_bytes());
            let near = suggest::hint(&word, names).unwrap_or_default();
            cx.out.note(format!("no record is of an event or family '{word}' {near}").trim_end());
        }
    }
    if let Some(word) = &args.secret {
        let word = printable(word.as_bytes());
        cx.out.note(&format!("no record answers that names '{word}': see hasp-vault list"));
    }
}

/// An answer from a record that is not whole is none; from one that is, each hit is checked again
/// as it is read.
fn verified(
    cx: &mut Context,
    place: &Place,
    filter: &Filter,
    count: Option<usize>,
) -> Result<Exit> {
    let (report, first) = verify::checked(cx, place, None)?;
    if let Some(fault) = report.fault {
        return Err(Error::new(Kind::No, fault.code, format!("not whole: {}", fault.message))
            .hint("to see it all the same, leave out --verify"));
    }
    let log = place.log()?;
    let mut render = Render::new(cx, log.path());
    let Some(count) = count else {
        checked::run(log.path(), first, &report, filter, &mut |record| render.print(cx, &record))?;
        render.done(cx);
        return Ok(Exit::OK);
    };
    let mut last = VecDeque::with_capacity(count.min(1024));
    checked::run(log.path(), first, &report, filter, &mut |record| {
        last.push_back(record);
        last.drain(..last.len().saturating_sub(count));
        Ok(())
    })?;
    last.iter().try_for_each(|record| render.print(cx, record))?;
    render.done(cx);
    Ok(Exit::OK)
}

/// The term of `--asker`: a path, the name of a program, or a pid. A path is taken as what runs
/// from it, as the record has it, since the system knows a program by the file behind all links.
///
/// # Errors
/// `[usage]` for a word of another form.
pub(crate) fn asker(word: &str) -> Result<String> {
    let number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let pid = word.strip_prefix("pid:").unwrap_or(word);
    if number(pid) {
        return Ok(term::asker(&format!("pid:{pid}")));
    }
    let path = word.strip_prefix("exe:").or(Some(word).filter(|word| word.starts_with('/')));
    if let Some(path) = path.filter(|path| path.starts_with('/')) {
        let real = Path::new(path).canonicalize().unwrap_or_else(|_| path.into());
        return Ok(term::asker(&format!("exe:{}", printable_path(&real))));
    }
    if !word.contains(['/', ':']) && !word.is_empty() {
        return Ok(term::asker(word));
    }
    let message = "whoever asked is named by exe:PATH, by the name of the program, or by pid:N";
    Err(Error::new(Kind::Usage, code::USAGE, message)
        .hint("for example: hasp-audit --asker exe:/usr/bin/make")
        .hint("or: hasp-audit --asker make"))
}

fn filter(args: &LogArgs, cx: &Context) -> Result<Filter> {
    let mut terms = Vec::new();
    if let Some(word) = &args.secret {
        let named: VersionedName = word.parse()?;
        terms.push(
            named
                .version
                .map_or_else(|| term::secret(named.name.as_str()), |_| term::version(word)),
        );
    }
    terms.extend(args.consumer.as_deref().map(term::consumer));
    terms.extend(args.asker.as_deref().map(asker).transpose()?);
    terms.extend(args.grant.as_deref().map(term::grant));
    terms.extend(args.event.as_deref().map(term::event));
    terms.extend(args.denied.then(term::denied));
    if let Some(dir) = &args.project {
        // A project that is gone is asked for by the path that it had.
        let root = dir
            .canonicalize()
            .or_else(|_| std::path::absolute(dir))
            .unwrap_or_else(|_| dir.clone());
        terms.push(term::project(&crate::record::event::os_text(root.as_os_str())));
    }
    Ok(Filter {
        terms,
        since: moment(args.since.as_deref(), cx.now)?,
        until: moment(args.until.as_deref(), cx.now)?,
    })
}
