//! What a grant of a secret of one class may be: what hasp allows anyway, and that narrowed by the
//! file. Each limit knows where it comes from.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::class::{Class, ONCE};
use crate::policy::class::{Confirm, Rules, Stated};
use crate::policy::hours::Hours;
use crate::policy::words::{Way, Who};

/// One limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit<T> {
    /// What is allowed.
    pub value: T,
    /// The line of policy.toml that says so; `None` for what hasp does anyway.
    pub line: Option<usize>,
}

/// What a grant of a secret of one class may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The class.
    pub class: Class,
    /// The longest window.
    pub window: Limit<Duration>,
    /// The most uses; `None` for as many as the window allows.
    pub uses: Limit<Option<u32>>,
    /// How a value may be delivered.
    pub deliver: Limit<BTreeSet<Way>>,
    /// Whether the output may go out unredacted.
    pub raw: Limit<bool>,
    /// Whether a grant may leave open which command runs.
    pub any_command: Limit<bool>,
    /// Who may use it; a registered name is admitted by [`Who::Exe`] too.
    pub consumer: Limit<BTreeSet<Who>>,
    /// Whether it must say what it is for.
    pub reason: Limit<bool>,
    /// When it may be minted and used; `None` for always.
    pub hours: Limit<Option<Hours>>,
    /// When a person is asked.
    pub confirm: Limit<Confirm>,
}

impl Limits {
    /// What hasp allows without a file.
    pub(super) fn built_in(class: Class) -> Limits {
        let strict = class >= Class::High;
        let ways = Way::ALL.into_iter().filter(|w| class < Class::Critical || *w != Way::Env);
        let consumers = Who::PLAIN.into_iter().filter(|who| !strict || *who != Who::User);
        Limits {
            class,
            window: own(class.ceiling().unwrap_or(ONCE)),
            uses: own(class.ceiling().is_none().then_some(1)),
            deliver: own(ways.collect()),
            raw: own(!strict),
            any_command: own(!class.names_command()),
            consumer: own(consumers.collect()),
            reason: own(false),
            hours: own(None),
            confirm: own(Confirm { mint: class == Class::Critical, usage: false }),
        }
    }

    /// The same, narrowed: what is written is taken only as far as it is stricter.
    pub(super) fn narrowed(mut self, rules: &Rules) -> Limits {
        narrow(&mut self.window, &rules.window, |own, said| *own.min(said));
        narrow(&mut self.uses, &rules.uses, |own, said| {
            Some(own.map_or(*said, |own| own.min(*said)))
        });
        narrow(&mut self.deliver, &rules.deliver, |own, said| own & said);
        narrow(&mut self.raw, &rules.raw, |own, said| *own && *said);
        narrow(&mut self.any_command, &rules.any_command, |own, said| *own && *said);
        narrow(&mut self.consumer, &rules.consumer, consumers);
        narrow(&mut self.reason, &rules.reason, |own, said| *own || *said);
        narrow(&mut self.hours, &rules.hours, |_, said| Some(said.clone()));
        narrow(&mut self.confirm, &rules.confirm, |own, said| Confirm {
            mint: own.mint || said.mint,
            usage: own.usage || said.usage,
        });
        self
    }

    /// Whether a consumer of this word may use a grant.
    pub fn admits(&self, who: &Who) -> bool {
        let admitted = &self.consumer.value;
        let by_exe = matches!(who, Who::Named(_)) && admitted.contains(&Who::Exe);
        by_exe || admitted.contains(who)
    }
}

fn own<T>(value: T) -> Limit<T> {
    Limit { value, line: None }
}

/// Where the file is no stricter the limit stays hasp's own.
fn narrow<T: PartialEq, U>(
    limit: &mut Limit<T>,
    stated: &Option<Stated<U>>,
    stricter: impl Fn(&T, &U) -> T,
) {
    let Some(stated) = stated else { return };
    let value = stricter(&limit.value, &stated.value);
    if value != limit.value {
        *limit = Limit { value, line: Some(stated.line) };
    }
}

/// A registered name is narrower than `exe`, which admits them all.
fn consumers(own: &BTreeSet<Who>, said: &BTreeSet<Who>) -> BTreeSet<Who> {
    let named = |who: &&Who| matches!(who, Who::Named(_)) && own.contains(&Who::Exe);
    said.iter().filter(|who| own.contains(*who) || named(who)).cloned().collect()
}
