//! `explain`: a target in plain words, for whoever has to decide about it.

use hasp_core::Result;
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use serde_json::json;

use crate::changes::command;
use crate::delivery::{Channel, Delivery};
use crate::manifest::Manifest;
use crate::target::Target;

pub(crate) fn run(manifest: &Manifest, name: &str, cx: &mut Context) -> Result<Exit> {
    let target = manifest.target(name)?;
    let sentences = sentences(target, manifest);
    if cx.out.json {
        return cx.out.object(&json!({"v": 1, "name": target.name, "text": sentences})).map(|()| Exit::OK);
    }
    sentences.iter().try_for_each(|s| cx.out.line(s)).map(|()| Exit::OK)
}

fn sentences(target: &Target, manifest: &Manifest) -> Vec<String> {
    let mut said = vec![match &target.about {
        Some(about) => format!("Target {} is for: {about}.", target.name),
        None => format!("Target {}.", target.name),
    }];
    said.push(format!("It runs {}.", command(target)));
    said.push(match &target.dir {
        Some(dir) => format!("It runs in {} of the project.", printable_path(dir)),
        None => "It runs in the project's root.".to_owned(),
    });
    said.extend(target.deliveries.iter().map(|d| delivery(d, manifest)));
    if target.deliveries.is_empty() {
        said.push("It is given no secret.".to_owned());
    }
    said.push(environment(target));
    said.push(
        "What it prints is redacted. It approves nothing by itself: hasp-bind consents, hasp-grant permits.".to_owned(),
    );
    said
}

fn delivery(delivery: &Delivery, manifest: &Manifest) -> String {
    let spec = manifest.refs.get(&delivery.reference);
    let about = spec.and_then(|s| s.about.as_ref()).map(|a| format!(" ({a})")).unwrap_or_default();
    let optional = if spec.is_some_and(|s| !s.required) { ", if it is stored" } else { "" };
    let class = spec.and_then(|s| s.class.as_deref()).and_then(window).map(|w| format!("; {w}")).unwrap_or_default();
    let variable = delivery.variable.as_deref().unwrap_or_default();
    format!("It gets {}{about} {}{optional}{class}.", delivery.reference, how(delivery.channel, variable))
}

fn how(channel: Channel, variable: &str) -> String {
    match channel {
        Channel::Env => format!("as the variable {variable}"),
        Channel::File => format!("as a file in memory whose path is in {variable}"),
        Channel::Fd => format!("on a descriptor whose number is in {variable}"),
        Channel::Stdin => "on standard input".to_owned(),
    }
}

/// The longest grant of a class (DESIGN section 4).
pub(crate) fn window(class: &str) -> Option<&'static str> {
    match class {
        "low" => Some("a grant lasts at most 24h"),
        "medium" => Some("a grant lasts at most 8h"),
        "high" => Some("a grant lasts at most 1h"),
        "critical" => Some("each grant is for one run"),
        _ => None,
    }
}

fn environment(target: &Target) -> String {
    let kept = if target.keep_env.is_empty() {
        String::new()
    } else {
        format!(" It keeps {}, which can make programs load other code.", target.keep_env.join(", "))
    };
    let privileges = if target.no_new_privs { " It cannot gain privileges." } else { "" };
    match target.clean_env {
        true if target.pass_env.is_empty() => format!("It inherits no variable.{kept}{privileges}"),
        true => format!("It inherits only {}.{kept}{privileges}", target.pass_env.join(", ")),
        false => {
            format!("It inherits your environment, without what makes programs load other code.{kept}{privileges}")
        }
    }
}
