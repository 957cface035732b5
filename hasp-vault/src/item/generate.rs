//! Fresh values, from the kernel's random numbers; how strong they are by default follows from the
//! class of the secret.

use age::secrecy::ExposeSecret;
use data_encoding::{BASE64, HEXLOWER};
use hasp_core::{Class, Error, Kind, Result, Secret};
use zeroize::Zeroizing;

use crate::code;
use crate::crypto::{openssh, random};
use crate::format::value_kind::ValueKind;

/// Letters and digits without those that are taken for another: `0 O 1 l I`.
pub const ALPHABET: &str = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// No value is made longer, in characters, bytes or words.
const MAX_LENGTH: usize = 1024;

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Generate<'a> {
    /// What kind of value.
    pub kind: ValueKind,
    /// Characters, bytes or words; by class if absent.
    pub length: Option<usize>,
    /// The characters of a password.
    pub alphabet: Option<&'a str>,
    /// How far the damage reaches if it leaks.
    pub class: Class,
    /// What a public key is labelled with.
    pub comment: &'a str,
}

/// A fresh value.
#[derive(Debug)]
pub struct Generated {
    /// The value.
    pub value: Secret,
    /// Its entropy in bits, rounded down.
    pub bits: u32,
    /// The public half of a key pair.
    pub public: Option<String>,
}

impl Generate<'_> {
    /// Makes a value.
    ///
    /// # Errors
    /// `[bad-length]`, `[bad-alphabet]`, and `[usage]` for an option that the kind has no use for.
    pub fn make(&self) -> Result<Generated> {
        self.check()?;
        match self.kind {
            ValueKind::Password => self.password(),
            ValueKind::Hex => self.encoded(|bytes| HEXLOWER.encode(bytes)),
            ValueKind::Base64 => self.encoded(|bytes| BASE64.encode(bytes)),
            ValueKind::Uuid => uuid(),
            ValueKind::Passphrase => self.passphrase(),
            ValueKind::Age => age_identity(),
            ValueKind::SshEd25519 => openssh::generate(self.comment)
                .map(|(value, line)| Generated { value, bits: 256, public: Some(line) }),
        }
    }

    fn check(&self) -> Result<()> {
        let sized = matches!(
            self.kind,
            ValueKind::Password | ValueKind::Hex | ValueKind::Base64 | ValueKind::Passphrase
        );
        let unused = |option: &str| {
            Error::new(Kind::Usage, code::USAGE, format!("this kind of value has no {option}"))
        };
        match (self.length, self.alphabet) {
            (Some(_), _) if !sized => Err(unused("--length")),
            (_, Some(_)) if self.kind != ValueKind::Password => Err(unused("--alphabet")),
            (Some(length), _) if !(1..=MAX_LENGTH).contains(&length) => Err(Error::new(
                Kind::Usage,
                code::BAD_LENGTH,
                format!("a length is 1 to {MAX_LENGTH}"),
            )),
            _ => Ok(()),
        }
    }

    /// The strength by class: as an online password, as a key, as a long-lived key, as the key of
    /// the house.
    fn default_bits(&self) -> u32 {
        match self.class {
            Class::Low => 96,
            Class::Medium => 128,
            Class::High => 192,
            Class::Critical => 256,
        }
    }

    fn password(&self) -> Result<Generated> {
        let alphabet = alphabet(self.alphabet.unwrap_or(ALPHABET))?;
        let each = (alphabet.len() as f64).log2();
        let length =
            self.length.unwrap_or_else(|| (f64::from(self.default_bits()) / each).ceil() as usize);
        let mut value = Secret::with_capacity(length)?;
        for _ in 0..length {
            value.push(&[alphabet[random::below(alphabet.len() as u32)? as usize]])?;
        }
        Ok(Generated { value, bits: (each * length as f64) as u32, public: None })
    }

    fn encoded(&self, encode: impl Fn(&[u8]) -> String) -> Result<Generated> {
        let count = self.length.unwrap_or(self.default_bits() as usize / 8);
        let value = Secret::from_vec(encode(&random::bytes(count)?).into_bytes())?;
        Ok(Generated { value, bits: 8 * count as u32, public: None })
    }

    /// Words are for people, who remember fewer than a key would need.
    fn passphrase(&self) -> Result<Generated> {
        let by_class = match self.class {
            Class::Low => 6,
            Class::Medium => 7,
            Class::High => 9,
            Class::Critical => 12,
        };
        let (count, words) =
            (self.length.unwrap_or(by_class), bip39::Language::English.word_list());
        let value = random::words(count)?;
        Ok(Generated { value, bits: count as u32 * words.len().ilog2(), public: None })
    }
}

/// Printable ASCII characters, each once.
fn alphabet(text: &str) -> Result<Vec<u8>> {
    let mut characters = text.as_bytes().to_vec();
    characters.sort_unstable();
    characters.dedup();
    let printable = characters.iter().all(|c| (0x21..0x7f).contains(c));
    if printable && characters.len() == text.len() && characters.len() > 1 {
        return Ok(characters);
    }
    Err(Error::new(
        Kind::Usage,
        code::BAD_ALPHABET,
        "an alphabet is two or more printable ASCII characters, each once",
    )
    .hint("for example --alphabet abcdef0123456789"))
}

/// Version 4 (RFC 9562, section 5.4).
fn uuid() -> Result<Generated> {
    let mut bytes = random::bytes(16)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = Zeroizing::new(HEXLOWER.encode(&bytes));
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    let value = Secret::from_vec(parts.join("-").into_bytes())?;
    Ok(Generated { value, bits: 122, public: None })
}

fn age_identity() -> Result<Generated> {
    let key = age::x25519::Identity::generate();
    let value = Secret::copy_of(key.to_string().expose_secret().as_bytes())?;
    Ok(Generated { value, bits: 256, public: Some(key.to_public().to_string()) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fresh(kind: ValueKind) -> Generate<'static> {
        Generate { kind, length: None, alphabet: None, class: Class::Medium, comment: "db/url" }
    }

    fn text(made: &Generated) -> &str {
        std::str::from_utf8(made.value.expose()).unwrap()
    }

    #[test]
    fn each_kind_has_its_form_and_strength() {
        let made = |kind| fresh(kind).make().unwrap();
        let password = made(ValueKind::Password);
        assert!(text(&password).chars().all(|c| ALPHABET.contains(c)) && password.bits >= 128);
        assert!("0O1lI".chars().all(|c| !ALPHABET.contains(c)));
        assert!(text(&made(ValueKind::Hex)).len() == 32 && made(ValueKind::Hex).bits == 128);
        assert!(BASE64.decode(text(&made(ValueKind::Base64)).as_bytes()).unwrap().len() == 16);
        assert!(
            text(&made(ValueKind::Passphrase)).split('-').count() == 7
                && made(ValueKind::Passphrase).bits == 77
        );
        assert!(
            text(&made(ValueKind::Age)).starts_with("AGE-SECRET-KEY-1")
                && made(ValueKind::Age).public.is_some()
        );
        let uuid = made(ValueKind::Uuid);
        assert!(
            text(&uuid).len() == 36
                && &text(&uuid)[14..15] == "4"
                && "89ab".contains(&text(&uuid)[19..20])
        );
        assert!(
            made(ValueKind::Password).value.expose() != made(ValueKind::Password).value.expose()
        );
    }

    #[test]
    fn a_higher_class_gets_a_stronger_value() {
        let bits = |class, kind| Generate { class, ..fresh(kind) }.make().unwrap().bits;
        for kind in [ValueKind::Password, ValueKind::Hex, ValueKind::Base64, ValueKind::Passphrase]
        {
            assert!(bits(Class::Low, kind) < bits(Class::Medium, kind));
            assert!(bits(Class::High, kind) < bits(Class::Critical, kind));
        }
    }

    #[test]
    fn lengths_and_alphabets_are_kept_or_refused() {
        let made = Generate { length: Some(9), alphabet: Some("ab"), ..fresh(ValueKind::Password) }
            .make()
            .unwrap();
        assert!(
            made.bits == 9
                && text(&made).len() == 9
                && text(&made).chars().all(|c| "ab".contains(c))
        );
        let code = |r: Generate| r.make().unwrap_err().code().as_str();
        assert_eq!(code(Generate { length: Some(0), ..fresh(ValueKind::Hex) }), "bad-length");
        assert_eq!(code(Generate { length: Some(9), ..fresh(ValueKind::Uuid) }), "usage");
        for bad in ["", "a", "aa", "a b", "\u{e9}a"] {
            assert_eq!(
                code(Generate { alphabet: Some(bad), ..fresh(ValueKind::Password) }),
                "bad-alphabet"
            );
        }
        assert_eq!(code(Generate { alphabet: Some("ab"), ..fresh(ValueKind::Hex) }), "usage");
    }
}
