//! `generate`: a fresh value that nobody has seen; only the public half of a key pair is printed.

use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, SecretName};

use super::{input, set};
use crate::cli::GenerateArgs;
use crate::format::rotation::{Every, Recipe};
use crate::item::generate::Generate;
use crate::open::vault::Vault;

/// A value that can be guessed with fewer tries than 2^64 deserves a word.
const WEAK: u32 = 64;

pub fn run(args: &GenerateArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let name: SecretName = args.name.parse()?;
    let mut options = set::options(&args.options)?;
    let kept = vault.item_if_present(&name)?.map(|i| i.class);
    let class = options.class.or(kept).unwrap_or_default();
    let (length, alphabet) = (args.length, args.alphabet.as_deref());
    let recipe = Generate { kind: args.kind, length, alphabet, class, comment: name.as_str() };
    let made = recipe.make()?;
    if let Some(Every::Span(_)) = options.rotate_every {
        let alphabet = args.alphabet.clone();
        options.recipe =
            Some(Recipe { kind: Some(args.kind), length, alphabet, ..Recipe::default() });
    }
    let item = vault.unlock(cx)?.set(&name, &made.value, &options, cx.now)?;
    input::warn_if_short(&name, &made.value, cx);
    if made.bits < WEAK {
        cx.out.warn(&format!("{name} has only {} bits of entropy", made.bits));
    }
    if cx.out.json {
        let size = made.value.len();
        cx.out.object(&serde_json::json!({
            "v": 1, "secret": name, "version": item.current, "class": item.class, "size": size,
            "expires": item.expires,
            "entropy": made.bits, "public": made.public,
        }))?;
        return Ok(Exit::OK);
    }
    set::report(&item, cx)?;
    cx.out.note(&format!("{} bits of entropy", made.bits));
    made.public.map_or(Ok(()), |public| cx.out.line(&public))?;
    Ok(Exit::OK)
}
