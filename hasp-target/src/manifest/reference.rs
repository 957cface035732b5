//! `[refs]`: what a project says of what it needs, by name; never a value.

use std::collections::BTreeMap;
use std::ops::Range;

use hasp_core::{Class, SecretName};
use toml::de::DeTable;

use crate::code;
use crate::manifest::excerpt::Shown;
use crate::manifest::fault::{Checked, Fault};
use crate::manifest::fields::{Fields, check_text, shown, table};

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

/// Reads `[refs]`.
pub(crate) fn read_refs(refs: &DeTable<'_>) -> Checked<BTreeMap<SecretName, RefSpec>> {
    let mut found = BTreeMap::new();
    for (key, value) in Fields::all(refs).entries() {
        check_text(key.get_ref(), key.span(), "a reference in [refs]")?;
        let name = key.get_ref().parse::<SecretName>().map_err(|_| {
            Fault::new(
                code::MANIFEST_BAD_NAME,
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
            Fault::new(code::MANIFEST_BAD_CLASS, word.span.clone(), "that is not a class")
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

/// A name with a '/' is a reference; without one it may be a short value in the wrong place, and is
/// not shown.
pub(crate) fn unlisted(
    name: &SecretName,
    span: Range<usize>,
    variable: &str,
    refs: &BTreeMap<SecretName, RefSpec>,
) -> Fault {
    let named = name.as_str().contains('/');
    let example = if named { name.as_str() } else { "NAME" };
    let fault = Fault::new(
        code::MANIFEST_UNLISTED,
        span,
        format!("{variable} is given a reference that [refs] does not list"),
    )
    .suggest(name.as_str(), refs.keys().map(SecretName::as_str))
    .hint(format!("list it under [refs]: \"{example}\" = {{ about = \"what it is for\" }}"));
    if named { fault } else { fault.showing(Shown::NoStrings) }
}
