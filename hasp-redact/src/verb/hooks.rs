//! `hooks`: installing, showing and removing them.

use std::ffi::OsString;
use std::path::PathBuf;

use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Home, Result};
use serde_json::json;

use super::called;
use crate::cli::{Hook, HooksVerb};
use crate::git::Git;
use crate::hooks::kept::opens;
use crate::hooks::{HookDir, HookManager, Memory, State};
use crate::scan::watch::{Watch, unwatched};

/// Does what the verb says.
pub(crate) fn run(verb: &HooksVerb, cx: &mut Context) -> Result<Exit> {
    let git = Git::new(".", &cx.env);
    match verb {
        HooksVerb::Install => install(&HookDir::find(&git)?, &git, cx),
        HooksVerb::Status => status(&HookDir::find(&git)?, &git, cx),
        HooksVerb::Remove => remove(&HookDir::find(&git)?, &git, cx),
        HooksVerb::Run { home, vault, watched, values, hook, words } => {
            if !values.is_empty() {
                return called::given(*hook, words, values, &git, cx);
            }
            // A hook that has nothing to tell tells it with an empty word.
            let path = |word: &Option<OsString>| {
                word.as_ref().filter(|w| !w.is_empty()).map(PathBuf::from)
            };
            let watched = watched.as_ref().is_some_and(|w| w == "yes");
            let told = Memory { home: path(home), vault: path(vault), watched };
            called::run(*hook, words, &told, &git, cx)
        }
    }
}

fn install(place: &HookDir, git: &Git, cx: &mut Context) -> Result<Exit> {
    let memory = Memory::of(&cx.env);
    for hook in place.hooks() {
        place.install(*hook, &memory)?;
        show(place, *hook, cx)?;
    }
    if place.shared {
        cx.out.warn(&format!(
            "{} is the hooks directory of other repositories too (core.hooksPath)",
            printable_path(&place.dir)
        ));
    }
    if place.manager == HookManager::Husky {
        // These files are everybody's, and a home is not.
        memory.write(git)?;
        cx.out.note(
            "these files belong to the repository: whoever commits there needs hasp-redact on PATH",
        );
    }
    if place.bare {
        cx.out.note("nothing is committed in a bare repository: only pushes from it are checked");
    }
    tell_unwatched(&memory, cx);
    Ok(Exit::OK)
}

fn status(place: &HookDir, git: &Git, cx: &mut Context) -> Result<Exit> {
    place.hooks().iter().try_for_each(|hook| show(place, *hook, cx))?;
    let memory = match (place.manager, place.hooks().first()) {
        (HookManager::Plain, Some(hook)) => place.memory(*hook),
        _ => Memory::of_settings(git),
    };
    if let Some(home) = &memory.home {
        let shown = printable_path(home);
        match home.is_dir() {
            true => cx.out.note(&format!("what is looked for is in {shown}")),
            false => cx.out.warn(&format!(
                "the home that they were installed with is gone: {shown}; \
                 install them again: HASP_HOME=/its/new/path hasp-redact hooks install"
            )),
        }
    }
    tell_unwatched(&memory, cx);
    let all = place.hooks().iter().all(|hook| place.state(*hook).scans());
    Ok(if all { Exit::OK } else { Exit::NO })
}

/// Which values pass the hooks.
fn tell_unwatched(memory: &Memory, cx: &mut Context) {
    let home = memory.home.clone().map(Home::at).or_else(|| Home::locate(&cx.env).ok());
    let Some(home) = home else { return };
    let Ok((_, kept, _)) = Watch::of(&home).load() else { return };
    let names = unwatched(&kept);
    if names.is_empty() {
        return;
    }
    let found = match opens(&home) {
        true => "looked for where the vault opens without a question, as it does here",
        false => "so not found",
    };
    cx.out.note(&format!("not watched, {found}: {}", names.join(", ")));
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

fn remove(place: &HookDir, git: &Git, cx: &mut Context) -> Result<Exit> {
    for hook in place.hooks() {
        if place.remove(*hook)? {
            cx.out.note(&format!("{} is removed", hook.name()));
        }
        show(place, *hook, cx)?;
    }
    Memory::forget(git);
    Ok(Exit::OK)
}
