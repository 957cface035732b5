//! The strings of a JSON document, RFC 8259, decoded one by one and erased: a parser's tree would
//! leave copies of them. It is read leniently, so that several documents, and such as have
//! comments, give their strings too.

use zeroize::Zeroizing;

use crate::decode::text::nibble;

/// Whether this is a document: an object, an array or a string.
pub(super) fn looks_like(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let between = |open: u8, close: u8| {
        text.len() > 1 && text.first() == Some(&open) && text.last() == Some(&close)
    };
    between(b'{', b'}') || between(b'[', b']') || between(b'"', b'"')
}

/// Calls for each string that is a value, with the last key before it.
pub(super) fn each_string(text: &[u8], mut call: impl FnMut(&[u8], &[u8])) {
    let mut key = Zeroizing::new(Vec::new());
    let mut at = 0;
    while let Some(start) = memchr::memchr(b'"', &text[at..]).map(|n| at + n) {
        let (string, end) = string(text, start + 1);
        at = end;
        let behind = text[at..].iter().find(|b| !b.is_ascii_whitespace());
        if behind == Some(&b':') {
            key = string;
        } else {
            call(&key, &string);
        }
    }
}

/// The string that begins here, and where the text goes on behind its quote.
fn string(text: &[u8], start: usize) -> (Zeroizing<Vec<u8>>, usize) {
    let length = end(&text[start..]);
    (decoded(&text[start..start + length]), (start + length + 1).min(text.len()))
}

/// What stands between the quotes of a string, decoded.
pub(super) fn decoded(inside: &[u8]) -> Zeroizing<Vec<u8>> {
    // Decoding makes nothing longer, so the memory does not move.
    let mut out = Zeroizing::new(Vec::with_capacity(inside.len()));
    let mut at = 0;
    while at < inside.len() {
        at += character(&inside[at..], &mut out);
    }
    out
}

/// How long a string is.
fn end(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}

/// Decodes one character; how many bytes it took.
fn character(text: &[u8], out: &mut Vec<u8>) -> usize {
    let [b'\\', letter, ..] = text else {
        out.push(text[0]);
        return 1;
    };
    let byte = match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'u' => return unicode(text, out),
        other => *other,
    };
    out.push(byte);
    2
}

fn unicode(text: &[u8], out: &mut Vec<u8>) -> usize {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits
            .iter()
            .try_fold(0u16, |n, b| (nibble(*b) < 16).then(|| n << 4 | u16::from(nibble(*b))))
    };
    let units = [unit(0), unit(6)];
    let decoded = char::decode_utf16(units.into_iter().map_while(|u| u)).next();
    match decoded {
        Some(Ok(c)) => {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            6 * c.len_utf16()
        }
        _ => {
            out.push(text[0]);
            1
        }
    }
}
