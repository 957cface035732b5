//! `destroy`: what cannot be undone is asked for once more, on the terminal, unless it was said in
//! advance.

use hasp_core::terminal::Terminal;
use hasp_core::time::parse_duration;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, SecretName, VersionedName};

use super::{grants, names};
use crate::cli::DestroyArgs;
use crate::code;
use crate::open::vault::Vault;

pub fn run(args: &DestroyArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    if args.due {
        return forget_due(vault, cx);
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

fn forget_due(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let survey = vault.survey(&vault.names()?);
    let now = cx.now;
    for item in survey.items.iter().filter(|i| i.forget.is_some_and(|at| at <= now)) {
        vault.forget(&item.name, now)?;
        report(&item.name, None, true, cx)?;
    }
    match survey.faults.into_iter().next() {
        Some(fault) => Err(fault),
        None => Ok(Exit::OK),
    }
}
