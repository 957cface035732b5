//! What a grant says, and in which one spelling: the terms, which the ledger copies, and around them the bearer half and the
//! sealed file keys, which only the token carries.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use hasp_consumer::Consumer;
use hasp_core::{Error, Kind, Result, SecretName, Timestamp};
use hasp_target::Delivery;
use hasp_vault::Class;

use crate::id::GrantId;
use crate::seal::{Half, Seal};
use crate::word::Word;

/// The longest window of any grant, in seconds: 24 hours, enforced when minting and when verifying.
pub const MAX_WINDOW: i64 = 24 * 3600;

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
    pub project: Word,
    /// What may be done.
    pub action: Action,
    /// The versions whose file keys are sealed, in that order.
    pub items: Vec<Granted>,
    /// Why, in the words of whoever minted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// The granted action: a command, where it runs, with which environment and deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The target of `hasp.toml` that it was made from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
    /// The absolute path of the program; absent if any command may run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<Word>,
    /// The approved words, the first as the child sees it in `argv[0]`.
    pub argv: Vec<Word>,
    /// How many of these words come from the target; words given to `hasp-exec` are compared with the others.
    pub fixed: usize,
    /// Which further words may follow.
    pub extent: Extent,
    /// Where it runs.
    pub dir: Word,
    /// What the child inherits.
    pub env: EnvRules,
    /// How each value reaches the child.
    pub deliveries: Vec<Delivery>,
    /// Whether the child may gain privileges by set-user-ID programs.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub no_new_privs: bool,
    /// Whether the output goes out unredacted.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub raw: bool,
}

/// Whether the command is exactly the approved words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// Exactly these words.
    Exact,
    /// These words, then any others.
    Open,
    /// Any command at all.
    Any,
}

/// The rules for the inherited environment (DESIGN section 6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvRules {
    /// Only `pass` is kept.
    pub clean: bool,
    /// With `clean`: names that are kept.
    pub pass: Vec<String>,
    /// Names that are kept although they are dropped by default.
    pub keep: Vec<String>,
}

/// One granted version of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// What the project calls it.
    pub reference: SecretName,
    /// What the vault calls it.
    pub name: SecretName,
    /// Which version.
    pub version: u32,
    /// Its value file's name in the item's folder.
    pub file: String,
    /// The value file's SHA-256, 64 hexadecimal digits.
    pub sha256: String,
    /// The class at minting, the stricter of vault and manifest.
    pub class: Class,
}

/// The payload of a token.
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// What was approved.
    #[serde(flatten)]
    pub terms: Terms,
    /// The bearer's half.
    pub half: Half,
    /// The file keys, sealed.
    pub seal: Seal,
}

impl Terms {
    /// The bytes that the ledger keeps and compares.
    pub fn canonical(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::bug(format!("cannot write the terms of a grant: {e}")))
    }
}

impl Claims {
    /// The JSON payload of the token.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>> {
        let encoded = serde_json::to_vec(self).map(Zeroizing::new);
        encoded.map_err(|e| Error::bug(format!("cannot write the claims of a grant: {e}")))
    }

    /// Reads a payload, which must be spelled exactly as [`Claims::encode`] writes it: a duplicate, missing, extra or wrongly
    /// typed claim is refused even under a good signature.
    ///
    /// # Errors
    /// `[token-claims]`.
    pub fn decode(payload: &[u8]) -> Result<Claims> {
        let claims: Claims = serde_json::from_slice(payload).map_err(|_| misspelled())?;
        if *claims.encode()? != payload {
            return Err(misspelled());
        }
        claims.terms.check_shape().map(|()| claims)
    }
}

impl Terms {
    /// The limits that hold for every grant, whoever signed it.
    fn check_shape(&self) -> Result<()> {
        let window = self.exp.as_second().saturating_sub(self.iat.as_second().min(self.nbf.as_second()));
        if !(0..=MAX_WINDOW).contains(&window) {
            return Err(Error::new(Kind::Denied, "window-too-long", "the grant's window is longer than 24 h")
                .hint("mint one for at most 24h: hasp-grant --for 24h"));
        }
        let command = match self.action.extent {
            Extent::Any => self.action.program.is_none() && self.action.argv.is_empty(),
            Extent::Exact | Extent::Open => {
                self.action.program.as_ref().is_some_and(|p| p.as_path().is_absolute()) && !self.action.argv.is_empty()
            }
        };
        let places = self.project.as_path().is_absolute() && self.action.dir.as_path().is_absolute();
        let delivered = self.action.deliveries.iter().all(|d| self.items.iter().any(|i| i.reference == d.reference));
        if command && places && delivered && self.action.fixed <= self.action.argv.len() && self.uses != Some(0) {
            return Ok(());
        }
        Err(misspelled())
    }
}

fn misspelled() -> Error {
    Error::new(Kind::Denied, "token-claims", "the claims of this token are not in the form that hasp-grant writes")
        .hint("mint a new one: hasp-grant -t TARGET")
}
