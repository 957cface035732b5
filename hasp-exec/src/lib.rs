//! The broker: consumes a grant, opens exactly its values at the last moment into one child
//! process, redacts the child's output, and ends as the child ended.
//!
//! Finding a grant (`find`), checking it (`hasp_grant::verify`) and spawning (`child`) are separate
//! pieces, so that a process that keeps the grant can later stand between them.
#![forbid(unsafe_code)]

mod bell;
mod broker;
mod child;
pub mod cli;
mod deliver;
mod digest;
mod directory;
mod doctor;
mod ending;
mod environment;
mod explain;
mod find;
mod outputs;
mod pty;
mod reap;
mod record;
mod relay;
mod run;
mod signals;
mod status;
mod stdin;
mod stragglers;
