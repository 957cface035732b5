//! `identity`: who this home is to vaults that others made; what is printed is public.

use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result};

use super::own;
use crate::code;
use crate::crypto::{age_file, passphrase};
use crate::open::identity::Identity;
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
    print(&identity, cx)
}

pub fn show(cx: &mut Context) -> Result<Exit> {
    let home = Home::locate(&cx.env)?;
    home.check()?;
    let identity = unlocked::open_identity(&home, cx)?;
    print(&identity, cx)
}

fn print(identity: &Identity, cx: &mut Context) -> Result<Exit> {
    for recipient in identity.recipients() {
        if cx.out.json {
            cx.out.object(&serde_json::json!({"v": 1, "recipient": recipient.as_str()}))?;
        } else {
            cx.out.line(recipient.as_str())?;
        }
    }
    Ok(Exit::OK)
}
