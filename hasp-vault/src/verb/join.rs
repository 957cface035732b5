//! `join`: shows the key that would be trusted, asks, and pins it.

use std::path::{Path, PathBuf};

use hasp_core::terminal::Terminal;
use hasp_core::text::{printable_path, shell_word};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result};

use super::own;
use super::remember::{self, Use};
use crate::cli::JoinArgs;
use crate::code;
use crate::format::public_key;
use crate::join::Candidate;
use crate::open::gitattributes;
use crate::open::identity::Identity;
use crate::recipients::pin;

pub fn run(args: &JoinArgs, cx: &mut Context) -> Result<Exit> {
    let home = Home::locate(&cx.env)?;
    let dir: PathBuf =
        std::path::absolute(&args.vault).map_err(|e| Error::io("find", &args.vault, e))?;
    let candidate = Candidate::look(&home, &dir)?;
    let key = public_key::encode(candidate.key());
    refuse_other_key(args, &key)?;
    remember::require_identity(&home, &dir, cx)?;
    // A fresh machine, as in CI, has no home yet.
    home.create()?;
    let used = remember::look(&home, &dir, candidate.id(), cx)?;
    // Echo stays off from the passphrase to the question.
    let asking = Terminal::open();
    if candidate.pinned() == Some(candidate.key()) {
        let known = format!("the vault {} is known already, with this key", candidate.id());
        if let Use::Free(_) = used {
            let (identity, _) = pin::open(&home, cx)?;
            return done(&known, &used, &identity, &candidate, cx);
        }
        return tell(&known, &used, &candidate, cx);
    }
    asking.iter().filter(|_| args.key.is_none()).for_each(Terminal::more_follows);
    let (identity, keeper) = pin::open(&home, cx)?;
    let keys =
        candidate.keys(&identity, &keeper).map_err(|e| with_recipient(e, &identity, &dir))?;
    if args.key.is_none() {
        confirm(&candidate, &key)?;
    }
    drop(asking);
    candidate.pin(&identity, &keeper, &keys, cx.now)?;
    if !dir.starts_with(home.root()) && gitattributes::offer(&dir) {
        let file = printable_path(&dir.join(gitattributes::NAME));
        cx.out.note(&format!("{file} keeps git from turning line ends: commit it"));
    }
    own::take_over(&home, &identity, &keeper, candidate.id(), cx)?;
    done(
        &format!("the vault {} is trusted by its key {key}", candidate.id()),
        &used,
        &identity,
        &candidate,
        cx,
    )
}

/// The project here gets the vault if it had none; that it could not is said, and the vault is
/// trusted all the same.
fn done(
    what: &str,
    used: &Use,
    identity: &Identity,
    candidate: &Candidate,
    cx: &mut Context,
) -> Result<Exit> {
    if let Use::Free(root) = used {
        match remember::bind(candidate.dir(), identity, cx) {
            Ok(()) => cx.out.note(&format!("{} uses it from now on", printable_path(root))),
            Err(error) => {
                cx.out.warn(error.message());
                return tell(what, &Use::NoProject, candidate, cx);
            }
        }
    }
    tell(what, used, candidate, cx)
}

fn tell(what: &str, used: &Use, candidate: &Candidate, cx: &mut Context) -> Result<Exit> {
    if cx.out.json {
        let (dir, key) = (printable_path(candidate.dir()), public_key::encode(candidate.key()));
        let here = matches!(used, Use::Free(_) | Use::Already);
        cx.out.object(&serde_json::json!({
            "v": 1, "vault": candidate.id(), "public_key": key, "dir": dir, "used_here": here,
        }))?;
        return Ok(Exit::OK);
    }
    cx.out.note(what);
    cx.out.plain_note(&format!("Next:\n\n{}", remember::next(used, candidate.dir())));
    Ok(Exit::OK)
}

fn refuse_other_key(args: &JoinArgs, key: &str) -> Result<()> {
    if args.key.as_deref().is_none_or(|expected| expected == key) {
        return Ok(());
    }
    let message = format!("the vault has the key {key}, not the one given; nothing was pinned");
    Err(Error::new(Kind::Denied, code::OTHER_KEY, message)
        .hint("ask a member again what it reads from: hasp-vault status"))
}

fn confirm(candidate: &Candidate, key: &str) -> Result<()> {
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(
            Kind::Locked,
            code::NO_TERMINAL,
            "there is no terminal to ask whether the key is right",
        )
        .hint("give the key that it must have: hasp-vault join DIR --key BASE64")
    })?;
    let changed = match candidate.pinned() {
        Some(old) => format!(
            "WARNING: this home knows the vault with another key: {}\n",
            public_key::encode(old)
        ),
        None => String::new(),
    };
    terminal.show(&format!(
        "vault  {}\nkey    {key}\n{changed}Compare the key with what a member reads from: \
         hasp-vault status\n",
        candidate.id()
    ))?;
    if terminal.confirm("Trust this vault?")? {
        return Ok(());
    }
    Err(Error::new(Kind::No, code::INTERRUPTED, "interrupted: nothing was pinned"))
}

/// Who is not among the recipients needs to know what to send to whom, and what to type when that
/// was done.
fn with_recipient(error: Error, identity: &Identity, dir: &Path) -> Error {
    match identity.recipients().first() {
        Some(own) if error.code() == code::NOT_A_RECIPIENT => error
            .hint(format!(
                "a member has to add your recipient first: hasp-vault recipients add {own}"
            ))
            .hint(format!(
                "then take over what he changed, and again: hasp-vault join {}",
                shell_word(dir.as_os_str())
            )),
        _ => error,
    }
}
