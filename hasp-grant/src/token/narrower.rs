//! Never wider: what a narrowed grant may say, held against the one that it was narrowed from.
//! Asked when it is made and again each time it is used, since whoever holds a token can sign what
//! he likes below it.

use hasp_consumer::Consumer;
use hasp_core::{Error, Kind, Result};
use hasp_target::Template;

use crate::action::{Action, Extent};
use crate::code;
use crate::token::claims::Terms;

/// Compares them in all eight dimensions: values, deliveries, command, environment and rights, who,
/// where, when, and how often. Who may use it is asked of both when it is used, so that only what
/// reads wider is refused here.
///
/// # Errors
/// `[wider]`, which says in what.
pub fn narrower(child: &Terms, parent: &Terms) -> Result<()> {
    let (own, given) = (&child.action, &parent.action);
    let found = [
        ("the values", values(child, parent)),
        ("the deliveries", deliveries(child, parent)),
        ("the command", command(own, given)),
        ("the environment or the rights of the command", surroundings(own, given)),
        ("who may use it", who(&child.consumer, &parent.consumer)),
        ("the project or the directory", child.project == parent.project && own.dir == given.dir),
        ("the window", child.nbf >= parent.nbf && child.exp <= parent.exp),
        ("the number of uses", often(child.uses, parent.uses)),
        ("the reason", child.reason == parent.reason),
    ];
    match found.into_iter().find(|(_, holds)| !holds) {
        None => Ok(()),
        Some((what, _)) => Err(wider(what)),
    }
}

/// The denial for what is wider in this.
pub fn wider(what: &str) -> Error {
    let message = format!("a narrowed grant is not wider than the one in hand: {what}");
    Error::new(Kind::Denied, code::WIDER, message)
}

fn values(child: &Terms, parent: &Terms) -> bool {
    child.items.iter().all(|item| parent.items.contains(item))
}

/// A template with a value left out would be another file than the approved one.
fn deliveries(child: &Terms, parent: &Terms) -> bool {
    let whole = |t: &Template| {
        let granted = |terms: &Terms, r: &_| terms.items.iter().any(|i| i.reference == *r);
        t.references().iter().all(|r| granted(child, *r) || !granted(parent, *r))
    };
    let (own, given) = (&child.action, &parent.action);
    own.deliveries.iter().all(|d| given.deliveries.contains(d))
        && own.templates.iter().all(|t| given.templates.contains(t) && whole(t))
}

fn command(own: &Action, given: &Action) -> bool {
    let same_program = own.program == given.program && own.fixed == given.fixed;
    own.target == given.target
        && match given.extent {
            Extent::Any => own.fixed == 0,
            Extent::Open => {
                same_program && own.extent != Extent::Any && own.argv.starts_with(&given.argv)
            }
            Extent::Exact => same_program && own.extent == Extent::Exact && own.argv == given.argv,
        }
}

fn surroundings(own: &Action, given: &Action) -> bool {
    own.env == given.env && (own.no_new_privs || !given.no_new_privs) && (given.raw || !own.raw)
}

/// Everybody of a user is everybody only where the other says so as well.
fn who(own: &Consumer, given: &Consumer) -> bool {
    !matches!(own, Consumer::User { .. }) || own.is(given)
}

fn often(own: Option<u32>, given: Option<u32>) -> bool {
    match (own, given) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(own), Some(given)) => own <= given,
    }
}
