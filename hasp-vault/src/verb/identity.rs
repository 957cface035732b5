//! `identity`: who this home is to vaults that others made; what is printed is public.

use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result, Var};

use super::own;
use crate::code;
use crate::crypto::recipient::Recipient;
use crate::crypto::{age_file, passphrase};
use crate::open::identity::Identity;
use crate::open::public;
use crate::open::unlocked::{self, IDENTITY_LOCKED, IDENTITY_PLAIN};

pub fn new(no_passphrase: bool, replace: bool, cx: &mut Context) -> Result<Exit> {
    let home = Home::locate(&cx.env)?;
    home.create()?;
    let found = [IDENTITY_LOCKED, IDENTITY_PLAIN]
        .into_iter()
        .find(|n| home.join(n).symlink_metadata().is_ok());
    if let Some(name) = found.filter(|_| !replace) {
        let shown = printable_path(&home.join(name));
        return Err(Error::new(
            Kind::Create,
            code::EXISTS,
            format!("{shown} is there already: nothing was changed"),
        )
        .hint("see it with: hasp-vault identity show"));
    }
    let identity = Identity::generate_unpinned(cx.now)?;
    let (name, content) = match no_passphrase {
        true => (IDENTITY_PLAIN, identity.text().expose().to_vec()),
        false => (
            IDENTITY_LOCKED,
            age_file::encrypt_with_passphrase(identity.text(), &passphrase::choose(cx)?)?,
        ),
    };
    for kept in own::install(&home, name, &content, cx)? {
        cx.out.note(&own::kept(&kept));
    }
    public::note(&home, &identity)?;
    print(identity.recipients().iter().map(Recipient::as_str), cx)
}

/// What is public is shown without a passphrase.
pub fn show(cx: &mut Context) -> Result<Exit> {
    let home = Home::locate(&cx.env)?;
    home.check()?;
    let named = cx.env.var(Var::Identity).is_some();
    if let Some(noted) = public::recipients(&home).filter(|_| !named) {
        return print(noted.iter().map(String::as_str), cx);
    }
    let identity = unlocked::open_identity(&home, cx)?;
    print(identity.recipients().iter().map(Recipient::as_str), cx)
}

fn print<'a>(recipients: impl Iterator<Item = &'a str>, cx: &mut Context) -> Result<Exit> {
    for recipient in recipients {
        if cx.out.json {
            cx.out.object(&serde_json::json!({"v": 1, "recipient": recipient}))?;
        } else {
            cx.out.line(recipient)?;
        }
    }
    Ok(Exit::OK)
}
