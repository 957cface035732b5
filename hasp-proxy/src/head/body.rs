//! Reads a body to its end, whatever says where that is, and writes one in chunks. A chunk's head
//! is taken in one spelling alone (RFC 9112, section 7.1), and trailers are read over.

use crate::head::Framing;

/// The longest head of a chunk, in bytes, with what stands behind the length.
const MAX_LINE: usize = 1024;
/// The longest trailers.
const MAX_TRAILERS: usize = 16 * 1024;

/// What of a body is still to come.
pub struct Body {
    state: State,
    /// The head of a chunk, or a line of the trailers, as far as it has come.
    line: Vec<u8>,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Length(u64),
    Head,
    Chunk(u64),
    /// The line end behind a chunk: how many of its two bytes have come.
    Behind(usize),
    Trailers,
    Close,
    Done,
}

/// A body that is not what it says.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl Body {
    /// At its beginning.
    pub fn new(framing: Framing) -> Body {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Head,
            Framing::Close => State::Close,
        };
        Body { state, line: Vec::new(), trailers: 0 }
    }

    /// Whether all of it has come.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The connection ended: whether that is the body's end.
    pub fn end(&mut self) -> bool {
        if self.state == State::Close {
            self.state = State::Done;
        }
        self.is_done()
    }

    /// Takes in bytes, gives what is of the body to a function, and tells how many bytes it took.
    ///
    /// # Errors
    /// If a chunk is malformed.
    pub fn take(&mut self, bytes: &[u8], mut out: impl FnMut(&[u8])) -> Result<usize, Malformed> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Done {
            let rest = &bytes[at..];
            let some = |left: u64| usize::try_from(left).map_or(rest.len(), |n| n.min(rest.len()));
            at += match self.state {
                State::Length(left) | State::Chunk(left) => {
                    let now = some(left);
                    out(&rest[..now]);
                    self.advance(left - now as u64);
                    now
                }
                State::Close => {
                    out(rest);
                    rest.len()
                }
                State::Behind(seen) => {
                    if rest[0] != b"\r\n"[seen] {
                        return Err(Malformed);
                    }
                    self.state = if seen == 0 { State::Behind(1) } else { State::Head };
                    1
                }
                State::Head | State::Trailers => {
                    self.line_byte(rest[0])?;
                    1
                }
                State::Done => 0,
            };
        }
        Ok(at)
    }

    fn advance(&mut self, left: u64) {
        self.state = match (self.state, left) {
            (State::Length(_), 0) => State::Done,
            (State::Length(_), left) => State::Length(left),
            (_, 0) => State::Behind(0),
            (_, left) => State::Chunk(left),
        };
    }

    fn line_byte(&mut self, byte: u8) -> Result<(), Malformed> {
        let after_cr = self.line.last() == Some(&b'\r');
        // Neither a bare CR nor a bare LF ends a line, here or anywhere.
        if (byte == b'\n') != after_cr || byte == 0 {
            return Err(Malformed);
        }
        self.line.push(byte);
        let trailers = self.state == State::Trailers;
        self.trailers += usize::from(trailers);
        if self.trailers > MAX_TRAILERS || (!trailers && self.line.len() > MAX_LINE) {
            return Err(Malformed);
        }
        if byte != b'\n' {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        self.state = match (trailers, line.len()) {
            (true, 2) => State::Done,
            (true, _) => State::Trailers,
            (false, _) => match size(&line[..line.len() - 2]).ok_or(Malformed)? {
                0 => State::Trailers,
                size => State::Chunk(size),
            },
        };
        Ok(())
    }
}

/// The length of a chunk: hexadecimal digits, then nothing or a semicolon and extensions.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|b| *b == b';').next()?;
    let plain = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok()?;
    if plain { u64::from_str_radix(text, 16).ok() } else { None }
}

/// Writes bytes as a chunk; none for no bytes, which would end the body.
pub fn write_chunk(bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    }
}

/// The end of a body in chunks.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(framing: Framing, bytes: &[u8], step: usize) -> Result<(Vec<u8>, usize), Malformed> {
        let (mut body, mut out, mut at) = (Body::new(framing), Vec::new(), 0);
        while at < bytes.len() && !body.is_done() {
            let part = &bytes[at..(at + step).min(bytes.len())];
            at += body.take(part, |b| out.extend_from_slice(b))?;
        }
        Ok((out, at))
    }

    #[test]
    fn a_chunk_has_one_spelling() {
        for bad in [
            "5\nhello",
            "x\r\n",
            "\r\n",
            " 5\r\n",
            "5 \r\n",
            "0x5\r\n",
            "+5\r\n",
            "-1\r\n",
            "5\r\r\n",
            "5\r\nhellox",
            "5\r\nhello\n",
            "10000000000000000\r\n",
            "0\r\na\nb\r\n\r\n",
        ] {
            assert_eq!(read(Framing::Chunked, bad.as_bytes(), 3), Err(Malformed), "{bad:?}");
        }
        let whole = b"5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\nnext";
        assert_eq!(read(Framing::Chunked, whole, 1).unwrap(), (b"hello".to_vec(), whole.len() - 4));
        let long = format!("5;{}\r\n", "a".repeat(2000));
        assert_eq!(read(Framing::Chunked, long.as_bytes(), 64), Err(Malformed));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            parts in proptest::collection::vec(proptest::collection::vec(0u8.., 0..40), 0..8),
            step in 1usize..20
        ) {
            let mut text = Vec::new();
            parts.iter().for_each(|part| write_chunk(part, &mut text));
            text.extend_from_slice(LAST_CHUNK);
            let read = read(Framing::Chunked, &text, step).unwrap();
            prop_assert_eq!(read, (parts.concat(), text.len()));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, step in 1usize..9) {
            let _ = read(Framing::Chunked, &bytes, step);
        }
    }
}
