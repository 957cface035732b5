//! The limits of the classes and of policy.toml, held against what a grant says: when it is minted,
//! and again when it is used, so that a limit that has become stricter since counts.

pub(crate) mod bounds;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hasp_consumer::{Asked, Consumer, Registry};
use hasp_core::policy::{Limits, Way, Who};
use hasp_core::{Class, Error, Home, Kind, Policy, Result, Timestamp};
use hasp_target::Channel;
use hasp_vault::Vault;

use crate::action::{Granted, control};
use crate::code;
use crate::policy::bounds::Bounds;
use crate::token::claims::Terms;

/// The policy of the home of this vault.
///
/// # Errors
/// `[bad-policy]`.
pub fn of(vault: &Vault) -> Result<Policy> {
    Policy::read(vault.home().root())
}

/// What is asked at each use of a grant of these terms.
///
/// # Errors
/// `[bad-policy]`.
pub fn asks_at_use(terms: &Terms, vault: &Vault) -> Result<bool> {
    let policy = of(vault)?;
    Ok(classes(&terms.items).into_iter().any(|class| policy.limits(class).confirm.value.usage))
}

/// The classes of what is granted, each once; what opens nothing is of the lowest.
pub fn classes(items: &[Granted]) -> BTreeSet<Class> {
    let classes: BTreeSet<Class> = items.iter().map(|i| i.class).collect();
    if classes.is_empty() { BTreeSet::from([Class::Low]) } else { classes }
}

/// The words for who may use a grant: the one that was typed, else what the consumer itself tells.
pub fn words(typed: Option<&str>, consumer: &Consumer) -> Vec<Who> {
    match consumer {
        Consumer::Session { .. } => vec![Who::Session],
        Consumer::User { .. } => vec![Who::User],
        Consumer::Exe { .. } => vec![Who::Exe],
        Consumer::Named { name, .. } => vec![Who::Named(name.clone())],
        Consumer::Process { .. } => match typed {
            Some(word) if word.starts_with("pid:") => vec![Who::Pid],
            Some(_) => vec![Who::Parent],
            // A grant does not tell which of the two was typed.
            None => vec![Who::Parent, Who::Pid],
        },
    }
}

/// Whether the policy lets a grant be what these terms say, with each item of the class given.
///
/// # Errors
/// `[over-ceiling]`, `[class-any-command]`, `[class-raw]`, `[class-consumer]`, `[class-delivery]`,
/// `[reason-required]`, `[outside-hours]`.
pub fn check(
    terms: &Terms,
    items: &[Granted],
    who: &[Who],
    policy: &Policy,
    now: Timestamp,
) -> Result<()> {
    let mut named: BTreeMap<Class, &str> = BTreeMap::new();
    items.iter().for_each(|i| {
        named.entry(i.class).or_insert(i.name.as_str());
    });
    let of: Vec<Limits> = classes(items).into_iter().map(|class| policy.limits(class)).collect();
    let seconds = u64::try_from(terms.exp.as_second() - terms.nbf.as_second()).unwrap_or(u64::MAX);
    Bounds::of(&of).check(Duration::from_secs(seconds), terms.uses)?;
    for limits in &of {
        let secret = named.get(&limits.class).copied().unwrap_or("what it is given");
        command(terms, secret, limits)?;
        consumer(who, limits)?;
        deliveries(terms, items, limits)?;
        reason(terms, limits)?;
        hours(limits, now)?;
    }
    Ok(())
}

/// Whether a registered program may be granted this much, by its name or by its path.
///
/// # Errors
/// `[consumer-ceiling]`, `[consumer-class]`, `[consumer-reason]`; `[bad-registry]`.
pub fn check_consumer(terms: &Terms, home: &Home) -> Result<()> {
    if !matches!(terms.consumer, Consumer::Exe { .. } | Consumer::Named { .. }) {
        return Ok(());
    }
    let seconds = u64::try_from(terms.exp.as_second() - terms.nbf.as_second()).unwrap_or(u64::MAX);
    let asked = Asked {
        window: Duration::from_secs(seconds),
        uses: terms.uses,
        classes: &classes(&terms.items),
        reason: terms.reason.as_deref(),
    };
    let registry = Registry::load(home)?;
    registry.of(&terms.consumer).try_for_each(|(name, entry)| entry.ceiling.check(name, &asked))
}

fn refused(code: hasp_core::Code, limits: &Limits, line: Option<usize>, text: &str) -> Error {
    let by = line.map(|line| format!(" (line {line} of policy.toml)")).unwrap_or_default();
    let message = format!("a secret of class {} {text}{by}", limits.class);
    Error::new(Kind::Denied, code, message)
}

fn command(terms: &Terms, secret: &str, limits: &Limits) -> Result<()> {
    if !limits.any_command.value {
        control::check_named(&terms.action, secret, limits.class)?;
    }
    if !terms.action.raw || limits.raw.value {
        return Ok(());
    }
    let text = "is granted only with its output redacted";
    Err(refused(code::CLASS_RAW, limits, limits.raw.line, text)
        .hint("leave out --raw: hasp-grant -t TARGET"))
}

fn consumer(who: &[Who], limits: &Limits) -> Result<()> {
    if who.iter().any(|who| limits.admits(who)) {
        return Ok(());
    }
    let asked = who.first().map(Who::to_string).unwrap_or_default();
    let allowed: Vec<String> = limits.consumer.value.iter().map(Who::to_string).collect();
    let text = format!("is not granted to the consumer '{asked}'");
    let error = refused(code::CLASS_CONSUMER, limits, limits.consumer.line, &text);
    Err(match allowed.first() {
        Some(first) => {
            let list = allowed.join(", ");
            error.hint(format!("allowed are {list}, for example: --consumer {}", example(first)))
        }
        None => error.hint("nobody may use one; see: hasp-grant policy show"),
    })
}

fn example(word: &str) -> &str {
    match word {
        "pid" => "pid:N",
        "exe" => "exe:PATH",
        word => word,
    }
}

fn way(channel: Channel) -> Way {
    match channel {
        Channel::Env => Way::Env,
        Channel::File => Way::File,
        Channel::Fd => Way::Fd,
        Channel::Stdin => Way::Stdin,
    }
}

fn deliveries(terms: &Terms, items: &[Granted], limits: &Limits) -> Result<()> {
    let action = &terms.action;
    for item in items.iter().filter(|item| item.class == limits.class) {
        let direct = action.deliveries.iter().filter(|d| d.reference == item.reference);
        let mut ways: Vec<Way> = direct.map(|d| way(d.channel)).collect();
        let within = |t: &hasp_target::Template| t.references().contains(&&item.reference);
        ways.extend(action.templates.iter().any(within).then_some(Way::Template));
        let allowed = &limits.deliver.value;
        let Some(wrong) = ways.into_iter().find(|way| !allowed.contains(way)) else { continue };
        let text = format!("is not delivered by {}, as {} would be", wrong.as_str(), item.name);
        let error = refused(code::CLASS_DELIVERY, limits, limits.deliver.line, &text);
        let list: Vec<&str> = allowed.iter().map(|way| way.as_str()).collect();
        return Err(match list.first() {
            Some(_) => error.hint(format!(
                "allowed are {}, for example: --file VAR={}",
                list.join(", "),
                item.reference
            )),
            None => error.hint("it is not delivered at all; see: hasp-grant policy show"),
        });
    }
    Ok(())
}

fn reason(terms: &Terms, limits: &Limits) -> Result<()> {
    let said = terms.reason.as_deref().is_some_and(|text| !text.trim().is_empty());
    if said || !limits.reason.value {
        return Ok(());
    }
    let text = "is granted only for a reason";
    Err(refused(code::REASON_REQUIRED, limits, limits.reason.line, text)
        .hint("say what it is for, without any value: --reason 'nightly run'"))
}

fn hours(limits: &Limits, now: Timestamp) -> Result<()> {
    let Some(hours) = limits.hours.value.as_ref().filter(|hours| !hours.admit(now)) else {
        return Ok(());
    };
    let text =
        format!("is granted and used {hours}, and the clock there shows {}", hours.clock(now));
    Err(refused(code::OUTSIDE_HOURS, limits, limits.hours.line, &text)
        .hint("see what holds for each class: hasp-grant policy show"))
}
