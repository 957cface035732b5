//! One secret through its rotation. A step is durable before the next begins, so that `--resume`
//! finds where to go on.

use std::cell::RefCell;

use hasp_core::terminal::Terminal;
use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Secret, SecretName, Timestamp};

use super::source::Given;
use crate::code;
use crate::format::item::Item;
use crate::format::rotation::{Every, Program, Recipe};
use crate::item::generate::Generate;
use crate::item::set::refuse_open_rotation;
use crate::open::unlocked::Unlocked;
use crate::open::vault::Vault;
use crate::rotate::program::{Job, Made, Step};
use crate::rotate::steps::{Start, no_rotation};
use crate::verb::grants;
use crate::verb::input;
use crate::verb::set;

/// An unlocked vault whose secrets are rotated.
pub struct Session<'a> {
    vault: &'a Vault,
    unlocked: Unlocked,
    /// From the passphrase to the last value that is typed echo stays off; a program that is run in
    /// between finds its terminal as it was.
    asking: RefCell<Option<Terminal>>,
}

impl<'a> Session<'a> {
    /// Unlocks. The terminal is kept for the questions that may follow.
    pub fn open(
        vault: &'a Vault,
        asking: Option<Terminal>,
        cx: &mut Context,
    ) -> Result<Session<'a>> {
        Ok(Session { vault, unlocked: vault.unlock(cx)?, asking: RefCell::new(asking) })
    }

    /// A whole rotation, from a new value to the old one's retirement if that is due at once. After
    /// the last one nothing is asked any more.
    pub fn rotate(
        &self,
        name: &SecretName,
        (typed, every): (&Recipe, Option<Every>),
        given: &Given,
        (keep_newline, last): (bool, bool),
        cx: &mut Context,
    ) -> Result<()> {
        let _lock = self.vault.rotation_lock(name)?;
        let item = self.rotatable(name)?;
        let mut plan =
            typed.clone().over(item.recipe.as_ref().filter(|_| every != Some(Every::Never)));
        if let Given::Value(_) = given {
            plan = Recipe { run: None, kind: None, length: None, alphabet: None, ..plan };
        }
        self.vault.approve_programs(name, typed)?;
        self.agree(name, &plan, cx)?;
        if item.recipe.is_some() && plan != *typed {
            cx.out.note(&format!("{name}: by its recipe: {}", plan.describe()));
        }
        let start = Start { plan, every, due: false };
        match given {
            Given::Value(value) => drop(self.unlocked.stage_rotation(name, value, &start, cx.now)?),
            Given::Each if start.plan.makes() => self.make(&item, &start, keep_newline, cx)?,
            Given::Each => {
                let value = self.ask(name, last)?;
                input::warn_if_short(name, &value, cx);
                self.unlocked.stage_rotation(name, &value, &start, Timestamp::now())?;
            }
        }
        self.finish(name, cx)
    }

    /// By the recipe, since it is due.
    pub fn rotate_due(&self, name: &SecretName, cx: &mut Context) -> Result<()> {
        let _lock = self.vault.rotation_lock(name)?;
        let item = self.rotatable(name)?;
        let Some(plan) = item.recipe.clone().filter(Recipe::makes) else { return Ok(()) };
        self.agree(name, &plan, cx)?;
        self.make(&item, &Start { plan, every: None, due: true }, false, cx)?;
        self.finish(name, cx)
    }

    /// Goes on where a rotation stopped; what waits to be retired is retired.
    pub fn resume(&self, name: &SecretName, cx: &mut Context) -> Result<()> {
        let _lock = self.vault.rotation_lock(name)?;
        let item = self.vault.item(name)?;
        let Some(rotation) = &item.rotation else {
            if item.to_retire(cx.now).is_empty() {
                return Err(no_rotation(&item));
            }
            return self.retire(name, cx);
        };
        self.agree(name, &rotation.plan, cx)?;
        if rotation.waits_for() == Some(Step::Run) {
            let start =
                Start { plan: rotation.plan.clone(), every: rotation.every, due: rotation.due };
            self.run_program(&item, &start, false, cx)?;
        }
        self.finish(name, cx)
    }

    /// Gives a rotation up.
    pub fn abort(&self, name: &SecretName, cx: &mut Context) -> Result<()> {
        let _lock = self.vault.rotation_lock(name)?;
        let item = self.unlocked.abort_rotation(name, "asked", cx.now)?;
        if cx.out.json {
            return cx
                .out
                .object(&serde_json::json!({"v": 1, "secret": name, "version": item.current,
                "aborted": true}));
        }
        let kept = item.current;
        cx.out.note(&format!(
            "{name} keeps version {kept}; if the provider has a new value already, take it \
             back there"
        ));
        Ok(())
    }

    /// Retires what waits and is due; the old value stays where a program fails.
    pub fn retire(&self, name: &SecretName, cx: &mut Context) -> Result<()> {
        for number in self.vault.item(name)?.to_retire(cx.now) {
            let item = self.vault.item(name)?;
            let retiring = item.version(number)?.retiring.clone();
            if let Some(program) = retiring.and_then(|r| r.program) {
                self.agree(
                    name,
                    &Recipe { retire: Some(program.clone()), ..Recipe::default() },
                    cx,
                )?;
                self.tell(Step::Retire, &program, &item, number, cx).map_err(|e| {
                    e.hint(format!(
                        "version {number} is kept; try again with: hasp-vault rotate {name} \
                         --resume"
                    ))
                    .hint(format!("or only destroy it here: hasp-vault destroy {name}@{number}"))
                })?;
            }
            self.unlocked.retire_version(name, number, Timestamp::now())?;
            cx.out.note(&format!("{name}: version {number} is retired, and destroyed here"));
        }
        Ok(())
    }

    /// [`Session::retire`] with the lock taken.
    pub fn retire_due(&self, name: &SecretName, cx: &mut Context) -> Result<()> {
        let _lock = self.vault.rotation_lock(name)?;
        self.retire(name, cx)
    }

    fn ask(&self, name: &SecretName, last: bool) -> Result<Secret> {
        let mut terminal = input::terminal(name).map_err(|e| no_value(name, &e))?;
        if last {
            let value = input::ask_value(name, &mut terminal);
            self.asking.take();
            return value;
        }
        let value = input::ask_value_amid(name, &mut terminal);
        self.asking.replace(Some(terminal));
        value
    }

    fn rotatable(&self, name: &SecretName) -> Result<Item> {
        let item = self.vault.item(name)?;
        refuse_open_rotation(&item)?;
        item.version(item.current)
            .map_err(|e| e.hint(format!("store a new value: hasp-vault set {name}")))?;
        Ok(item)
    }

    /// Programs that a record names and nobody agreed to in this home are asked about, or not run.
    fn agree(&self, name: &SecretName, plan: &Recipe, cx: &mut Context) -> Result<()> {
        let unknown = self.vault.unapproved_programs(name, plan)?;
        if unknown.is_empty() {
            return Ok(());
        }
        let shown = unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        cx.out.flush()?;
        if let Some(mut terminal) = Terminal::open()
            && terminal.confirm(&format!(
                "The record of {name} names programs that nobody agreed to here: {shown}\nRun \
                 them with its values?"
            ))?
        {
            return self.vault.approve_programs(name, plan);
        }
        let message = format!(
            "the record of {name} names programs that nobody agreed to in this home: {shown}"
        );
        Err(Error::new(Kind::Denied, code::PROGRAM_UNAPPROVED, message)
            .hint(format!("look at them, then say yes on a terminal: hasp-vault rotate {name}")))
    }

    /// A new value by program or kind, staged.
    fn make(&self, item: &Item, start: &Start, keep_newline: bool, cx: &mut Context) -> Result<()> {
        let name = &item.name;
        if start.plan.run.is_some() {
            self.unlocked.begin_rotation(name, start, Timestamp::now())?;
            return self.run_program(item, start, keep_newline, cx);
        }
        let Some(kind) = start.plan.kind else {
            return Err(Error::bug("a plan that makes nothing was to make a value"));
        };
        let (length, alphabet) = (start.plan.length, start.plan.alphabet.as_deref());
        let made = Generate { kind, length, alphabet, class: item.class, comment: name.as_str() }
            .make()?;
        self.unlocked.stage_rotation(name, &made.value, start, Timestamp::now())?;
        cx.out.note(&format!("{name}: a fresh {}, {} bits of entropy", kind.as_str(), made.bits));
        input::warn_if_short(name, &made.value, cx);
        made.public.filter(|_| !cx.out.json).map_or(Ok(()), |public| cx.out.line(&public))
    }

    /// A program that gives no good value leaves everything as it was.
    fn run_program(
        &self,
        item: &Item,
        start: &Start,
        keep_newline: bool,
        cx: &mut Context,
    ) -> Result<()> {
        let (name, version) = (&item.name, item.current);
        let Some(program) = &start.plan.run else {
            return Err(Error::bug("a rotation waits for no program"));
        };
        let job = Job { step: Step::Run, program, name, version };
        let asked = self.prepare(&job, item, cx).and_then(|old| job.ask(&old, &cx.env));
        let staged = asked.and_then(|Made { mut value, left }| {
            if let Some(left) = left {
                cx.out.warn(&format!(
                    "{program} left {left} running, which holds its output: it is not waited for"
                ));
            }
            if !keep_newline {
                value.trim_newline();
            }
            self.unlocked.stage_rotation(name, &value, start, Timestamp::now())?;
            input::warn_if_short(name, &value, cx);
            Ok(())
        });
        staged.map_err(|error| {
            let _ = self.unlocked.record_program(&job, Some(&error), Timestamp::now());
            match self.unlocked.abort_rotation(name, error.code().as_str(), Timestamp::now()) {
                Ok(_) => {
                    error.hint(format!("version {version} of {name} is still the current one"))
                }
                Err(_) => error.hint(format!(
                    "when that is mended: hasp-vault rotate {name} --resume, or --abort"
                )),
            }
        })
    }

    /// Tests what is staged, ends the grants, promotes, retires.
    fn finish(&self, name: &SecretName, cx: &mut Context) -> Result<()> {
        let item = self.vault.item(name)?;
        let rotation = item.rotation.as_ref().ok_or_else(|| no_rotation(&item))?;
        if let (Some(Step::Test), Some(program), Some(number)) =
            (rotation.waits_for(), &rotation.plan.test, rotation.staged)
        {
            self.tell(Step::Test, program, &item, number, cx).map_err(|e| {
                e.hint(format!(
                    "version {number} stays staged; test it again: hasp-vault rotate {name} \
                     --resume"
                ))
                .hint(format!("or give it up: hasp-vault rotate {name} --abort"))
            })?;
            self.unlocked.pass_rotation(name, Timestamp::now())?;
        }
        // Before the promotion: a crash in between must not leave grants on a value that was
        // replaced.
        let ended = grants::end(std::slice::from_ref(name), cx);
        cx.now = Timestamp::now();
        let promoted = self.unlocked.promote_rotation(name, cx.now)?;
        report(&promoted, item.current, cx)?;
        self.retire(name, cx).and(ended)
    }

    fn tell(
        &self,
        step: Step,
        program: &Program,
        item: &Item,
        version: u32,
        cx: &mut Context,
    ) -> Result<()> {
        let job = Job { step, program, name: &item.name, version };
        let told = self.prepare(&job, item, cx).and_then(|value| job.tell(&value, &cx.env));
        told.inspect_err(|error| {
            let _ = self.unlocked.record_program(&job, Some(error), Timestamp::now());
        })
    }

    /// The value that a program gets, on record before it does.
    fn prepare(&self, job: &Job<'_>, item: &Item, cx: &mut Context) -> Result<Secret> {
        job.check()?;
        self.asking.take();
        let value = self.unlocked.value(item, job.version)?;
        self.unlocked.record_program(job, None, Timestamp::now())?;
        cx.out.flush()?;
        Ok(value)
    }
}

/// Where nobody can be asked, what is missing is a value and no passphrase.
fn no_value(name: &SecretName, error: &Error) -> Error {
    let message = format!("{name} has no recipe that makes a new value; {}", error.message());
    Error::new(error.kind(), error.code(), message)
        .hint(format!("give the new value: hasp-vault rotate {name} --from FILE"))
        .hint(format!("or what makes it: hasp-vault rotate {name} --run PROG, or --kind password"))
}

fn report(item: &Item, old: u32, cx: &mut Context) -> Result<()> {
    let name = &item.name;
    set::warn_of_times(item, cx);
    let (size, retiring) = (
        item.current_version().map_or(0, |v| v.size),
        item.versions.iter().find(|v| v.number == old).and_then(|v| v.retiring.as_ref()),
    );
    if cx.out.json {
        return cx.out.object(&serde_json::json!({
            "v": 1, "secret": name, "version": item.current, "was": old, "size": size,
            "expires": item.expires,
            "retire_after": retiring.map(|r| r.after),
        }));
    }
    let number = item.current;
    let then = match retiring {
        Some(r) if r.after > cx.now => {
            format!(
                "version {old} is retired after {}, by: hasp-vault rotate --due",
                r.after.local()
            )
        }
        Some(_) => format!("version {old} is retired now"),
        None => format!(
            "when the provider takes version {old} no longer: hasp-vault destroy {name}@{old}"
        ),
    };
    cx.out.note(&format!("{name} version {number}: {size} bytes, the current one; {then}"));
    Ok(())
}
