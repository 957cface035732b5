//! The text of a template taken apart: literal stretches, and the places of values between double
//! braces. What is wrong is kept as a span, and shown without the rest of its line, which may hold
//! anything.

use std::collections::BTreeMap;
use std::ops::Range;

use hasp_core::SecretName;

use crate::code;
use crate::manifest::excerpt::Shown;
use crate::manifest::fault::{Checked, Fault};
use crate::manifest::filter::Filter;
use crate::manifest::reference::{RefSpec, unlisted};
use crate::manifest::suspicion::{Suspicion, suspicion};

/// What opens a value's place, and twice in a row stands for itself.
const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// A stretch of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// These bytes of its text, as they are.
    Text(Range<usize>),
    /// A value.
    Value(SecretName, Filter),
}

/// A template holds names only. Text that merely looks random is let through: certificates and
/// public keys belong in such files.
pub(crate) fn refuse_secrets(text: &str) -> Checked<()> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(why) = suspicion(line).filter(|why| *why != Suspicion::Random) {
            let message = format!("this line looks like it holds a secret: {}", why.words());
            return Err(Fault::new(
                code::MANIFEST_SECRET,
                start..start + line.trim_end().len(),
                message,
            )
            .hint("store the value with: hasp-vault set NAME; and write {{NAME}} in its place")
            .showing(Shown::Nothing));
        }
        start += line.len();
    }
    Ok(())
}

/// The stretches of a text in their order. With a list, each reference must be on it.
pub(crate) fn pieces(
    text: &str,
    refs: Option<&BTreeMap<SecretName, RefSpec>>,
) -> Checked<Vec<Piece>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(open) = text[at..].find(OPEN).map(|offset| at + offset) {
        let inner = open + OPEN.len();
        if text[inner..].starts_with(OPEN) {
            found.push(Piece::Text(at..inner));
            at = inner + OPEN.len();
            continue;
        }
        let line = text[inner..].split('\n').next().unwrap_or_default();
        let close = line.find(CLOSE).ok_or_else(|| {
            syntax(open..inner, "'{{' is not closed on its line")
                .hint("write {{ref}}; two braces that mean themselves are written {{{{")
        })?;
        if open > at {
            found.push(Piece::Text(at..open));
        }
        found.push(value(&line[..close], open..inner + close + CLOSE.len(), refs)?);
        at = inner + close + CLOSE.len();
    }
    if at < text.len() {
        found.push(Piece::Text(at..text.len()));
    }
    Ok(found)
}

/// What stands between the braces: a reference, and perhaps a colon and a filter.
fn value(
    inner: &str,
    span: Range<usize>,
    refs: Option<&BTreeMap<SecretName, RefSpec>>,
) -> Checked<Piece> {
    let (name, filter) =
        inner.split_once(':').map_or((inner, None), |(name, word)| (name, Some(word.trim())));
    let name = name.trim();
    if name.is_empty() {
        return Err(syntax(span, "no reference stands between the braces")
            .hint("write {{db/url}} or {{db/url:json}}"));
    }
    let parsed = name.parse::<SecretName>().ok().filter(|_| suspicion(name).is_none());
    let reference = parsed.ok_or_else(|| {
        Fault::new(
            code::TEMPLATE_BAD_REFERENCE,
            span.clone(),
            "what stands between the braces is not the name of a reference",
        )
        .hint("a name looks like db/url; two braces that mean themselves are written {{{{")
        .showing(Shown::Nothing)
    })?;
    if let Some(refs) = refs.filter(|refs| !refs.contains_key(&reference)) {
        let fault = unlisted(&reference, span, "the template", refs);
        let named = reference.as_str().contains('/');
        return Err(fault.showing(if named { Shown::Only } else { Shown::Nothing }));
    }
    let filter = match filter {
        None => Filter::Plain,
        Some(word) => named_filter(word, span)?,
    };
    Ok(Piece::Value(reference, filter))
}

fn named_filter(word: &str, span: Range<usize>) -> Checked<Filter> {
    let known = Filter::NAMED.iter().find(|(name, _)| *name == word);
    known.map(|(_, filter)| *filter).ok_or_else(|| {
        Fault::new(code::TEMPLATE_FILTER, span, "there is no such filter")
            .suggest(word, Filter::NAMED.iter().map(|(name, _)| *name))
            .hint("the filters are :url, :json, :base64 and :shell")
            .showing(Shown::Only)
    })
}

fn syntax(span: Range<usize>, message: &str) -> Fault {
    Fault::new(code::TEMPLATE_SYNTAX, span, message).showing(Shown::Only)
}
