//! What is to be looked at twice in a command and what it is given: one list, in the same words,
//! for `hasp-target explain` and `check`, for consent, and for a grant.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use hasp_core::trust::{self, Stranger};
use hasp_core::{Class, SecretName};

use crate::manifest::delivery::Delivery;
use crate::manifest::target::{FURTHER, Target};
use crate::program::files::named;
use crate::program::make::{MAKE, names_make};
use crate::program::{find, search_warnings, stranger, writable_warnings};

/// A command and what it is given, as far as it is known.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The project's root.
    pub root: &'a Path,
    /// Where it runs.
    pub dir: PathBuf,
    /// Its words, without a last `"..."`; none if any command may run.
    pub argv: Vec<OsString>,
    /// The absolute path of its program, if it was found.
    pub program: Option<PathBuf>,
    /// Whether further words may follow.
    pub further: bool,
    /// The PATH that it was found by.
    pub search: Option<&'a OsStr>,
    /// Whether it inherits nothing but what it is given.
    pub clean_env: bool,
    /// What it inherits although it loads code.
    pub keep_env: &'a [String],
    /// What it is given.
    pub deliveries: &'a [Delivery],
    /// Files of the project that are read for it.
    pub templates: Vec<PathBuf>,
    /// What its references mean.
    pub items: Vec<Meant>,
}

/// A secret behind a reference, where it is known.
#[derive(Clone, Debug)]
pub struct Meant {
    /// What the project calls it.
    pub reference: SecretName,
    /// What the vault calls it.
    pub name: SecretName,
    /// How far the damage reaches if it leaks.
    pub class: Class,
}

impl<'a> Subject<'a> {
    /// A target as it would run in the project of this root.
    pub fn of(
        target: &'a Target,
        root: &'a Path,
        search: Option<&'a OsStr>,
        items: Vec<Meant>,
    ) -> Subject<'a> {
        let dir = target.dir.as_ref().map_or_else(|| root.to_owned(), |dir| root.join(dir));
        let run = target.run.as_deref().unwrap_or_default();
        let (further, words) = match run {
            [fixed @ .., last] if last == FURTHER => (true, fixed),
            run => (false, run),
        };
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let program = argv.first().and_then(|word| find(word, &dir, search).ok());
        Subject {
            root,
            dir,
            argv,
            program,
            further,
            search,
            clean_env: target.clean_env,
            keep_env: &target.keep_env,
            deliveries: &target.deliveries,
            templates: target.templates.iter().map(|t| root.join(t.path())).collect(),
            items,
        }
    }

    /// Everything, the loudest first.
    pub fn all(&self) -> Vec<String> {
        let strangers = self.strangers().into_iter().map(|s| s.text());
        let mut all: Vec<String> = loud(self).into_iter().chain(strangers).collect();
        all.extend(warnings(self));
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|text| seen.insert(text.clone()));
        all
    }

    /// Who else can change what runs or is read.
    pub fn strangers(&self) -> Vec<Stranger> {
        let code = self.program.iter().flat_map(|p| named(p, &self.argv, &self.dir, self.root));
        let files = code.chain(self.templates.iter().cloned());
        let places = self.search.into_iter().flat_map(std::env::split_paths);
        files
            .filter_map(|file| stranger(&file, self.root))
            .chain(places.filter_map(|dir| trust::stranger_on_the_way(&dir)))
            .collect()
    }

    fn strict(&self) -> Vec<&Meant> {
        self.items.iter().filter(|item| item.class.names_command()).collect()
    }
}

/// What whoever uses a grant could do beyond the words that are approved.
pub fn warnings(of: &Subject<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if let (Some(program), Some(first)) = (&of.program, of.argv.first()) {
        found.extend(writable_warnings(program, &of.argv, &of.dir, of.root));
        if !first.as_encoded_bytes().contains(&b'/') {
            found.extend(search_warnings(of.search, program));
        }
    }
    if !of.keep_env.is_empty() {
        let names = of.keep_env.join(", ");
        found.push(format!(
            "keeps {names}: whoever uses this grant can make the command load other code"
        ));
    }
    if !of.clean_env && names_make(&of.argv) {
        found.push(MAKE.to_owned());
    }
    found
}

/// What must be said whatever else is silenced: how far a secret of a strict class reaches.
pub fn loud(of: &Subject<'_>) -> Vec<String> {
    let mut said = Vec::new();
    if of.argv.is_empty() {
        said.push(format!(
            "ANY command may run with {}, given by whoever uses this grant",
            names(of.items.iter())
        ));
    }
    let strict = of.strict();
    if strict.is_empty() {
        return said;
    }
    if of.further {
        said.push(format!(
            "any further words may follow the command, which gets {}",
            names(strict.iter().copied())
        ));
    }
    let in_env = |item: &&&Meant| {
        of.deliveries.iter().any(|d| d.channel.is_inherited() && d.reference == item.reference)
    };
    for item in strict.iter().filter(in_env) {
        said.push(format!(
            "{} goes into the environment, which all that the command starts inherits: --file, \
             --fd or --stdin is narrower",
            names([*item])
        ));
    }
    said
}

/// `db/url (high), api/key (medium)`.
fn names<'a>(items: impl IntoIterator<Item = &'a Meant>) -> String {
    let named: Vec<String> =
        items.into_iter().map(|i| format!("{} ({})", i.name, i.class)).collect();
    if named.is_empty() { "what it is given".to_owned() } else { named.join(", ") }
}
