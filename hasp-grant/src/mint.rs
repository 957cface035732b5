//! Minting: resolve, show, ask, unlock, and only then take the file keys. The entry in the ledger
//! and the line in the record are written before the token leaves this process.

use std::ffi::OsStr;

use zeroize::{Zeroize, Zeroizing};

use hasp_audit::Event;
use hasp_bind::{Binding, Consented, Project};
use hasp_consumer::{Caller, Consumer};
use hasp_core::terminal::Terminal;
use hasp_core::text::printable_path;
use hasp_core::tool::Context;
use hasp_core::{Error, Here, Home, Kind, Result, Runtime, Timestamp};
use hasp_vault::{Class, Unlocked, Vault};

use crate::claims::{Claims, Extent, Granted, Terms};
use crate::cli::Mint;
use crate::control;
use crate::id::GrantId;
use crate::ledger::{End, Ledger};
use crate::order::{self, Order, Place};
use crate::seal::{self, Half};
use crate::shown;
use crate::spend::nothing_released;
use crate::token;
use crate::window;
use crate::word::Word;

/// A minted grant.
pub struct Minted {
    /// What it grants.
    pub terms: Terms,
    /// The token: whoever has it may use it.
    pub token: Zeroizing<String>,
    /// Its ledger.
    pub ledger: Ledger,
}

/// Everything that a proposal needs to become a grant.
struct Proposal {
    terms: Terms,
    order: Order,
}

/// Mints what the command line asks for.
pub fn mint(asked: &Mint, context: &mut Context) -> Result<Minted> {
    let home = Home::locate(&context.env)?;
    home.check()?;
    let cwd =
        std::env::current_dir().map_err(|e| Error::system("find the current directory", e))?;
    let project = Project::find(&home, &cwd)?;
    let vault = Vault::here(&Here::find(&context.env)?)?;
    let runtime = Runtime::locate(&context.env)?;
    let ledger = Ledger::open(&runtime)?;
    sweep_quietly(&ledger, context);
    let proposal = {
        let place = Place {
            project: &project,
            cwd: &cwd,
            vault: &vault,
            runtime: &runtime,
            env: &context.env,
            now: context.now,
        };
        propose(asked, &place, &home)?
    };
    // Echo stays off from the question to the passphrase.
    let asking = Terminal::open();
    consent(&proposal, &project, context)?;
    let unlocked = vault.unlock(context)?;
    drop(asking);
    let Proposal { mut terms, order } = proposal;
    // The window begins now: a passphrase may have taken its time.
    terms.begin(Timestamp::now());
    refuse_values_in_words(&terms, &order, &unlocked)?;
    extend_binding(&project, &order, &unlocked, context)?;
    let token = issue(&terms, &order, &unlocked, &ledger)?;
    if let Err(e) = vault.log().and_then(|log| log.append(terms.iat, &[mint_event(&terms)])) {
        ledger.lock()?.end(&terms.jti, End::Revoked)?;
        return Err(nothing_released(e));
    }
    Ok(Minted { terms, token, ledger })
}

fn propose(asked: &Mint, place: &Place<'_>, home: &Home) -> Result<Proposal> {
    let binding = Binding::load(place.vault, &place.project.root)?;
    let binding = binding.unwrap_or_else(|| Binding::new(place.project));
    let mut order = order::resolve(asked, place, &binding)?;
    let window = window::resolve(asked, order.class)?;
    let caller = Caller::current()?;
    let word = window.consumer.as_deref().or(asked.consumer.as_deref());
    let (consumer, warnings) = match word {
        Some(word) => Consumer::resolve(word, home, &caller)?,
        None => Consumer::default_for(&caller, window.uses == Some(1) && !asked.keep)?,
    };
    order.warnings.extend(warnings);
    let items: Vec<Granted> = order.granted.iter().map(|(g, _)| g.clone()).collect();
    if matches!(consumer, Consumer::User { .. }) {
        order.loud.extend(control::loud_consumer(&items));
    }
    let terms = Terms {
        jti: GrantId::random()?,
        iat: place.now,
        nbf: place.now,
        exp: place.now.after(window.length),
        uses: window.uses,
        consumer,
        project: Word::from(&place.project.root),
        action: order.action.clone(),
        items,
        reason: asked.reason.clone(),
    };
    Ok(Proposal { terms, order })
}

/// Shows the resolved action on the terminal and asks where the design says so: for consent that is
/// missing, and for `critical`.
fn consent(proposal: &Proposal, project: &Project, context: &mut Context) -> Result<()> {
    let order = &proposal.order;
    let missing = !order.unbound.is_empty() || order.unconsented.is_some();
    let question = match (missing, order.class) {
        (true, _) => Some("Bind them to this project and grant this?"),
        (false, Class::Critical) => Some("A critical secret: grant this?"),
        (false, _) => None,
    };
    let terminal = Terminal::open();
    if let (true, Some(_), Some(taken)) = (missing, &terminal, &order.name_taken) {
        return Err(taken.clone());
    }
    match (terminal, question) {
        (Some(mut terminal), Some(question)) => {
            terminal.show_block(&shown::block(&proposal.terms, order, project), &context.env)?;
            if terminal.confirm(question)? {
                Ok(())
            } else {
                Err(Error::new(Kind::Denied, "refused", "not granted"))
            }
        }
        (Some(mut terminal), None) if !context.out.quiet => {
            terminal.show_block(&shown::block(&proposal.terms, order, project), &context.env)
        }
        (None, None) => {
            order.loud.iter().chain(&order.warnings).for_each(|w| context.out.warn(w));
            Ok(())
        }
        (Some(_), None) => {
            order.loud.iter().for_each(|w| context.out.warn(w));
            Ok(())
        }
        (None, Some(_)) if missing => Err(unbound(order)),
        (None, Some(_)) => Err(Error::new(
            Kind::Locked,
            "no-terminal",
            "a critical secret is granted only when a person says yes on a terminal",
        )
        .hint("run the same command in a terminal")),
    }
}

fn unbound(order: &Order) -> Error {
    let names: Vec<String> = order.unbound.iter().map(ToString::to_string).collect();
    match &order.unconsented {
        Some(target) => Error::new(
            Kind::Denied,
            "target-unconsented",
            format!("nobody has consented to target '{}' yet", target.name),
        )
        .hint("see what this project asks for and consent: hasp-bind"),
        None => Error::new(
            Kind::Denied,
            "unbound",
            format!("this project is not bound to {}", names.join(", ")),
        )
        .hint(format!("hasp-bind add {}", names.join(" "))),
    }
}

fn extend_binding(
    project: &Project,
    order: &Order,
    unlocked: &Unlocked,
    context: &Context,
) -> Result<()> {
    if order.unbound.is_empty() && order.unconsented.is_none() {
        return Ok(());
    }
    let extend = |binding: &mut Binding| {
        for reference in &order.unbound {
            binding.refs.entry(reference.clone()).or_insert_with(|| reference.clone());
        }
        if let Some(target) = &order.unconsented {
            binding.targets.insert(target.name.clone(), Consented::to(target));
        }
        Ok(())
    };
    Binding::change(unlocked, project, context.now, extend).map(drop)
}

/// A value typed into the command or the reason would stand in the process list, the record and the
/// token.
fn refuse_values_in_words(terms: &Terms, order: &Order, unlocked: &Unlocked) -> Result<()> {
    let words: Vec<&[u8]> =
        order.action.argv.iter().map(|w| w.as_os().as_encoded_bytes()).collect();
    let reason = terms.reason.as_deref().map(str::as_bytes);
    for (granted, item) in &order.granted {
        let Some(version) = item.current_version() else { continue };
        if unlocked.holds_value(&words, version)? {
            let message = format!("the command holds the value of {} in a word", granted.reference);
            return Err(Error::new(Kind::Denied, "value-in-command", message).hint(
                "let the command read the variable that it is delivered in, for example: -- sh -c 'login \"$TOKEN\"'",
            ));
        }
        if unlocked.holds_value(reason.as_slice(), version)? {
            let message = format!("the reason holds the value of {}", granted.reference);
            return Err(Error::new(Kind::Denied, "value-in-reason", message).hint(
                "a reason is kept in the record: give one without the value, for example --reason 'nightly run'",
            ));
        }
    }
    Ok(())
}

/// Takes the file keys, seals them, enters the ledger's half and signs the token with the other.
fn issue(
    terms: &Terms,
    order: &Order,
    unlocked: &Unlocked,
    ledger: &Ledger,
) -> Result<Zeroizing<String>> {
    let mut keys = Zeroizing::new(Vec::with_capacity(16 * order.granted.len()));
    for (granted, item) in &order.granted {
        keys.extend_from_slice(unlocked.file_key(item, granted.version)?.expose());
    }
    let (half, other) = (Half::random()?, Half::random()?);
    let vault = unlocked.vault().id().to_string();
    let seal = seal::seal(&keys, &half, &other, &vault, &terms.jti)?;
    keys.zeroize();
    let claims = Claims { terms: terms.clone(), half, seal };
    let token = token::mint(&claims, unlocked)?;
    ledger.enter(&vault, terms, other)?;
    Ok(token)
}

fn mint_event(terms: &Terms) -> Event {
    let action = &terms.action;
    let secrets = terms
        .items
        .iter()
        .map(|i| serde_json::json!({"name": i.name, "version": i.version, "ref": i.reference, "class": i.class}));
    let words: Vec<&OsStr> = action.argv.iter().map(Word::as_os).collect();
    Event::new("grant.mint")
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
}

/// Expired halves go by the way; a sweep that cannot be done now is done next time.
fn sweep_quietly(ledger: &Ledger, context: &Context) {
    let _ = crate::manage::sweep_expired(ledger, context.now);
}
