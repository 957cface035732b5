//! Permission: a signed grant in two halves, for one consumer, one project, one action and one
//! window.
//!
//! A token is a PASETO v4.public (`token::paseto`) whose claims ([`Claims`]) name everything that
//! was approved. It carries half of the key to the granted versions' file keys (`token::seal`); the
//! other half lies in the runtime directory ([`Ledger`]), where spending, revoking or expiry
//! destroys it. [`verify`] applies every check and is the only maker of a [`VerifiedGrant`], which
//! `spend` turns into values by way of the record.
#![forbid(unsafe_code)]

mod action;
pub mod cli;
pub mod code;
mod ledger;
mod mint;
mod misplaced;
mod narrow;
mod policy;
mod run;
mod spend;
mod suggest;
mod token;
mod verb;

pub use action::arg::Arg;
pub use action::{Action, EnvRules};
pub use hasp_core::GrantId;
pub use hasp_target::{check_program, find_program};
pub use ledger::Ledger;
pub use ledger::directories::{Everywhere, everywhere};
pub use ledger::record::record as record_end;
pub use ledger::sweep::sweep_expired;
pub use mint::jobserver::inherited as inherited_jobserver;
pub use mint::summary::{HANG, terms_lines};
pub use misplaced::{KnownWord, as_program, known_word};
pub use policy::asks_at_use;
pub use spend::check::{Check, VerifiedGrant, verify};
pub use spend::ended::EndedGrant;
pub use spend::kept::{Attempt, Found, choose, kept};
pub use spend::report::{print_check, print_checks};
pub use spend::situation::Situation;
pub use spend::standing::{Standing, State, Which, standings};
pub use spend::{Opened, Released, nothing_released};
pub use token::claims::{Claims, Terms};
pub use token::line::mint_line;
pub use token::paseto::{malformed, parse as parse_token};
pub use token::seal::{Half, open as open_seal};
pub use token::{MAX_TOKEN, line as token_line};
