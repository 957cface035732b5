//! `hasp.toml`: what a project needs, by name. Untrusted text from a repository, so everything that
//! is not known to be good is refused with file, line and caret.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hasp_core::files::{self, Guard};
use hasp_core::suggest;
use hasp_core::text::{printable, printable_path};
use hasp_core::{Class, Error, Kind, Result, SecretName};
use toml::de::DeTable;

use crate::excerpt::Shown;
use crate::fault::{Checked, Fault};
use crate::fields::{Fields, check_text, shown, table};
use crate::target::{self, Target};
use crate::text;

/// What a manifest is called.
pub const FILE_NAME: &str = "hasp.toml";
/// The largest manifest, in bytes.
pub const MAX_SIZE: usize = 256 * 1024;
/// The longest text of all templates of a project, in bytes: the consent to its targets holds it.
const MAX_TEXT: usize = 256 * 1024;

/// A manifest that was read whole and found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Where it is.
    pub path: PathBuf,
    /// `[project] name`.
    pub project: Option<String>,
    /// What the project needs.
    pub refs: BTreeMap<SecretName, RefSpec>,
    /// Its workflows.
    pub targets: BTreeMap<String, Target>,
}

/// What a project says of something that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefSpec {
    /// For people.
    pub about: Option<String>,
    /// The grant is held to the stricter of this and the vault's.
    pub class: Option<Class>,
    /// Whether the targets run without it.
    pub required: bool,
}

impl Manifest {
    /// Reads a manifest: at most 256 KiB, a regular file and no link; directories that targets name
    /// must be no links either.
    ///
    /// # Errors
    /// `[no-manifest]` if there is none; else `Kind::Config` and a code that begins with
    /// `manifest-` or is `bad-variable`.
    pub fn load(path: &Path) -> Result<Manifest> {
        let bytes = files::read(path, Guard::Signed, MAX_SIZE).map_err(|e| unreadable(path, e))?;
        let manifest = Manifest::parse(&bytes, path)?;
        let root = path.parent().unwrap_or(Path::new("."));
        manifest.targets.values().try_for_each(|t| t.check_dir(root))?;
        Ok(manifest)
    }

    /// Reads the text of a manifest and the templates that it names, which lie below the directory
    /// of `path`.
    ///
    /// # Errors
    /// As [`Manifest::load`], without what concerns the manifest's own file.
    pub fn parse(text: &[u8], path: &Path) -> Result<Manifest> {
        let text = text::check(text, path, MAX_SIZE)?;
        let read = || -> Checked<Manifest> {
            let table = DeTable::parse(text).map_err(|e| syntax(&e, text.len()))?;
            read(table.get_ref(), path)
        };
        read().map_err(|fault| fault.into_error(text, path))
    }

    /// The target of this name.
    ///
    /// # Errors
    /// `[target-unknown]`.
    pub fn target(&self, name: &str) -> Result<&Target> {
        self.targets.get(name).ok_or_else(|| {
            let shown: String = printable(name.as_bytes()).chars().take(64).collect();
            let error = Error::new(
                Kind::Missing,
                "target-unknown",
                format!("target '{shown}' is not in {FILE_NAME}"),
            );
            let near = suggest::hint(name, self.targets.keys().map(String::as_str));
            error.hint(near.as_deref().unwrap_or("see what there is with: hasp-target list"))
        })
    }
}

fn read(top: &DeTable<'_>, path: &Path) -> Checked<Manifest> {
    let top = Fields::new(FILE_NAME, top, &["project", "refs", "target"])?;
    let refs = top.table("refs")?.map(read_refs).transpose()?.unwrap_or_default();
    let project = top.table("project")?.map(read_project).transpose()?.flatten();
    let root = path.parent().unwrap_or(Path::new("."));
    let (mut targets, mut size) = (BTreeMap::new(), 0);
    if let Some(list) = top.table("target")? {
        for (key, value) in Fields::all(list).entries() {
            let name = target::read_name(key.get_ref(), key.span())?;
            let table = table(value, &format!("[target.{name}]"))?;
            let target = target::read(&name, table, &refs, root)?;
            size += target.templates.iter().map(|t| t.text().len()).sum::<usize>();
            if size > MAX_TEXT {
                return Err(too_much(key.span()));
            }
            targets.insert(name, target);
        }
    }
    Ok(Manifest { path: path.to_owned(), project, refs, targets })
}

fn too_much(span: std::ops::Range<usize>) -> Fault {
    let message =
        format!("the templates of all targets are longer than {} KiB together", MAX_TEXT / 1024);
    Fault::new("manifest-too-large", span, message)
        .hint("let the commands read their long files themselves")
}

fn read_project(table: &DeTable<'_>) -> Checked<Option<String>> {
    let fields = Fields::new("[project]", table, &["name"])?;
    let Some(name) = fields.string("name")? else { return Ok(None) };
    match name.text.parse::<SecretName>() {
        Ok(_) => Ok(Some(name.text.to_owned())),
        Err(_) => Err(Fault::new(
            "manifest-bad-name",
            name.span,
            "that cannot be the name of a project",
        )
        .hint("a name has letters, digits, '.', '_', '-' and '/', for example: name = \"api\"")),
    }
}

fn read_refs(refs: &DeTable<'_>) -> Checked<BTreeMap<SecretName, RefSpec>> {
    let mut found = BTreeMap::new();
    for (key, value) in Fields::all(refs).entries() {
        check_text(key.get_ref(), key.span(), "a reference in [refs]")?;
        let name = key.get_ref().parse::<SecretName>().map_err(|_| {
            Fault::new(
                "manifest-bad-name",
                key.span(),
                format!("{} cannot be the name of a reference", shown(key.get_ref())),
            )
            .hint("a name looks like db/url, in quotes if it has a '/'")
        })?;
        let what = format!("\"{name}\" of [refs]");
        found.insert(name, read_ref(&what, table(value, &what)?)?);
    }
    Ok(found)
}

fn read_ref(what: &str, spec: &DeTable<'_>) -> Checked<RefSpec> {
    let fields = Fields::new(what, spec, &["about", "class", "required"])?;
    let class = fields.string("class")?.map(|word| {
        word.text.parse::<Class>().map_err(|_| {
            Fault::new("manifest-bad-class", word.span.clone(), "that is not a class")
                .suggest(word.text, Class::ALL.map(Class::as_str))
                .hint("the classes are low, medium, high and critical")
        })
    });
    Ok(RefSpec {
        about: fields.string("about")?.map(|w| w.text.to_owned()),
        class: class.transpose()?,
        required: fields.boolean("required", true)?,
    })
}

fn syntax(error: &toml::de::Error, end: usize) -> Fault {
    let message = error.message().to_lowercase();
    let code = match message.as_str() {
        m if m.contains("duplicate key") => "manifest-duplicate",
        m if m.contains("recurs") => "manifest-too-deep",
        _ => "manifest-syntax",
    };
    Fault::new(code, error.span().unwrap_or(end..end), format!("not TOML: {message}"))
        .showing(Shown::Head)
}

fn unreadable(path: &Path, error: Error) -> Error {
    let shown = printable_path(path);
    let typed = hasp_core::text::shell_word(path.as_os_str());
    match error.code().as_str() {
        "file-too-large" => text::too_large(path, MAX_SIZE),
        "not-found" => Error::new(Kind::Missing, "no-manifest", format!("there is no {shown}"))
            .hint("write one to start from: hasp-target init"),
        "symlink" => Error::new(Kind::Config, "manifest-symlink", format!("{shown} is a symbolic link"))
            .hint(format!("replace it by what it points to: cp --remove-destination \"$(realpath {typed})\" {typed}")),
        "not-a-file" => Error::new(Kind::Config, "manifest-not-a-file", format!("{shown} is not a regular file"))
            .hint(format!("look at it with: ls -l {typed}")),
        _ => error,
    }
}
