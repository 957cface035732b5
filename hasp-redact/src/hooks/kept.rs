//! What the watch cannot know while the vault is locked: values that are short or easy to guess.
//! They are looked for where somebody has them: by the vault's own tool, if the vault opens without
//! anybody being asked; and by runs of this program that kept grants give them to, as any other
//! program gets them, through targets of the project.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use hasp_core::platform::BeforeExec;
use hasp_core::tool::Context;
use hasp_core::{Environ, Home, Var, descriptors, sibling};
use rustix::process::Signal;

use super::Memory;
use crate::cli::Hook;

/// The target that the manual names; a kept grant of any other that runs the same serves as well.
const TARGET: &str = "hooks";

/// The end of hasp-exec where it starts nothing, as without a grant.
const NOT_STARTED: i32 = 125;

/// The end of the vault's tool where it would have to ask.
pub const NOT_OPENED: u8 = 69;

/// Who has looked, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// Whether the vault itself was opened for it.
    pub vault: bool,
    /// The targets whose kept grants were used.
    pub targets: Vec<String>,
    /// Whether something was found, which was printed; or a look failed, which was said.
    pub blocked: bool,
}

/// What a hook was called with.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// Which hook.
    pub hook: Hook,
    /// What git tells it.
    pub words: &'a [OsString],
    /// What git writes to it.
    pub input: &'a [u8],
    /// What it remembers.
    pub memory: &'a Memory,
}

/// Looks with the vault, if it opens without a question, and with each kept grant for it: nothing
/// is left for those where the vault here is the only one with such values.
pub(crate) fn look(call: Call<'_>, home: &Home, vaults: usize, cx: &mut Context) -> Looked {
    let mut looked = Looked::default();
    if let Some(status) =
        with_vault(call, home, cx).filter(|status| *status != i32::from(NOT_OPENED))
    {
        looked.vault = true;
        looked.blocked |= is_blocked(status, "hasp-vault watch look", cx);
        if vaults == 1 {
            return looked;
        }
    }
    for target in targets(cx) {
        let started = with_target(call, &target, cx).filter(|status| *status != NOT_STARTED);
        if let Some(status) = started {
            looked.blocked |= is_blocked(status, &format!("the target {target}"), cx);
            looked.targets.push(target);
        }
    }
    looked
}

fn is_blocked(status: i32, what: &str, cx: &mut Context) -> bool {
    if status > 1 {
        cx.out.warn(&format!("{what} ended with {status}"));
    }
    status != 0
}

/// Whether the identity opens without anybody being asked.
pub(crate) fn opens(home: &Home) -> bool {
    // As this program was started: the sources are none of what a sibling usually gets.
    let env = Environ::capture();
    let given = [Var::Passphrase, Var::Identity].iter().any(|var| env.var(*var).is_some());
    given || home.join("identity").symlink_metadata().is_ok()
}

/// It gets a session without a terminal and no program that asks: a hook keeps nobody waiting.
fn with_vault(call: Call<'_>, home: &Home, cx: &Context) -> Option<i32> {
    if !opens(home) {
        return None;
    }
    let mut command = sibling::command("hasp-vault").ok()?;
    command.args(["watch", "look", call.hook.name(), "--"]).args(call.words);
    if cx.out.json {
        command.arg("--json");
    }
    descriptors::lend(&Environ::capture(), None);
    command.env(Var::Home.as_str(), home.root()).env_remove(Var::Askpass.as_str());
    let parent_death = Some(Signal::TERM);
    let apart = BeforeExec { own_session: true, parent_death, ..BeforeExec::default() };
    apart.install(&mut command).ok()?;
    run(command, call, cx)
}

fn with_target(call: Call<'_>, target: &str, cx: &Context) -> Option<i32> {
    let mut command = sibling::command("hasp-exec").ok()?;
    command.args(["-q", "-t", target, "--", call.hook.name()]);
    if !call.words.is_empty() {
        command.arg("--").args(call.words.iter().map(|word| absolute(call.hook, word)));
    }
    command.env_clear().envs(cx.env.for_child());
    // What it says where it has no grant is of no use here; what it finds is on standard output.
    command.stderr(Stdio::null());
    run(command, call, cx)
}

fn run(mut command: Command, call: Call<'_>, cx: &Context) -> Option<i32> {
    if let Some(vault) = call.memory.vault.as_ref().filter(|_| cx.env.var(Var::Vault).is_none()) {
        command.env(Var::Vault.as_str(), vault);
    }
    let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(call.input);
    }
    // One that a signal killed has looked at nothing to its end.
    Some(child.wait().ok()?.code().unwrap_or(i32::from(u8::MAX)))
}

/// The targets of this project for which a grant is kept that runs this program as a hook. One that
/// counts its uses is not used up for this, unless it is for that very target.
fn targets(cx: &Context) -> Vec<String> {
    let (mut found, Some(listed)) = (vec![TARGET.to_owned()], listed(cx)) else {
        return vec![TARGET.to_owned()];
    };
    let cwd = std::env::current_dir().ok().and_then(|dir| dir.canonicalize().ok());
    for grant in listed {
        let text = |name: &str| grant[name].as_str().unwrap_or_default().to_owned();
        let project = text("project");
        let here = cwd.as_deref().is_some_and(|dir| dir.starts_with(Path::new(&project)));
        let (target, usable) = (text("target"), text("state") == "usable");
        let endless = grant["kept"] == true && grant["uses"].is_null();
        let fits = usable && endless && here && !project.is_empty() && !target.is_empty();
        if fits && is_hook(&text("command")) && !found.contains(&target) {
            found.push(target);
        }
    }
    found
}

/// Whether a command, as it is shown, is this program called as a hook. What is run is decided by
/// hasp-exec, from the grant.
fn is_hook(command: &str) -> bool {
    let program = |word: &str| word.rsplit('/').next() == Some("hasp-redact");
    let mut words = command.split(' ');
    words.next().is_some_and(program)
        && words.next() == Some("hooks")
        && words.next() == Some("run")
}

fn listed(cx: &Context) -> Option<Vec<serde_json::Value>> {
    let mut command = sibling::command("hasp-grant").ok()?;
    command.args(["list", "--json"]).env_clear().envs(cx.env.for_child());
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let lines = output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    Some(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// The file of a message by its full name: the target may work in another directory.
fn absolute(hook: Hook, word: &OsString) -> OsString {
    if hook != Hook::CommitMsg {
        return word.clone();
    }
    std::path::absolute(word).map_or_else(|_| word.clone(), |path| path.into_os_string())
}
