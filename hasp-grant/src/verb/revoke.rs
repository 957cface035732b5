//! `hasp-grant revoke`: needs no unlock and reaches every runtime directory of this user; the
//! halves are erased first and the record written after, so that a full disk keeps no grant alive.

use hasp_audit::EventKind;
use hasp_bind::Project;
use hasp_consumer::{Caller, Consumer};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, GrantId, Home, Kind, Result, SecretName};

use crate::cli::Revoke;
use crate::ledger::Ledger;
use crate::ledger::record::record;
use crate::ledger::tombstone::End;
use crate::token::claims::Terms;
use crate::verb::ledgers;

/// `hasp-grant revoke`.
pub fn revoke(which: &Revoke, context: &mut Context) -> Result<Exit> {
    let wanted = Wanted::read(which, context)?;
    let (mut ended, mut failures) = (Vec::new(), Vec::new());
    for ledger in ledgers(context) {
        if let Err(failure) = revoke_in(&ledger, &wanted, &mut ended, &mut failures) {
            failures.push(failure);
        }
    }
    let recorded = record(&ended, EventKind::GrantRevoke, &wanted.reason(), context);
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
            context.out.note(&format!(
                "{count} {grants} revoked; values already delivered stay \
                delivered: rotate at the provider, then store the new value: hasp-vault set \
                NAME"
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
