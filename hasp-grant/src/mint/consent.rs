//! The resolved request on the terminal, and the questions: for consent that is missing, and for
//! `critical`.

use hasp_bind::{Binding, Consented, Project};
use hasp_core::terminal::Terminal;
use hasp_core::tool::Context;
use hasp_core::{Class, Error, Kind, Result};
use hasp_vault::Unlocked;

use crate::code;
use crate::mint::elsewhere::elsewhere;
use crate::mint::request::Request;
use crate::mint::summary;
use crate::token::claims::Terms;

/// Shows the resolved action on the terminal and asks where the design says so: for consent that is
/// missing, and for `critical`.
pub fn consent(
    terms: &Terms,
    request: &Request,
    project: &Project,
    context: &mut Context,
) -> Result<()> {
    let missing = !request.unbound.is_empty() || request.unconsented.is_some();
    let question = question(missing, request, project);
    let terminal = Terminal::open();
    if let (true, Some(_), Some(taken)) = (missing, &terminal, &request.name_taken) {
        return Err(taken.clone());
    }
    match (terminal, question) {
        (Some(mut terminal), Some(question)) => {
            terminal.show_block(&summary::block(terms, request, project), &context.env)?;
            if terminal.confirm(question)? {
                Ok(())
            } else {
                Err(Error::new(Kind::Denied, code::NOT_GRANTED, "not granted"))
            }
        }
        (Some(mut terminal), None) if !context.out.quiet => {
            terminal.show_block(&summary::block(terms, request, project), &context.env)
        }
        // Quiet hides the block, and no warning of what is released.
        (_, None) => {
            request.loud.iter().chain(&request.warnings).for_each(|w| context.out.warn(w));
            Ok(())
        }
        (None, Some(_)) if missing => Err(unbound(request)),
        (None, Some(_)) => {
            let message = format!(
                "a secret of class {} is granted only when a person says yes on a terminal",
                request.class
            );
            let error = Error::new(Kind::Locked, hasp_core::code::NO_TERMINAL, message);
            Err(elsewhere(error, terms, request))
        }
    }
}

fn question(missing: bool, request: &Request, project: &Project) -> Option<&'static str> {
    match (missing, request.confirm) {
        (true, _) if project.founded => {
            Some("Make this directory a project, bind them to it and grant this?")
        }
        (true, _) => Some("Bind them to this project and grant this?"),
        (false, true) if request.class == Class::Critical => Some("A critical secret: grant this?"),
        (false, true) => Some("Grant this?"),
        (false, false) => None,
    }
}

fn unbound(request: &Request) -> Error {
    let names: Vec<String> = request.unbound.iter().map(ToString::to_string).collect();
    let error = match &request.unconsented {
        Some(target) => Error::new(
            Kind::Denied,
            hasp_bind::code::TARGET_UNCONSENTED,
            format!("nobody has consented to target '{}' yet", target.name),
        )
        .hint("see what this project asks for and consent: hasp-bind"),
        None => Error::new(
            Kind::Denied,
            hasp_bind::code::UNBOUND,
            format!("this project is not bound to {}", names.join(", ")),
        )
        .hint(format!("hasp-bind add {}", names.join(" "))),
    };
    match &request.before {
        Some(before) => error.hint(format!("{}: {}", before.text(), before.line())),
        None => error,
    }
}

/// Puts into the binding what was consented to.
pub fn extend_binding(
    project: &Project,
    request: &Request,
    unlocked: &Unlocked,
    context: &Context,
) -> Result<()> {
    if request.unbound.is_empty() && request.unconsented.is_none() {
        return Ok(());
    }
    let extend = |binding: &mut Binding| {
        for reference in &request.unbound {
            binding.refs.entry(reference.clone()).or_insert_with(|| reference.clone());
        }
        if let Some(target) = &request.unconsented {
            binding.targets.insert(target.name.clone(), Consented::to(target));
        }
        Ok(())
    };
    Binding::change(unlocked, project, context.now, extend).map(drop)
}
