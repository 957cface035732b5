//! What a grant says, and in which one spelling: the terms, which the ledger copies, and around
//! them the bearer half and the sealed file keys, which only the token carries.

use ed25519_dalek::VerifyingKey;
use hasp_consumer::Consumer;
use hasp_core::class::LONGEST;
use hasp_core::{Error, GrantId, Kind, Result, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::action::arg::Arg;
use crate::action::{Action, Extent, Granted};
use crate::code;
use crate::token::heir::Heir;
use crate::token::seal::{Half, Seal};

/// How often a grant can be narrowed in turn.
pub const MAX_NARROWED: usize = 8;

/// Everything that was approved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// The grant's name.
    pub jti: GrantId,
    /// When it was minted.
    pub iat: Timestamp,
    /// From when on it may be used.
    pub nbf: Timestamp,
    /// Until when, exclusive: at this second it is expired.
    pub exp: Timestamp,
    /// How often; as often as the window allows if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uses: Option<u32>,
    /// Who may use it.
    pub consumer: Consumer,
    /// The project's root, a real path.
    pub project: Arg,
    /// What may be done.
    pub action: Action,
    /// The versions whose file keys are sealed, in that order.
    pub items: Vec<Granted>,
    /// Why, in the words of whoever minted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// The payload of a token.
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// What was approved.
    #[serde(flatten)]
    pub terms: Terms,
    /// Which key signs what is narrowed from this; absent in a token from before that was possible.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub heir: Option<Heir>,
    /// What it was narrowed from, the vault's own grant first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub from: Vec<Ancestor>,
    /// The bearer's half.
    pub half: Half,
    /// The file keys, sealed.
    pub seal: Seal,
}

/// A grant from which another was narrowed, as far as whoever holds that one may have it: without
/// half and seal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ancestor {
    /// What was approved.
    #[serde(flatten)]
    pub terms: Terms,
    /// Which key signs what is narrowed from it.
    pub heir: Heir,
}

impl Terms {
    /// The bytes that the ledger keeps and compares.
    pub fn canonical(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|e| Error::bug(format!("cannot write the terms of a grant: {e}")))
    }
}

impl Claims {
    /// The JSON payload of the token.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>> {
        hasp_core::secret::json(self)
    }

    /// Reads a payload, which must be spelled exactly as [`Claims::encode`] writes it: a duplicate,
    /// missing, extra or wrongly typed claim is refused even under a good signature.
    ///
    /// # Errors
    /// `[token-claims]`.
    pub fn decode(payload: &[u8]) -> Result<Claims> {
        let claims: Claims = serde_json::from_slice(payload).map_err(|_| misspelled())?;
        if *claims.encode()? != payload || claims.from.len() > MAX_NARROWED {
            return Err(misspelled());
        }
        claims.chain().into_iter().try_for_each(Terms::check_shape).map(|()| claims)
    }

    /// The key that signed claims which were narrowed, by the statements that they carry; `None`
    /// for claims that were not, and where a statement is not its issuer's.
    pub fn issuer(&self, vault_key: &VerifyingKey, vault: &str) -> Option<VerifyingKey> {
        let next = |issuer: VerifyingKey, above: &Ancestor| {
            above.heir.verified(&issuer, vault, &above.terms.canonical().ok()?)
        };
        let (first, others) = self.from.split_first()?;
        others.iter().try_fold(next(*vault_key, first)?, next)
    }

    /// The terms of what it was narrowed from, the vault's own grant first, and its own behind
    /// them.
    pub fn chain(&self) -> Vec<&Terms> {
        self.from.iter().map(|a| &a.terms).chain([&self.terms]).collect()
    }
}

impl Terms {
    /// Moves the window so that it begins at `now`, or later if that was asked for, with its length
    /// kept.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        let length = u64::try_from(self.exp.as_second() - self.nbf.as_second()).unwrap_or(0);
        let later = if self.nbf > self.iat { self.nbf.max(now) } else { now };
        (self.iat, self.nbf, self.exp) =
            (now, later, later.after(std::time::Duration::from_secs(length)));
    }

    /// The limits that hold for every grant, whoever signed it.
    fn check_shape(&self) -> Result<()> {
        let window =
            self.exp.as_second().saturating_sub(self.iat.as_second().min(self.nbf.as_second()));
        // Enforced when minting and when verifying.
        if !u64::try_from(window).is_ok_and(|w| w <= LONGEST.as_secs()) {
            return Err(Error::new(
                Kind::Denied,
                code::WINDOW_TOO_LONG,
                "the grant's window is longer than 24 h",
            )
            .hint("mint one for at most 24h: hasp-grant --for 24h"));
        }
        let command = match self.action.extent {
            Extent::Any => self.action.program.is_none() && self.action.argv.is_empty(),
            Extent::Exact | Extent::Open => {
                self.action.program.as_ref().is_some_and(|p| p.as_path().is_absolute())
                    && !self.action.argv.is_empty()
            }
        };
        let places =
            self.project.as_path().is_absolute() && self.action.dir.as_path().is_absolute();
        let delivered = self
            .action
            .deliveries
            .iter()
            .all(|d| self.items.iter().any(|i| i.reference == d.reference));
        if command
            && places
            && delivered
            && self.action.fixed <= self.action.argv.len()
            && self.uses != Some(0)
        {
            return Ok(());
        }
        Err(misspelled())
    }
}

fn misspelled() -> Error {
    Error::new(
        Kind::Denied,
        code::TOKEN_CLAIMS,
        "the claims of this token are not in the form that hasp-grant writes",
    )
    .hint("mint a new one: hasp-grant -t TARGET")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[derive(Deserialize)]
    struct Vector {
        payload: String,
    }

    fn vector() -> Vector {
        serde_json::from_str(include_str!("../../tests/vectors/token.json")).unwrap()
    }

    fn code(payload: &str) -> &'static str {
        Claims::decode(payload.as_bytes()).map_or_else(|e| e.code().as_str(), |_| "accepted")
    }

    #[test]
    fn claims_have_one_spelling() {
        let good = vector().payload;
        assert_eq!(code(&good), "accepted");
        let changed = [
            good.replacen("{\"jti\"", "{\"extra\":1,\"jti\"", 1),
            good.replacen("\"uses\":1", "\"uses\":1,\"uses\":2", 1),
            good.replacen("\"uses\":1", "\"uses\":\"1\"", 1),
            good.replacen("\"uses\":1", "\"uses\":1.0", 1),
            good.replacen("\"uses\":1", "\"uses\":0", 1),
            good.replacen("\"uses\":1", "\"uses\":null", 1),
            good.replacen("\"uses\":1", "\"uses\": 1", 1),
            good.replacen("\"nbf\":\"2026-01-31T12:00:00Z\",", "", 1),
            good.replacen("12:00:00Z", "12:00:00+00:00", 1),
            good.replacen("\"extent\":\"exact\"", "\"extent\":\"any\"", 1),
            good.replacen("/usr/bin/pytest", "usr/bin/pytest", 1),
            good.replacen("\"fixed\":2", "\"fixed\":3", 1),
            good.replacen("\"keep\":[]", "\"keep\":[],\"pinned\":null", 1),
            good.replacen(
                "\"keep\":[]",
                "\"keep\":[],\"pinned\":{\"PATH\":\"/b\",\"HOME\":\"/h\"}",
                1,
            ),
            good.replacen("\"reference\":\"db/url\"}", "\"reference\":\"db/other\"}", 1),
            good.replacen("\"raw\"", "", 1) + " ",
            good.clone() + "\0",
        ];
        for (at, payload) in changed.iter().enumerate() {
            assert_eq!(code(payload), "token-claims", "case {at}");
        }
    }

    #[test]
    fn a_grant_from_before_pinning_reads_as_it_was_and_one_with_pins_as_they_are() {
        let old = vector().payload;
        let rules = |payload: &str| Claims::decode(payload.as_bytes()).unwrap().terms.action.env;
        let given = OsStr::new("/given");
        assert_eq!(rules(&old).search(Some(given)), Some(given));
        let new = old.replacen(
            "\"keep\":[]",
            "\"keep\":[],\"pinned\":{\"HOME\":\"/h\",\"PATH\":\"/b\"}",
            1,
        );
        assert_eq!(rules(&new).search(Some(given)), Some(OsStr::new("/b")));
        let kept = new.replacen("\"keep\":[]", "\"keep\":[\"PATH\"]", 1);
        assert_eq!(rules(&kept).search(Some(given)), Some(given));
        let bare = old.replacen("\"keep\":[]", "\"keep\":[],\"pinned\":{}", 1);
        assert_eq!(rules(&bare).search(Some(given)), None);
    }

    #[test]
    fn a_window_over_a_day_is_refused_whoever_signed_it() {
        let good = vector().payload;
        assert_eq!(
            code(&good.replacen(
                "\"exp\":\"2026-01-31T12:15:00Z\"",
                "\"exp\":\"2026-02-01T12:00:00Z\"",
                1
            )),
            "accepted"
        );
        assert_eq!(
            code(&good.replacen(
                "\"exp\":\"2026-01-31T12:15:00Z\"",
                "\"exp\":\"2026-02-01T12:00:01Z\"",
                1
            )),
            "window-too-long"
        );
        assert_eq!(
            code(&good.replacen(
                "\"exp\":\"2026-01-31T12:15:00Z\"",
                "\"exp\":\"2026-01-31T11:00:00Z\"",
                1
            )),
            "window-too-long"
        );
    }

    #[test]
    fn debug_tells_neither_half_nor_seal() {
        let shown = format!("{:?}", Claims::decode(vector().payload.as_bytes()).unwrap());
        assert!(
            shown.contains("[half]") && shown.contains("[seal]") && !shown.contains("AAECAwQF")
        );
    }
}
