//! What `import` says: all that stands in its way at once, what it would do, and what is left in
//! the clear when it is done.

use std::ffi::OsStr;
use std::path::Path;

use hasp_core::text::shell_word;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, Secret, SecretName};

use crate::cli::{ImportArgs, ImportFormat};
use crate::code;
use crate::format::item::Item;
use crate::import::guess::FORMATS;
use crate::import::{Entry, Fault, shown};
use crate::open::vault::Vault;

/// How many hints of single faults are given.
const HINTS: usize = 3;
/// How many keys a hint names: all, so that it can be typed, but where nobody would.
const KEYS: usize = 100;

/// Refuses an input with faults, naming all of them.
///
/// # Errors
/// `[bad-import]`.
pub fn refuse(faults: &[Fault], readable: &[String], cx: &mut Context) -> Result<()> {
    let message = match faults {
        [] => return Ok(()),
        [one] => format!("{one} (not shown: it may be a value); nothing was imported"),
        several => {
            several.iter().for_each(|fault| cx.out.warn(&fault.to_string()));
            let count = several.len();
            format!(
                "{count} things cannot be imported (not shown: they may be values); nothing was \
                 imported"
            )
        }
    };
    let mut error = Error::new(Kind::Data, code::BAD_IMPORT, message);
    let mut hints: Vec<&String> = faults.iter().filter_map(|f| f.hint.as_ref()).collect();
    hints.dedup();
    error = hints.into_iter().take(HINTS).fold(error, |e, hint| e.hint(hint.clone()));
    let named: Vec<&str> = faults.iter().filter_map(|f| f.key.as_deref()).collect();
    if !named.is_empty() {
        error = error.hint(format!("leave out what is no secret: --except {}", words(&named)));
    }
    if named.len() < faults.len() && !readable.is_empty() {
        let readable: Vec<&str> = readable.iter().map(String::as_str).collect();
        error = error.hint(format!("take only what is named: --only {}", words(&readable)));
    }
    Err(error.hint(format!("{FORMATS}; see: hasp-vault import --help")))
}

/// A list of keys for an option.
fn words(keys: &[&str]) -> String {
    let mut keys: Vec<&str> = keys.to_vec();
    keys.dedup();
    let all: Vec<String> = keys.iter().take(KEYS).map(|k| shell_word(OsStr::new(k))).collect();
    let more = if keys.len() > KEYS { ",.." } else { "" };
    format!("{}{more}", all.join(","))
}

/// The error where secrets are there with other values.
pub fn exists(names: &[SecretName]) -> Error {
    let list: Vec<&str> = names.iter().map(SecretName::as_str).collect();
    let (there, list) = (if list.len() == 1 { "is" } else { "are" }, list.join(", "));
    let message = format!("{list} {there} there with another value; nothing was imported");
    Error::new(Kind::Create, code::EXISTS, message)
        .hint("say what to do: --on-conflict skip, or --on-conflict overwrite")
}

/// Says what the rule for characters made of a key.
pub fn changed(name: &SecretName, entry: &Entry, cx: &mut Context) {
    let (key, word) = (shown(&entry.key), shell_word(OsStr::new(&entry.key)));
    cx.out.note(&format!("{key} becomes {name}; for another name: --rename {word}=NEW"));
}

/// What would be stored.
pub fn preview(found: &[(SecretName, Secret)], vault: &Vault, cx: &mut Context) -> Result<Exit> {
    for (name, value) in found {
        let there = vault.item_if_present(name)?.is_some();
        let size = value.len();
        if cx.out.json {
            cx.out.object(
                &serde_json::json!({"v": 1, "secret": name, "size": size, "present": there}),
            )?;
        } else {
            let there = if there { ", is there already" } else { "" };
            cx.out.line(&format!("{name}  {size} bytes{there}"))?;
        }
    }
    Ok(Exit::OK)
}

/// How many, and of which class.
pub fn imported(items: &[Item], cx: &mut Context) {
    let mut classes: Vec<&str> = items.iter().map(|i| i.class.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    let of = match classes[..] {
        [] => String::new(),
        [one] => format!(", class {one}"),
        _ => format!(", classes {}", classes.join(", ")),
    };
    cx.out.note(&format!("{} imported{of}", items.len()));
}

/// What is still in the clear, and the line to type next for a file that a project reads.
pub fn next_step(args: &ImportArgs, format: ImportFormat, cx: &mut Context) {
    let Some(from) = args.from.as_deref().filter(|f| Path::new(f).is_file()) else { return };
    in_the_clear(from, "the values", cx);
    let (file, word) = (shell_word(from), |p: &str| shell_word(OsStr::new(p)));
    let prefix = args.prefix.as_deref().map(|p| format!(" --prefix {}", word(p)));
    let prefix = prefix.unwrap_or_default();
    match format {
        ImportFormat::Env => cx.out.plain_note(&format!(
            "Next, in the project:\n\n  \
             hasp-target add TARGET --from-env {file}{prefix} -- COMMAND\n"
        )),
        ImportFormat::Json | ImportFormat::Pass | ImportFormat::Passage => {}
    }
}

/// That a file which was read is still there.
pub fn in_the_clear(from: &OsStr, what: &str, cx: &mut Context) {
    let file = shell_word(from);
    cx.out.note(&format!(
        "{file} still holds {what} in the clear: rm {file}; whether git has a copy says: \
         hasp-redact scan --history"
    ));
}
