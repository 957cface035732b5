//! `add`: binds references by name. What is bound stands on the command line, so nothing is asked;
//! whoever types it unlocks.

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, SecretName};

use crate::binding::project_vault::ProjectVault;
use crate::verb::consent;

pub(crate) fn run(words: &[String], place: &ProjectVault, cx: &mut Context) -> Result<Exit> {
    let pairs = words.iter().map(|w| pair(w)).collect::<Result<Vec<_>>>()?;
    let before = place.binding()?;
    let news = pairs.iter().any(|(r, s)| before.refs.get(r) != Some(s));
    place.check_name(&before)?;
    if !news && place.remember.is_none() && !place.widens(&before) {
        cx.out.note("nothing new: these references are bound so already");
        return consent::object(&before, place, cx).map(|()| Exit::OK);
    }
    let signed = place.change(cx, |binding| {
        binding.refs.extend(pairs.iter().cloned());
        Ok(())
    })?;
    if place.project.founded {
        cx.out.note(&place.project.extent(cx.env.get("HOME")));
    }
    for (reference, secret) in &pairs {
        match before.refs.get(reference).filter(|s| *s != secret) {
            Some(old) => cx.out.note(&format!("{reference} means {secret} now, not {old}")),
            None => cx.out.note(&format!("{reference} means {secret}")),
        }
    }
    consent::report(&signed, place, cx)
}

/// The error with what was typed in the place of REF, so that a hint can be typed as it stands.
pub(crate) fn with_words(error: &Error, words: &[String]) -> Error {
    // A word that is no reference may be a value.
    let fit = words.iter().all(|w| pair(w).is_ok());
    let words = if fit { words.join(" ") } else { "REF".to_owned() };
    let same = Error::new(error.kind(), error.code(), error.message());
    let hints = error.hints().iter().map(|h| h.replace("add REF", &format!("add {words}")));
    hints.fold(same, Error::hint)
}

/// `REF` or `REF=SECRET`; a word that is neither is not shown, since it may be a value.
fn pair(word: &str) -> Result<(SecretName, SecretName)> {
    let (reference, secret) = word.split_once('=').unwrap_or((word, word));
    match (reference.parse(), secret.parse()) {
        (Ok(reference), Ok(secret)) => Ok((reference, secret)),
        _ => Err(Error::new(
            Kind::Usage,
            hasp_target::code::BAD_REFERENCE,
            "a word is neither REF nor REF=SECRET (not shown: it may be a value)",
        )
        .hint(
            "a reference and a secret look like db/url; store the value first: hasp-vault set \
               db/url",
        )),
    }
}
