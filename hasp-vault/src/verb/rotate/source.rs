//! Where the new values come from: what was named, a program or a kind, else the recipe of each
//! secret, else a hidden prompt or stdin.

use std::io::IsTerminal;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Secret, SecretName, VersionedName};

use crate::cli::RotateArgs;
use crate::code;
use crate::format::rotation::Recipe;
use crate::open::vault::Vault;
use crate::verb::input;

/// Where the new values come from.
pub enum Given {
    /// This one.
    Value(Secret),
    /// The plan or the recipe of each makes it; else it is asked for.
    Each,
}

impl Given {
    /// Reads what there is to read before anything is asked.
    ///
    /// # Errors
    /// `[several-names]`, `[recipe-or-stdin]`, and those of reading a value.
    pub fn find(
        args: &RotateArgs,
        plan: &Recipe,
        listed: bool,
        wanted: &[VersionedName],
        vault: &Vault,
        cx: &mut Context,
    ) -> Result<Given> {
        let piped = !listed && !plan.makes() && stdin_holds_something();
        match (&args.from, wanted) {
            (Some(from), [_]) => {
                input::read_value(Some(from), args.keep_newline, cx).map(Given::Value)
            }
            (Some(_), _) => Err(several()),
            (None, [one]) if piped => {
                refuse_recipe(&one.name, vault)?;
                input::read_value(None, args.keep_newline, cx).map(Given::Value)
            }
            (None, _) if piped => Err(several()),
            (None, _) => Ok(Given::Each),
        }
    }
}

/// Neither a terminal nor /dev/null.
fn stdin_holds_something() -> bool {
    let device = Path::new("/dev/stdin").metadata().is_ok_and(|m| m.file_type().is_char_device());
    !std::io::stdin().is_terminal() && !device
}

/// A value that was piped in must not be passed over in silence.
fn refuse_recipe(name: &SecretName, vault: &Vault) -> Result<()> {
    let recipe = vault.item(name)?.recipe.filter(Recipe::makes);
    recipe.map_or(Ok(()), |recipe| {
        let message =
            format!("{name} has a recipe ({}), and something comes in by stdin", recipe.describe());
        Err(Error::new(Kind::Usage, code::RECIPE_OR_STDIN, message)
            .hint(format!("store what comes in: hasp-vault rotate {name} --from -"))
            .hint(format!("or use the recipe: hasp-vault rotate {name} </dev/null")))
    })
}

fn several() -> Error {
    Error::new(Kind::Usage, code::SEVERAL_NAMES, "one value cannot be that of several secrets")
        .hint("rotate them one by one, or give a program that makes each: --run PROG")
}
