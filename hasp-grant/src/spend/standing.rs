//! How each grant of this user stands: as hasp-exec would find it, apart from who asks. What is
//! listed as usable and then refused is worse than no list.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hasp_consumer::Caller;
use hasp_core::files::{self, Guard};
use hasp_core::{Environ, Error, GrantId, Here, Home, Result, Timestamp};
use hasp_vault::Vault;

use crate::code;
use crate::ledger::Ledger;
use crate::ledger::directories::{Everywhere, everywhere};
use crate::ledger::entry::Entry;
use crate::ledger::tombstone::{End, Tombstone, is_end};
use crate::spend::check::{alive, entered, possible, still_good};
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
    /// The grant that it was narrowed from.
    pub parent: Option<GrantId>,
    /// Whether it is of a vault of this home.
    pub of_home: bool,
    /// The runtime directory in which it lies.
    pub runtime: PathBuf,
}

/// Which grants are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that have not ended.
    Live,
    /// Those that have ended as well.
    All,
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
    which: Which,
    now: Timestamp,
) -> Result<(Vec<Standing>, Vec<Error>)> {
    let Everywhere { ledgers, unreached } = everywhere(env, home, now);
    let mut judge = Judge {
        env,
        home,
        ledgers: &ledgers,
        caller: Caller::current()?,
        now,
        possible: HashMap::new(),
        vaults: BTreeMap::new(),
    };
    let mut found = Vec::new();
    for ledger in &ledgers {
        let live = ledger.ids()?;
        for id in &live {
            found.push(judge.standing(ledger, id)?);
        }
        if which == Which::Live {
            continue;
        }
        for id in ledger.tombs()?.into_iter().filter(|id| live.binary_search(id).is_err()) {
            found.push(judge.ended(ledger, id)?);
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
    let outcome = entered(terms, at).and_then(|entry| still_good(terms, &entry, at));
    outcome.err().map_or(State::Usable, State::Refused)
}

struct Judge<'a> {
    env: &'a Environ,
    home: &'a Home,
    ledgers: &'a [Ledger],
    caller: Caller,
    now: Timestamp,
    /// What was found of each action with its versions, looked at once.
    possible: HashMap<String, Result<()>>,
    /// The vault of each project, opened once.
    vaults: BTreeMap<PathBuf, Option<Rc<Vault>>>,
}

impl Judge<'_> {
    fn ended(&mut self, ledger: &Ledger, id: GrantId) -> Result<Standing> {
        let tombstone = ledger.tombstone(&id);
        let terms = tombstone.as_ref().and_then(Tombstone::terms);
        let vault = tombstone.as_ref().map(|t| t.vault.clone());
        Ok(Standing {
            kept: tombstone.as_ref().is_some_and(|t| t.kept),
            used: ledger.uses(&id)?,
            state: State::Ended(ledger.ended(&id)?.unwrap_or(End::Spent), tombstone),
            parent: None,
            of_home: vault.is_none_or(|vault| self.vault(terms.as_ref(), &vault).is_some()),
            runtime: ledger.runtime().root().to_owned(),
            terms,
            id,
        })
    }

    fn standing(&mut self, ledger: &Ledger, id: &GrantId) -> Result<Standing> {
        let read = ledger.entry(id).and_then(|entry| Ok((entry.terms()?, entry)));
        let parent = read.as_ref().ok().and_then(|(_, entry)| entry.parent);
        let (terms, state) = match read {
            Ok((terms, entry)) => {
                let state = self.state(&terms, &entry, ledger);
                (Some(terms), state)
            }
            // One that ended a moment ago has its half still here.
            Err(error) => match ledger.ended(id)? {
                Some(end @ (End::Revoked | End::Expired)) => {
                    let tombstone = ledger.tombstone(id);
                    (tombstone.as_ref().and_then(Tombstone::terms), State::Ended(end, tombstone))
                }
                _ if error.code() == code::LEDGER_DAMAGED || is_end(&error) => {
                    (None, State::Damaged)
                }
                _ => (None, State::Refused(error)),
            },
        };
        Ok(Standing {
            terms,
            of_home: !matches!(state, State::Elsewhere),
            state,
            parent,
            used: ledger.uses(id)?,
            kept: ledger.kept_path(id).exists(),
            runtime: ledger.runtime().root().to_owned(),
            id: *id,
        })
    }

    fn state(&mut self, terms: &Terms, entry: &Entry, ledger: &Ledger) -> State {
        let root = terms.project.as_path();
        let Some(vault) = self.vault(Some(terms), &entry.vault) else { return State::Elsewhere };
        if let Err(error) = check_kept(ledger, &terms.jti, &vault) {
            return State::Refused(error);
        }
        let at = Situation {
            vault: &vault,
            ledgers: self.ledgers,
            runtime: ledger.runtime(),
            caller: &self.caller,
            root,
            search: None,
            now: self.now,
            target: None,
            words: None,
            searched: true,
        };
        let alive = alive(terms, entry, &at);
        let outcome = alive.and_then(|()| once(&mut self.possible, terms, &at));
        outcome.err().map_or(State::Usable, State::Refused)
    }
}

impl Judge<'_> {
    /// The vault of this id, if it is the one that the project of these terms uses here.
    fn vault(&mut self, terms: Option<&Terms>, id: &str) -> Option<Rc<Vault>> {
        let root = terms?.project.as_path();
        if !self.vaults.contains_key(root) {
            let found = vault_of(self.env, self.home, root).map(Rc::new);
            self.vaults.insert(root.to_owned(), found);
        }
        let vault = self.vaults.get(root)?.as_ref()?;
        (vault.id().to_string() == id).then(|| Rc::clone(vault))
    }
}

/// Binding, versions, program and deliveries, which many grants have in common.
fn once(known: &mut HashMap<String, Result<()>>, terms: &Terms, at: &Situation<'_>) -> Result<()> {
    let of = (&terms.project, &terms.action, &terms.items, at.runtime.on_disk());
    let Ok(key) = serde_json::to_string(&of) else { return possible(terms, at) };
    known.entry(key).or_insert_with(|| possible(terms, at)).clone()
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
