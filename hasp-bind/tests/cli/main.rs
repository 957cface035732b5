//! Consent as a person gives and withdraws it, over the real binary and a real vault.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod binding;
mod by_hand;
mod consent;
mod moved;
mod place;
