//! The secrets in URLs, RFC 3986: the password before the `@`, a token that stands in the user's
//! place, and the fields of the query.

use zeroize::Zeroizing;

use super::name::{self, Says};
use super::{Parts, Place, fields, random};
use crate::decode::text::nibble;

/// The most URLs of a text that are looked at, and the most bytes of each: a text that is nothing
/// but beginnings of URLs must not take long.
const MOST: usize = 1024;
const LONGEST: usize = 4096;

/// Finds those of every URL in a text.
pub(super) fn each(text: &[u8], parts: &mut Parts) {
    for (number, at) in memchr::memmem::find_iter(text, b"://").enumerate() {
        if number == MOST {
            parts.more = true;
            return;
        }
        let rest = &text[at + 3..text.len().min(at + LONGEST)];
        let ends =
            |b: &u8| b.is_ascii_whitespace() || b.is_ascii_control() || b"\"'<>`".contains(b);
        let url = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
        one(url, parts);
    }
}

/// One URL, from behind its `//` on.
fn one(url: &[u8], parts: &mut Parts) {
    if let Some(user) = user(url) {
        match user.iter().position(|b| *b == b':') {
            Some(colon) => both(&user[colon + 1..], |password| parts.secret(Place::Url, password)),
            None => both(user, |token| parts.unnamed(token)),
        }
    }
    let (path, query) = match url.iter().position(|b| *b == b'?') {
        Some(at) => (&url[..at], &url[at + 1..]),
        None => (url, &b""[..]),
    };
    // A webhook has its secret in the path. The first segment is the host.
    path.split(|b| *b == b'/').skip(1).for_each(|segment| parts.unnamed(segment));
    for (key, value) in fields::apart(query, b"&;#") {
        both(value, |value| match name::says(key) {
            Says::Secret => parts.secret(Place::Url, value),
            Says::Nothing => parts.unnamed(value),
            Says::Public => {}
        });
    }
}

/// What stands before the `@`. A password with a slash that nobody escaped is taken up to the last
/// `@`; a port is none.
fn user(url: &[u8]) -> Option<&[u8]> {
    let authority = &url[..url.iter().position(|b| b"/?#".contains(b)).unwrap_or(url.len())];
    if let Some(at) = memchr::memrchr(b'@', authority) {
        return Some(&authority[..at]);
    }
    let colon = memchr::memchr(b':', authority)?;
    let port = authority[colon + 1..].iter().all(u8::is_ascii_digit);
    let at = memchr::memrchr(b'@', url).filter(|_| !port)?;
    Some(&url[..at])
}

/// Calls with the bytes as they are, and decoded if that differs.
fn both(escaped: &[u8], mut call: impl FnMut(&[u8])) {
    call(escaped);
    let mut decoded = Zeroizing::new(Vec::with_capacity(escaped.len()));
    let mut at = 0;
    while let Some(byte) = escaped.get(at) {
        let digits = escaped.get(at + 1..at + 3).map(|d| (nibble(d[0]), nibble(d[1])));
        match digits.filter(|(high, low)| *byte == b'%' && *high < 16 && *low < 16) {
            Some((high, low)) => decoded.push(high << 4 | low),
            None => decoded.push(*byte),
        }
        at += if *byte == b'%' && digits.is_some_and(|(h, l)| h < 16 && l < 16) { 3 } else { 1 };
    }
    if decoded.as_slice() != escaped {
        call(&decoded);
    }
}

impl Parts {
    fn unnamed(&mut self, bytes: &[u8]) {
        if random::looks(bytes) {
            self.keep(Place::Url, bytes);
        }
    }
}
