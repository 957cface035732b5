//! Minting: resolve, show, ask, unlock, and only then take the file keys. The entry in the ledger
//! and the line in the record are written before the token leaves this process.

pub(crate) mod command;
pub(crate) mod consent;
pub(crate) mod context;
pub(crate) mod elsewhere;
pub(crate) mod handover;
pub(crate) mod issue;
pub(crate) mod items;
pub(crate) mod jobserver;
pub(crate) mod project;
pub(crate) mod refused;
pub(crate) mod request;
pub(crate) mod summary;
pub(crate) mod wanted;
pub(crate) mod warnings;
pub(crate) mod window;

use hasp_bind::{Binding, Project};
use hasp_consumer::{Caller, Consumer};
use hasp_core::terminal::Terminal;
use hasp_core::tool::Context;
use hasp_core::{GrantId, Here, Home, Result, Runtime, Timestamp};
use hasp_vault::Vault;
use zeroize::Zeroizing;

use crate::action::Granted;
use crate::action::arg::Arg;
use crate::cli::Mint;
use crate::ledger::Ledger;
use crate::ledger::directories;
use crate::ledger::sweep::sweep_expired;
use crate::ledger::tombstone::Why;
use crate::mint::consent::{consent, extend_binding};
use crate::mint::context::MintContext;
use crate::mint::elsewhere::elsewhere;
use crate::mint::issue::{issue, mint_event, refuse_values_in_words};
use crate::mint::request::Request;
use crate::policy;
use crate::policy::bounds::Bounds;
use crate::spend::nothing_released;
use crate::token::claims::Terms;
use hasp_core::policy::Limits;

/// A minted grant.
pub struct Minted {
    /// What it grants.
    pub terms: Terms,
    /// The token: whoever has it may use it.
    pub token: Zeroizing<String>,
    /// Its ledger.
    pub ledger: Ledger,
    /// The id of its vault.
    pub vault: String,
}

/// What is asked for, resolved and not yet consented to.
pub struct Proposal {
    home: Home,
    project: Project,
    vault: Vault,
    runtime: Runtime,
    ledger: Ledger,
    terms: Terms,
    request: Request,
}

/// Resolves what the command line asks for. Nothing is asked, opened or written.
///
/// # Errors
/// What whoever typed the line has to mend first comes first: the home, the project, the line.
pub fn propose(asked: &Mint, context: &Context) -> Result<Proposal> {
    let here = Here::find(&context.env)?;
    let (home, cwd) = (here.home().clone(), here.cwd()?);
    let project = project::here(asked, &here)?;
    let vault = Vault::here(&here)?;
    let runtime = here.runtime()?;
    let ledger = Ledger::open(&runtime)?;
    // Expired halves go by the way; a sweep that cannot be done now is done next time.
    let _ = sweep_expired(&ledger, context.now);
    let at = MintContext {
        project: &project,
        cwd,
        vault: &vault,
        runtime: &runtime,
        env: &context.env,
        now: context.now,
    };
    let (terms, request) = resolve(asked, &at, &home)?;
    Ok(Proposal { home, project, vault, runtime, ledger, terms, request })
}

/// Mints what was proposed.
pub fn mint(proposal: Proposal, context: &mut Context) -> Result<Minted> {
    let Proposal { home, project, vault, runtime, ledger, mut terms, request } = proposal;
    // Echo stays off from the question to the passphrase.
    let asking = Terminal::open();
    consent(&terms, &request, &project, context)?;
    let unlocked = vault.unlock(context).map_err(|e| elsewhere(e, &terms, &request))?;
    drop(asking);
    // The window begins now: a passphrase may have taken its time.
    terms.begin(Timestamp::now());
    refuse_values_in_words(&terms, &request, &unlocked)?;
    extend_binding(&project, &request, &unlocked, context)?;
    directories::remember(&home, &runtime, terms.exp, terms.iat)?;
    let token = issue(&terms, &request, &unlocked, &ledger)?;
    if let Err(e) = vault.log().and_then(|log| log.append(terms.iat, &[mint_event(&terms)])) {
        ledger.lock()?.end(&terms.jti, Why::Undelivered, None)?;
        return Err(nothing_released(e));
    }
    Ok(Minted { terms, token, ledger, vault: vault.id().to_string() })
}

fn resolve(asked: &Mint, at: &MintContext<'_>, home: &Home) -> Result<(Terms, Request)> {
    let policy = policy::of(at.vault)?;
    let binding = Binding::load(at.vault, &at.project.root)?;
    let binding = binding.unwrap_or_else(|| Binding::new(at.project));
    let mut request = request::resolve(asked, at, &binding)?;
    let items: Vec<Granted> = request.granted.iter().map(|(g, _)| g.clone()).collect();
    let limits: Vec<Limits> =
        policy::classes(&items).into_iter().map(|class| policy.limits(class)).collect();
    request.confirm = limits.iter().any(|l| l.confirm.value.mint);
    let window = window::resolve(asked, &Bounds::of(&limits), at.now)?;
    let caller = Caller::current()?;
    let word = window.consumer.as_deref().or(asked.consumer.as_deref());
    let (consumer, warnings) = match word {
        Some(word) => Consumer::resolve(word, home, &caller)?,
        None => Consumer::default_for(&caller, window.uses == Some(1) && !asked.keep)?,
    };
    request.warnings.extend(warnings);
    let who = policy::words(word.or(Some("parent")), &consumer);
    let begin = window.begin.unwrap_or(at.now);
    let terms = Terms {
        jti: GrantId::random()?,
        iat: at.now,
        nbf: begin,
        exp: begin.after(window.length),
        uses: window.uses,
        consumer,
        project: Arg::from(&at.project.root),
        action: request.action.clone(),
        items,
        reason: asked.reason.clone(),
    };
    policy::check(&terms, &terms.items, &who, &policy, at.now)?;
    policy::check_consumer(&terms, home)?;
    Ok((terms, request))
}
