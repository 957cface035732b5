//! Recipients and identities whose keys live in a program of their own: age plugins
//! (<https://c2sp.org/age-plugin>), as for a smart card. Such a program sees the file key of every
//! value. It is run only from `plugins` in the home, where its owner has put or linked it, and only
//! if nobody else can change it; `PATH` is never searched.

mod client;
mod key;
mod wire;

pub use key::{Identity, Recipient};
