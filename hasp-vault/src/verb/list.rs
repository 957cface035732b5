//! `list`: a table for people, one object a line for programs, and an exit status for cron. It
//! reads without verifying unless told to, since it authorises nothing.

use std::time::Duration;

use hasp_core::policy::Retention;
use hasp_core::time::{duration_text, parse_duration};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Policy, Result, Timestamp};

use crate::cli::ListArgs;
use crate::code;
use crate::format::item::{Item, State};
use crate::format::rotation::Recipe;
use crate::item::retain::Overdue;
use crate::open::names::Survey;
use crate::open::vault::Vault;

pub fn run(args: &ListArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let expiring = args.expiring.as_deref().map(parse_duration).transpose()?;
    let prefix = args.prefix.as_deref().unwrap_or_default();
    let survey =
        if args.verify { verified(vault, prefix)? } else { vault.survey_unverified(prefix)? };
    let asked = expiring.is_some() || args.due;
    let kept = if args.due { kept(vault, cx) } else { Retention::default() };
    let why: Vec<String> =
        survey.items.iter().map(|i| reasons(i, expiring, (args.due, &kept), cx.now)).collect();
    let wanted = survey.items.iter().zip(why).filter(|(_, why)| !asked || !why.is_empty());
    let found: Vec<(&Item, String)> = wanted.collect();
    if args.names {
        found.iter().try_for_each(|(i, _)| cx.out.line(i.name.as_str()))?;
    } else if cx.out.json {
        found.iter().try_for_each(|(i, _)| cx.out.object(&listed(i, args.due, &kept, cx.now)))?;
    } else if asked {
        found.iter().try_for_each(|(i, why)| cx.out.line(&format!("{}  {why}", i.name)))?;
    } else {
        table(&found.iter().map(|(i, _)| *i).collect::<Vec<_>>(), cx)?;
    }
    survey.faults.iter().for_each(|f| cx.out.warn(&f.to_string()));
    match survey.faults.len() {
        0 if asked && !found.is_empty() => Ok(Exit::NO),
        0 => Ok(Exit::OK),
        count => {
            let all = count + survey.items.len();
            // What git left in conflict is settled, and not put back.
            let conflict = survey.faults.iter().find(|f| f.code() == code::MERGE_CONFLICT);
            if let Some(fault) = conflict {
                let message = format!("{count} of {all} records cannot be read");
                let error = Error::new(Kind::Data, code::MERGE_CONFLICT, message);
                return Err(error.hints_of(fault));
            }
            Err(Error::new(
                Kind::Data,
                code::TAMPERED,
                format!("{count} of {all} records cannot be read"),
            )
            .hint("put them back from git or a backup"))
        }
    }
}

/// What the policy keeps; all where it cannot be read: that is said, and stops no list.
fn kept(vault: &Vault, cx: &mut Context) -> Retention {
    match Policy::read(vault.home().root()) {
        Ok(policy) => policy.retention,
        Err(error) => {
            cx.out.warn(&format!("what is kept no longer is not looked at: {}", error.message()));
            Retention::default()
        }
    }
}

fn verified(vault: &Vault, prefix: &str) -> Result<Survey> {
    let mut names = vault.names()?;
    names.retain(|name| name.as_str().starts_with(prefix));
    Ok(vault.survey(&names))
}

/// What can still be delivered, but not for long; what has expired counts too.
fn expires_within(item: &Item, now: Timestamp, span: Duration) -> bool {
    item.state == State::Active && item.expires.is_some_and(|e| e <= now.after(span))
}

/// Why a secret is on the list that was asked for; nothing if it is not.
fn reasons(
    item: &Item,
    expiring: Option<Duration>,
    (due, kept): (bool, &Retention),
    now: Timestamp,
) -> String {
    let mut reasons = Vec::new();
    if let Some(at) =
        item.expires.filter(|_| expiring.is_some_and(|e| expires_within(item, now, e)))
    {
        reasons.push(format!("{} {}", if at <= now { "expired" } else { "expires" }, at.local()));
    }
    if due {
        reasons.extend(awaits(item, now));
        reasons.extend(Overdue::of(item, kept, now).phrase());
    }
    reasons.join("; ")
}

/// What a secret waits for: a new value, the end of a rotation, an old value to be taken back.
fn awaits(item: &Item, now: Timestamp) -> Vec<String> {
    let mut awaits = Vec::new();
    if let Some(rotation) = &item.rotation {
        awaits.push(format!("rotation not finished: {}", rotation.describe()));
    } else if let Some(at) = item.due().filter(|at| *at <= now) {
        let by = if item.recipe.as_ref().is_some_and(Recipe::makes) {
            "by its recipe"
        } else {
            "no recipe"
        };
        awaits.push(format!("due since {}, {by}", at.local()));
    }
    awaits.extend(item.to_retire(now).iter().map(|n| format!("version {n} is to be retired")));
    awaits
}

/// All metadata, and with `--due` what is kept no longer: numbers of versions, or `all`.
fn listed(item: &Item, due: bool, kept: &Retention, now: Timestamp) -> serde_json::Value {
    let mut object = object(item, now);
    if due {
        object["overdue"] = match Overdue::of(item, kept, now) {
            Overdue::Nothing => serde_json::json!([]),
            Overdue::Versions(numbers) => numbers.into(),
            Overdue::All => "all".into(),
        };
    }
    object
}

/// All metadata of a secret.
pub fn object(item: &Item, now: Timestamp) -> serde_json::Value {
    let current = item.current_version();
    let retiring = item.versions.iter().filter(|v| v.retiring.is_some()).map(|v| v.number);
    let retiring: Vec<u32> = retiring.collect();
    serde_json::json!({
        "v": 1, "name": item.name, "state": item.state_word(now), "class": item.class,
        "version": item.current,
        "versions": item.versions.len(), "created": current.map(|v| v.created),
        "size": current.map(|v| v.size),
        "fp": current.map(|v| v.fp.as_str()), "expires": item.expires,
        "rotate_every": item.rotate_every.map(duration_text),
        "due": item.due(), "allow": item.allow, "note": item.note, "recipe": item.recipe,
        "rotation": item.rotation,
        "retiring": retiring,
    })
}

/// What the columns between the first and the last take.
const TABLE_WIDTH: usize = 53;

/// Where the table does not fit: the name, and below it what there is to say.
fn narrow(item: &Item, cx: &mut Context) -> Result<()> {
    let stored = item
        .current_version()
        .map(|v| format!(", stored {}", v.created.local()))
        .unwrap_or_default();
    let expires = item.expires.map(|at| format!(", expires {}", at.local())).unwrap_or_default();
    cx.out.line(item.name.as_str())?;
    let state = item.state_word(cx.now);
    cx.out
        .folded(&format!("  {}, {state}, version {}{stored}{expires}", item.class, item.current), 2)
}

fn table(items: &[&Item], cx: &mut Context) -> Result<()> {
    if items.is_empty() {
        cx.out.note("nothing to list");
        return Ok(());
    }
    let width = items.iter().map(|i| i.name.as_str().len()).max().unwrap_or(0).max(4);
    let expires = if items.iter().any(|i| i.expires.is_some()) { 19 } else { 7 };
    if cx.out.columns().is_some_and(|columns| columns < width + TABLE_WIDTH + expires) {
        return items.iter().try_for_each(|item| narrow(item, cx));
    }
    cx.out.heading(&format!(
        "{:width$}  {:8}  {:9}  {:>7}  {:19}  EXPIRES",
        "NAME", "CLASS", "STATE", "VERSION", "STORED"
    ))?;
    for item in items {
        let stored = item.current_version().map_or_else(|| "-".to_owned(), |v| v.created.local());
        let expires = item.expires.map_or_else(|| "-".to_owned(), Timestamp::local);
        let (name, state) = (item.name.as_str(), item.state_word(cx.now));
        cx.out.line(&format!(
            "{name:width$}  {:8}  {state:9}  {:>7}  {stored:19}  {expires}",
            item.class, item.current
        ))?;
    }
    Ok(())
}
