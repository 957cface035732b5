//! The public halves of an identity that is locked, beside it: whoever joins a vault begins with
//! them, and needs no passphrase for what is no secret. They hold for the very file that they were
//! taken from; after another was put in its place they are not believed.

use data_encoding::HEXLOWER;
use hasp_core::files::{self, Guard};
use hasp_core::{Home, Result, Secret, lead};
use sha2::{Digest, Sha256};

use crate::open::identity::{self, Identity};

/// The name of the file.
pub const NAME: &str = "identity.pub";

/// The identity that has a passphrase.
const LOCKED: &str = lead::IDENTITIES[0];

/// Notes the recipients of the identity in the home, if that has a passphrase.
pub fn note(home: &Home, identity: &Identity) -> Result<()> {
    let Some(first) = first_line(home)? else { return Ok(()) };
    let recipients = identity.recipients().iter().map(|r| format!("{r}\n"));
    let text = format!("{first}\n{}", recipients.collect::<String>());
    let path = home.join(NAME);
    let before = files::read_if_present(&path, Guard::Private, identity::MAX_TEXT)?;
    if before.as_deref() == Some(text.as_bytes()) {
        return Ok(());
    }
    files::replace(&path, text.as_bytes())
}

/// The recipients of the identity in the home, where they are known without opening it.
pub fn recipients(home: &Home) -> Option<Vec<String>> {
    if let Ok(mut file) = files::open(&home.join(lead::IDENTITIES[1]), Guard::Private)
        && !home.join(LOCKED).exists()
    {
        let text = Secret::read_from(&mut file, identity::MAX_TEXT).ok()?;
        let plain = Identity::parse(text).ok()?;
        return Some(plain.recipients().iter().map(|r| r.as_str().to_owned()).collect());
    }
    let first = first_line(home).ok()??;
    let text = files::read(&home.join(NAME), Guard::Private, identity::MAX_TEXT).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (noted, rest) = text.split_once('\n')?;
    let recipients: Vec<String> = rest.lines().map(str::to_owned).collect();
    (noted == first && !recipients.is_empty()).then_some(recipients)
}

/// Which file they are of.
fn first_line(home: &Home) -> Result<Option<String>> {
    let path = home.join(LOCKED);
    let file = files::read_if_present(&path, Guard::Private, identity::MAX_TEXT)?;
    Ok(file.map(|f| format!("# of {LOCKED} {}", HEXLOWER.encode(&Sha256::digest(&f)))))
}
