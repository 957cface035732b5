//! A word in a place where none is taken. It may be a value, and is known only if it is the name of
//! a target or of a file.

use hasp_bind::Project;
use hasp_core::text::shell_word;
use hasp_core::{Environ, Here, Home};

/// What a word turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownWord {
    /// A target of the project here.
    Target,
    /// A file that is there.
    File,
    /// Nothing that is known: it is not shown.
    Unknown,
}

/// A file as it is typed to be run.
pub fn as_program(word: &str) -> String {
    let typed = if word.contains('/') { word.to_owned() } else { format!("./{word}") };
    shell_word(typed.as_ref())
}

/// Looks where the tool was started.
pub fn known_word(word: &str) -> KnownWord {
    let is_target = || {
        let env = Environ::capture();
        let here = Here::within(&Home::locate(&env).ok()?, &env);
        let project = Project::find(&here).ok()?;
        project.manifest.map(|manifest| manifest.targets.contains_key(word))
    };
    match is_target() {
        Some(true) => KnownWord::Target,
        _ if std::path::Path::new(word).is_file() => KnownWord::File,
        _ => KnownWord::Unknown,
    }
}
