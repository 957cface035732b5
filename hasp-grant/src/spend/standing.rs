//! How each grant of this user stands: as hasp-exec would find it, apart from who asks. What is
//! listed as usable and then refused is worse than no list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hasp_consumer::Caller;
use hasp_core::files::{self, Guard};
use hasp_core::{Environ, Error, GrantId, Here, Home, Result, Timestamp};
use hasp_vault::Vault;

use crate::ledger::Ledger;
use crate::ledger::directories::{Everywhere, everywhere};
use crate::ledger::entry::Entry;
use crate::ledger::tombstone::{End, Tombstone};
use crate::spend::check::still_good;
use crate::spend::situation::Situation;
use crate::token::claims::Terms;
use crate::token::{self, MAX_TOKEN, paseto};

/// A grant, and how it stands.
pub struct Standing {
    /// Which.
    pub id: GrantId,
    /// What it grants, where that is known.
    pub terms: Option<Terms>,
    /// How it stands.
    pub state: State,
    /// How often it was used.
    pub used: u32,
    /// Whether its token is kept.
    pub kept: bool,
    /// The runtime directory in which it lies.
    pub runtime: PathBuf,
}

/// How a grant stands.
pub enum State {
    /// Whoever it is for can use it now.
    Usable,
    /// hasp-exec would refuse it to everybody.
    Refused(Error),
    /// It ended so.
    Ended(End, Option<Tombstone>),
    /// It is of a vault that is not one of this home here: only there it can be told.
    Elsewhere,
    /// Its entry cannot be read.
    Damaged,
}

impl State {
    /// In one word: the code of the refusal where there is one.
    pub fn word(&self) -> &'static str {
        match self {
            State::Usable => "usable",
            State::Refused(error) => error.code().as_str(),
            State::Ended(end, _) => end.word(),
            State::Elsewhere => "elsewhere",
            State::Damaged => "damaged",
        }
    }
}

/// All grants: those of this home first, then those of others, then those that ended.
pub fn standings(
    env: &Environ,
    home: &Home,
    now: Timestamp,
) -> Result<(Vec<Standing>, Vec<Error>)> {
    let Everywhere { ledgers, unreached } = everywhere(env, home, now);
    let mut judge = Judge {
        env,
        home,
        ledgers: &ledgers,
        caller: Caller::current()?,
        now,
        vaults: BTreeMap::new(),
    };
    let mut found = Vec::new();
    for ledger in &ledgers {
        let live = ledger.ids()?;
        for id in &live {
            found.push(judge.standing(ledger, id)?);
        }
        for id in ledger.tombs()?.into_iter().filter(|id| !live.contains(id)) {
            found.push(ended(ledger, id)?);
        }
    }
    found.sort_by_key(|standing| match standing.state {
        State::Usable | State::Refused(_) | State::Damaged => 0,
        State::Elsewhere => 1,
        State::Ended(..) => 2,
    });
    Ok((found, unreached))
}

/// How one grant stands, with these terms, in the vault that is at hand.
pub fn state_of(terms: &Terms, at: &Situation<'_>) -> State {
    let outcome = at.holder(&terms.jti).and_then(|_| still_good(terms, at));
    outcome.err().map_or(State::Usable, State::Refused)
}

fn ended(ledger: &Ledger, id: GrantId) -> Result<Standing> {
    let tombstone = ledger.tombstone(&id);
    Ok(Standing {
        terms: tombstone.as_ref().and_then(Tombstone::terms),
        kept: tombstone.as_ref().is_some_and(|t| t.kept),
        used: ledger.uses(&id)?,
        state: State::Ended(ledger.ended(&id)?.unwrap_or(End::Spent), tombstone),
        runtime: ledger.runtime().root().to_owned(),
        id,
    })
}

struct Judge<'a> {
    env: &'a Environ,
    home: &'a Home,
    ledgers: &'a [Ledger],
    caller: Caller,
    now: Timestamp,
    /// The vault of each project, opened once.
    vaults: BTreeMap<PathBuf, Option<Vault>>,
}

impl Judge<'_> {
    fn standing(&mut self, ledger: &Ledger, id: &GrantId) -> Result<Standing> {
        let read = ledger.entry(id).and_then(|entry| Ok((entry.terms()?, entry)));
        let (terms, state) = match read {
            Ok((terms, entry)) => {
                let state = self.state(&terms, &entry, ledger);
                (Some(terms), state)
            }
            // One that ended a moment ago has its half still here.
            Err(_) => match ledger.ended(id)? {
                Some(end @ (End::Revoked | End::Expired)) => {
                    let tombstone = ledger.tombstone(id);
                    (tombstone.as_ref().and_then(Tombstone::terms), State::Ended(end, tombstone))
                }
                _ => (None, State::Damaged),
            },
        };
        Ok(Standing {
            terms,
            state,
            used: ledger.uses(id)?,
            kept: ledger.kept_path(id).exists(),
            runtime: ledger.runtime().root().to_owned(),
            id: *id,
        })
    }

    fn state(&mut self, terms: &Terms, entry: &Entry, ledger: &Ledger) -> State {
        let root = terms.project.as_path().to_owned();
        let (env, home) = (self.env, self.home);
        let known = self.vaults.entry(root.clone()).or_insert_with(|| vault_of(env, home, &root));
        let Some(vault) = known.as_ref().filter(|vault| vault.id().to_string() == entry.vault)
        else {
            return State::Elsewhere;
        };
        if let Err(error) = check_kept(ledger, &terms.jti, vault) {
            return State::Refused(error);
        }
        let at = Situation {
            vault,
            ledgers: self.ledgers,
            runtime: ledger.runtime(),
            caller: &self.caller,
            root: &root,
            search: None,
            now: self.now,
            target: None,
            words: None,
            searched: true,
        };
        state_of(terms, &at)
    }
}

/// The vault that the project uses, or the home's own where the project is gone.
fn vault_of(env: &Environ, home: &Home, root: &Path) -> Option<Vault> {
    let here = Here::at(home, env, root);
    let is_gone = here.vault_dir().is_err();
    Vault::here(&if is_gone { Here::within(home, env) } else { here }).ok()
}

/// A token that is kept says which key signed it; the ledger does not.
fn check_kept(ledger: &Ledger, id: &GrantId, vault: &Vault) -> Result<()> {
    let path = ledger.kept_path(id);
    let Some(text) = files::read_if_present(&path, Guard::Private, MAX_TOKEN)? else {
        return Ok(());
    };
    let text = zeroize::Zeroizing::new(text);
    token::check_footer(&paseto::parse(token::line(&text)?)?, vault)
}
