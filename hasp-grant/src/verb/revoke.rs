//! `hasp-grant revoke`: needs no unlock and reaches every runtime directory of this user; the
//! halves are erased first and the record written after, so that a full disk keeps no grant alive.

use hasp_audit::EventKind;
use hasp_bind::Project;
use hasp_consumer::{Caller, Consumer};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, GrantId, Here, Home, Kind, Result, SecretName};

use crate::cli::Revoke;
use crate::code;
use crate::ledger::Ledger;
use crate::ledger::directories::{Everywhere, everywhere};
use crate::ledger::record::{Ended, record};
use crate::ledger::tombstone::Why;
use crate::token::claims::Terms;

/// `hasp-grant revoke`.
pub fn revoke(which: &Revoke, context: &mut Context) -> Result<Exit> {
    let wanted = Wanted::read(which, context)?;
    let Everywhere { ledgers, unreached } =
        everywhere(&context.env, &Home::locate(&context.env)?, context.now);
    let (mut ended, mut failures) = (Vec::new(), Vec::new());
    let by = Caller::current().ok().and_then(|caller| Some(caller.parent()?.label()));
    for ledger in ledgers {
        if let Err(failure) =
            revoke_in(&ledger, &wanted, by.as_deref(), (&mut ended, &mut failures))
        {
            failures.push(failure);
        }
    }
    // What was named and found does not lie elsewhere as well.
    if !wanted.is_found(&ended) {
        failures.extend(unreached);
    }
    failures.extend(record(&ended, EventKind::GrantRevoke, context).err());
    let reported = report(&ended, &wanted, failures.is_empty(), context);
    // What could be ended has ended, whatever else went wrong; each of it is said.
    let Some(last) = failures.pop() else { return reported };
    for failure in &failures {
        context.out.warn(&failure.to_string());
        failure.hints().iter().for_each(|hint| context.out.note(&format!("hint: {hint}")));
    }
    Err(last)
}

fn revoke_in(
    ledger: &Ledger,
    wanted: &Wanted,
    by: Option<&str>,
    (ended, failures): (&mut Vec<Ended>, &mut Vec<Error>),
) -> Result<()> {
    let locked = ledger.lock()?;
    for id in ledger.ids()? {
        let terms = ledger.entry(&id).and_then(|e| e.terms()).ok();
        if wanted.matches(&id, terms.as_ref()) {
            match locked.end(&id, wanted.why(), by) {
                Ok(()) => ended.push(Ended { id, why: wanted.why() }),
                Err(failure) => failures.push(failure),
            }
        }
    }
    Ok(())
}

fn report(ended: &[Ended], wanted: &Wanted, complete: bool, context: &mut Context) -> Result<Exit> {
    for Ended { id, .. } in ended {
        if context.out.json {
            context.out.object(&serde_json::json!({"v": 1, "grant": id, "state": "revoked"}))?;
        }
    }
    match (ended.len(), wanted) {
        (0, _) if !complete => Ok(Exit::OK),
        (0, Wanted::Ids(_)) => Err(Error::new(
            Kind::Missing,
            code::GRANT_UNKNOWN,
            "no grant that can be used has that id",
        )
        .hint("see them with: hasp-grant list --all")),
        (0, _) => {
            context.out.note("nothing to revoke");
            Ok(Exit::OK)
        }
        (count, _) => {
            let grants = if count == 1 { "grant" } else { "grants" };
            context.out.note(&format!(
                "{count} {grants} revoked; values already delivered stay delivered: rotate at the \
                 provider, then store the new value: hasp-vault set NAME"
            ));
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
            let here = Here::within(&home, &context.env);
            return Ok(Wanted::Project(Project::any_root(&here)?));
        }
        if which.all {
            return Ok(Wanted::All);
        }
        match which.ids.iter().find(|id| id.len() < 4 || !id.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            Some(_) => Err(Error::new(
                Kind::Usage,
                code::BAD_GRANT_ID,
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

    /// Whether all that was named by its id has ended now.
    fn is_found(&self, ended: &[Ended]) -> bool {
        let Wanted::Ids(ids) = self else { return false };
        ids.iter().all(|i| ended.iter().any(|e| e.id.as_str().starts_with(i.as_str())))
    }

    fn why(&self) -> Why {
        match self {
            Wanted::All => Why::All,
            Wanted::Ids(_) => Why::Id,
            Wanted::Consumer(_) => Why::Consumer,
            Wanted::Secret(name) => Why::Secret(name.to_string()),
            Wanted::Project(_) => Why::Project,
        }
    }
}
