//! `join`: shows the key that would be trusted, asks, and pins it.

use std::path::PathBuf;

use hasp_core::terminal::Terminal;
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result};

use crate::cli::JoinArgs;
use crate::format::public_key;
use crate::join::Candidate;
use crate::recipients::pin;

pub fn run(args: &JoinArgs, cx: &mut Context) -> Result<Exit> {
    let home = Home::locate(&cx.env)?;
    // A fresh machine, as in CI, has no home yet.
    home.create()?;
    let dir: PathBuf = std::path::absolute(&args.vault).map_err(|e| Error::io("find", &args.vault, e))?;
    let candidate = Candidate::look(&home, &dir)?;
    let key = public_key::encode(candidate.key());
    // Echo stays off from the question to the passphrase.
    let asking = Terminal::open();
    if candidate.pinned() == Some(candidate.key()) {
        cx.out.note(&format!("the vault {} is known already, with this key", candidate.id()));
        return Ok(Exit::OK);
    }
    match &args.key {
        Some(expected) if *expected != key => {
            return Err(Error::new(
                Kind::Denied,
                "other-key",
                format!("the vault has the key {key}, not the one given; nothing was pinned"),
            ));
        }
        Some(_) => {}
        None => confirm(&candidate, &key)?,
    }
    let (identity, keeper) = pin::open(&home, cx)?;
    drop(asking);
    let vault = candidate.pin(&identity, &keeper, cx.now).map_err(|e| with_recipient(e, &identity))?;
    if cx.out.json {
        cx.out.object(
            &serde_json::json!({"v": 1, "vault": vault.id(), "public_key": key, "dir": printable_path(&dir)}),
        )?;
    } else {
        cx.out.note(&format!("the vault {} is trusted by its key {key}", vault.id()));
    }
    Ok(Exit::OK)
}

fn confirm(candidate: &Candidate, key: &str) -> Result<()> {
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(Kind::Locked, "no-terminal", "there is no terminal to ask whether the key is right")
            .hint("give the key that it must have: hasp-vault join DIR --key BASE64")
    })?;
    let changed = match candidate.pinned() {
        Some(old) => format!("WARNING: this home knows the vault with another key: {}\n", public_key::encode(old)),
        None => String::new(),
    };
    terminal.show(&format!(
        "vault  {}\nkey    {key}\n{changed}Compare the key with what a member reads from: hasp-vault status\n",
        candidate.id()
    ))?;
    if terminal.confirm("Trust this vault?")? {
        return Ok(());
    }
    Err(Error::new(Kind::No, "interrupted", "interrupted: nothing was pinned"))
}

/// Who is not among the recipients needs to know what to send to whom.
fn with_recipient(error: Error, identity: &crate::crypto::identity::Identity) -> Error {
    match identity.recipients().first() {
        Some(own) if error.code() == "not-a-recipient" => {
            error.hint(format!("a member has to add your recipient first: {own}"))
        }
        _ => error,
    }
}
