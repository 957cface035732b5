//! `import`: everything is read, named and compared before the first value is stored, and all of
//! them are stored in one step or none.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use hasp_audit::EventKind;
use hasp_core::text::{printable, shell_word};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, Secret, SecretName, Source};

use super::{input, progress, set};
use crate::cli::{Conflict, ImportArgs, ImportFormat};
use crate::code;
use crate::import::pass::{Store, Tree};
use crate::import::{Entry, MAX_INPUT, dotenv, json};
use crate::item::set::check_value;
use crate::open::unlocked::Unlocked;
use crate::open::vault::Vault;

type Named = (SecretName, Secret);

pub fn run(args: &ImportArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let options = set::options(&args.options)?;
    let found = read(args, cx)?;
    if found.is_empty() {
        return Err(Error::new(Kind::Data, code::NOTHING_TO_IMPORT, "there is nothing to import"));
    }
    if args.dry_run {
        return preview(&found, vault, cx);
    }
    let unlocked = vault.unlock(cx)?;
    let found = settle(found, args.on_conflict, &unlocked, cx)?;
    let items = if found.is_empty() {
        Vec::new()
    } else {
        unlocked.set_all(&found, &options, EventKind::VaultImport, cx.now)?
    };
    for (item, (name, value)) in items.iter().zip(&found) {
        input::warn_if_short(name, value, cx);
        set::report(item, cx)?;
    }
    cx.out.note(&format!("{} imported", items.len()));
    next_step(args, cx);
    Ok(Exit::OK)
}

fn read(args: &ImportArgs, cx: &mut Context) -> Result<Vec<Named>> {
    let entries = match format(args) {
        ImportFormat::Pass => open_tree(Store::Pass, args, cx)?,
        ImportFormat::Passage => open_tree(Store::Passage, args, cx)?,
        text => {
            if args.first_line {
                return Err(Error::new(
                    Kind::Usage,
                    code::USAGE,
                    "--first-line is for --format pass and passage",
                )
                .hint("hasp-vault import --help"));
            }
            read_text(text, args, cx)?
        }
    };
    let named = entries
        .into_iter()
        .map(|e| name(e, args.prefix.as_deref()))
        .collect::<Result<Vec<Named>>>()?;
    refuse_twice(&named)?;
    Ok(named)
}

fn format(args: &ImportArgs) -> ImportFormat {
    let by_name =
        args.from.as_deref().is_some_and(|f| Path::new(f).extension() == Some(OsStr::new("json")));
    args.format.unwrap_or(if by_name { ImportFormat::Json } else { ImportFormat::Env })
}

fn read_text(format: ImportFormat, args: &ImportArgs, cx: &mut Context) -> Result<Vec<Entry>> {
    let source = args.from.as_deref().map_or(Ok(Source::Stdin), Source::parse)?;
    input::refuse_two_readers(&source, cx)?;
    let text = source.read(&mut cx.env, MAX_INPUT)?;
    let mut entries =
        if format == ImportFormat::Json { json::parse(&text)? } else { dotenv::parse(&text)? };
    let wanted = select(args, entries.iter().map(|e| e.key.clone()).collect())?;
    entries.retain(|e| wanted.contains(&e.key));
    Ok(entries)
}

/// Only what is wanted is opened: each entry is a call of the program, and may be a touch of a
/// token.
fn open_tree(store: Store, args: &ImportArgs, cx: &mut Context) -> Result<Vec<Entry>> {
    let tree = Tree::locate(store, args.from.as_deref().map(Path::new), &cx.env)?;
    let wanted = select(args, tree.keys()?)?;
    let bar = progress::bar(wanted.len(), "entries opened", cx);
    let mut entries = Vec::with_capacity(wanted.len());
    for key in &wanted {
        entries.push(tree.open(key, args.first_line, cx)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let several = entries.iter().filter(|e| e.value.expose().contains(&b'\n')).count();
    if several > 0 {
        cx.out.note(&format!(
            "{several} entries of {} have several lines and are taken whole; --first-line \
             takes the password alone",
            tree.shown()
        ));
    }
    Ok(entries)
}

/// The keys that `--only` and `--except` leave.
fn select(args: &ImportArgs, keys: Vec<String>) -> Result<BTreeSet<String>> {
    if let Some(key) = args.only.iter().chain(&args.except).find(|k| !keys.contains(k)) {
        let shown = printable(key.as_bytes());
        return Err(Error::new(
            Kind::Usage,
            code::KEY_UNKNOWN,
            format!("there is no '{shown}' to import"),
        ));
    }
    let wanted = |key: &String| {
        (args.only.is_empty() || args.only.contains(key)) && !args.except.contains(key)
    };
    Ok(keys.into_iter().filter(wanted).collect())
}

fn name(entry: Entry, prefix: Option<&str>) -> Result<Named> {
    let shown: String = printable(entry.key.as_bytes()).chars().take(60).collect();
    let whole =
        prefix.map_or(entry.key.clone(), |p| format!("{}/{}", p.trim_end_matches('/'), entry.key));
    let about = |e: Error| {
        Error::new(e.kind(), e.code(), format!("{shown}: {}", e.message()))
            .hint(format!("leave it out: --except {}", shell_word(OsStr::new(&entry.key))))
    };
    check_value(&entry.value).map_err(about)?;
    Ok((whole.parse().map_err(about)?, entry.value))
}

fn refuse_twice(named: &[Named]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match named.iter().find(|(name, _)| !seen.insert(name)) {
        Some((name, _)) => Err(Error::new(
            Kind::Data,
            code::BAD_IMPORT,
            format!("two keys would both become '{name}'"),
        )),
        None => Ok(()),
    }
}

/// What is there with the same value needs nothing; what is there with another is an error unless
/// said otherwise.
fn settle(
    found: Vec<Named>,
    conflict: Conflict,
    unlocked: &Unlocked,
    cx: &mut Context,
) -> Result<Vec<Named>> {
    let mut kept = Vec::with_capacity(found.len());
    for (name, value) in found {
        let before = unlocked.vault().item_if_present(&name)?;
        match before.as_ref().and_then(|b| b.current_version()) {
            None => kept.push((name, value)),
            Some(version) if version.fp == unlocked.fingerprint(&value) => {
                cx.out.note(&format!("{name} has this value already"))
            }
            Some(_) => match conflict {
                Conflict::Overwrite => kept.push((name, value)),
                Conflict::Skip => {
                    cx.out.note(&format!("{name} is there with another value: skipped"))
                }
                Conflict::Error => {
                    return Err(Error::new(
                        Kind::Create,
                        code::EXISTS,
                        format!("{name} is there with another value; nothing was imported"),
                    )
                    .hint("say what to do: --on-conflict skip, or --on-conflict overwrite"));
                }
            },
        }
    }
    Ok(kept)
}

fn preview(found: &[Named], vault: &Vault, cx: &mut Context) -> Result<Exit> {
    for (name, value) in found {
        let there = vault.item_if_present(name)?.is_some();
        if cx.out.json {
            cx.out.object(
                &serde_json::json!({"v": 1, "secret": name, "size": value.len(), "present": there}),
            )?;
        } else {
            cx.out.line(&format!(
                "{name}  {} bytes{}",
                value.len(),
                if there { ", is there already" } else { "" }
            ))?;
        }
    }
    Ok(Exit::OK)
}

/// The line to type next, for a file that a project reads.
fn next_step(args: &ImportArgs, cx: &mut Context) {
    let Some(from) = args.from.as_deref().filter(|f| Path::new(f).is_file()) else { return };
    let prefix = args
        .prefix
        .as_deref()
        .map(|p| format!(" --prefix {}", shell_word(OsStr::new(p))))
        .unwrap_or_default();
    if format(args) == ImportFormat::Env {
        let file = shell_word(from);
        cx.out.plain_note(&format!(
            "Next, in the project:\n\n  hasp-target add TARGET --from-env {file}{prefix} -- \
             COMMAND\n"
        ));
    }
}
