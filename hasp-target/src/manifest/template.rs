//! A template: a file of the project in which `{{ref}}` stands for a value. Its whole text is part
//! of what a person consents to and of the grant, so that editing the file afterwards changes
//! nothing that was approved.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use hasp_core::files::{self, Guard};
use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result, SecretName};
use serde::{Deserialize, Serialize};

use crate::code;
use crate::manifest::braces::{self, Piece};
use crate::manifest::delivery::Delivery;
use crate::manifest::fault::{Checked, Fault};
use crate::manifest::filter::Filter;
use crate::manifest::reference::RefSpec;
use crate::manifest::text;
use crate::manifest::variable::check_variable;

/// The longest template, in bytes: its text travels in each token.
pub const MAX_TEMPLATE: usize = 16 * 1024;

/// A template with its text, read whole and found good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Template {
    variable: String,
    path: PathBuf,
    text: String,
    #[serde(skip)]
    pieces: Vec<Piece>,
}

/// A stretch of a template, ready to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// As it is.
    Text(&'a str),
    /// The value of this reference, written so.
    Value(&'a SecretName, Filter),
}

/// What a record or a token holds of a template.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    variable: String,
    path: PathBuf,
    text: String,
}

impl TryFrom<Written> for Template {
    type Error = Error;

    fn try_from(written: Written) -> Result<Template> {
        check_variable(&written.variable)?;
        check_path(&written.path)?;
        Template::of(written.variable, written.path, written.text, None)
    }
}

impl Template {
    /// Reads a template of the command line, `VAR=PATH` with a path below `root`, which is a real
    /// path.
    ///
    /// # Errors
    /// `[bad-delivery]`, `[bad-variable]`; `[template-missing]`, `[template-bad-path]`; the codes
    /// of its text, with line and caret.
    pub fn parse(word: &str, root: &Path, here: &Path) -> Result<Template> {
        let (variable, typed) = word.split_once('=').ok_or_else(|| {
            Error::new(
                Kind::Usage,
                code::BAD_DELIVERY,
                "template takes VAR=PATH, a variable and a file of the project",
            )
            .hint("for example: --template PGPASSFILE=ops/pgpass.in")
        })?;
        check_variable(variable)?;
        let full = here.join(typed);
        let below = full
            .strip_prefix(root)
            .map_err(|_| bad_path(Path::new(typed), "is outside of the project"))?;
        let text = read(root, below)?;
        Template::of(variable.to_owned(), tidy(below), text, None)
    }

    /// Reads a template that a manifest names; what is wrong with the path is shown in the
    /// manifest, with the text in the template.
    pub(crate) fn listed(
        variable: &str,
        path: &str,
        span: Range<usize>,
        root: &Path,
        refs: &BTreeMap<SecretName, RefSpec>,
    ) -> Checked<Template> {
        let path = Path::new(path);
        let text =
            check_path(path).and_then(|()| read(root, path)).map_err(|e| match e.code() {
                code::TEMPLATE_MISSING | code::TEMPLATE_BAD_PATH => Fault::from_error(&e, span),
                _ => Fault::whole(e),
            })?;
        Template::of(variable.to_owned(), tidy(path), text, Some((root, refs)))
            .map_err(Fault::whole)
    }

    /// A template with this text. With a list, its references must be on it.
    fn of(
        variable: String,
        path: PathBuf,
        text: String,
        listed: Option<Listed<'_>>,
    ) -> Result<Template> {
        let shown = listed.map_or(path.clone(), |(root, _)| root.join(&path));
        let whole = |fault: Fault| fault.into_error(&text, &shown);
        text::check(text.as_bytes(), &shown, MAX_TEMPLATE)?;
        braces::refuse_secrets(&text).map_err(whole)?;
        let pieces = braces::pieces(&text, listed.map(|(_, refs)| refs)).map_err(whole)?;
        Ok(Template { variable, path, text, pieces })
    }

    /// The variable that holds the path of the file.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// Where it is, below the project's root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text, as it was approved.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its stretches in their order.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.pieces.iter().map(|piece| match piece {
            Piece::Text(range) => Part::Text(&self.text[range.clone()]),
            Piece::Value(reference, filter) => Part::Value(reference, *filter),
        })
    }

    /// The references in it, each once, sorted.
    pub fn references(&self) -> Vec<&SecretName> {
        let mut references: Vec<&SecretName> = self
            .parts()
            .filter_map(|part| if let Part::Value(r, _) = part { Some(r) } else { None })
            .collect();
        references.sort();
        references.dedup();
        references
    }
}

/// Refuses a template in the variable of another delivery.
///
/// # Errors
/// `[duplicate-variable]`.
pub fn check_variables(deliveries: &[Delivery], templates: &[Template]) -> Result<()> {
    let direct = deliveries.iter().filter_map(|d| d.variable.as_deref());
    let mut taken: BTreeSet<&str> = direct.collect();
    match templates.iter().find(|t| !taken.insert(t.variable())) {
        None => Ok(()),
        Some(template) => {
            let message = format!("{} is delivered twice", template.variable());
            Err(Error::new(Kind::Usage, code::DUPLICATE_VARIABLE, message)
                .hint("give each value a variable of its own"))
        }
    }
}

/// The project's root, for messages, and what its manifest lists.
type Listed<'a> = (&'a Path, &'a BTreeMap<SecretName, RefSpec>);

/// The text of a regular file below `root`, reached through no link.
fn read(root: &Path, path: &Path) -> Result<String> {
    check_path(path)?;
    let mut above = root.to_owned();
    for part in path.parent().unwrap_or(Path::new("")).components() {
        above.push(part);
        match above.symlink_metadata() {
            Ok(meta) if !meta.is_dir() => {
                return Err(bad_path(path, "goes through a link or a file"));
            }
            _ => {}
        }
    }
    let full = root.join(path);
    let bytes = files::read(&full, Guard::Signed, MAX_TEMPLATE).map_err(|e| match e.code() {
        hasp_core::code::NOT_FOUND => {
            let typed = hasp_core::text::shell_word(full.as_os_str());
            Error::new(
                Kind::Config,
                code::TEMPLATE_MISSING,
                format!("there is no template {}", printable_path(path)),
            )
            .hint(format!(
                "write it, with {{{{ref}}}} where the value of ref goes: ${{EDITOR:-vi}} {typed}"
            ))
        }
        hasp_core::code::SYMLINK => bad_path(path, "is a link"),
        hasp_core::code::NOT_A_FILE => bad_path(path, "is not a regular file"),
        hasp_core::code::FILE_TOO_LARGE => too_large(&full),
        _ => e,
    })?;
    text::check(&bytes, &full, MAX_TEMPLATE).map(str::to_owned)
}

fn too_large(path: &Path) -> Error {
    let message = format!("{} is longer than {} KiB", printable_path(path), MAX_TEMPLATE / 1024);
    Error::new(Kind::Config, code::MANIFEST_TOO_LARGE, message).hint(
        "deliver the values by env, file or fd, and let the command read its long files itself",
    )
}

fn check_path(path: &Path) -> Result<()> {
    let text = path.to_str().unwrap_or_default();
    match () {
        () if text.is_empty() => Err(bad_path(path, "is empty or not UTF-8")),
        () if path.is_absolute() => Err(bad_path(path, "is absolute")),
        () if path.components().any(|c| c == Component::ParentDir) => {
            Err(bad_path(path, "goes up by '..'"))
        }
        () if text.starts_with('~') => {
            Err(bad_path(path, "begins with '~', which nothing expands here"))
        }
        () => Ok(()),
    }
}

fn bad_path(path: &Path, what: &str) -> Error {
    Error::new(
        Kind::Config,
        code::TEMPLATE_BAD_PATH,
        format!(
            "the template {} \
                                                           {what}",
            printable_path(path)
        ),
    )
    .hint(
        "name a file below the project's root, for example: template = { PGPASSFILE = \
               \"ops/pgpass.in\" }",
    )
}

/// Without `.` parts, so that one file has one spelling.
fn tidy(path: &Path) -> PathBuf {
    path.components().filter(|c| *c != Component::CurDir).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Result<Template> {
        Template::of("F".to_owned(), "ops/t.in".into(), text.to_owned(), None)
    }

    fn spelled(text: &str) -> Vec<String> {
        let template = of(text).unwrap();
        let spell = |part: Part<'_>| match part {
            Part::Text(text) => text.to_owned(),
            Part::Value(reference, filter) => format!("<{reference}|{}>", filter.as_str()),
        };
        template.parts().map(spell).collect()
    }

    #[test]
    fn values_filters_and_braces_of_the_file_itself() {
        assert_eq!(spelled("h:5432:{{db/pw}}\n"), ["h:5432:", "<db/pw|>", "\n"]);
        assert_eq!(spelled("{{a/b:url}}{{ c:shell }}"), ["<a/b|url>", "<c|shell>"]);
        assert_eq!(spelled("{\"a\":{\"b\":{{c:json}}}}"), ["{\"a\":{\"b\":", "<c|json>", "}}"]);
        assert_eq!(spelled("{{{{ .Values.x }} }} {"), ["{{", " .Values.x }} }} {"]);
        assert_eq!(spelled("a{{{{{{c}}"), ["a{{", "<c|>"]);
        assert!(spelled("").is_empty());
        assert_eq!(of("{{b}} {{a:url}} {{b:json}}").unwrap().references().len(), 2);
    }

    #[test]
    fn what_is_wrong_is_shown_with_line_and_caret() {
        let cases = [
            ("x\n  {{db/pw\n}}", code::TEMPLATE_SYNTAX, "2 | ...{{...\n  |    ^^"),
            ("{{ }}", code::TEMPLATE_SYNTAX, "1 | {{ }}\n  | ^^^^^"),
            ("{{:url}}", code::TEMPLATE_SYNTAX, "^"),
            (
                "p={{db/pw:jsn}};q",
                code::TEMPLATE_FILTER,
                "1 | ...{{db/pw:jsn}}...\n  |    ^^^^^^^^^^^^^",
            ),
            ("{{db/pw:}}", code::TEMPLATE_FILTER, "^"),
            ("{{hunter2!}}", code::TEMPLATE_BAD_REFERENCE, "1 | ...\n  | ^^^"),
            ("{{{db/pw}}}", code::TEMPLATE_BAD_REFERENCE, "^"),
            ("a: b\npassword = hunter2!", code::MANIFEST_SECRET, "2 | ...\n  | ^^^"),
            ("x\0", code::MANIFEST_NUL, "^"),
            ("x\u{202e}", code::MANIFEST_CONTROL, "^"),
        ];
        for (text, code, shown) in cases {
            let error = of(text).unwrap_err();
            assert_eq!(error.code(), code, "{text:?}");
            assert!(error.message().contains(shown), "{text:?}: {}", error.message());
            assert!(
                error.message().starts_with("ops/t.in:") && !error.message().contains("hunter2")
            );
        }
        assert!(of("{{db/pw:jsn}}").unwrap_err().hints()[0].contains("did you mean 'json'"));
        assert_eq!(of(&"x".repeat(MAX_TEMPLATE + 1)).unwrap_err().code(), code::MANIFEST_TOO_LARGE);
        of(&"x".repeat(MAX_TEMPLATE)).unwrap();
    }

    #[test]
    fn public_text_that_looks_random_may_stand_in_a_template() {
        of("ca: MIIBszCCAVmgAwIBAgIUZ0x1Y2t5Q2VydGlmaWNhdGVOdW1iZXI3d0RRWUpLb1pJ\nurl: \
            postgres://app:{{db/pw:url}}@h/d\npassword = {{db/pw}}\n")
        .unwrap();
    }

    #[test]
    fn a_record_of_a_template_is_checked_like_a_file() {
        let good = of("{{a}}").unwrap();
        let json = serde_json::to_string(&good).unwrap();
        assert_eq!(json, r#"{"variable":"F","path":"ops/t.in","text":"{{a}}"}"#);
        assert_eq!(serde_json::from_str::<Template>(&json).unwrap(), good);
        for bad in [
            json.replace("{{a}}", "{{a"),
            json.replace("\"F\"", "\"PATH\""),
            json.replace("ops/", "../"),
        ] {
            assert!(serde_json::from_str::<Template>(&bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(\\PC|[{}:a-z/\n]){0,40}") {
            if let Ok(template) = of(&text) {
                prop_assert_eq!(of(template.text()).unwrap(), template);
            }
        }

        #[test]
        fn text_with_its_braces_doubled_comes_out_as_it_was(text in "[a-z{} \n]{0,30}") {
            let doubled = text.replace("{{", "{{{{");
            // A brace that is left over before a doubled pair would be read with it.
            prop_assume!(!text.contains("{{{"));
            let template = of(&doubled).unwrap();
            let text_of = |p| if let Part::Text(t) = p { t } else { "<value>" };
            let plain: String = template.parts().map(text_of).collect();
            prop_assert_eq!(plain, text);
        }
    }
}
