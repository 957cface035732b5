//! `hooks run`: what a hook calls. Whatever keeps it from checking blocks, and says how to go
//! without once; nothing that it says leads to a commit that is not checked.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use hasp_core::text::{printable, printable_path, shell_word};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Environ, Error, Home, Kind, Result, Secret, Var};

use super::{append, scan};
use crate::cli::{Format, Hook, Values};
use crate::code;
use crate::filter::{Pattern, Patterns};
use crate::git::Git;
use crate::hooks::kept::{self, Call, Looked};
use crate::hooks::{Memory, message, pushed};
use crate::scan::finder::Wanted;
use crate::scan::objects::Objects;
use crate::scan::report::{Part, Report};
use crate::scan::repository::{self, References};
use crate::scan::table::Table;
use crate::scan::watch::{Kept, unwatched};

/// The most names that one line of a hook has.
const NAMES: usize = 5;

/// Checks, once for each home that is meant.
pub(crate) fn run(
    hook: Hook,
    words: &[OsString],
    told: &Memory,
    git: &Git,
    cx: &mut Context,
) -> Result<Exit> {
    let memory = if told.home.is_some() { told.clone() } else { Memory::of_settings(git) };
    if let Some(reason) = cx.env.var(Var::SkipScan) {
        let reason = printable(reason.as_bytes());
        if let Some(home) = &memory.home
            && cx.env.var(Var::Home).is_none()
        {
            cx.env = at_home(&cx.env, home);
        }
        append::skip(hook.name(), &reason, cx);
        cx.out.warn(&format!("not scanned: {reason}"));
        return Ok(Exit::OK);
    }
    let checked = check_all(hook, words, &memory, git, cx);
    checked.map_err(|e| {
        let what = hook.command();
        e.hint(format!("to go without the check once, on record: HASP_SKIP_SCAN=reason {what}"))
    })
}

fn check_all(
    hook: Hook,
    words: &[OsString],
    memory: &Memory,
    git: &Git,
    cx: &mut Context,
) -> Result<Exit> {
    let homes = homes(memory, hook, cx)?;
    let input = pushed::input(hook)?;
    let mut worst = Exit::OK;
    for home in &homes {
        let env = at_home(&cx.env, home.root());
        let own = std::mem::replace(&mut cx.env, env);
        let exit = check(hook, words, &input, (home, memory), git, cx);
        cx.env = own;
        if exit? != Exit::OK {
            worst = Exit::NO;
        }
    }
    Ok(worst)
}

/// The environment in which every tool finds this home.
fn at_home(env: &Environ, home: &Path) -> Environ {
    let kept = env.for_child().filter(|(name, _)| *name != Var::Home.as_str());
    let own = kept.map(|(n, v)| (n.to_owned(), v.to_owned()));
    own.chain([(Var::Home.as_str().into(), home.as_os_str().to_owned())]).collect()
}

/// The home that the hook was installed with, and the one that HASP_HOME names if that is another.
fn homes(memory: &Memory, hook: Hook, cx: &mut Context) -> Result<Vec<Home>> {
    let lost = |e: Error| not_here(&e, hook);
    let named = match cx.env.var(Var::Home) {
        Some(_) => Some(Home::locate(&cx.env)?),
        None => None,
    };
    let remembered = memory.home.as_ref().map(Home::at);
    let homes = match (remembered, named) {
        (None, _) => vec![Home::locate(&cx.env).map_err(lost)?],
        (Some(home), None) => vec![home],
        (Some(home), Some(named)) if !home.exists()? && named.exists()? => {
            cx.out.warn(&format!(
                "the home that this hook was installed with is gone: {}; \
                 have it remember this one: hasp-redact hooks install",
                printable_path(home.root())
            ));
            vec![named]
        }
        (Some(home), Some(named)) if home.root() == named.root() => vec![home],
        (Some(home), Some(named)) => vec![home, named],
    };
    homes.iter().try_for_each(Home::check).map_err(lost)?;
    Ok(homes)
}

/// Nothing to look for where something should be. The way on is to say where it is: a new home
/// would be empty, and find nothing.
fn not_here(error: &Error, hook: Hook) -> Error {
    let what = hook.command();
    match error.code() {
        code::NO_HOME | code::HOME_UNSET | code::EMPTY_WATCH => {
            Error::new(error.kind(), error.code(), error.message())
                .hint(format!("say where the home of your vault is: HASP_HOME=/its/path {what}"))
                .hint("have the hooks remember it: HASP_HOME=/its/path hasp-redact hooks install")
        }
        _ => error.clone(),
    }
}

fn check(
    hook: Hook,
    words: &[OsString],
    input: &[u8],
    (home, memory): (&Home, &Memory),
    git: &Git,
    cx: &mut Context,
) -> Result<Exit> {
    let (key, kept) = scan::watched(home, cx)?;
    if memory.watched && !kept.iter().any(|k| k.marks.is_ok()) {
        let shown = printable_path(home.root());
        let text = format!("no value is watched in {shown}, and some were when this was installed");
        let error = Error::new(Kind::Missing, code::EMPTY_WATCH, text);
        return Err(not_here(&error, hook)
            .hint("if it is this home, take the values again: hasp-vault watch rebuild"));
    }
    let (names, vaults) = (unwatched(&kept), vaults(&kept));
    let wanted = Wanted { table: Some(Table::new(key, kept)), patterns: None };
    let (report, place) = look(hook, words, input, &wanted, git, cx)?;
    let blocked = report.unseen.iter().any(|u| u.pointer);
    let found = report.leaks().next().is_some();
    let format = if cx.out.json { Format::Json } else { Format::Text };
    if !found && !blocked {
        report.tell_unseen(&mut cx.out);
        if names.is_empty() {
            return Ok(Exit::OK);
        }
        let looked = kept::look(Call { hook, words, input, memory }, home, vaults, cx);
        // One vault is opened; values of others in this home are not in it.
        if hook != Hook::CommitMsg && !(looked.vault && vaults == 1) {
            tell_unwatched(&names, &looked, cx);
        }
        return Ok(if looked.blocked { Exit::NO } else { Exit::OK });
    }
    report.print(format, &mut cx.out)?;
    if found {
        append::leak(&report, place, cx);
    }
    advise(hook, &report, cx);
    Ok(Exit::NO)
}

/// The hook's own line: a value that is short or easy to guess passes.
fn tell_unwatched(names: &[String], looked: &Looked, cx: &mut Context) {
    let vault = looked.vault.then(|| "the vault here".to_owned());
    let targets = looked.targets.iter().map(|target| format!("the target {target}"));
    let by: Vec<String> = vault.into_iter().chain(targets).collect();
    let all = match by.is_empty() {
        true => String::new(),
        false => format!(", but those of {}", by.join(" and ")),
    };
    let more = match names.len().saturating_sub(NAMES) {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let shown = names[..names.len().min(NAMES)].join(", ");
    cx.out.note(&format!("not watched, so not looked for{all}: {shown}{more}"));
}

/// Of how many vaults there are values that are not watched.
fn vaults(kept: &[Kept]) -> usize {
    let passes = kept.iter().filter(|one| one.marks.is_err() || one.weak.is_some());
    passes.map(|one| &one.origin).collect::<BTreeSet<_>>().len()
}

/// Looks for these values in what a hook is given on standard input and by these words: for the
/// vault's tool, which has them.
///
/// # Errors
/// Where something cannot be looked at.
pub fn look_for(
    values: &[(String, Secret)],
    hook: Hook,
    words: &[OsString],
    cx: &mut Context,
) -> Result<Exit> {
    let patterns: Vec<Pattern<'_>> =
        values.iter().map(|(name, value)| Pattern { name, value: value.expose() }).collect();
    let patterns = Arc::new(Patterns::compile(&patterns));
    for (name, reason) in patterns.unwatched() {
        cx.out.note(&format!("{name} is not looked for: {reason}"));
    }
    let wanted = Wanted { table: None, patterns: Some(patterns) };
    seek(&wanted, hook, words, &Git::new(".", &cx.env), cx)
}

/// Looks for values that were given, and nothing else: what a kept grant has the hook call.
pub(crate) fn given(
    hook: Hook,
    words: &[OsString],
    values: &Values,
    git: &Git,
    cx: &mut Context,
) -> Result<Exit> {
    let wanted = Wanted { table: None, patterns: scan::given(values, cx)? };
    seek(&wanted, hook, words, git, cx)
}

fn seek(
    wanted: &Wanted,
    hook: Hook,
    words: &[OsString],
    git: &Git,
    cx: &mut Context,
) -> Result<Exit> {
    let input = pushed::input(hook)?;
    let (report, place) = look(hook, words, &input, wanted, git, cx)?;
    if report.leaks().next().is_none() {
        return Ok(Exit::OK);
    }
    report.print(if cx.out.json { Format::Json } else { Format::Text }, &mut cx.out)?;
    append::leak(&report, place, cx);
    Ok(Exit::NO)
}

fn look(
    hook: Hook,
    words: &[OsString],
    input: &[u8],
    wanted: &Wanted,
    git: &Git,
    cx: &mut Context,
) -> Result<(Report, &'static str)> {
    let bar = scan::bar(cx);
    let mut texts = Objects::new(wanted, git, b"");
    let (report, place) = match hook {
        Hook::PreCommit => {
            texts.look_at(Part::Person, b"", &crate::git::people(git));
            (repository::staged(wanted, git, &bar)?, "staged")
        }
        Hook::CommitMsg => {
            texts.look_at(Part::Message, b"", &message::kept(words, git)?);
            (Report::default(), "message")
        }
        Hook::PrePush => {
            let push = pushed::push(words, input, git, cx)?;
            for option in &push.options {
                texts.look_at(Part::PushOption, b"", option);
            }
            let report = match push.revisions.is_empty() {
                true => Report::default(),
                false => repository::range(
                    wanted,
                    git,
                    &push.revisions,
                    References::Named(push.references),
                    &bar,
                )?,
            };
            (report, "pushed")
        }
    };
    bar.finish_and_clear();
    Ok((texts.report().with(report), place))
}

/// What to do, for each of what was found.
fn advise(hook: Hook, report: &Report, cx: &mut Context) {
    let mut text = match hook {
        Hook::PrePush => "\nNothing was pushed. What to do:\n\n".to_owned(),
        Hook::PreCommit | Hook::CommitMsg => "\nNothing was committed. What to do:\n\n".to_owned(),
    };
    ways_out(hook, report, &mut text);
    if report.leaks().next().is_some() {
        text.push_str(
            "  leave a reference in its place, and have the value delivered: hasp-target(1), \
             hasp-exec(1)\n",
        );
    }
    for name in report.names().iter().take(NAMES) {
        text.push_str(&format!("  if anybody has seen it        hasp-vault rotate {name}\n"));
    }
    if report.unseen.iter().any(|u| u.pointer) {
        text.push_str(
            "  have the content here         git lfs fetch, git annex get, dvc fetch, or \
             git submodule update\n",
        );
    }
    let what = hook.command();
    text.push_str(&format!(
        "  if it is meant to be there    HASP_SKIP_SCAN=reason {what}   (recorded)\n"
    ));
    cx.out.plain_note(&text);
}

/// How each of it is taken out.
fn ways_out(hook: Hook, report: &Report, text: &mut String) {
    let mut files: Vec<String> = report
        .leaks()
        .filter(|f| matches!(f.part, Part::Content | Part::Name))
        .map(|f| shell_word(OsStr::from_bytes(&f.file)))
        .collect();
    files.dedup();
    let more = if files.len() > NAMES { " ..." } else { "" };
    files.truncate(NAMES);
    if hook == Hook::PreCommit && !files.is_empty() {
        let files = files.join(" ");
        text.push_str(&format!(
            "  take it out of the commit     git restore --staged {files}{more}\n"
        ));
    }
    if hook == Hook::PrePush && report.leaks().any(|f| f.commit.is_some()) {
        text.push_str(
            "  take it out of the commits    git rebase -i, at the oldest commit named above\n",
        );
    }
    let within = |part: Part| report.leaks().any(|f| f.part == part);
    if within(Part::Person) && hook == Hook::PreCommit {
        text.push_str("  commit under another name     git config user.name, user.email\n");
    }
    if within(Part::Reference) {
        text.push_str("  name the branch otherwise     git branch -m\n");
    }
    if hook == Hook::CommitMsg {
        text.push_str("  write the message again       git commit\n");
    }
}
