//! `import`: everything is read, named and compared before the first value is stored, and all of
//! them are stored in one step or none. What stands in the way is told in one run.

use std::ffi::OsStr;
use std::path::Path;

use hasp_audit::EventKind;
use hasp_core::text::shell_word;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, Secret, SecretName, Source};

use super::{import_report as report, input, progress, set};
use crate::cli::{Conflict, ImportArgs, ImportFormat};
use crate::code;
use crate::import::guess::{self, Other};
use crate::import::naming::{self, Renames};
use crate::import::pass::{Store, Tree};
use crate::import::remarks::remark;
use crate::import::select::Selection;
use crate::import::{Entry, Fault, Input, MAX_INPUT, dotenv, json};
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
        return report::preview(&found, vault, cx);
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
    report::imported(&items, cx);
    report::next_step(args, format(args)?, cx);
    Ok(Exit::OK)
}

fn read(args: &ImportArgs, cx: &mut Context) -> Result<Vec<Named>> {
    let format = format(args)?;
    let selection = Selection { only: args.only.clone(), except: args.except.clone() };
    let renames = Renames::parse(&args.rename)?;
    if args.first_line && !format.is_tree() {
        return Err(Error::new(
            Kind::Usage,
            code::USAGE,
            "--first-line is for --format pass and passage",
        )
        .hint("hasp-vault import --help"));
    }
    let input = match format {
        ImportFormat::Env => read_env(args, &selection, cx)?,
        ImportFormat::Json => read_json(args, &selection, cx)?,
        ImportFormat::Pass => open_tree(Store::Pass, args, &selection, cx)?,
        ImportFormat::Passage => open_tree(Store::Passage, args, &selection, cx)?,
    };
    let mut faults = input.faults;
    // One that is empty or cannot be read is there all the same.
    let of_faults = faults.iter().filter_map(|f| f.key.as_ref());
    renames.check(&input.entries.iter().map(|e| &e.key).chain(of_faults).collect::<Vec<_>>())?;
    let entries = without_empty(input.entries, args.skip_empty, cx);
    let keys: Vec<String> = entries.iter().map(|e| e.key.clone()).collect();
    let named = naming::name_all(&keys, args.prefix.as_deref(), &renames);
    faults.extend(named.faults);
    faults.extend(entries.iter().filter_map(|e| {
        check_value(&e.value).err().map(|error| Fault::of(&e.key, error.message()))
    }));
    report::refuse(&faults, &keys, cx)?;
    let changed = named.changed;
    let named = |entry: Entry| named.names.get(&entry.key).map(|name| (name.clone(), entry));
    let named: Vec<(SecretName, Entry)> = entries.into_iter().filter_map(named).collect();
    for (name, entry) in &named {
        if changed.contains(&entry.key) {
            report::changed(name, entry, cx);
        }
        remark(name, entry).iter().for_each(|text| cx.out.warn(text));
    }
    Ok(named.into_iter().map(|(name, entry)| (name, entry.value)).collect())
}

fn format(args: &ImportArgs) -> Result<ImportFormat> {
    let Some(from) = args.from.as_deref().filter(|_| args.format.is_none()) else {
        return Ok(args.format.unwrap_or(ImportFormat::Env));
    };
    guess::refuse_by_name(from)?;
    let json = Path::new(from).extension() == Some(OsStr::new("json"));
    Ok(if json { ImportFormat::Json } else { ImportFormat::Env })
}

fn source_text(args: &ImportArgs, cx: &mut Context) -> Result<Secret> {
    let source = args.from.as_deref().map_or(Ok(Source::Stdin), Source::parse)?;
    input::refuse_two_readers(&source, cx)?;
    source.read(&mut cx.env, MAX_INPUT)
}

fn read_env(args: &ImportArgs, selection: &Selection, cx: &mut Context) -> Result<Input> {
    let text = source_text(args, cx)?;
    let file = dotenv::File::read(&text);
    let (keys, word) = (file.keys(), args.from.as_deref().map_or("FILE".to_owned(), shell_word));
    let mut faults = file.faults(&word);
    selection.check(&keys, &faults)?;
    faults.retain(|fault| selection.minds(fault));
    let other = Other::of_text(text.expose()).filter(|_| args.format.is_none());
    if let Some(other) = other.filter(|_| faults.iter().any(|f| f.key.is_none())) {
        return Err(guess::unread(other));
    }
    let wanted = keys.iter().filter(|key| selection.wants(key));
    let entries = wanted.map(|key| file.entry(key)).collect::<Result<Vec<_>>>()?;
    Ok(Input { entries: entries.into_iter().flatten().collect(), faults })
}

fn read_json(args: &ImportArgs, selection: &Selection, cx: &mut Context) -> Result<Input> {
    let text = source_text(args, cx)?;
    let mut input = json::parse(&text)?;
    let keys: Vec<String> = input.entries.iter().map(|e| e.key.clone()).collect();
    selection.check(&keys, &input.faults)?;
    input.faults.retain(|fault| selection.minds(fault));
    input.entries.retain(|entry| selection.wants(&entry.key));
    let other = Other::of_text(text.expose()).filter(|o| *o != Other::Json);
    match other.filter(|_| input.faults.iter().any(|f| f.key.is_none())) {
        Some(other) => Err(guess::unread(other)),
        None => Ok(input),
    }
}

/// Only what is wanted is opened: each entry is a call of the program, and may be a touch of a
/// token.
fn open_tree(
    store: Store,
    args: &ImportArgs,
    selection: &Selection,
    cx: &mut Context,
) -> Result<Input> {
    let tree = Tree::locate(store, args.from.as_deref().map(Path::new), &cx.env)?;
    let keys = tree.keys()?;
    selection.check(&keys, &[])?;
    let wanted: Vec<&String> = keys.iter().filter(|key| selection.wants(key)).collect();
    let bar = progress::bar(wanted.len(), "entries opened", cx);
    let (mut entries, mut faults) = (Vec::with_capacity(wanted.len()), Vec::new());
    for key in &wanted {
        match tree.open(key, args.first_line, cx)? {
            Ok(entry) => entries.push(entry),
            Err(fault) => faults.push(fault),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let several = entries.iter().filter(|e| e.value.expose().contains(&b'\n')).count();
    if several > 0 {
        cx.out.note(&format!(
            "{several} entries of {} have several lines and are taken whole; --first-line takes \
             the password alone",
            tree.shown()
        ));
    }
    Ok(Input { entries, faults })
}

/// A variable without a value is a setting and no secret.
fn without_empty(entries: Vec<Entry>, silent: bool, cx: &mut Context) -> Vec<Entry> {
    let (empty, rest): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|e| e.value.is_empty());
    if !empty.is_empty() && !silent {
        let keys: Vec<String> = empty.iter().map(|e| crate::import::shown(&e.key)).collect();
        let (are, keys) = (if keys.len() == 1 { "is" } else { "are" }, keys.join(", "));
        cx.out.note(&format!("{keys} {are} empty: skipped; --skip-empty says nothing of it"));
    }
    rest
}

/// What is there with the same value needs nothing; what is there with another is an error unless
/// said otherwise.
fn settle(
    found: Vec<Named>,
    conflict: Conflict,
    unlocked: &Unlocked,
    cx: &mut Context,
) -> Result<Vec<Named>> {
    let (mut kept, mut there) = (Vec::with_capacity(found.len()), Vec::new());
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
                Conflict::Error => there.push(name),
            },
        }
    }
    if there.is_empty() { Ok(kept) } else { Err(report::exists(&there)) }
}
