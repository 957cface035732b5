//! `hooks`: installing, showing and removing them, and what they call: the scan, and what to do
//! about what it found.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use crate::code;
use hasp_core::text::{printable, printable_path, shell_word};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, Var};
use serde_json::json;

use super::append;
use super::scan;
use crate::cli::{Format, Hook, HooksVerb, Values};
use crate::git::{self, Git};
use crate::hooks::{HookDir, HookManager, State};
use crate::scan::report::Report;

/// What a hook was given by git must be short.
const MAX_REFS: u64 = 16 << 20;

/// Does what the verb says.
pub(crate) fn run(verb: &HooksVerb, cx: &mut Context) -> Result<Exit> {
    let git = Git::new(".", &cx.env);
    match verb {
        HooksVerb::Install => install(&HookDir::find(&git)?, cx),
        HooksVerb::Status => status(&HookDir::find(&git)?, cx),
        HooksVerb::Remove => remove(&HookDir::find(&git)?, cx),
        HooksVerb::Run { hook, words } => called(*hook, words, &git, cx),
    }
}

fn install(place: &HookDir, cx: &mut Context) -> Result<Exit> {
    for hook in place.hooks() {
        place.install(*hook)?;
        show(place, *hook, cx)?;
    }
    if place.shared {
        cx.out.warn(&format!(
            "{} is the hooks directory of other repositories too (core.hooksPath)",
            printable_path(&place.dir)
        ));
    }
    if place.manager == HookManager::Husky {
        cx.out.note(
            "these files belong to the repository: whoever commits there needs hasp-redact on PATH",
        );
    }
    if place.bare {
        cx.out.note("nothing is committed in a bare repository: only pushes from it are checked");
    }
    Ok(Exit::OK)
}

fn status(place: &HookDir, cx: &mut Context) -> Result<Exit> {
    place.hooks().iter().try_for_each(|hook| show(place, *hook, cx))?;
    let all = place.hooks().iter().all(|hook| place.state(*hook).scans());
    Ok(if all { Exit::OK } else { Exit::NO })
}

fn show(place: &HookDir, hook: Hook, cx: &mut Context) -> Result<()> {
    let (state, file) = (place.state(hook), place.dir.join(hook.name()));
    let shown = printable_path(&file);
    if cx.out.json {
        return cx.out.object(
            &json!({"v": 1, "hook": hook.name(), "file": shown, "installed": state.scans(),
            "chained": state == State::Chained, "state": state.as_str()}),
        );
    }
    cx.out.line(&format!("{}  {}: {shown}", hook.name(), state.as_str()))
}

fn remove(place: &HookDir, cx: &mut Context) -> Result<Exit> {
    for hook in place.hooks() {
        if place.remove(*hook)? {
            cx.out.note(&format!("{} is removed", hook.name()));
        }
        show(place, *hook, cx)?;
    }
    Ok(Exit::OK)
}

/// What a hook calls. Whatever keeps it from checking blocks, and says how to go without once.
fn called(hook: Hook, words: &[OsString], git: &Git, cx: &mut Context) -> Result<Exit> {
    let what = if hook == Hook::PreCommit { "git commit" } else { "git push" };
    if let Some(reason) = cx.env.var(Var::SkipScan) {
        let reason = printable(reason.as_bytes());
        append::skip(hook.name(), &reason, cx);
        cx.out.warn(&format!("not scanned: {reason}"));
        return Ok(Exit::OK);
    }
    let checked = check(hook, words, git, cx);
    checked.map_err(|e| {
        e.hint(format!("to go without the check once, on record: HASP_SKIP_SCAN=reason {what}"))
    })
}

fn check(hook: Hook, words: &[OsString], git: &Git, cx: &mut Context) -> Result<Exit> {
    let wanted = scan::wanted(&Values::default(), cx)?;
    let (report, place) = match hook {
        Hook::PreCommit => {
            (scan::blobs::<&str>(&wanted, git, &git::staged(git)?, None, cx)?, "staged")
        }
        Hook::PrePush => {
            let revisions = pushed(words, git, cx)?;
            if revisions.is_empty() {
                return Ok(Exit::OK);
            }
            (
                scan::blobs(&wanted, git, &git::range(git, &revisions)?, Some(&revisions), cx)?,
                "pushed",
            )
        }
    };
    let format = if cx.out.json { Format::Json } else { Format::Text };
    if report.leaks().next().is_none() {
        return Ok(Exit::OK);
    }
    report.print(format, &mut cx.out)?;
    append::leak(&report, place, cx);
    advise(hook, &report, cx);
    Ok(Exit::NO)
}

/// The revisions that a push would send and the remote has not: what git writes to the hook, or
/// what the pre-commit framework makes of it.
fn pushed(words: &[OsString], git: &Git, cx: &Context) -> Result<Vec<OsString>> {
    let mut text = Vec::new();
    std::io::stdin()
        .take(MAX_REFS)
        .read_to_end(&mut text)
        .map_err(|e| Error::system("read what is pushed", e))?;
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for line in text.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty()) {
        let cells: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        let [_, local, _, remote] = cells[..] else {
            return Err(Error::new(
                Kind::Data,
                code::BAD_REFS,
                "git did not say what is pushed as it does for a hook pre-push",
            ));
        };
        // A branch or tag that is removed brings nothing.
        if !zeros(local) {
            new.push(OsStr::from_bytes(local).to_owned());
            known.extend((!zeros(remote)).then(|| OsStr::from_bytes(remote).to_owned()));
        }
    }
    if text.is_empty()
        && let (Some(from), Some(to)) =
            (cx.env.get("PRE_COMMIT_FROM_REF"), cx.env.get("PRE_COMMIT_TO_REF"))
    {
        return Ok(vec![to.to_owned(), "--not".into(), from.to_owned()]);
    }
    if new.is_empty() {
        return Ok(Vec::new());
    }
    // What the remote has may not be here, after somebody else's forced push.
    known.retain(|id| git.read(&[OsStr::new("cat-file"), OsStr::new("-e"), id]).is_ok());
    let remote = words.first().filter(|w| !w.as_bytes().is_empty() && is_remote(w, git));
    let tracked = remote.map(|w| {
        let mut word = OsString::from("--remotes=");
        word.push(w);
        word
    });
    new.push("--not".into());
    new.extend(known);
    new.extend(tracked);
    Ok(new)
}

/// Whether this is the name of a remote, not an address, of which nothing is known here.
fn is_remote(word: &OsStr, git: &Git) -> bool {
    let remotes = git.read(&["remote"]).unwrap_or_default();
    remotes.split(|b| *b == b'\n').any(|r| r == word.as_bytes())
}

fn zeros(id: &[u8]) -> bool {
    id.iter().all(|b| *b == b'0')
}

/// What to do, for each of what was found.
fn advise(hook: Hook, report: &Report, cx: &mut Context) {
    let mut files: Vec<String> =
        report.leaks().map(|f| shell_word(OsStr::from_bytes(&f.file))).collect();
    files.dedup();
    let many = files.len() > 5;
    files.truncate(5);
    let names = report.names();
    let mut text = match hook {
        Hook::PreCommit => format!(
            "\nNothing was committed. What to do:\n\n  take it out of the commit     git restore \
             --staged {}{}\n",
            files.join(" "),
            if many { " ..." } else { "" }
        ),
        Hook::PrePush => "\nNothing was pushed. What to do:\n\n  take it out of the commits    \
                          git rebase -i, at the oldest commit named above\n"
            .to_owned(),
    };
    text.push_str(
        "  leave a reference in its place, and have the value delivered: \
                   hasp-target(1), hasp-exec(1)\n",
    );
    for name in names.iter().take(5) {
        text.push_str(&format!("  if anybody has seen it        hasp-vault rotate {name}\n"));
    }
    let what = if hook == Hook::PreCommit { "git commit" } else { "git push" };
    text.push_str(&format!(
        "  if it is meant to be there    HASP_SKIP_SCAN=reason {what}   (recorded)\n"
    ));
    cx.out.plain_note(&text);
}
