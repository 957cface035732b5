//! The action that a request approves: the absolute program, its words and what may follow them,
//! the directory and the environment.

use std::collections::BTreeSet;
use std::ffi::OsString;

use hasp_core::{Error, Kind, Result};
use hasp_target::{Delivery, Target, Template, check_kept};

use crate::action::arg::Arg;
use crate::action::{Action, EnvRules, Extent, pins};
use crate::cli::Mint;
use crate::code;
use crate::mint::context::MintContext;

/// What a trailing word of this form stands for: any further words.
const FURTHER: &str = "...";

/// The action: what runs, where, with which environment and deliveries.
pub fn resolve_action(
    mint: &Mint,
    target: Option<&Target>,
    (deliveries, templates): (Vec<Delivery>, Vec<Template>),
    at: &MintContext<'_>,
) -> Result<Action> {
    let dir = match target.and_then(|t| t.dir.as_ref()) {
        Some(below) => at.project.root.join(below),
        None if target.is_some() => at.project.root.clone(),
        None => at.cwd.to_owned(),
    };
    let (argv, fixed, extent) = approved_words(mint, target)?;
    let program = match argv.first() {
        Some(first) => {
            let found = hasp_target::find_program(first, &dir, at.env.get("PATH"))?;
            hasp_target::check_program(&found)?;
            Some(Arg::from(&found))
        }
        None => None,
    };
    let env = environment(mint, target, at)?;
    Ok(Action {
        target: target.map(|t| t.name.clone()),
        program,
        argv: argv.iter().map(Arg::from).collect(),
        fixed,
        extent,
        dir: Arg::from(&dir),
        env,
        deliveries,
        templates,
        no_new_privs: target.is_some_and(|t| t.no_new_privs),
        raw: mint.raw,
    })
}

fn environment(mint: &Mint, target: Option<&Target>, at: &MintContext<'_>) -> Result<EnvRules> {
    mint.keep_env.iter().try_for_each(|name| check_kept(name))?;
    let typed = BTreeSet::from_iter(&mint.keep_env).into_iter().cloned().collect();
    let (clean, pass, keep) = match target {
        Some(target) => (target.clean_env, target.pass_env.clone(), target.keep_env.clone()),
        None => (false, Vec::new(), typed),
    };
    let clean = mint.clean_env || clean;
    let pinned = pins::pin(at.env, |name| !clean || pass.iter().any(|p| p == name));
    Ok(EnvRules { clean, pass, keep, pinned: Some(pinned) })
}

/// The approved words, how many of them are the target's, and what may follow.
fn approved_words(mint: &Mint, target: Option<&Target>) -> Result<(Vec<OsString>, usize, Extent)> {
    let run = target.and_then(|t| t.run.as_ref());
    if mint.any_command {
        return if run.is_some() || !(mint.argv.is_empty() || mint.exec) {
            Err(Error::new(
                Kind::Usage,
                code::COMMAND_TWICE,
                "--any-command goes with neither a target's run nor a command after --",
            ))
        } else {
            Ok((Vec::new(), 0, Extent::Any))
        };
    }
    let Some(run) = run else {
        return split_further(mint.argv.clone()).and_then(|(words, extent)| {
            match words.is_empty() {
                true => {
                    Err(Error::new(Kind::Usage, code::NO_COMMAND, "say which command to grant")
                        .hint("add it after --, for example: -- ./migrate up")
                        .hint("or let hasp-exec name it: --any-command"))
                }
                false => Ok((words, 0, extent)),
            }
        });
    };
    let (fixed_words, extent) = split_further(run.iter().map(OsString::from).collect())?;
    let fixed = fixed_words.len();
    if mint.argv.is_empty() {
        return Ok((fixed_words, fixed, extent));
    }
    if extent == Extent::Exact {
        return Err(Error::new(
            Kind::Usage,
            code::COMMAND_FIXED,
            "this target's command takes no further words",
        )
        .hint("end its run with \"...\" in hasp.toml, then consent again with: hasp-bind"));
    }
    let (more, extent) = split_further(mint.argv.clone())?;
    Ok((fixed_words.into_iter().chain(more).collect(), fixed, extent))
}

/// A last word `...` stands for any further words.
pub fn split_further(mut words: Vec<OsString>) -> Result<(Vec<OsString>, Extent)> {
    let open = words.last().is_some_and(|w| w == FURTHER);
    if open {
        words.pop();
    }
    Ok((words, if open { Extent::Open } else { Extent::Exact }))
}
