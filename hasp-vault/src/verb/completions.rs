//! `completions`: what a shell needs to complete our verbs; it knows no names of secrets.

use clap::CommandFactory;
use hasp_core::Result;
use hasp_core::tool::{Context, Exit};

use crate::cli::Cli;

pub fn run(shell: clap_complete::Shell, cx: &mut Context) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hasp-vault", &mut script);
    cx.out.data(&script)?;
    Ok(Exit::OK)
}
