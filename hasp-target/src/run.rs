//! From the command line to a verb, and the manifest that it speaks of: the nearest one upwards.

use std::path::{Path, PathBuf};

use hasp_core::here;
use hasp_core::text::printable_path;
use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::trust;
use hasp_core::{Error, Kind, Result};

use crate::cli::{Cli, Verb};
use crate::code;
use crate::manifest::Manifest;
use crate::manifest::text::FILE_NAME;
use crate::verb::{add, check, examples, explain, init, list, show};

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, cx: &mut Context) -> Result<Exit> {
        match self.verb {
            Verb::Init => init::run(&current_dir()?, cx),
            Verb::List { names } => list::run(&Manifest::load(&nearest(cx)?)?, names, cx),
            Verb::Show { target } => show::run(Manifest::load(&nearest(cx)?)?.target(&target)?, cx),
            Verb::Check { target } => check::run(&nearest(cx)?, target.as_deref(), cx),
            Verb::Explain { target } => explain::run(&Manifest::load(&nearest(cx)?)?, &target, cx),
            Verb::Examples { target, write } => examples::run(&nearest(cx)?, &target, write, cx),
            Verb::Add(args) => add::run(&args, &nearest_or_here(cx)?, cx),
            Verb::Completions { shell } => Cli::completions(shell, cx),
        }
    }
}

/// The nearest manifest upwards from the current directory, by its real path, as far as directories
/// are ours, root's, or of whom this one belongs to. One that another user can change is read,
/// since whoever has to decide about it must see it, and is named.
fn nearest(cx: &mut Context) -> Result<PathBuf> {
    let start = current_dir()?;
    let found = here::manifest(&start)?;
    if let Some(stranger) =
        found.as_deref().and_then(|f| trust::stranger_below(f.parent().unwrap_or(f), f))
    {
        cx.out.warn(&format!("{}: it may ask for another user's wish", stranger.text()));
    }
    found.ok_or_else(|| match trust::frontier(&start) {
        Some(frontier) => at_frontier(&start, &frontier),
        None => {
            let message = format!("there is no {FILE_NAME} in {} or above", printable_path(&start));
            Error::new(Kind::Missing, code::NO_MANIFEST, message)
                .hint("write one to start from: hasp-target init")
        }
    })
}

/// The nearest manifest, or where the first one is made: in the current directory.
fn nearest_or_here(cx: &mut Context) -> Result<PathBuf> {
    match nearest(cx) {
        Err(e) if [code::NO_MANIFEST, code::FOREIGN_DIRECTORY].contains(&e.code()) => {
            Ok(current_dir()?.join(FILE_NAME))
        }
        found => found,
    }
}

fn at_frontier(start: &Path, frontier: &trust::Stranger) -> Error {
    let (shown, dir) =
        (printable_path(start), hasp_core::text::shell_word(frontier.path.as_os_str()));
    let message = format!(
        "there is no {FILE_NAME} in {shown} or above as far as directories are yours: {}",
        frontier.text()
    );
    Error::new(Kind::Denied, code::FOREIGN_DIRECTORY, message)
        .hint(format!(
            "if a project there is meant, look at it first: cd {dir} && hasp-target list"
        ))
        .hint("or write one to start from: hasp-target init")
}

fn current_dir() -> Result<PathBuf> {
    let dir = std::env::current_dir().and_then(|d| d.canonicalize());
    dir.map_err(|e| Error::system("find the current directory", e))
}
