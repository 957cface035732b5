//! Permission: a signed grant in two halves, for one consumer, one project, one action and one
//! window.
//!
//! A token is a PASETO v4.public ([`paseto`]) whose claims ([`claims`]) name everything that was
//! approved. It carries half of the key to the granted versions' file keys ([`seal`]); the other
//! half lies in the runtime directory ([`ledger`]), where spending, revoking or expiry destroys it.
//! [`check::verify`] applies every check and is the only maker of a [`check::VerifiedGrant`], which
//! [`spend`] turns into values by way of the record.
#![forbid(unsafe_code)]

pub mod check;
pub mod claims;
pub mod cli;
pub mod code;
pub mod control;
pub mod delivery;
mod handover;
pub mod id;
pub mod jobserver;
pub mod ledger;
pub mod manage;
mod mint;
mod order;
pub mod paseto;
mod pins;
pub mod program;
pub mod render;
mod run;
pub mod runners;
pub mod seal;
pub mod shown;
pub mod spend;
pub mod swap;
pub mod token;
mod window;
pub mod word;

pub use check::{Check, Situation, VerifiedGrant};
pub use id::GrantId;
pub use ledger::Ledger;
pub use spend::Opened;
