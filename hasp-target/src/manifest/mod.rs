//! `hasp.toml`: what a project needs, by name. Untrusted text from a repository, so everything that
//! is not known to be good is refused with file, line and caret.

pub(crate) mod braces;
pub(crate) mod changes;
pub(crate) mod delivery;
pub(crate) mod excerpt;
pub(crate) mod fault;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod loaders;
pub(crate) mod reference;
pub(crate) mod suspicion;
pub(crate) mod target;
pub(crate) mod template;
pub(crate) mod text;
pub(crate) mod variable;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hasp_core::files::{self, Guard};
use hasp_core::suggest;
use hasp_core::text::{printable, printable_path};
use hasp_core::{Error, Kind, Result, SecretName, hint};
use toml::de::DeTable;

use crate::code;
use crate::manifest::excerpt::Shown;
use crate::manifest::fault::{Checked, Fault};
use crate::manifest::fields::{Fields, table};
use crate::manifest::reference::{RefSpec, read_refs};
use crate::manifest::target::Target;
use crate::manifest::text::{FILE_NAME, MAX_SIZE};

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
                code::TARGET_UNKNOWN,
                format!("target '{shown}' is not in {FILE_NAME}"),
            );
            let near = suggest::hint(name, self.targets.keys().map(String::as_str));
            error.hint(near.as_deref().unwrap_or(hint("see what there is with: hasp-target list")))
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
    Fault::new(code::MANIFEST_TOO_LARGE, span, message)
        .hint("let the commands read their long files themselves")
}

fn read_project(table: &DeTable<'_>) -> Checked<Option<String>> {
    let fields = Fields::new("[project]", table, &["name"])?;
    let Some(name) = fields.string("name")? else { return Ok(None) };
    match name.text.parse::<SecretName>() {
        Ok(_) => Ok(Some(name.text.to_owned())),
        Err(_) => Err(Fault::new(
            code::MANIFEST_BAD_NAME,
            name.span,
            "that cannot be the name of a project",
        )
        .hint("a name has letters, digits, '.', '_', '-' and '/', for example: name = \"api\"")),
    }
}

fn syntax(error: &toml::de::Error, end: usize) -> Fault {
    let message = error.message().to_lowercase();
    let code = match message.as_str() {
        m if m.contains("duplicate key") => code::MANIFEST_DUPLICATE,
        m if m.contains("recurs") => code::MANIFEST_TOO_DEEP,
        _ => code::MANIFEST_SYNTAX,
    };
    Fault::new(code, error.span().unwrap_or(end..end), format!("not TOML: {message}"))
        .showing(Shown::Head)
}

fn unreadable(path: &Path, error: Error) -> Error {
    let shown = printable_path(path);
    let typed = hasp_core::text::shell_word(path.as_os_str());
    match error.code() {
        hasp_core::code::FILE_TOO_LARGE => text::too_large(path, MAX_SIZE),
        hasp_core::code::NOT_FOUND => {
            Error::new(Kind::Missing, code::NO_MANIFEST, format!("there is no {shown}"))
                .hint("write one to start from: hasp-target init")
        }
        hasp_core::code::SYMLINK => {
            Error::new(Kind::Config, code::MANIFEST_SYMLINK, format!("{shown} is a symbolic link"))
                .hint(format!(
                    "replace it by what it points to: \
                     cp --remove-destination \"$(realpath {typed})\" {typed}"
                ))
        }
        hasp_core::code::NOT_A_FILE => Error::new(
            Kind::Config,
            code::MANIFEST_NOT_A_FILE,
            format!("{shown} is not a regular file"),
        )
        .hint(format!("look at it with: ls -l {typed}")),
        _ => error,
    }
}
