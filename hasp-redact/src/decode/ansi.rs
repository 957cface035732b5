//! Control sequences of terminals (ECMA-48), which colour or link a value without being part of it.
//! They are bounded, because an unterminated one must not hold back the rest of the stream.

use super::text::Text;

/// The byte that begins them all.
pub(crate) const ESCAPE: u8 = 0x1b;

/// The longest sequence that is skipped, in bytes; a longer one is text.
pub(crate) const MAX_SEQUENCE: usize = 256;

/// How far before a byte the sequence that it is part of is looked for: so much text is always at
/// hand.
const MAX_BEFORE: usize = 64;

/// Whether the byte at `at` is the last one of a control sequence: an encoding does not begin with
/// it.
///
/// Not that of a string, which may hold an encoding, nor a letter or digit right behind the escape,
/// which may be data.
pub(crate) fn ends_with(text: Text<'_>, at: usize) -> bool {
    let from = at.saturating_sub(MAX_BEFORE);
    let Some(escape) = memchr::memrchr(ESCAPE, &text.bytes[from..at]).map(|e| from + e) else {
        return false;
    };
    let sure = match text.get(escape + 1) {
        Some(b'[' | 0x20..=0x2f) => true,
        Some(kind) => !kind.is_ascii_alphanumeric() && escape + 1 == at,
        None => false,
    };
    sure && skip(text, escape) == Some(at + 1)
}

enum Parsed {
    Complete(usize),
    Unfinished,
    Invalid,
}

/// The position behind the sequence that begins at `at`.
pub(crate) fn skip(text: Text<'_>, at: usize) -> Option<usize> {
    match parse(text, at) {
        Parsed::Complete(end) => Some(end),
        Parsed::Unfinished | Parsed::Invalid => None,
    }
}

/// Whether more input could complete a sequence at `at`.
pub(crate) fn unfinished(text: Text<'_>, at: usize) -> bool {
    !text.eof && matches!(parse(text, at), Parsed::Unfinished)
}

fn parse(text: Text<'_>, at: usize) -> Parsed {
    let rest = &text.bytes[at..];
    let Some(kind) = rest.get(1) else { return Parsed::Unfinished };
    let body = rest[2..].iter().take(MAX_SEQUENCE);
    let length = match kind {
        b'[' => {
            if let Some(bad) = body.clone().position(|b| !(0x20..0x40).contains(b)) {
                (0x40..0x7f).contains(&rest[2 + bad]).then_some(bad + 3)
            } else {
                return unended(rest);
            }
        }
        b']' | b'P' | b'X' | b'^' | b'_' => match string_end(&rest[2..]) {
            Some(length) => Some(length + 2),
            None => return unended(rest),
        },
        0x20..=0x2f => match rest.get(2) {
            Some(last) => (0x30..0x7f).contains(last).then_some(3),
            None => return Parsed::Unfinished,
        },
        0x30..=0x7e => Some(2),
        _ => None,
    };
    length.map_or(Parsed::Invalid, |l| Parsed::Complete(at + l))
}

/// The length of the rest of a control string: up to BEL or ESC backslash.
fn string_end(rest: &[u8]) -> Option<usize> {
    let rest = &rest[..rest.len().min(MAX_SEQUENCE)];
    let end = rest.iter().position(|b| *b == 7 || *b == ESCAPE)?;
    if rest[end] == 7 {
        return Some(end + 1);
    }
    (rest.get(end + 1)? == &b'\\').then_some(end + 2)
}

fn unended(rest: &[u8]) -> Parsed {
    if rest.len() < MAX_SEQUENCE { Parsed::Unfinished } else { Parsed::Invalid }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_end_where_a_terminal_ends_them() {
        for whole in [
            "\x1b[0m",
            "\x1b[1;31m",
            "\x1b[K",
            "\x1b]0;title\x07",
            "\x1b]8;;http://x\x1b\\",
            "\x1b(B",
            "\x1bM",
        ] {
            let text = format!("{whole}x");
            assert_eq!(
                skip(Text { bytes: text.as_bytes(), eof: false }, 0),
                Some(whole.len()),
                "{whole:?}"
            );
        }
        assert_eq!(skip(Text { bytes: b"\x1b[3\x01m", eof: false }, 0), None);
    }

    #[test]
    fn an_unterminated_one_is_given_up() {
        let long = [b"\x1b]".as_slice(), &[b'a'; 2 * MAX_SEQUENCE]].concat();
        assert!(unfinished(Text { bytes: &long[..100], eof: false }, 0));
        assert!(!unfinished(Text { bytes: &long, eof: false }, 0));
        assert!(!unfinished(Text { bytes: b"\x1b[", eof: true }, 0));
    }
}
