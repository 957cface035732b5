//! What a token that was refused is for: told on record, and nothing else is done with it.

use hasp_vault::Vault;

use crate::token;
use crate::token::claims::Terms;
use crate::token::paseto;

/// The terms of a token that this vault signed; `None` for any other text.
pub fn signed_terms(line: &str, vault: &Vault) -> Option<Terms> {
    let parts = paseto::parse(line).ok()?;
    token::check_footer(&parts, vault).ok()?;
    token::verify(&parts, vault).ok().map(|claims| claims.terms)
}
