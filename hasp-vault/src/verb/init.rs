//! `init`: asks for everything first and writes last, then says what to type next.

use std::path::{Path, PathBuf};

use hasp_core::terminal::Terminal;
use hasp_core::text::{printable_path, shell_word};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result, Var, lead};

use super::recovery;
use crate::cli::InitArgs;
use crate::code;
use crate::crypto::passphrase;
use crate::crypto::recipient::Recipient;
use crate::format::public_key;
use crate::init::{Init, Owner};
use crate::open::unlocked;
use crate::open::vault::Vault;

pub fn run(args: &InitArgs, cx: &mut Context) -> Result<Exit> {
    let others: Vec<Recipient> = args.recipient.iter().map(|r| r.parse()).collect::<Result<_>>()?;
    let home = Home::locate(&cx.env)?;
    let dir = directory(&home, cx)?;
    let init = Init::begin(&home, &dir)?;
    if let Some(vault) = init.resume()? {
        cx.out.note(
            "an interrupted init was finished: the identity and its passphrase are those given \
             then",
        );
        return done(&vault, cx);
    }
    init.refuse_existing()?;
    // Echo stays off from the passphrase to the question.
    let asking = Terminal::open();
    let owner = owner(args, &init, &home, &dir, cx)?;
    let recovery = if args.recovery { Some(recovery::make("init --recipient")?) } else { None };
    drop(asking);
    let others: Vec<Recipient> = others.into_iter().chain(recovery).collect();
    let vault = init.make(&owner, &others, cx.now)?;
    done(&vault, cx)
}

fn directory(home: &Home, cx: &Context) -> Result<PathBuf> {
    match cx.env.var(Var::Vault).map(Path::new) {
        Some(named) => std::path::absolute(named).map_err(|e| Error::io("find", named, e)),
        None => Ok(home.join("vault")),
    }
}

/// An identity that is named serves the vault, and one that is there a further vault, in a
/// directory that was named; it must not be replaced.
fn owner(args: &InitArgs, init: &Init, home: &Home, dir: &Path, cx: &mut Context) -> Result<Owner> {
    let named = cx.env.var(Var::Identity).is_some();
    let has = init.has_identity()?;
    if (has && dir != home.join("vault")) || (named && !has) {
        return unlocked::open_identity(home, cx).map(|i| Owner::Existing(Box::new(i)));
    }
    if has {
        let shown = printable_path(home.root());
        let message = format!("there is an identity in {shown} but no vault: nothing was changed");
        return Err(lead::to_a_vault(Error::new(Kind::Create, code::EXISTS, message), home.root())
            .hint(
                "or make another vault for the same identity: HASP_VAULT=/path/to/a/new/directory \
             hasp-vault init",
            ));
    }
    if args.no_passphrase {
        return Ok(Owner::Plain);
    }
    passphrase::choose(cx).map(Owner::Passphrase)
}

fn done(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    if cx.out.json {
        let recipients: Vec<&str> =
            vault.settings().recipients.iter().map(Recipient::as_str).collect();
        cx.out.object(&serde_json::json!({
            "v": 1, "vault": vault.id(), "log": vault.log_id(), "dir": printable_path(vault.dir()),
            "public_key": public_key::encode(vault.record_key()), "recipients": recipients,
        }))?;
        return Ok(Exit::OK);
    }
    let shown = shell_word(vault.dir().as_os_str());
    let named = cx.env.var(Var::Vault).is_some();
    // What was named for one command is not known to the next one.
    let name = if named { format!("  export HASP_VAULT={shown}\n") } else { String::new() };
    let bind = format!("or, in a project: hasp-bind --vault {shown}\n");
    let bind = if named { bind } else { String::new() };
    cx.out.plain_note(&format!(
        "The vault {} is ready in {shown}. Next:\n\n{name}{NEXT}{bind}",
        vault.id()
    ));
    if vault.settings().recipients.len() == 1 {
        cx.out.note(recovery::ADVICE);
    }
    Ok(Exit::OK)
}

const NEXT: &str =
    "  hasp-vault set openai/key                                      # store a value
  hasp-grant -x -e OPENAI_API_KEY=openai/key -- ./my-program     # run one command with it
  hasp-audit log                                                 # see what happened
";
