//! Reading one table of the manifest: known keys only, each of its type, each string fit to be
//! shown and no secret.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::code;
use crate::manifest::excerpt::Shown;
use crate::manifest::fault::{Checked, Fault};
use crate::manifest::suspicion::suspicion;
use crate::manifest::text::hidden;

/// A string and where it stands.
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) span: Range<usize>,
}

/// A table with what it is called in messages.
pub(crate) struct Fields<'a> {
    what: String,
    table: &'a DeTable<'a>,
}

impl<'a> Fields<'a> {
    /// The table, if it has no keys but these.
    pub(crate) fn new(
        what: impl Into<String>,
        table: &'a DeTable<'a>,
        keys: &[&str],
    ) -> Checked<Fields<'a>> {
        let fields = Fields { what: what.into(), table };
        let strangers = table.keys().filter(|k| !keys.contains(&k.get_ref().as_ref()));
        match strangers.min_by_key(|k| k.span().start) {
            None => Ok(fields),
            Some(stranger) => Err(fields.unknown(stranger, keys)),
        }
    }

    /// The table, whatever its keys are.
    pub(crate) fn all(table: &'a DeTable<'a>) -> Fields<'a> {
        Fields { what: String::new(), table }
    }

    /// The keys and values, as they stand in the file.
    pub(crate) fn entries(&self) -> Vec<(&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)> {
        let mut entries: Vec<_> = self.table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.iter().find(|(k, _)| k.get_ref() == key).map(|(_, value)| value)
    }

    pub(crate) fn string(&self, key: &str) -> Checked<Option<Text<'a>>> {
        self.value(key).map(|v| word(v, &self.name(key))).transpose()
    }

    pub(crate) fn boolean(&self, key: &str, default: bool) -> Checked<bool> {
        match self.value(key) {
            None => Ok(default),
            Some(value) => value
                .get_ref()
                .as_bool()
                .ok_or_else(|| self.wrong_type(key, value, "true or false")),
        }
    }

    pub(crate) fn words(&self, key: &str) -> Checked<Option<Vec<Text<'a>>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let list: &DeArray<'a> = value
            .get_ref()
            .as_array()
            .ok_or_else(|| self.wrong_type(key, value, "a list of words, [\"..\", \"..\"]"))?;
        list.iter()
            .map(|v| word(v, &format!("a word of {}", self.name(key))))
            .collect::<Checked<Vec<_>>>()
            .map(Some)
    }

    pub(crate) fn table(&self, key: &str) -> Checked<Option<&'a DeTable<'a>>> {
        self.value(key).map(|v| table(v, &self.name(key))).transpose()
    }

    fn name(&self, key: &str) -> String {
        format!("'{key}' in {}", self.what)
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> Fault {
        type_fault(&self.name(key), value, wanted)
    }

    fn unknown(&self, stranger: &Spanned<DeString<'_>>, keys: &[&str]) -> Fault {
        let name = stranger.get_ref();
        let fault = Fault::new(
            code::MANIFEST_UNKNOWN_KEY,
            stranger.span(),
            format!("there is no key {} in {}", shown(name), self.what),
        )
        .suggest(name, keys.iter().copied());
        fault
            .hint(format!("known here: {}", keys.join(", ")))
            .showing(if suspicion(name).is_some() { Shown::NoStrings } else { Shown::Place })
    }
}

/// A table, inline or not.
pub(crate) fn table<'a>(value: &'a Spanned<DeValue<'a>>, what: &str) -> Checked<&'a DeTable<'a>> {
    value.get_ref().as_table().ok_or_else(|| type_fault(what, value, "a table, { .. }"))
}

/// A string without characters that do not show, and no secret.
pub(crate) fn word<'a>(value: &'a Spanned<DeValue<'a>>, what: &str) -> Checked<Text<'a>> {
    let text =
        value.get_ref().as_str().ok_or_else(|| type_fault(what, value, "a string, \"..\""))?;
    check_text(text, value.span(), what)?;
    Ok(Text { text, span: value.span() })
}

/// The rules for every key and every string.
pub(crate) fn check_text(text: &str, span: Range<usize>, what: &str) -> Checked<()> {
    if let Some(why) = suspicion(text) {
        let message = format!("{what} looks like a secret: {}", why.words());
        return Err(Fault::new(code::MANIFEST_SECRET, span, message)
            .hint(
                "store it with: hasp-vault set NAME; then name it under [refs] and deliver it \
                   with env, file, fd or stdin",
            )
            .showing(Shown::NoStrings));
    }
    if text.chars().any(hidden) {
        let message = format!("{what} holds a character that does not show");
        return Err(Fault::new(code::MANIFEST_CONTROL, span, message)
            .hint(
                "write one line without control characters; a longer script belongs in a file \
                   of its own",
            )
            .showing(Shown::NoStrings));
    }
    Ok(())
}

/// A key in a message: not, if it could be a value in the wrong place.
pub(crate) fn shown(key: &str) -> String {
    if suspicion(key).is_some() {
        return "(not shown: it looks like a secret)".to_owned();
    }
    let cut: String = hasp_core::text::printable(key.as_bytes()).chars().take(40).collect();
    format!("'{cut}'")
}

fn type_fault(what: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> Fault {
    let found = value.get_ref().type_str();
    Fault::new(
        code::MANIFEST_TYPE,
        value.span(),
        format!("{what} takes {wanted}, not {} {found}", article(found)),
    )
    .showing(Shown::NoStrings)
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'i', 'o', 'u', 'e']) { "an" } else { "a" }
}
