//! A reverse proxy on loopback, for the life of one command: the command is given a base URL and a
//! placeholder, and the value is put in towards one https origin, for the requests that were
//! consented to, as long as the grant lives. There is no CA, no daemon and no configuration.
//!
//! It is started by `hasp-exec`, knows no vault and no home, and believes nothing that a client or
//! an upstream says. Threads, each with blocking waits: 64 connections are not many.
#![forbid(unsafe_code)]

mod answer;
mod buffer;
mod cli;
pub mod code;
mod config;
mod control;
mod credential;
mod head;
mod record;
mod refusal;
mod run;
mod scrub;
mod serve;
mod upstream;
mod window;

pub use cli::Cli;
