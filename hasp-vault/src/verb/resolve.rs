//! `resolve`: git keeps both sides of a conflict in its index; they are read from there, since the
//! file in the working tree holds markers.

use std::process::{Command, Output, Stdio};

use hasp_core::text::shell_word;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, SecretName};

use super::set;
use crate::cli::ResolveArgs;
use crate::code;
use crate::item::resolve::{Side, Stages};
use crate::open::vault::Vault;

/// Where git keeps the commits of the two sides, in a merge and in what is like one.
const SIDES: [&str; 4] = ["HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD"];

pub fn run(args: &ResolveArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let name: SecretName = args.name.parse()?;
    let side = if args.ours { Side::Ours } else { Side::Theirs };
    vault.refuse_links(&name)?;
    let stages = stages(vault, &name, cx)?;
    let item = vault.unlock(cx)?.resolve(&name, side, &stages, cx.now)?;
    set::report(&item, cx)?;
    cx.out.note(
        "the other side's value is in git's history only; if it was used anywhere, rotate it there",
    );
    let (dir, below) =
        (shell_word(vault.dir().as_os_str()), shell_word(format!("items/{name}").as_ref()));
    cx.out.plain_note(&format!("Next:\n\n  git -C {dir} add -A {below}\n  git -C {dir} commit\n"));
    Ok(Exit::OK)
}

/// What `git ls-files --unmerged` lists below the secret's own directory, and the values in the
/// commits of both sides: git itself removes one that only the other side has removed.
fn stages(vault: &Vault, name: &SecretName, cx: &Context) -> Result<Stages> {
    let below = format!("items/{name}/");
    let mut stages = Stages::default();
    let listed = git(&["ls-files", "--unmerged", "-z", "--", &below], vault, cx)?;
    for ([_, object, stage], file) in entries(&listed, &below) {
        let stage = stage.parse().map_err(|_| unexpected())?;
        stages
            .files
            .insert((file.to_owned(), stage), git(&["cat-file", "blob", object], vault, cx)?);
    }
    for side in SIDES {
        if !run_git(&["rev-parse", "--quiet", "--verify", side], vault, cx)?.status.success() {
            continue;
        }
        let listed = git(&["ls-tree", "-z", side, "--", &below], vault, cx)?;
        for ([_, _, object], _) in
            entries(&listed, &below).filter(|(_, file)| file.ends_with(".age"))
        {
            stages.committed.push(git(&["cat-file", "blob", object], vault, cx)?);
        }
    }
    Ok(stages)
}

/// The three words and the file of each entry that lies in this directory.
fn entries<'a>(listed: &'a [u8], below: &'a str) -> impl Iterator<Item = ([&'a str; 3], &'a str)> {
    listed.split(|b| *b == 0).filter_map(|e| std::str::from_utf8(e).ok()).filter_map(move |entry| {
        let (info, path) = entry.split_once('\t')?;
        let words = info.split(' ').collect::<Vec<_>>().try_into().ok()?;
        Some((words, path.strip_prefix(below).filter(|f| !f.contains('/'))?))
    })
}

fn git(words: &[&str], vault: &Vault, cx: &Context) -> Result<Vec<u8>> {
    let out = run_git(words, vault, cx)?;
    if out.status.success() {
        return Ok(out.stdout);
    }
    Err(Error::new(
        Kind::Missing,
        code::NO_REPOSITORY,
        "git cannot read the repository of the vault",
    )
    .hint("resolve is for a vault in a git repository, in the midst of a merge"))
}

fn run_git(words: &[&str], vault: &Vault, cx: &Context) -> Result<Output> {
    let mut command = Command::new("git");
    command.arg("-C").arg(vault.dir()).args(words).env_clear().envs(cx.env.for_child());
    let ran = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    ran.map_err(|e| Error::system("run git", e))
}

fn unexpected() -> Error {
    Error::new(Kind::Io, code::IO, "git's answer cannot be read")
}
