//! A weaker grant from one in hand, without vault or passphrase: whoever holds a token makes from
//! it one that opens less, does less, or ends sooner, and gives that away instead. See
//! docs/narrowing.md.

pub(crate) mod wish;

use std::ffi::OsString;
use std::sync::Arc;

use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use hasp_core::{Error, Kind, Result, Secret};
use hasp_redact::{Filter, Pattern, Patterns};
use hasp_vault::{FileKey, Vault};

use crate::code;
use crate::ledger::Ledger;
use crate::token::claims::{Ancestor, Claims, MAX_NARROWED, Terms};
use crate::token::heir::{Heir, signing_key};
use crate::token::narrower::narrower;
use crate::token::seal::{self, Half};

/// A grant in hand whose seal is open in this process; nothing of it is spent.
pub struct InHand<'a> {
    claims: &'a Claims,
    ledger: &'a Ledger,
    vault: &'a str,
    /// The ledger's half of it.
    half: Half,
    /// The file keys, in the order of its items.
    keys: Vec<Zeroizing<[u8; 16]>>,
}

impl<'a> InHand<'a> {
    /// Opens the seal with the ledger's half.
    ///
    /// # Errors
    /// `[not-narrowable]`; `[spent]`, `[revoked]`, `[expired]` if that happened since the checks.
    pub fn open(claims: &'a Claims, vault: &'a str, ledger: &'a Ledger) -> Result<InHand<'a>> {
        if claims.heir.is_none() {
            return Err(from_before());
        }
        if claims.from.len() + 1 > MAX_NARROWED {
            return Err(too_often());
        }
        let half = ledger.lock()?.half(vault, &claims.chain())?;
        let keys = seal::open(&claims.seal, &claims.half, &half, vault, &claims.terms.jti)?;
        if keys.len() != claims.terms.items.len() {
            return Err(seal::refused());
        }
        Ok(InHand { claims, ledger, vault, half, keys })
    }

    /// A value typed into the command would stand in the process list, the record and the token.
    ///
    /// # Errors
    /// `[value-in-command]`; `[tampered]` if a value file is not the granted one.
    pub fn refuse_values(&self, words: &[OsString], vault: &Vault) -> Result<()> {
        if words.is_empty() {
            return Ok(());
        }
        for (item, key) in self.claims.terms.items.iter().zip(&self.keys) {
            let key = FileKey::copy_of(key);
            let value = vault.open_value(&item.name, &item.file, &item.sha256, &key)?;
            if words.iter().any(|word| holds(word, &value)) {
                let message =
                    format!("the command holds the value of {} in a word", item.reference);
                return Err(Error::new(Kind::Denied, code::VALUE_IN_COMMAND, message)
                    .hint("let the command read the variable that it is delivered in"));
            }
        }
        Ok(())
    }

    /// Makes a grant with these terms below it and enters it in the same ledger: its claims, and
    /// the key that signs them. The file keys that it grants are sealed anew, those that are left
    /// out are not in it; the ledger's half of it is of use only as long as that of the grant in
    /// hand is there.
    ///
    /// # Errors
    /// `[wider]`; `[spent]`, `[revoked]`, `[expired]` if that happened meanwhile.
    pub fn narrow(&self, terms: Terms) -> Result<(Claims, SigningKey)> {
        let InHand { claims: hand, ledger, vault, half: above, keys: opened } = self;
        let Some(heir) = hand.heir.clone() else { return Err(from_before()) };
        narrower(&terms, &hand.terms)?;
        let mut keys = Zeroizing::new(Vec::with_capacity(16 * terms.items.len()));
        for item in &terms.items {
            let position = hand.terms.items.iter().position(|i| i == item);
            let key = position.and_then(|p| opened.get(p));
            keys.extend_from_slice(key.ok_or_else(seal::refused)?.as_slice());
        }
        let (half, other) = (Half::random()?, Half::random()?);
        let seal = seal::seal(&keys, &half, &other.below(above, &terms.jti), vault, &terms.jti)?;
        let key = signing_key(&hand.half, &hand.terms.jti);
        let sign = |m: &[u8]| key.sign(m).to_bytes();
        let own = Heir::of((&half, &terms.jti), &terms.canonical()?, vault, sign);
        let mut from = hand.from.clone();
        from.push(Ancestor { terms: hand.terms.clone(), heir });
        ledger.enter(vault, &terms, other, Some(&hand.terms.jti))?;
        Ok((Claims { terms, heir: Some(own), from, half, seal }, key))
    }
}

/// Whether the word shows the value in any form that the filter knows.
fn holds(word: &OsString, value: &Secret) -> bool {
    let pattern = Pattern { name: "value", value: value.expose() };
    let mut filter = Filter::new(Arc::new(Patterns::compile(&[pattern])));
    let mut clean = Vec::with_capacity(word.len());
    filter.push(word.as_encoded_bytes(), false, &mut clean);
    filter.finish(&mut clean);
    clean != word.as_encoded_bytes()
}

fn from_before() -> Error {
    let message = "this token is of an older hasp-grant, and none can be narrowed from it";
    Error::new(Kind::Denied, code::NOT_NARROWABLE, message)
        .hint("mint a new one: hasp-grant -t TARGET")
}

fn too_often() -> Error {
    let message = format!("this token was narrowed {MAX_NARROWED} times in turn already");
    Error::new(Kind::Denied, code::NOT_NARROWABLE, message)
        .hint("narrow the one that it was narrowed from: hasp-grant narrow -g SRC")
}

#[cfg(test)]
mod tests;
