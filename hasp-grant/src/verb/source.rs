//! A token in hand, for the verbs that read one.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;

use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Secret, Source, Var, tree};

use crate::code;
use crate::token::MAX_TOKEN;
use crate::verb::ledgers;

/// The token of a kept grant if the word is an id, else whatever the source gives.
pub fn read_token(source: Option<&OsStr>, context: &mut Context) -> Result<Secret> {
    if let Some(word) = source.and_then(OsStr::to_str)
        && word.len() >= 4
        && word.bytes().all(|b| b.is_ascii_hexdigit())
    {
        for ledger in ledgers(context)? {
            let ids = ledger.ids()?.into_iter().filter(|id| id.as_str().starts_with(word));
            for path in ids.map(|id| ledger.kept_path(&id)) {
                if tree::is_there(&path)? {
                    return Source::Path(path).read(&mut context.env, MAX_TOKEN);
                }
            }
        }
    }
    let source = source.map_or(Ok(Source::Stdin), Source::parse)?;
    source.read(&mut context.env, MAX_TOKEN)
}

/// The one that is named, or that `HASP_GRANT` names, or on standard input.
///
/// # Errors
/// `[no-grant]` if that is a terminal.
pub fn in_hand(named: Option<&OsString>, context: &mut Context) -> Result<Secret> {
    let word = named.cloned().or_else(|| context.env.var(Var::Grant).map(OsStr::to_owned));
    let from_stdin = word.as_ref().is_none_or(|word| word == "-");
    if from_stdin && std::io::stdin().is_terminal() {
        return Err(Error::new(Kind::Denied, code::NO_GRANT, "there is no token to narrow")
            .hint("say where it is: hasp-grant narrow -g SRC")
            .hint("or name a kept one by its id: hasp-grant list"));
    }
    read_token(word.as_deref(), context)
}
