//! The command line of `hasp-exec`.

use std::ffi::OsString;

use clap::Parser;

use hasp_core::tool::Common;

const EXAMPLES: &str = "\
Examples:
  hasp-grant -t test | hasp-exec                run what was just granted
  hasp-exec -t test                             use a kept grant, any number of times
  hasp-exec -t test -- -k login                 further words, where the target allows them
  hasp-exec -t test --explain                   would it run? prints each check, runs nothing
  hasp-exec --doctor                            what is wrong here, and what mends it
  HASP_GRANT=fd:3 hasp-exec -- make 3<token     the token on a descriptor

Exit status: the command's own; before it starts 125 for every refusal, 126 if the
program cannot be executed, 127 if there is none. A signal that ended the command
ends hasp-exec too.";

/// Run one granted command with its secrets, its output redacted
#[derive(Parser, Debug)]
#[command(name = "hasp-exec", version, after_help = EXAMPLES)]
pub struct Cli {
    /// Where the token is: -, fd:N, env:VAR, a path, or kept
    #[arg(short, long, value_name = "SRC")]
    pub grant: Option<OsString>,
    /// The target that is asked for
    #[arg(short, long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Print each check and what would be delivered; run nothing
    #[arg(long)]
    pub explain: bool,
    /// Say what this machine gives and what is wrong here; run nothing
    #[arg(long, conflicts_with_all = ["grant", "target", "explain", "argv"])]
    pub doctor: bool,
    /// With --doctor: mend what is safe to mend, and say what was done
    #[arg(long, requires = "doctor")]
    pub repair: bool,
    /// Write one JSON line at the start and one at the end to descriptor N
    #[arg(long, value_name = "N")]
    pub status_fd: Option<i32>,
    /// Let the command inherit descriptor N
    #[arg(long, value_name = "N")]
    pub pass_fd: Vec<i32>,
    /// End processes that outlive the command and hold its output
    #[arg(long)]
    pub kill_stragglers: bool,
    /// Print completions for a shell
    #[arg(long, value_name = "SHELL", hide = true)]
    pub completions: Option<hasp_core::tool::Shell>,
    /// Plumbing: remove a delivery directory when the broker ends
    #[arg(long, value_name = "NAME", hide = true)]
    pub reap: Option<OsString>,
    /// Plumbing: lead the command's session on its terminal
    #[arg(long, value_name = "N", hide = true)]
    pub monitor: Option<i32>,
    /// The command, or further words of it
    #[arg(last = true, value_name = "ARGV")]
    pub argv: Option<Vec<OsString>>,
    /// Flags of all tools
    #[command(flatten)]
    pub common: Common,
}
