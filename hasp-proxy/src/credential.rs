//! The placeholder, which the client sends, and the value that takes its place.

use data_encoding::BASE64;
use hasp_core::Secret;
use hasp_target::route::Place;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::head::request::Request;

/// The longest value that stands in a head, in bytes.
pub const MAX_VALUE: usize = 16 * 1024;

/// What stands where, and in whose place.
pub struct Credential {
    place: Place,
    placeholder: String,
    value: Secret,
}

impl Credential {
    /// One of a value that can stand there.
    ///
    /// # Errors
    /// What is wrong, in words; the value is not shown.
    pub fn new(place: Place, placeholder: String, value: Secret) -> Result<Credential, String> {
        let bytes = value.expose();
        if bytes.is_empty() || bytes.len() > MAX_VALUE {
            return Err(format!("a value in a request has 1 byte to {} KiB", MAX_VALUE / 1024));
        }
        let raw = matches!(place, Place::Bearer | Place::ApiKey | Place::Header(_));
        let plain = |b: &u8| *b == b' ' || b.is_ascii_graphic() || *b >= 0x80;
        let ends = |at: Option<&u8>| at == Some(&b' ');
        if raw && (!bytes.iter().all(plain) || ends(bytes.first()) || ends(bytes.last())) {
            return Err("the value cannot stand in a field: it has a line break, a control \
                        character or a space at an end"
                .to_owned());
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if placeholder.len() < 32 || !placeholder.bytes().all(plain) {
            return Err(
                "the placeholder is too short, or has a sign that it may not have".to_owned()
            );
        }
        Ok(Credential { place, placeholder, value })
    }

    /// The field that the credential stands in, in lower case; none for a query.
    pub fn field(&self) -> Option<&str> {
        self.place.field()
    }

    /// What an upstream may give back, for the filter: the value, and what it is sent as.
    pub fn texts(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let value = Zeroizing::new(self.value.expose().to_vec());
        match self.place.user() {
            Some(user) => vec![value, basic(user, self.value.expose())],
            None => vec![value],
        }
    }

    /// Whether the placeholder is there, once, in its place. The comparison takes the same time
    /// whatever stands there.
    pub fn is_in(&self, request: &Request) -> bool {
        let fields = request.fields.iter().map(|field| field.value.as_slice());
        let all = fields.chain([request.target.as_bytes()]);
        let seen: usize = all.map(|text| count(text, self.placeholder.as_bytes())).sum();
        match (self.place.user(), self.place.field()) {
            (Some(user), _) => seen == 0 && self.is_basic(request, user),
            (None, Some(name)) => seen == 1 && self.is_field(request, name),
            (None, None) => seen == 1 && self.in_query(&request.target).is_some(),
        }
    }

    fn is_field(&self, request: &Request, name: &str) -> bool {
        let Some(text) = request.only(name) else { return false };
        let text = match self.place {
            Place::Bearer => match after_scheme(text, b"bearer ") {
                Some(rest) => rest,
                None => return false,
            },
            _ => text,
        };
        text.ct_eq(self.placeholder.as_bytes()).into()
    }

    fn is_basic(&self, request: &Request, user: &str) -> bool {
        let text = request.only("authorization").and_then(|t| after_scheme(t, b"basic "));
        let Some(decoded) = text.and_then(|t| BASE64.decode(t).ok()) else { return false };
        let expected = [user.as_bytes(), b":", self.placeholder.as_bytes()].concat();
        decoded.ct_eq(&expected).into()
    }

    /// Where in the target the placeholder is, if one parameter of that name has it.
    fn in_query(&self, target: &str) -> Option<std::ops::Range<usize>> {
        let Place::Query(name) = &self.place else { return None };
        let mut at = target.find('?')? + 1;
        let mut found = None;
        for part in target[at..].split('&') {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            if key == name {
                let same: bool = value.as_bytes().ct_eq(self.placeholder.as_bytes()).into();
                if found.is_some() || !same {
                    return None;
                }
                found = Some(at + key.len() + 1..at + part.len());
            }
            at += part.len() + 1;
        }
        found
    }

    /// The target with the value in place of the placeholder, or as it is.
    pub fn target(&self, target: &str) -> Zeroizing<Vec<u8>> {
        let value = self.value.expose();
        let mut out = Zeroizing::new(Vec::with_capacity(target.len() + 3 * value.len()));
        match self.in_query(target) {
            None => out.extend_from_slice(target.as_bytes()),
            Some(range) => {
                out.extend_from_slice(&target.as_bytes()[..range.start]);
                value.iter().for_each(|byte| escape(*byte, &mut out));
                out.extend_from_slice(&target.as_bytes()[range.end..]);
            }
        }
        out
    }

    /// The line of the field with the value, if it stands in one.
    pub fn line(&self) -> Option<Zeroizing<Vec<u8>>> {
        let (name, value) = (self.place.field()?, self.value.expose());
        let mut line = Zeroizing::new(Vec::with_capacity(name.len() + 2 * value.len() + 320));
        line.extend_from_slice(name.as_bytes());
        line.extend_from_slice(b": ");
        match self.place.user() {
            Some(user) => {
                line.extend_from_slice(b"Basic ");
                line.extend_from_slice(&basic(user, value));
            }
            None => {
                if self.place == Place::Bearer {
                    line.extend_from_slice(b"Bearer ");
                }
                line.extend_from_slice(value);
            }
        }
        line.extend_from_slice(b"\r\n");
        Some(line)
    }
}

/// `user:password` in base64 (RFC 7617).
fn basic(user: &str, password: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = user.len() + 1 + password.len();
    let mut pair = Zeroizing::new(Vec::with_capacity(length));
    pair.extend_from_slice(user.as_bytes());
    pair.push(b':');
    pair.extend_from_slice(password);
    let mut text = Zeroizing::new(vec![0; BASE64.encode_len(length)]);
    BASE64.encode_mut(&pair, &mut text);
    text
}

/// What follows the scheme of an Authorization field, in either case.
fn after_scheme<'a>(text: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn count(text: &[u8], part: &[u8]) -> usize {
    text.windows(part.len()).filter(|window| *window == part).count()
}

/// Writes a byte as a query may hold it (RFC 3986, section 2.3).
fn escape(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        return out.push(byte);
    }
    let digits = [byte >> 4, byte & 15].map(|half| DIGITS[usize::from(half)]);
    out.extend_from_slice(&[b'%', digits[0], digits[1]]);
}
