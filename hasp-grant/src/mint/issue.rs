//! The token itself: the file keys sealed, one half entered in the ledger, the other signed; and
//! the line that the record holds of it.

use std::ffi::OsStr;

use hasp_audit::{Event, EventKind};
use hasp_consumer::Caller;
use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result};
use hasp_vault::Unlocked;
use zeroize::{Zeroize, Zeroizing};

use crate::action::Extent;
use crate::action::arg::Arg;
use crate::code;
use crate::ledger::Ledger;
use crate::mint::request::Request;
use crate::token;
use crate::token::claims::{Claims, Terms};
use crate::token::heir::Heir;
use crate::token::seal;
use crate::token::seal::Half;

/// A value typed into the command or the reason would stand in the process list, the record and the
/// token.
pub fn refuse_values_in_words(terms: &Terms, request: &Request, unlocked: &Unlocked) -> Result<()> {
    let words: Vec<&[u8]> =
        request.action.argv.iter().map(|w| w.as_os().as_encoded_bytes()).collect();
    let reason = terms.reason.as_deref().map(str::as_bytes);
    for (granted, item) in &request.granted {
        let version = item.version(granted.version)?;
        if unlocked.holds_value(&words, version)? {
            let message = format!("the command holds the value of {} in a word", granted.reference);
            return Err(Error::new(Kind::Denied, code::VALUE_IN_COMMAND, message).hint(
                "let the command read the variable that it is delivered in, for example: -- sh -c \
                    'login \"$TOKEN\"'",
            ));
        }
        if unlocked.holds_value(reason.as_slice(), version)? {
            let message = format!("the reason holds the value of {}", granted.reference);
            return Err(Error::new(Kind::Denied, code::VALUE_IN_REASON, message).hint(
                "a reason is kept in the record: give one without the value, for example --reason \
                    'nightly run'",
            ));
        }
    }
    Ok(())
}

/// Takes the file keys, seals them, enters the ledger's half and signs the token with the other.
pub fn issue(
    terms: &Terms,
    request: &Request,
    unlocked: &Unlocked,
    ledger: &Ledger,
) -> Result<Zeroizing<String>> {
    let mut keys = Zeroizing::new(Vec::with_capacity(16 * request.granted.len()));
    for (granted, item) in &request.granted {
        keys.extend_from_slice(unlocked.file_key(item, granted.version)?.expose());
    }
    let (half, other) = (Half::random()?, Half::random()?);
    let vault = unlocked.vault().id().to_string();
    let seal = seal::seal(&keys, &half, &other, &vault, &terms.jti)?;
    keys.zeroize();
    let sign = |m: &[u8]| unlocked.sign_token(m);
    let heir = Heir::of((&half, &terms.jti), &terms.canonical()?, &vault, sign);
    let claims = Claims { terms: terms.clone(), heir: Some(heir), from: Vec::new(), half, seal };
    let token = token::mint(&claims, unlocked)?;
    ledger.enter(&vault, terms, other, None)?;
    Ok(token)
}

/// `grant.mint`.
pub fn mint_event(terms: &Terms) -> Event {
    minted(EventKind::GrantMint, terms)
}

/// What the record has of a grant that was made.
pub fn minted(kind: EventKind, terms: &Terms) -> Event {
    let action = &terms.action;
    let secrets = terms.items.iter().map(|i| {
        serde_json::json!({
            "name": i.name, "version": i.version, "ref": i.reference, "class": i.class,
        })
    });
    let words: Vec<&OsStr> = action.argv.iter().map(Arg::as_os).collect();
    Event::new(kind)
        .field("grant", terms.jti.as_str())
        .os("project", terms.project.as_os())
        .maybe("target", action.target.clone())
        .maybe("program", action.program.as_ref().map(|p| printable_path(p.as_path())))
        .argv(&words)
        .maybe("further", (action.extent != Extent::Exact).then_some(true))
        .field("consumer", terms.consumer.selector())
        .field("secrets", secrets.collect::<Vec<_>>())
        .maybe("uses", terms.uses)
        .field("exp", terms.exp.to_string())
        .maybe("keep", (!action.env.keep.is_empty()).then(|| action.env.keep.clone()))
        .maybe("raw", action.raw.then_some(true))
        .maybe("reason", terms.reason.clone())
        .maybe("asker", Caller::current().ok().map(|caller| caller.recorded()))
}
