//! Grants that exist: listed, shown, ended. Revoking needs no unlock and reaches every runtime
//! directory of this user; the halves are erased first and the record written after, so that a full
//! disk cannot keep a grant alive.

use hasp_audit::Event;
use hasp_bind::Project;
use hasp_consumer::{Caller, Consumer};
use hasp_core::time::{boot_id, boot_seconds, duration_text};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Here, Home, Kind, Result, Runtime, SecretName, Source, Timestamp};
use hasp_vault::Vault;

use crate::cli::Revoke;
use crate::ledger::{End, Ledger};
use crate::mint::summary as shown;
use crate::token;
use crate::token::claims::Terms;
use crate::token::id::GrantId;
use crate::token::paseto;

/// `hasp-grant list`.
pub fn list(all: bool, context: &mut Context) -> Result<Exit> {
    let mut shown = 0;
    for ledger in ledgers(context) {
        for id in ledger.ids()? {
            let Ok(terms) = ledger.entry(&id).and_then(|e| e.terms()) else {
                context.out.warn(&format!(
                    "the ledger's entry for grant {} is damaged: hasp-grant revoke {id}",
                    id.short()
                ));
                continue;
            };
            let end = over(&ledger, &id, context.now);
            if all || end.is_none() {
                list_row(&ledger, &terms, end.map_or("usable", End::word), context)?;
                shown += 1;
            }
        }
        if all {
            shown += list_ended(&ledger, context)?;
        }
    }
    if shown == 0 {
        context.out.note("nothing is granted now");
    }
    Ok(Exit::OK)
}

fn list_row(ledger: &Ledger, terms: &Terms, state: &str, context: &mut Context) -> Result<()> {
    let used = ledger.uses(&terms.jti)?;
    let kept = ledger.kept_path(&terms.jti).exists();
    let secrets: Vec<String> =
        terms.items.iter().map(|i| format!("{}@{}", i.name, i.version)).collect();
    let command = shown::command_text(&terms.action);
    if context.out.json {
        return context.out.object(&serde_json::json!({
            "v": 1, "grant": terms.jti, "state": state, "target": terms.action.target, "command": command,
            "project": terms.project, "consumer": terms.consumer, "secrets": secrets, "uses": terms.uses, "used": used,
            "iat": terms.iat, "exp": terms.exp, "kept": kept, "reason": terms.reason,
        }));
    }
    let left = match terms.uses {
        Some(limit) => format!("{} of {limit} left", limit.saturating_sub(used)),
        None => "any number".to_owned(),
    };
    let what = terms.action.target.as_deref().map_or(command, |t| format!("target {t}"));
    let time = remaining(terms, context.now);
    let kept = if kept { ", kept" } else { "" };
    let secrets = secrets.join(" ");
    context.out.folded(
        &format!("{}  {state:<8} {time:<5} {left}{kept}  {what}  {secrets}", terms.jti.short()),
        4,
    )
}

fn remaining(terms: &Terms, now: Timestamp) -> String {
    let seconds = u64::try_from(terms.exp.as_second() - now.as_second()).unwrap_or(0);
    let rounded = if seconds >= 120 { seconds / 60 * 60 } else { seconds };
    duration_text(std::time::Duration::from_secs(rounded))
}

fn list_ended(ledger: &Ledger, context: &mut Context) -> Result<usize> {
    let live = ledger.ids()?;
    let ended: Vec<GrantId> = ledger.tombs()?.into_iter().filter(|id| !live.contains(id)).collect();
    for id in &ended {
        let state = ledger.ended(id)?.unwrap_or(End::Spent).word();
        if context.out.json {
            context.out.object(&serde_json::json!({"v": 1, "grant": id, "state": state}))?;
        } else {
            context.out.line(&format!("{}  {state}", id.short()))?;
        }
    }
    Ok(ended.len())
}

/// `hasp-grant show`: the claims without half and seal, and whether this vault signed them.
pub fn show(source: Option<&std::ffi::OsStr>, context: &mut Context) -> Result<Exit> {
    let text = read_token(source, context)?;
    let parts = paseto::parse(token::line(text.expose())?)?;
    let vault = Vault::here(&Here::find(&context.env)?)?;
    token::check_footer(&parts, &vault)?;
    let terms = token::verify(&parts, &vault)?.terms;
    if context.out.json {
        context.out.object(&serde_json::json!({"v": 1, "signature": "good", "terms": terms}))?;
        return Ok(Exit::OK);
    }
    let head =
        format!("grant {}: {}, signed by this vault", terms.jti.short(), shown::headline(&terms));
    context.out.folded(&head, 4)?;
    for line in shown::terms_lines(&terms) {
        context.out.folded(&line, shown::HANG)?;
    }
    Ok(Exit::OK)
}

/// The token of a kept grant if the word is an id, else whatever the source gives.
fn read_token(
    source: Option<&std::ffi::OsStr>,
    context: &mut Context,
) -> Result<hasp_core::Secret> {
    if let Some(word) = source.and_then(std::ffi::OsStr::to_str)
        && word.len() >= 4
        && word.bytes().all(|b| b.is_ascii_hexdigit())
    {
        for ledger in ledgers(context) {
            let kept = ledger
                .ids()?
                .into_iter()
                .filter(|id| id.as_str().starts_with(word))
                .map(|id| ledger.kept_path(&id));
            if let Some(path) = kept.into_iter().find(|p| p.exists()) {
                return Source::Path(path).read(&mut context.env, token::MAX_TOKEN);
            }
        }
    }
    let source = source.map_or(Ok(Source::Stdin), Source::parse)?;
    source.read(&mut context.env, token::MAX_TOKEN)
}

/// `hasp-grant revoke`.
pub fn revoke(which: &Revoke, context: &mut Context) -> Result<Exit> {
    let wanted = Wanted::read(which, context)?;
    let (mut ended, mut failures) = (Vec::new(), Vec::new());
    for ledger in ledgers(context) {
        if let Err(failure) = revoke_in(&ledger, &wanted, &mut ended, &mut failures) {
            failures.push(failure);
        }
    }
    let recorded = record(&ended, "grant.revoke", &wanted.reason(), context);
    let reported = report(&ended, &wanted, failures.is_empty(), context);
    // What could be ended has ended, whatever else went wrong.
    failures.into_iter().chain(recorded.err()).next().map_or(reported, Err)
}

fn revoke_in(
    ledger: &Ledger,
    wanted: &Wanted,
    ended: &mut Vec<GrantId>,
    failures: &mut Vec<Error>,
) -> Result<()> {
    let locked = ledger.lock()?;
    for id in ledger.ids()? {
        let terms = ledger.entry(&id).and_then(|e| e.terms()).ok();
        if wanted.matches(&id, terms.as_ref()) {
            match locked.end(&id, End::Revoked) {
                Ok(()) => ended.push(id),
                Err(failure) => failures.push(failure),
            }
        }
    }
    Ok(())
}

fn report(
    ended: &[GrantId],
    wanted: &Wanted,
    complete: bool,
    context: &mut Context,
) -> Result<Exit> {
    for id in ended {
        if context.out.json {
            context.out.object(&serde_json::json!({"v": 1, "grant": id, "state": "revoked"}))?;
        }
    }
    match (ended.len(), wanted) {
        (0, _) if !complete => Ok(Exit::OK),
        (0, Wanted::Ids(_)) => {
            Err(Error::new(Kind::Missing, "grant-unknown", "no grant that can be used has that id")
                .hint("see them with: hasp-grant list --all"))
        }
        (0, _) => {
            context.out.note("nothing to revoke");
            Ok(Exit::OK)
        }
        (count, _) => {
            let grants = if count == 1 { "grant" } else { "grants" };
            context.out.note(&format!("{count} {grants} revoked; values already delivered stay delivered: rotate at the provider, then store the new value: hasp-vault set NAME"));
            Ok(Exit::OK)
        }
    }
}

/// Which grants to end.
enum Wanted {
    All,
    Ids(Vec<String>),
    Consumer(Consumer),
    Secret(SecretName),
    Project(std::path::PathBuf),
}

impl Wanted {
    fn read(which: &Revoke, context: &Context) -> Result<Wanted> {
        let home = Home::locate(&context.env)?;
        if let Some(word) = &which.consumer {
            let (consumer, _) = Consumer::resolve(word, &home, &Caller::current()?)?;
            return Ok(Wanted::Consumer(consumer));
        }
        if let Some(name) = &which.secret {
            return name.parse().map(Wanted::Secret);
        }
        if which.project {
            let cwd = std::env::current_dir()
                .map_err(|e| Error::system("find the current directory", e))?;
            return Ok(Wanted::Project(Project::any_root(&home, &cwd)?));
        }
        if which.all {
            return Ok(Wanted::All);
        }
        match which.ids.iter().find(|id| id.len() < 4 || !id.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            Some(_) => Err(Error::new(
                Kind::Usage,
                "bad-grant-id",
                "an id, or the first 4 or more of its digits, is needed",
            )
            .hint("see them with: hasp-grant list")),
            None => Ok(Wanted::Ids(which.ids.clone())),
        }
    }

    /// A damaged entry has no terms: only its id, or everything, can name it.
    fn matches(&self, id: &GrantId, terms: Option<&Terms>) -> bool {
        match (self, terms) {
            (Wanted::All, _) => true,
            (Wanted::Ids(ids), _) => ids.iter().any(|i| id.as_str().starts_with(i.as_str())),
            (_, None) => false,
            (Wanted::Consumer(consumer), Some(terms)) => terms.consumer.is(consumer),
            (Wanted::Secret(name), Some(terms)) => terms.items.iter().any(|i| i.name == *name),
            (Wanted::Project(root), Some(terms)) => terms.project.as_path() == root,
        }
    }

    fn reason(&self) -> String {
        match self {
            Wanted::All => "all".to_owned(),
            Wanted::Ids(_) => "id".to_owned(),
            Wanted::Consumer(_) => "consumer".to_owned(),
            Wanted::Secret(name) => format!("secret {name}"),
            Wanted::Project(_) => "project".to_owned(),
        }
    }
}

/// `hasp-grant sweep`.
pub fn sweep(context: &mut Context) -> Result<Exit> {
    let mut swept = Vec::new();
    for ledger in ledgers(context) {
        swept.extend(sweep_expired(&ledger, context.now)?);
        ledger.lock()?.tidy(context.now)?;
    }
    record(&swept, "grant.sweep", "expired", context)?;
    context.out.note(&format!("{} swept", swept.len()));
    Ok(Exit::OK)
}

/// Ends what has expired, and removes what a process used up and died; skipped when somebody holds
/// the lock.
pub fn sweep_expired(ledger: &Ledger, now: Timestamp) -> Result<Vec<GrantId>> {
    if !ledger.ids()?.iter().any(|id| over(ledger, id, now).is_some()) {
        return Ok(Vec::new());
    }
    let Some(locked) = ledger.try_lock()? else { return Ok(Vec::new()) };
    let mut swept = Vec::new();
    for id in ledger.ids()? {
        if let Some(end) = over(ledger, &id, now) {
            locked.end(&id, end)?;
            swept.push(id);
        }
    }
    Ok(swept)
}

/// How the grant has ended although its entry is still there.
fn over(ledger: &Ledger, id: &GrantId, now: Timestamp) -> Option<End> {
    let entry = ledger.entry(id).ok()?;
    let terms = entry.terms().ok()?;
    if terms.uses.is_some_and(|limit| ledger.uses(id).is_ok_and(|used| used >= limit)) {
        return Some(End::Spent);
    }
    let closed =
        now >= terms.exp || boot_id().is_ok_and(|boot| !entry.lives(&boot, boot_seconds()));
    closed.then_some(End::Expired)
}

/// Puts the end of grants on record, in the log of the vault at hand.
pub fn record(ids: &[GrantId], event: &str, why: &str, context: &Context) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let events: Vec<Event> = ids
        .iter()
        .map(|id| Event::new(event).field("grant", id.as_str()).field("why", why))
        .collect();
    Vault::here(&Here::find(&context.env)?)?.log()?.append(context.now, &events).map(drop)
}

/// The ledgers of all runtime directories; one that cannot be used is said and passed over.
fn ledgers(context: &mut Context) -> Vec<Ledger> {
    let mut ledgers = Vec::new();
    for runtime in Runtime::all(&context.env) {
        match Ledger::open(&runtime) {
            Ok(ledger) => ledgers.push(ledger),
            Err(error) => context.out.warn(&error.to_string()),
        }
    }
    ledgers
}
