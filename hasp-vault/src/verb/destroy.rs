//! `destroy`: what cannot be undone is asked for once more, on the terminal, unless it was said in
//! advance.

use hasp_core::policy::Retention;
use hasp_core::terminal::Terminal;
use hasp_core::time::parse_duration;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Policy, Result, SecretName, VersionedName};

use super::{grants, names, progress};
use crate::cli::DestroyArgs;
use crate::code;
use crate::format::item::Item;
use crate::item::retain::Overdue;
use crate::open::vault::Vault;

pub fn run(args: &DestroyArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    if args.due {
        return destroy_due(vault, cx);
    }
    let targets = names::read(&args.names, cx)?;
    for target in &targets {
        let item = vault.item(&target.name)?;
        item.version(target.version.unwrap_or(item.current))?;
    }
    let retain = args.retain.as_deref().map(parse_duration).transpose()?;
    let forget = args.forget.then(|| retain.map_or(cx.now, |r| cx.now.after(r)));
    // Echo stays off from the question to the passphrase.
    let asking = Terminal::open();
    confirm(&targets, args.yes)?;
    let ended = grants::end(&whole(&targets), cx);
    let unlocked = vault.unlock(cx)?;
    drop(asking);
    for VersionedName { name, version } in &targets {
        let item = unlocked.destroy(name, *version, forget, cx.now)?;
        let forgotten = version.is_none() && item.forget.is_some_and(|at| at <= cx.now);
        if forgotten {
            vault.forget(name, cx.now)?;
        }
        report(name, *version, forgotten, cx)?;
    }
    grants::note_shared(vault, cx);
    ended.map(|()| Exit::OK)
}

/// Grants are on current versions only, so only those of whole secrets can have any.
fn whole(targets: &[VersionedName]) -> Vec<SecretName> {
    targets.iter().filter(|t| t.version.is_none()).map(|t| t.name.clone()).collect()
}

fn confirm(targets: &[VersionedName], yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(
            Kind::Locked,
            code::NO_TERMINAL,
            "there is no terminal to ask whether to destroy",
        )
        .hint("say it in advance: hasp-vault destroy NAME --yes")
    })?;
    let shown: Vec<String> = targets
        .iter()
        .map(|t| t.version.map_or(t.name.to_string(), |n| format!("{}@{n}", t.name)))
        .collect();
    if terminal.confirm(&format!("Destroy {} for good?", shown.join(", ")))? {
        return Ok(());
    }
    Err(Error::new(Kind::No, code::INTERRUPTED, "interrupted: nothing was changed"))
}

fn report(
    name: &SecretName,
    version: Option<u32>,
    forgotten: bool,
    cx: &mut Context,
) -> Result<()> {
    if cx.out.json {
        return cx.out.object(&serde_json::json!({"v": 1, "secret": name, "version": version,
        "forgotten": forgotten}));
    }
    let what = version.map_or_else(|| name.to_string(), |n| format!("version {n} of {name}"));
    cx.out.note(&format!(
        "{what} is destroyed here; copies in backups, in git and on a worn disk are not"
    ));
    Ok(())
}

/// Carries out what was wished for in advance: records whose time has come are forgotten, values
/// that `policy.toml` keeps no longer are destroyed.
fn destroy_due(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let kept = Policy::read(vault.home().root())?.retention;
    let survey = vault.survey(&vault.names()?);
    let now = cx.now;
    for item in survey.items.iter().filter(|i| i.forget.is_some_and(|at| at <= now)) {
        vault.forget(&item.name, now)?;
        report(&item.name, None, true, cx)?;
    }
    let overdue = |item: &&Item| Overdue::of(item, &kept, now) != Overdue::Nothing;
    let due: Vec<&Item> = survey.items.iter().filter(overdue).collect();
    let ended = if due.is_empty() { Ok(()) } else { destroy_overdue(&due, &kept, vault, cx) };
    match survey.faults.into_iter().next() {
        Some(fault) => Err(fault),
        None => ended.map(|()| Exit::OK),
    }
}

fn destroy_overdue(due: &[&Item], kept: &Retention, vault: &Vault, cx: &mut Context) -> Result<()> {
    let whole = due.iter().filter(|item| Overdue::of(item, kept, cx.now) == Overdue::All);
    let ended = grants::end(&whole.map(|item| item.name.clone()).collect::<Vec<_>>(), cx);
    let unlocked = vault.unlock(cx)?;
    let bar = progress::bar(due.len(), "secrets", cx);
    for item in due {
        match unlocked.destroy_overdue(&item.name, kept, cx.now)? {
            Overdue::Nothing => {}
            Overdue::All => report(&item.name, None, false, cx)?,
            Overdue::Versions(numbers) => {
                numbers.iter().try_for_each(|n| report(&item.name, Some(*n), false, cx))?;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    grants::note_shared(vault, cx);
    ended
}
