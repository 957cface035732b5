//! The durable steps of a rotation, in the order in which a secret takes them. Each is recorded,
//! committed under the lock of the vault, and refused in any other state than the one that it
//! follows.

use hasp_audit::{Event, EventKind};
use hasp_core::{Error, Kind, Result, Secret, SecretName, Timestamp, files};

use super::program::{Job, Step};
use crate::code;
use crate::format::events;
use crate::format::item::{Item, State};
use crate::format::rotation::{Every, Recipe, Retiring, Rotation};
use crate::format::version::Version;
use crate::item::revoke::remove;
use crate::item::set::{SetOptions, check_value, refuse_open_rotation};
use crate::open::unlocked::Unlocked;
use crate::open::writer::Writer;

/// What a rotation begins with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// How it is done.
    pub plan: Recipe,
    /// The plan becomes the recipe, to be repeated so often, or the recipe goes.
    pub every: Option<Every>,
    /// It was begun because it was due.
    pub due: bool,
}

impl Unlocked {
    /// Notes that a program is about to be asked for a new value: from now on somebody may have one
    /// that the vault does not.
    ///
    /// # Errors
    /// `[rotation-open]`, `[secret-destroyed]`.
    pub fn begin_rotation(&self, name: &SecretName, start: &Start, now: Timestamp) -> Result<Item> {
        self.step(name, now, |item| {
            refuse_open_rotation(item)?;
            item.version(item.current)?;
            item.rotation = Some(start.rotation(now));
            Ok(Change::new(events::of_version(EventKind::VaultRotateBegin, item, item.current)))
        })
    }

    /// Stores the new value beside the current one.
    ///
    /// # Errors
    /// `[value-unchanged]`, `[value-empty]`, `[value-too-large]`, `[rotation-open]` if another one
    /// is staged.
    pub fn stage_rotation(
        &self,
        name: &SecretName,
        value: &Secret,
        start: &Start,
        now: Timestamp,
    ) -> Result<Item> {
        check_value(value)?;
        self.step(name, now, |item| {
            let mut rotation = match item.rotation.take() {
                Some(begun) if begun.staged.is_none() => begun,
                Some(staged) => {
                    item.rotation = Some(staged);
                    refuse_open_rotation(item)?;
                    return Err(Error::bug("a staged rotation was not refused"));
                }
                None => start.rotation(now),
            };
            if item.version(item.current)?.fp == self.fingerprint(value) {
                return Err(unchanged(name));
            }
            let dir = self.vault().make_item_dir(name)?;
            let (number, path) = self.append_version(&dir, item, value, now)?;
            files::flush(&path)?;
            rotation.staged = Some(number);
            item.rotation = Some(rotation);
            Ok(Change::new(events::of_version(EventKind::VaultRotateStage, item, number)))
        })
    }

    /// Notes that the staged value has passed its test.
    pub fn pass_rotation(&self, name: &SecretName, now: Timestamp) -> Result<Item> {
        self.step(name, now, |item| {
            let (number, rotation) = staged(item)?;
            rotation.tested = Some(now);
            Ok(Change::new(events::of_version(EventKind::VaultRotateTest, item, number)))
        })
    }

    /// Makes the staged version the current one; the old one waits to be taken back, or is kept as
    /// after `set`.
    pub fn promote_rotation(&self, name: &SecretName, now: Timestamp) -> Result<Item> {
        self.step(name, now, |item| {
            let (number, rotation) = staged(item)?;
            let Rotation { plan, every, tested, .. } = rotation.clone();
            if plan.test.is_some() && tested.is_none() {
                return Err(Error::bug("a value that was not tested is to be promoted"));
            }
            let old = item.current;
            SetOptions { rotate_every: every, ..SetOptions::default() }.apply(item, now);
            let retiring = (plan.retire.is_some() || plan.overlap.is_some()).then(|| Retiring {
                after: plan.overlap.map_or(now, |o| now.after(o)),
                program: plan.retire.clone(),
            });
            if let Some(version) = item.versions.iter_mut().find(|v| v.number == old) {
                version.retiring = retiring;
            }
            if let Some(Every::Span(_)) = every {
                item.recipe = Some(plan).filter(|p| *p != Recipe::default());
            }
            (item.current, item.state, item.forget, item.rotation) =
                (number, State::Active, None, None);
            Ok(Change::new(
                events::of_version(EventKind::VaultRotatePromote, item, number).field("was", old),
            ))
        })
    }

    /// Gives a rotation up: the old value stays the current one, a staged one is destroyed.
    ///
    /// # Errors
    /// `[no-rotation]`, `[rotated-already]`.
    pub fn abort_rotation(&self, name: &SecretName, why: &str, now: Timestamp) -> Result<Item> {
        self.step(name, now, |item| {
            let Some(rotation) = item.rotation.take() else {
                return Err(nothing_to_abort(item, now));
            };
            let event = events::of_secret(EventKind::VaultRotateAbort, name)
                .maybe("version", rotation.staged);
            let gone = rotation.staged.and_then(|number| lose(item, number, now));
            Ok(Change { event: event.field("why", why), gone })
        })
    }

    /// Destroys an old version that was taken back.
    pub fn retire_version(&self, name: &SecretName, number: u32, now: Timestamp) -> Result<Item> {
        self.step(name, now, |item| {
            let waits = item.versions.iter().any(|v| v.number == number && v.retiring.is_some());
            if !waits {
                let message =
                    format!("version {number} of {name} does not wait to be retired any more");
                return Err(Error::new(Kind::Missing, code::NO_ROTATION, message)
                    .hint(format!("see how far it is: hasp-vault history {name}")));
            }
            let event = events::of_version(EventKind::VaultRotateRetire, item, number);
            Ok(Change { event, gone: lose(item, number, now) })
        })
    }

    /// Puts on record that a program is about to get a value, or how it failed with it.
    pub fn record_program(
        &self,
        job: &Job<'_>,
        failed: Option<&Error>,
        now: Timestamp,
    ) -> Result<()> {
        let word = if failed.is_some() {
            EventKind::VaultRotateFailed
        } else {
            EventKind::VaultRotateProgram
        };
        let event = events::of_secret(word, job.name).field("version", job.version);
        let event =
            event.field("step", job.step.as_str()).field("program", job.program.to_string());
        let event = event.maybe("code", failed.map(|e| e.code().as_str()));
        self.vault().log()?.append(now, &[event]).map(drop)
    }

    /// One change of a verified record: recorded, committed, and then the file that no record needs
    /// any more is removed; what a crash leaves of it goes with the next write. What fails before
    /// the record leaves nothing to sweep.
    fn step(
        &self,
        name: &SecretName,
        now: Timestamp,
        change: impl FnOnce(&mut Item) -> Result<Change>,
    ) -> Result<Item> {
        let writer = Writer::begin(self.vault())?;
        let mut item = self.vault().item(name)?;
        writer.intend(name)?;
        let Change { event, gone } = match change(&mut item) {
            Ok(change) => change,
            Err(error) => {
                let _ = writer.done();
                return Err(error);
            }
        };
        self.vault().log()?.append(now, &[event])?;
        self.commit(&mut item)?;
        if let Some(file) = gone {
            let path = self.vault().item_dir(name).join(file);
            remove(path.clone())?;
            files::sync_parent(&path)?;
        }
        writer.done()?;
        Ok(item)
    }
}

/// What a step does besides changing the record.
struct Change {
    event: Event,
    /// The file of a version that was destroyed.
    gone: Option<String>,
}

impl Change {
    fn new(event: Event) -> Change {
        Change { event, gone: None }
    }
}

impl Start {
    fn rotation(&self, now: Timestamp) -> Rotation {
        let (plan, every, due) = (self.plan.clone(), self.every, self.due);
        Rotation { since: now, staged: None, tested: None, every, due, plan }
    }
}

impl Rotation {
    /// The program that the rotation waits for, if any.
    pub fn waits_for(&self) -> Option<Step> {
        match (self.staged, self.tested) {
            (None, _) => Some(Step::Run),
            (Some(_), None) if self.plan.test.is_some() => Some(Step::Test),
            _ => None,
        }
    }
}

fn staged(item: &mut Item) -> Result<(u32, &mut Rotation)> {
    let missing = no_rotation(item);
    let rotation = item.rotation.as_mut().ok_or(missing)?;
    let number =
        rotation.staged.ok_or_else(|| Error::bug("a rotation without a new value goes on"))?;
    Ok((number, rotation))
}

/// Marks a version as destroyed; the name of its file.
fn lose(item: &mut Item, number: u32, now: Timestamp) -> Option<String> {
    let version = item.versions.iter_mut().find(|v| v.number == number)?;
    (version.destroyed, version.retiring) = (Some(now), None);
    Some(version.file.clone())
}

fn unchanged(name: &SecretName) -> Error {
    Error::new(
        Kind::Data,
        code::VALUE_UNCHANGED,
        format!("the new value of {name} is the old one: nothing was changed"),
    )
    .hint("make a new one at the provider first")
}

/// The error where nothing is being rotated.
pub fn no_rotation(item: &Item) -> Error {
    let name = &item.name;
    Error::new(Kind::Missing, code::NO_ROTATION, format!("{name} is not being rotated"))
        .hint(format!("begin with: hasp-vault rotate {name}"))
}

fn nothing_to_abort(item: &Item, now: Timestamp) -> Error {
    let waits = |v: &Version| v.retiring.as_ref().map(|r| (v.number, r.after));
    let Some((number, after)) = item.versions.iter().find_map(waits) else {
        return no_rotation(item);
    };
    let name = &item.name;
    let waits = format!("{name} has its new value already; version {number} waits to be retired");
    let refuse = |message: String| Error::new(Kind::Denied, code::ROTATED_ALREADY, message);
    let error = match after <= now {
        true => refuse(waits).hint(format!("retire it: hasp-vault rotate {name} --resume")),
        false => refuse(format!("{waits} after {}", after.local())),
    };
    error.hint(format!("or only destroy it here: hasp-vault destroy {name}@{number}"))
}
