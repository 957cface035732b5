//! A target: one command of the project, what it needs and how each value is delivered. Its
//! canonical text is what a person consents to, so it holds everything that changes what may
//! happen, and nothing that does not.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toml::de::DeTable;

use hasp_core::text::printable_path;
use hasp_core::{Class, Error, Kind, Result, SecretName};

use crate::code;
use crate::manifest::delivery::{Channel, Delivery};
use crate::manifest::excerpt::Shown;
use crate::manifest::fault::{Checked, Fault};
use crate::manifest::fields::{Fields, Text, check_text, shown, word};
use crate::manifest::reference::{RefSpec, unlisted};
use crate::manifest::template::Template;
use crate::manifest::text::FILE_NAME;
use crate::manifest::variable::{check_kept, check_passed, check_variable};

/// As the last word of `run`: any further words.
pub(crate) const FURTHER: &str = "...";
/// The longest text of all templates of one target, in bytes: it travels in each token.
pub const MAX_TEMPLATES: usize = 64 * 1024;
/// The keys of a target beside its channels.
const KEYS: [&str; 8] =
    ["about", "run", "dir", "template", "clean-env", "pass-env", "keep-env", "no-new-privs"];

/// A named workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// What it is called.
    pub name: String,
    /// For people; no part of what is consented to.
    #[serde(skip)]
    pub about: Option<String>,
    /// The command, exactly; a last `"..."` stands for further words; without it, the grant names
    /// the command.
    pub run: Option<Vec<String>>,
    /// Where it runs, below the project's root; the root itself if absent.
    pub dir: Option<PathBuf>,
    /// What is delivered, sorted.
    pub deliveries: Vec<Delivery>,
    /// What is delivered as files with values in them, by variable.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub templates: Vec<Template>,
    /// Whether the child inherits only `pass_env`.
    pub clean_env: bool,
    /// With `clean_env`: what is inherited, sorted.
    pub pass_env: Vec<String>,
    /// What is inherited although it is dropped by default, sorted.
    pub keep_env: Vec<String>,
    /// Whether the child may gain no privileges.
    pub no_new_privs: bool,
    /// The classes that `[refs]` asks for, of the references that this target uses.
    pub classes: BTreeMap<SecretName, Class>,
}

impl Target {
    /// One line of JSON with fixed key order: what a person consents to.
    pub fn canonical(&self) -> String {
        // Strings, lists and maps with string keys always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// SHA-256 of [`Target::canonical`], 64 hexadecimal digits.
    pub fn digest(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.canonical()))
    }

    /// Reads what [`Target::canonical`] wrote.
    ///
    /// # Errors
    /// `[bad-target]`, `Kind::Data`.
    pub fn from_canonical(text: &str) -> Result<Target> {
        serde_json::from_str(text).map_err(|_| {
            Error::new(Kind::Data, code::BAD_TARGET, "that is not the text of a target")
        })
    }

    /// The references that it uses, each once, sorted.
    pub fn references(&self) -> Vec<&SecretName> {
        let direct = self.deliveries.iter().map(|d| &d.reference);
        let mut references: Vec<_> =
            direct.chain(self.templates.iter().flat_map(Template::references)).collect();
        references.sort();
        references.dedup();
        references
    }

    /// Where it runs: a directory below `root`, which is a real path, reached through no link.
    ///
    /// # Errors
    /// `[manifest-bad-dir]`, `Kind::Config`, if a part of it is a link or no directory; `[no-dir]`,
    /// `Kind::Missing`, if it is absent.
    pub fn resolve_dir(&self, root: &Path) -> Result<PathBuf> {
        self.check_dir(root)?;
        let path = self.dir.as_ref().map_or(root.to_owned(), |dir| root.join(dir));
        if path.is_dir() {
            return Ok(path);
        }
        let message = format!(
            "the directory of target '{}' does not exist: {}",
            self.name,
            printable_path(&path)
        );
        Err(Error::new(Kind::Missing, code::NO_DIR, message)
            .hint(format!("correct 'dir' of [target.{}] in {FILE_NAME}", self.name)))
    }

    /// Refuses a link on the way: it would lead out of the project, or elsewhere tomorrow.
    pub(crate) fn check_dir(&self, root: &Path) -> Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let mut path = root.to_owned();
        for part in dir.components() {
            path.push(part);
            match path.symlink_metadata() {
                Ok(meta) if !meta.is_dir() => return Err(self.bad_dir(&path)),
                _ => {}
            }
        }
        Ok(())
    }

    fn bad_dir(&self, path: &Path) -> Error {
        let message = format!(
            "'dir' of [target.{}] goes through {}, which is no directory but a link or a file",
            self.name,
            printable_path(path)
        );
        Error::new(Kind::Config, code::MANIFEST_BAD_DIR, message)
            .hint("name the real directory, relative to the project's root")
    }
}

/// The name of a target: one part of a name.
pub(crate) fn read_name(text: &str, span: Range<usize>) -> Checked<String> {
    check_text(text, span.clone(), "the name of a target")?;
    if is_name(text) {
        return Ok(text.to_owned());
    }
    Err(Fault::new(
        code::MANIFEST_BAD_NAME,
        span,
        format!("{} cannot be the name of a target", shown(text)),
    )
    .hint("a name has letters, digits, '.', '_' and '-', for example: [target.test]"))
}

pub(crate) fn is_name(text: &str) -> bool {
    !text.contains('/') && text.parse::<SecretName>().is_ok()
}

/// Reads `[target.NAME]`, its templates from below `root`.
pub(crate) fn read(
    name: &str,
    table: &DeTable<'_>,
    refs: &BTreeMap<SecretName, RefSpec>,
    root: &Path,
) -> Checked<Target> {
    let channels = Channel::ALL.iter().map(|channel| channel.as_str());
    let keys: Vec<&str> = KEYS.into_iter().chain(channels).collect();
    let fields = Fields::new(format!("[target.{name}]"), table, &keys)?;
    let deliveries = read_deliveries(&fields, refs)?;
    let templates = read_templates(&fields, refs, root, &deliveries)?;
    let mut target = Target {
        name: name.to_owned(),
        about: fields.string("about")?.map(|w| w.text.to_owned()),
        run: fields.words("run")?.map(|words| read_run(&words, &fields)).transpose()?,
        dir: fields.string("dir")?.map(|w| read_dir(&w)).transpose()?,
        classes: BTreeMap::new(),
        clean_env: fields.boolean("clean-env", false)?,
        pass_env: read_names(&fields, "pass-env", check_passed)?,
        keep_env: read_names(&fields, "keep-env", check_kept)?,
        no_new_privs: fields.boolean("no-new-privs", false)?,
        deliveries,
        templates,
    };
    let class = |r: &SecretName| Some((r.clone(), refs.get(r)?.class?));
    target.classes = target.references().into_iter().filter_map(class).collect();
    Ok(target)
}

fn read_run(words: &[Text<'_>], fields: &Fields<'_>) -> Checked<Vec<String>> {
    let whole = fields.value("run").map(toml::Spanned::span).unwrap_or_default();
    let Some(program) = words.first().filter(|w| !w.text.is_empty()) else {
        return Err(Fault::new(code::MANIFEST_BAD_RUN, whole, "'run' names no program")
            .hint("leave 'run' out to let the grant name the command"));
    };
    if program.text == FURTHER {
        return Err(Fault::new(
            code::MANIFEST_BAD_RUN,
            program.span.clone(),
            "'run' would be any command at all",
        )
        .hint("leave 'run' out to let the grant name the command"));
    }
    if program.text.contains('/')
        && Path::new(program.text).components().any(|c| c == Component::ParentDir)
    {
        return Err(Fault::new(
            code::MANIFEST_BAD_RUN,
            program.span.clone(),
            "the program's path goes up by '..'",
        )
        .hint("name a program on PATH, or a path below the project"));
    }
    let early =
        words.split_last().and_then(|(_, before)| before.iter().find(|w| w.text == FURTHER));
    match early {
        Some(word) => Err(Fault::new(
            code::MANIFEST_BAD_RUN,
            word.span.clone(),
            "\"...\" stands for further words and can only be last",
        )),
        None => Ok(words.iter().map(|w| w.text.to_owned()).collect()),
    }
}

fn read_dir(word: &Text<'_>) -> Checked<PathBuf> {
    let path = Path::new(word.text);
    let fault = |what: &str| {
        Err(Fault::new(code::MANIFEST_BAD_DIR, word.span.clone(), format!("'dir' {what}"))
            .hint("name a directory below the project's root, for example: dir = \"apps/server\""))
    };
    match () {
        () if word.text.is_empty() => fault("is empty"),
        () if path.is_absolute() => fault("is absolute"),
        () if path.components().any(|c| c == Component::ParentDir) => fault("goes up by '..'"),
        () if word.text.starts_with('~') => fault("begins with '~', which nothing expands here"),
        () => Ok(path.components().filter(|c| *c != Component::CurDir).collect()),
    }
}

fn read_names(
    fields: &Fields<'_>,
    key: &str,
    check: fn(&str) -> Result<()>,
) -> Checked<Vec<String>> {
    let words = fields.words(key)?.unwrap_or_default();
    let mut names = words
        .into_iter()
        .map(|w| {
            check(w.text).map(|()| w.text.to_owned()).map_err(|e| Fault::from_error(&e, w.span))
        })
        .collect::<Checked<Vec<_>>>()?;
    names.sort();
    names.dedup();
    Ok(names)
}

fn read_deliveries(
    fields: &Fields<'_>,
    refs: &BTreeMap<SecretName, RefSpec>,
) -> Checked<Vec<Delivery>> {
    let mut found = Vec::new();
    for channel in Channel::ALL.iter().copied() {
        let key = channel.as_str();
        match channel {
            Channel::Env | Channel::File | Channel::Fd => {
                let Some(table) = fields.table(key)? else { continue };
                for (key, value) in Fields::all(table).entries() {
                    let variable = key.get_ref().as_ref();
                    check_text(variable, key.span(), "a variable")?;
                    check_variable(variable).map_err(|e| Fault::from_error(&e, key.span()))?;
                    let reference = read_reference(value, variable, refs)?;
                    let variable = Some(variable.to_owned());
                    found.push((key.span(), Delivery { channel, variable, reference }));
                }
            }
            Channel::Stdin => {
                let Some(value) = fields.value(key) else { continue };
                let reference = read_reference(value, key, refs)?;
                found.push((value.span(), Delivery { channel, variable: None, reference }));
            }
        }
    }
    sorted(found)
}

fn read_templates(
    fields: &Fields<'_>,
    refs: &BTreeMap<SecretName, RefSpec>,
    root: &Path,
    deliveries: &[Delivery],
) -> Checked<Vec<Template>> {
    let Some(table) = fields.table("template")? else { return Ok(Vec::new()) };
    let (mut found, mut size) = (Vec::new(), 0);
    for (key, value) in Fields::all(table).entries() {
        let variable = key.get_ref().as_ref();
        check_text(variable, key.span(), "a variable")?;
        check_variable(variable).map_err(|e| Fault::from_error(&e, key.span()))?;
        if deliveries.iter().any(|d| d.variable.as_deref() == Some(variable)) {
            return Err(twice(key.span(), variable));
        }
        let path = word(value, &format!("the template of {variable}"))?;
        let template = Template::listed(variable, path.text, path.span.clone(), root, refs)?;
        size += template.text().len();
        if size > MAX_TEMPLATES {
            let message = format!(
                "the templates of a target are longer than {} KiB together",
                MAX_TEMPLATES / 1024
            );
            return Err(Fault::new(code::MANIFEST_TOO_LARGE, path.span, message).hint(
                "deliver the values by env, file or fd, and let the command read its long \
                       files itself",
            ));
        }
        found.push(template);
    }
    found.sort_by(|a, b| a.variable().cmp(b.variable()));
    Ok(found)
}

fn twice(span: Range<usize>, variable: &str) -> Fault {
    Fault::new(code::MANIFEST_DUPLICATE, span, format!("{variable} is delivered twice"))
        .hint("give each value a variable of its own")
}

fn sorted(found: Vec<(Range<usize>, Delivery)>) -> Checked<Vec<Delivery>> {
    let mut taken = BTreeSet::new();
    if let Some((span, delivery)) = found.iter().find(|(_, d)| !taken.insert(d.variable.as_deref()))
    {
        let variable = delivery.variable.as_deref().unwrap_or("stdin");
        return Err(twice(span.clone(), variable));
    }
    let mut deliveries: Vec<Delivery> = found.into_iter().map(|(_, d)| d).collect();
    deliveries.sort();
    Ok(deliveries)
}

fn read_reference(
    value: &toml::Spanned<toml::de::DeValue<'_>>,
    variable: &str,
    refs: &BTreeMap<SecretName, RefSpec>,
) -> Checked<SecretName> {
    let word = word(value, &format!("what {variable} is given"))?;
    let name = word.text.parse::<SecretName>().map_err(|_| {
        Fault::new(
            code::MANIFEST_BAD_REFERENCE,
            word.span.clone(),
            format!("what {variable} is given is not the name of a reference"),
        )
        .hint("a name looks like db/url; a value is stored with: hasp-vault set db/url")
        .showing(Shown::NoStrings)
    })?;
    if refs.contains_key(&name) {
        return Ok(name);
    }
    Err(unlisted(&name, word.span, variable, refs))
}
