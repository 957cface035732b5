//! The command line of `hasp-proxy`, and nothing else.

use std::ffi::OsString;

use clap::Parser;

use hasp_core::tool::Common;

const EXAMPLES: &str = "\
A program starts it, writes the routes with their values to a pipe, and answers on the socket.
What both say is in hasp-proxy(1). Examples:
  hasp-proxy --config fd:3 --control fd:4 3</dev/fd/8 4<&9
  hasp-proxy --config - --control fd:4 4<&9 <config.json";

/// Put a value into the requests of a command that never has it
#[derive(Parser, Debug)]
#[command(name = "hasp-proxy", version, after_help = EXAMPLES)]
pub struct Cli {
    /// Where the routes and their values are read: fd:N, a pipe
    #[arg(long, value_name = "SRC", required_unless_present = "completions")]
    pub config: Option<OsString>,
    /// The socket to whoever records, fd:N; its end ends the proxy
    #[arg(long, value_name = "SRC", required_unless_present = "completions")]
    pub control: Option<OsString>,
    /// Print completions for a shell
    #[arg(long, value_name = "SHELL", hide = true)]
    pub completions: Option<hasp_core::tool::Shell>,
    /// Flags of all tools
    #[command(flatten)]
    pub common: Common,
}
