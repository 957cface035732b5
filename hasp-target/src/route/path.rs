//! The path of a request as an upstream may read it. Upstreams decode once, some twice, and some
//! take a backslash for a slash: a path that one of them would read as another is refused, so that
//! a rule holds for what is reached.

/// A path that means one thing, by its segments, each decoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    segments: Vec<Vec<u8>>,
}

impl Path {
    /// Reads a path without its query.
    ///
    /// `None` for one that does not begin with a slash, has a malformed escape, a byte that is no
    /// visible ASCII, or that has, decoded once or twice, a segment `.` or `..`, a control byte, a
    /// backslash or a byte that no UTF-8 has.
    pub fn parse(raw: &str) -> Option<Path> {
        let visible = raw.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#'));
        if !raw.starts_with('/') || !visible {
            return None;
        }
        let once = decode(raw.as_bytes(), true)?;
        let twice = decode(&once, false)?;
        if !is_plain(&once) || !is_plain(&twice) {
            return None;
        }
        let segments = raw[1..].split('/').map(|s| decode(s.as_bytes(), true));
        Some(Path { segments: segments.collect::<Option<_>>()? })
    }

    /// Its segments: `/a/b/` has three, the last of them empty.
    pub fn segments(&self) -> &[Vec<u8>] {
        &self.segments
    }
}

/// Decodes percent escapes; a malformed one is refused or left as it is.
fn decode(text: &[u8], strict: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let digit = |i: usize| text.get(at + i).and_then(|b| char::from(*b).to_digit(16));
        match (text[at], digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                // Two hexadecimal digits are one byte.
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (b'%', ..) if strict => return None,
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Some(out)
}

/// Whether nothing in it leads elsewhere. What follows a semicolon is a parameter to some servers,
/// which would take `..;a` for `..`.
fn is_plain(text: &[u8]) -> bool {
    let odd = |b: &u8| b.is_ascii_control() || matches!(b, b'\\' | 0xC0 | 0xC1 | 0xF5..);
    let dots = |segment: &[u8]| {
        let name = segment.split(|b| *b == b';').next().unwrap_or_default();
        matches!(name, b"." | b"..")
    };
    !text.iter().any(odd) && !text.split(|b| *b == b'/').any(dots)
}
