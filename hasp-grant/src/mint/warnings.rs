//! What deserves a look before the passphrase is given.

use std::ffi::{OsStr, OsString};

use hasp_bind::Project;
use hasp_core::platform::{self, Keeping};
use hasp_core::text::{printable_path, shell_word};
use hasp_core::{Result, trust};
use hasp_target::Subject;

use crate::action::Action;
use crate::action::arg::Arg;
use crate::mint::context::MintContext;

/// Who else can change the project, the files of it that this action is made of, or a directory in
/// which the command finds programs.
///
/// # Errors
/// `[foreign-file]` for a file of a project that is not bound as shared.
pub fn strangers(action: &Action, at: &MintContext<'_>, shared: bool) -> Result<Vec<String>> {
    let Project { root, stranger, .. } = at.project;
    let argv: Vec<OsString> = action.argv.iter().map(|w| w.as_os().to_owned()).collect();
    let program = action.program.as_ref().map(Arg::as_path);
    let code = program
        .map(|p| hasp_target::named_files(p, &argv, action.dir.as_path(), root))
        .unwrap_or_default();
    let templates = action.templates.iter().map(|t| root.join(t.path()));
    let mut found: Vec<String> = stranger.iter().map(trust::Stranger::text).collect();
    for file in code.iter().cloned().chain(templates) {
        match hasp_target::file_stranger(&file, root) {
            Some(other) if file.starts_with(root) && !shared => {
                return Err(hasp_target::foreign_file(&other));
            }
            other => found.extend(other.map(|o| o.text())),
        }
    }
    let search = action.env.search(at.env.get("PATH")).map(std::env::split_paths);
    found.extend(
        search
            .into_iter()
            .flatten()
            .filter_map(|dir| trust::stranger_on_the_way(&dir))
            .map(|s| s.text()),
    );
    found.sort();
    found.dedup();
    Ok(found)
}

/// What whoever uses the grant could do beyond the words that are approved, and where its key could
/// be written.
pub fn action_warnings(
    subject: &Subject<'_>,
    action: &Action,
    at: &MintContext<'_>,
) -> Vec<String> {
    let mut warnings = hasp_target::warnings(subject);
    let words: Vec<&OsStr> = action.argv.iter().map(Arg::as_os).collect();
    warnings.extend(unexpanded(action, &words));
    if at.runtime.on_disk() {
        warnings.push(
            "HASP_RUNTIME is on a disk: half of this grant's key will be written there".to_owned(),
        );
    }
    warnings.extend(swap_warning());
    warnings
}

/// A word that the caller's shell has emptied, since the variable is set for the command alone; or
/// one that waits for a shell where none runs.
fn unexpanded(action: &Action, words: &[&OsStr]) -> Option<String> {
    let delivered = action.deliveries.iter().filter_map(|d| d.variable.as_deref());
    let names: Vec<&str> =
        delivered.chain(action.templates.iter().map(hasp_target::Template::variable)).collect();
    let waits = |word: &&&OsStr| names.iter().any(|name| refers_to(word, name));
    let shell = action.program.as_ref().is_some_and(|p| hasp_target::runs_its_words(p.as_path()));
    let empty = words.iter().skip(1).any(|word| word.is_empty());
    let what = match words.iter().skip(1).find(waits) {
        Some(_) if shell => return None,
        Some(word) => format!("no shell runs that would expand {}", shell_word(word)),
        None if empty && !names.is_empty() => format!(
            "a word of the command is empty: {} is set for the command alone, and not where this \
             line was typed",
            names.first()?
        ),
        None => return None,
    };
    let spelled = words.iter().map(|word| match word.to_str() {
        Some("") => format!("\"${}\"", names.first().copied().unwrap_or_default()),
        Some(text) if waits(&word) => format!("\"{}\"", text.replace(['"', '`', '\\'], "")),
        _ => shell_word(word),
    });
    let line = spelled.collect::<Vec<_>>().join(" ");
    Some(format!("{what}; let one expand it: -- sh -c {}", shell_word(OsStr::new(&line))))
}

/// Whether the word holds `$NAME` or `${NAME`.
fn refers_to(word: &OsStr, name: &str) -> bool {
    let text = word.to_string_lossy();
    let braced = text.contains(&format!("${{{name}"));
    let plain = format!("${name}");
    braced
        || text.match_indices(&plain).any(|(at, found)| {
            let next = text[at + found.len()..].bytes().next();
            next.is_none_or(|b| !b.is_ascii_alphanumeric() && b != b'_')
        })
}

/// Memory that is swapped out is on a disk.
fn swap_warning() -> Option<String> {
    let plain = platform::swaps()?.into_iter().find(|s| s.keeping == Keeping::Plain)?;
    let shown = printable_path(&plain.path);
    Some(format!("swap on {shown} may not be encrypted: memory that holds keys can reach it"))
}
