//! Whether a part that no name tells of was drawn at random, so that it is a secret rather than a
//! word, a host or a path.

use data_encoding::{BASE64, BASE64_NOPAD};
use zeroize::Zeroizing;

use super::entropy::{LEAST, WINDOW, bits};

/// The longest text that is looked at for a `user:password` in base64.
const MAX_BASIC: usize = 4096;

/// Whether this is a key or token, by its characters alone: at least 16, most of which cannot be
/// guessed, or an armoured private key.
pub(super) fn looks(text: &[u8]) -> bool {
    if text.starts_with(b"-----BEGIN ") {
        return memchr::memmem::find(&text[..text.len().min(80)], b"PRIVATE KEY").is_some();
    }
    // A token of RFC 7519 has two dots; other text with dots may be a host.
    let token = text.starts_with(b"eyJ");
    let fits = |b: &u8| b.is_ascii_alphanumeric() || b"+/=_-".contains(b) || token && *b == b'.';
    let mixed = text.iter().any(u8::is_ascii_digit) && text.iter().any(u8::is_ascii_alphabetic);
    text.len() >= WINDOW && mixed && text.iter().all(fits) && !is_uuid(text) && is_hard(text)
}

/// Whether three of four windows are as hard to guess as those that the watch keeps.
fn is_hard(text: &[u8]) -> bool {
    let windows = text.windows(WINDOW).take(256).filter_map(|w| <&[u8; WINDOW]>::try_from(w).ok());
    let (hard, all) =
        windows.fold((0, 0), |(hard, all), w| (hard + usize::from(bits(w) >= LEAST), all + 1));
    4 * hard >= 3 * all
}

/// A number that names something and opens nothing: RFC 9562.
fn is_uuid(text: &[u8]) -> bool {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    text.len() == 36
        && text
            .iter()
            .enumerate()
            .all(|(at, b)| if dash(at) { *b == b'-' } else { b.is_ascii_hexdigit() })
}

/// The password of a `user:password` in base64, as docker and HTTP keep it.
pub(super) fn basic(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() > MAX_BASIC {
        return None;
    }
    let decoded =
        BASE64.decode(text).or_else(|_| BASE64_NOPAD.decode(text)).ok().map(Zeroizing::new)?;
    let colon = decoded.iter().position(|b| *b == b':')?;
    let printable = std::str::from_utf8(&decoded).is_ok_and(|t| !t.chars().any(char::is_control));
    printable.then(|| Zeroizing::new(decoded[colon + 1..].to_vec()))
}
