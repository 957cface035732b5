//! The pin inside the identity, when a vault gets another key: the file is written again under the
//! same passphrase.

use age::secrecy::SecretString;
use ed25519_dalek::VerifyingKey;
use hasp_core::tool::Context;
use hasp_core::{Error, Home, Kind, Result, Var, VaultId};

use crate::code;
use crate::crypto::age_file;
use crate::open::identity::Identity;
use crate::open::unlocked::{self, IDENTITY_LOCKED, IDENTITY_PLAIN};

/// What it takes to write the identity's file again.
pub struct Keeper {
    passphrase: Option<SecretString>,
    from_home: bool,
}

/// Opens the identity as every verb does, and keeps what it was opened with.
pub fn open(home: &Home, cx: &mut Context) -> Result<(Identity, Keeper)> {
    let from_home = cx.env.var(Var::Identity).is_none();
    let (identity, passphrase) = unlocked::open_with_passphrase(home, cx)?;
    Ok((identity, Keeper { passphrase, from_home }))
}

impl Keeper {
    /// Refuses an identity from elsewhere that pins the vault by another key: its comment is not
    /// ours to change.
    ///
    /// # Errors
    /// `[foreign-identity]`.
    pub fn refuse_foreign_pin(
        &self,
        identity: &Identity,
        id: VaultId,
        key: &VerifyingKey,
    ) -> Result<()> {
        if self.from_home || !identity.pins_otherwise(id, key) { Ok(()) } else { Err(foreign()) }
    }

    /// Refuses an identity from elsewhere also where the home has one: that would be left with a
    /// pin that is wrong.
    pub fn refuse_foreign(&self, identity: &Identity, home: &Home, id: VaultId) -> Result<()> {
        let in_home = unlocked::has_identity(home)?;
        if self.from_home || !(in_home || identity.pins(id)) { Ok(()) } else { Err(foreign()) }
    }

    /// The name and content of a file for the home, of an identity that came from elsewhere and is
    /// an operator's: it had a passphrase, or pins this vault, as no bare key does.
    pub fn own_file(
        &self,
        identity: &Identity,
        id: VaultId,
    ) -> Result<Option<(&'static str, Vec<u8>)>> {
        if self.from_home || Identity::is_ssh(identity.text()) {
            return Ok(None);
        }
        match &self.passphrase {
            Some(passphrase) => Ok(Some((
                IDENTITY_LOCKED,
                age_file::encrypt_with_passphrase(identity.text(), passphrase)?,
            ))),
            None => {
                Ok(identity.pins(id).then(|| (IDENTITY_PLAIN, identity.text().expose().to_vec())))
            }
        }
    }

    /// The name and content of the identity's file with this pin, if it pins the vault at all.
    pub fn repinned(
        &self,
        identity: &Identity,
        id: VaultId,
        key: &VerifyingKey,
    ) -> Result<Option<(String, Vec<u8>)>> {
        if !self.from_home || !identity.pins_otherwise(id, key) {
            return Ok(None);
        }
        let text = identity.repinned(id, key)?;
        match &self.passphrase {
            Some(passphrase) => {
                let wrapped = age_file::encrypt_with_passphrase(text.text(), passphrase)?;
                Ok(Some((IDENTITY_LOCKED.to_owned(), wrapped)))
            }
            None => Ok(Some((IDENTITY_PLAIN.to_owned(), text.text().expose().to_vec()))),
        }
    }
}

fn foreign() -> Error {
    Error::new(
        Kind::Usage,
        code::FOREIGN_IDENTITY,
        "the vault gets another key, and the identity that HASP_IDENTITY names is not the one \
         to keep it in",
    )
    .hint("unset HASP_IDENTITY")
    .hint(
        "if the identity in the home cannot be opened any more, make another one: \
         HASP_IDENTITY=FILE hasp-vault passphrase",
    )
}
