//! `hasp-grant narrow`: a weaker token from one in hand. It is on record before it leaves.

use hasp_audit::{Event, EventKind};
use hasp_consumer::{Caller, Consumer};
use hasp_core::time::parse_duration;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Here, Home, Result, Runtime, SecretName};
use hasp_vault::{Vault, record_denial};

use crate::cli::{Mint, Narrow};
use crate::ledger::tombstone::Why;
use crate::mint::issue::minted;
use crate::mint::{Minted, handover, summary};
use crate::narrow::InHand;
use crate::narrow::wish::Wish;
use crate::spend::check::in_hand;
use crate::spend::nothing_released;
use crate::spend::situation::Situation;
use crate::token::claims::{Claims, Terms};
use crate::token::{self, paseto};
use crate::verb::{ledgers, source};

/// `hasp-grant narrow`.
pub fn narrow(asked: &Narrow, context: &mut Context) -> Result<Exit> {
    let given = Mint { keep: asked.keep, output: asked.output.clone(), ..Mint::default() };
    handover::check(&given, context)?;
    let mut known = Known::default();
    let narrowed = narrowed(asked, context, &mut known);
    let narrowed = narrowed.inspect_err(|error| {
        record_denial(error, EventKind::GrantDeny, context, |event| known.told(event));
    })?;
    let often = summary::headline(&narrowed.terms);
    context.out.note(&format!("narrowed as {}: {often}", narrowed.terms.jti.short()));
    handover::hand_over(&given, &narrowed, &[], context)
}

fn narrowed(asked: &Narrow, context: &mut Context, known: &mut Known) -> Result<Minted> {
    let home = Home::locate(&context.env)?;
    let caller = Caller::current()?;
    known.asker = Some(caller.recorded());
    let text = source::in_hand(asked.grant.as_ref(), context)?;
    let parts = paseto::parse(token::line(text.expose())?)?;
    let vault = Vault::here(&Here::find(&context.env)?)?;
    token::check_footer(&parts, &vault)?;
    let hand = token::verify(&parts, &vault)?;
    known.terms = Some(hand.terms.clone());
    let (ledgers, runtime) = (ledgers(context)?, Runtime::locate(&context.env)?);
    let at = Situation {
        vault: &vault,
        ledgers: &ledgers,
        runtime: &runtime,
        caller: &caller,
        root: hand.terms.project.as_path(),
        search: context.env.get("PATH"),
        now: context.now,
        target: None,
        words: None,
        searched: false,
    };
    let ledger = in_hand(&hand, &at)?;
    let (wish, warnings) = wish(asked, &home, &caller)?;
    let used = ledger.uses(&hand.terms.jti)?;
    let left = hand.terms.uses.map(|limit| limit.saturating_sub(used));
    let terms = wish.terms(&hand.terms, left, at.search, at.now)?;
    let id = vault.id().to_string();
    let opened = InHand::open(&hand, &id, &ledger)?;
    opened.refuse_values(&wish.words, &vault)?;
    let (claims, key) = opened.narrow(terms)?;
    let token = token::narrow(&claims, &vault, &key)?;
    let recorded = vault.log().and_then(|log| log.append(at.now, &[event(&claims, &hand)]));
    if let Err(e) = recorded {
        ledger.lock()?.end(&claims.terms.jti, Why::Undelivered, None)?;
        return Err(nothing_released(e));
    }
    warnings.iter().for_each(|w| context.out.warn(w));
    Ok(Minted { terms: claims.terms, token, ledger, vault: id })
}

/// What was typed, with what to warn of.
fn wish(asked: &Narrow, home: &Home, caller: &Caller) -> Result<(Wish, Vec<String>)> {
    let only: Result<Vec<SecretName>> = asked.only.iter().map(|name| name.parse()).collect();
    let resolved = asked.consumer.as_deref().map(|word| Consumer::resolve(word, home, caller));
    let (consumer, warnings) = resolved.transpose()?.unzip();
    let wish = Wish {
        only: only?,
        window: asked.window.as_deref().map(parse_duration).transpose()?,
        uses: asked.uses,
        consumer,
        words: asked.argv.clone(),
    };
    Ok((wish, warnings.unwrap_or_default()))
}

/// `grant.narrow`: as a mint, with the grant that it was narrowed from.
fn event(claims: &Claims, hand: &Claims) -> Event {
    minted(EventKind::GrantNarrow, &claims.terms).field("parent", hand.terms.jti.as_str())
}

/// What is known of a refused attempt.
#[derive(Default)]
struct Known {
    terms: Option<Terms>,
    asker: Option<serde_json::Value>,
}

impl Known {
    fn told(self, event: Event) -> Event {
        let project = self.terms.as_ref().map(|t| t.project.as_os().to_owned());
        let event = project.iter().fold(event, |event, root| event.os("project", root));
        event.maybe("target", self.terms.and_then(|t| t.action.target)).maybe("asker", self.asker)
    }
}
