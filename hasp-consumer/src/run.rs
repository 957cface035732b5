//! From the command line to a verb.

use hasp_core::text::printable_path;
use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::{Home, Result};
use serde_json::json;

use crate::cli::{Cli, Verb};
use crate::registry::{Entry, Registry};
use crate::{manage, program, whoami};

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, cx: &mut Context) -> Result<Exit> {
        match self.verb {
            Verb::Whoami => whoami::run(cx),
            Verb::Add { consumer, exe } => manage::add(&consumer, &exe, cx),
            Verb::Remove { consumer } => manage::remove(&consumer, cx),
            Verb::List => list(cx),
            Verb::Show { consumer } => show(&consumer, cx),
            Verb::Completions { shell } => Cli::completions(shell, cx),
        }
    }
}

fn registry(cx: &Context) -> Result<Registry> {
    let home = Home::locate(&cx.env)?;
    if home.exists() {
        home.check()?;
    }
    Registry::load(&home)
}

fn list(cx: &mut Context) -> Result<Exit> {
    let registry = registry(cx)?;
    let width = registry.consumer.keys().map(String::len).max().unwrap_or(0);
    for (name, entry) in &registry.consumer {
        if cx.out.json {
            cx.out.object(&object(name, entry))?;
        } else {
            cx.out.folded(&format!("{name:width$}  {}", printable_path(&entry.exe)), 4)?;
        }
    }
    if registry.consumer.is_empty() {
        cx.out.note("no consumer is registered; session, parent, pid:N, user and exe:PATH need no registration");
    }
    Ok(Exit::OK)
}

fn show(name: &str, cx: &mut Context) -> Result<Exit> {
    let registry = registry(cx)?;
    let entry = registry.get(name)?;
    if cx.out.json {
        return cx.out.object(&object(name, entry)).map(|()| Exit::OK);
    }
    cx.out.line(&format!("name   {name}"))?;
    cx.out.line(&format!("exe    {}", printable_path(&entry.exe)))?;
    cx.out.line(&format!("added  {}", entry.added.local()))?;
    program::warnings(&entry.exe).iter().for_each(|w| cx.out.warn(w));
    if program::real_path(&entry.exe).ok().as_ref() != Some(&entry.exe) {
        cx.out.warn(
            "the program is not there as it was registered: remove the name, and add it again",
        );
    }
    Ok(Exit::OK)
}

fn object(name: &str, entry: &Entry) -> serde_json::Value {
    json!({"v": 1, "name": name, "exe": printable_path(&entry.exe), "added": entry.added, "warnings": program::warnings(&entry.exe)})
}
