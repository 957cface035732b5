//! `deposit`: a value left without any key. Where this home has not pinned the vault, whose
//! recipients they are cannot be known, and that is said.

use std::path::{Path, PathBuf};

use hasp_audit::{Event, EventKind};
use hasp_core::files::{self, Guard};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Code, Error, Here, Result, Secret, SecretName, Var};

use super::input;
use crate::cli::DepositArgs;
use crate::code;
use crate::crypto::recipient::Recipient;
use crate::format::settings::{self, Settings};
use crate::format::signed;
use crate::item::inbox::{self, Slip};
use crate::open::vault::Vault;

/// Where a vault that is named can be deposited into all the same.
const UNPINNED: [Code; 3] = [code::UNKNOWN_VAULT, code::NO_HOME, code::HOME_UNSET];

struct Target {
    dir: PathBuf,
    guard: Guard,
    recipients: Vec<Recipient>,
    vault: Option<Vault>,
}

pub fn run(args: &DepositArgs, cx: &mut Context) -> Result<Exit> {
    let name: SecretName = args.name.parse()?;
    let target = target(cx)?;
    let value = value(&name, args, cx)?;
    let slip = Slip { v: 1, name, by: who(cx), at: cx.now };
    if let Some(vault) = &target.vault {
        vault.log()?.append(
            cx.now,
            &[Event::new(EventKind::VaultDeposit).field("secret", slip.name.as_str())],
        )?;
    }
    let id = inbox::deposit(&target.dir, target.guard, &target.recipients, &slip, &value)?;
    if cx.out.json {
        cx.out.object(&serde_json::json!({"v": 1, "deposit": id, "secret": slip.name,
            "verified": target.vault.is_some()}))?;
    } else {
        cx.out.note(&format!(
            "{} bytes for {} wait as {}; hasp-vault accept stores them",
            value.len(),
            slip.name,
            &id[..12]
        ));
    }
    Ok(Exit::OK)
}

fn value(name: &SecretName, args: &DepositArgs, cx: &mut Context) -> Result<Secret> {
    let from = args.from.as_deref();
    match input::by_prompt(from) {
        true => input::ask_value(name, &mut input::terminal(name)?),
        false => input::read_value(from, args.keep_newline, cx),
    }
}

fn target(cx: &mut Context) -> Result<Target> {
    let located = Here::find(&cx.env).and_then(|here| Vault::here(&here));
    let error = match located {
        Ok(vault) => {
            let (dir, recipients) = (vault.dir().to_owned(), vault.settings().recipients.clone());
            return Ok(Target { dir, guard: vault.guard(), recipients, vault: Some(vault) });
        }
        Err(error) => error,
    };
    let named = cx.env.var(Var::Vault).map(PathBuf::from);
    let Some(dir) = named.filter(|_| UNPINNED.contains(&error.code())) else {
        return Err(error);
    };
    let settings = read_unverified(&dir)?;
    cx.out.warn(
        "this home has not pinned the vault: whoever wrote its vault.toml can read the value",
    );
    Ok(Target { dir, guard: Guard::Signed, recipients: settings.recipients, vault: None })
}

fn read_unverified(dir: &Path) -> Result<Settings> {
    let path = dir.join("vault.toml");
    let text = files::read(&path, Guard::Signed, settings::MAX_FILE)?;
    let claimed = signed::unverified(&text).ok_or_else(|| signed::tampered(&path))?;
    Settings::parse(&claimed.body).map_err(|_: Error| signed::tampered(&path))
}

/// Only what the depositor says: `user@host`, at most 200 bytes.
fn who(cx: &Context) -> String {
    let user = cx
        .env
        .get("USER")
        .or_else(|| cx.env.get("LOGNAME"))
        .map(|u| u.to_string_lossy().into_owned());
    let user = user.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user}@{host}").chars().take(50).collect()
}
