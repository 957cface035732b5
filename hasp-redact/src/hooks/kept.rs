//! What the watch cannot know while the vault is locked: values that are short or easy to guess.
//! They are looked for by a run of this program that a kept grant gives them to, as any other
//! program gets them, through the project's target of this name.

use std::ffi::OsString;
use std::io::Write;
use std::process::Stdio;

use hasp_core::tool::Context;
use hasp_core::{Var, sibling};

use super::Memory;
use crate::cli::Hook;

/// The target.
pub(crate) const TARGET: &str = "hooks";

/// The end of hasp-exec where it starts nothing, as without a grant.
const NOT_STARTED: i32 = 125;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// There is no such grant.
    Not,
    /// None of its values was found.
    Clean,
    /// Some were, which was printed; or it failed, and said so.
    Blocked,
}

/// Looks with the values of a kept grant, if there is one.
pub(crate) fn look(
    hook: Hook,
    words: &[OsString],
    input: &[u8],
    memory: &Memory,
    cx: &mut Context,
) -> Looked {
    match run(hook, words, input, memory, cx) {
        Some(0) => Looked::Clean,
        None | Some(NOT_STARTED) => Looked::Not,
        Some(1) => Looked::Blocked,
        Some(status) => {
            cx.out.warn(&format!("the target {TARGET} ended with {status}"));
            Looked::Blocked
        }
    }
}

fn run(hook: Hook, words: &[OsString], input: &[u8], memory: &Memory, cx: &Context) -> Option<i32> {
    let mut command = sibling::command("hasp-exec").ok()?;
    command.args(["-q", "-t", TARGET, "--", hook.name()]);
    if !words.is_empty() {
        command.arg("--").args(words.iter().map(|word| absolute(hook, word)));
    }
    command.env_clear().envs(cx.env.for_child());
    if let Some(vault) = memory.vault.as_ref().filter(|_| cx.env.var(Var::Vault).is_none()) {
        command.env(Var::Vault.as_str(), vault);
    }
    // What it says where it has no grant is of no use here; what it finds is on standard output.
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input);
    }
    child.wait().ok()?.code()
}

/// The file of a message by its full name: the target may work in another directory.
fn absolute(hook: Hook, word: &OsString) -> OsString {
    if hook != Hook::CommitMsg {
        return word.clone();
    }
    std::path::absolute(word).map_or_else(|_| word.clone(), |path| path.into_os_string())
}
