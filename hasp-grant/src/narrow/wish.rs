//! What somebody wants of the grant in hand, as it was typed, and the terms that follow from it.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use hasp_consumer::Consumer;
use hasp_core::time::duration_text;
use hasp_core::{Error, GrantId, Kind, Result, SecretName, Timestamp};
use hasp_target::Template;

use crate::action::arg::Arg;
use crate::action::{Action, Extent};
use crate::code;
use crate::mint::command::split_further;
use crate::token::claims::Terms;
use crate::token::narrower::wider;

/// What is to be narrower; what is not said stays as it is.
#[derive(Debug, Default)]
pub struct Wish {
    /// References, or names of secrets, that stay; all if there are none.
    pub only: Vec<SecretName>,
    /// How long from now.
    pub window: Option<Duration>,
    /// How often.
    pub uses: Option<u32>,
    /// By whom.
    pub consumer: Option<Consumer>,
    /// The command, or further words of it; none if there are none.
    pub words: Vec<OsString>,
}

impl Wish {
    /// The terms that follow, of which `left` uses can still be had; `search` is the PATH of who
    /// asks.
    ///
    /// # Errors
    /// `[wider]`; `[not-granted]` for a value that is not in it; the codes of finding a program.
    pub fn terms(
        &self,
        hand: &Terms,
        left: Option<u32>,
        search: Option<&OsStr>,
        now: Timestamp,
    ) -> Result<Terms> {
        let mut terms = Terms { jti: GrantId::random()?, iat: now, ..hand.clone() };
        terms.nbf = hand.nbf.max(now);
        terms.exp = self.end(terms.nbf, hand)?;
        terms.uses = self.often(hand, left)?;
        if let Some(consumer) = &self.consumer {
            terms.consumer = consumer.clone();
        }
        self.leave_out(&mut terms)?;
        if !self.words.is_empty() {
            name_command(&mut terms.action, &self.words, search)?;
        }
        Ok(terms)
    }

    fn end(&self, begin: Timestamp, hand: &Terms) -> Result<Timestamp> {
        match self.window.map(|length| (length, begin.after(length))) {
            None => Ok(hand.exp),
            Some((_, end)) if end <= hand.exp => Ok(end),
            Some((length, _)) => {
                let text = format!(
                    "it ends at {}, sooner than in {}",
                    hand.exp.local(),
                    duration_text(length)
                );
                Err(wider(&text).hint("leave out --for: it ends with the one in hand"))
            }
        }
    }

    fn often(&self, hand: &Terms, left: Option<u32>) -> Result<Option<u32>> {
        match (self.uses, hand.uses) {
            (None, None) => Ok(None),
            (None, Some(limit)) => Ok(Some(left.unwrap_or(limit).max(1))),
            (Some(asked), Some(limit)) if asked > limit => {
                let text = format!("it can be used {limit} times, not {asked}");
                Err(wider(&text).hint(format!("--uses {limit}")))
            }
            (Some(asked), _) => Ok(Some(asked)),
        }
    }

    /// Values that are left out, and each delivery and each template that needs one of them.
    fn leave_out(&self, terms: &mut Terms) -> Result<()> {
        if self.only.is_empty() {
            return Ok(());
        }
        let all = std::mem::take(&mut terms.items);
        let named = |name: &SecretName| {
            all.iter().any(|item| item.reference == *name || item.name == *name)
        };
        if let Some(missing) = self.only.iter().find(|name| !named(name)) {
            let names: Vec<String> = all.iter().map(|i| i.reference.to_string()).collect();
            let message = format!("the grant in hand does not open {missing}");
            return Err(Error::new(Kind::Denied, code::NOT_GRANTED_HERE, message)
                .hint(format!("it opens: --only {}", names.join(" "))));
        }
        let stays = |reference: &SecretName, name: &SecretName| {
            [reference, name].iter().any(|n| self.only.contains(n))
        };
        let (kept, gone): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|item| stays(&item.reference, &item.name));
        let lost = |reference: &SecretName| gone.iter().any(|item| item.reference == *reference);
        let action = &mut terms.action;
        action.deliveries.retain(|d| !lost(&d.reference));
        action.templates.retain(|t: &Template| !t.references().into_iter().any(lost));
        terms.items = kept;
        Ok(())
    }
}

/// The command that any-command is narrowed to, or words behind those that are approved.
fn name_command(action: &mut Action, words: &[OsString], search: Option<&OsStr>) -> Result<()> {
    let (words, extent) = split_further(words.to_vec())?;
    let typed: Vec<Arg> = words.iter().map(Arg::from).collect();
    match action.extent {
        Extent::Any => {
            let Some(first) = words.first() else {
                return Err(wider("the command").hint("name it: -- COMMAND ARGS"));
            };
            let found =
                hasp_target::find_program(first, action.dir.as_path(), action.env.search(search))?;
            hasp_target::check_program(&found)?;
            (action.program, action.argv) = (Some(Arg::from(&found)), typed);
            action.extent = extent;
            Ok(())
        }
        Extent::Open | Extent::Exact => {
            let own = action.argv.get(action.fixed..).unwrap_or_default();
            let fits = match action.extent {
                Extent::Open => typed.starts_with(own),
                _ => typed == own && extent == Extent::Exact,
            };
            if !fits {
                let shown = hasp_core::text::shell_words(own.iter().map(Arg::as_os));
                return Err(match own.is_empty() {
                    true => wider("the command").hint("leave out -- and what follows it"),
                    false => wider("the command")
                        .hint(format!("begin with what was granted: -- {shown}")),
                });
            }
            let mut argv = action.argv[..action.fixed].to_vec();
            argv.extend(typed);
            action.argv = argv;
            action.extent = extent;
            Ok(())
        }
    }
}
