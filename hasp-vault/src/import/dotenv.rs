//! `.env` files as shells and dotenv libraries read them: quotes, `export`, comments, values over
//! several lines, CRLF, a byte order mark.

use hasp_core::{Result, Secret};
use zeroize::Zeroizing;

use super::{Entry, unreadable};

/// Reads a file; a variable that is there twice counts with its last value, as in a shell.
///
/// # Errors
/// `[bad-import]` with the number of the line.
pub fn parse(text: &Secret) -> Result<Vec<Entry>> {
    let bytes = text.expose().strip_prefix(b"\xef\xbb\xbf").unwrap_or(text.expose());
    let mut reader = Reader { bytes, at: 0, line: 1 };
    let mut entries: Vec<Entry> = Vec::new();
    while let Some((key, value)) = reader.next()? {
        entries.retain(|e| e.key != key);
        entries.push(Entry { key, value: Secret::copy_of(&value)? });
    }
    Ok(entries)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

type Value = Zeroizing<Vec<u8>>;

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(String, Value)>> {
        loop {
            self.skip(|b| b.is_ascii_whitespace());
            match self.peek() {
                None => return Ok(None),
                Some(b'#') => self.skip(|b| b != b'\n'),
                Some(_) => return self.assignment().map(Some),
            }
        }
    }

    fn assignment(&mut self) -> Result<(String, Value)> {
        let line = self.line;
        let wrong = || unreadable(&format!("line {line}"), "that is not NAME=VALUE");
        if let Some(rest) = self.bytes[self.at..]
            .strip_prefix(b"export")
            .filter(|r| r.starts_with(b" ") || r.starts_with(b"\t"))
        {
            self.at = self.bytes.len() - rest.len();
            self.skip(|b| b == b' ' || b == b'\t');
        }
        let start = self.at;
        self.skip(|b| b.is_ascii_alphanumeric() || b == b'_');
        let name = &self.bytes[start..self.at];
        self.skip(|b| b == b' ' || b == b'\t');
        if name.first().is_none_or(u8::is_ascii_digit) || self.take() != Some(b'=') {
            return Err(wrong());
        }
        let key = String::from_utf8_lossy(name).into_owned();
        let tight = self.at;
        self.skip(|b| b == b' ' || b == b'\t');
        let value = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote),
            _ => Some(self.bare(self.at > tight)),
        };
        value.filter(|_| self.line_is_over()).map(|v| (key, v)).ok_or_else(wrong)
    }

    /// To the end of the line, or to a `#` behind a blank.
    fn bare(&mut self, spaced: bool) -> Value {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        let comment = (0..end).find(|i| {
            rest[*i] == b'#' && (if *i == 0 { spaced } else { rest[*i - 1].is_ascii_whitespace() })
        });
        let value = rest[..comment.unwrap_or(end)].trim_ascii_end();
        self.at += end;
        Zeroizing::new(value.to_vec())
    }

    /// To the closing quote, over as many lines as it takes; `None` if there is none. A backslash
    /// means something in double quotes only.
    fn quoted(&mut self, quote: u8) -> Option<Value> {
        self.take();
        // Room for all that is left: growing would leave copies.
        let room = self.bytes[self.at..].iter().position(|b| *b == quote)?;
        let mut value = Zeroizing::new(Vec::with_capacity(room.max(4096)));
        loop {
            let byte = self.take()?;
            if byte == quote {
                return Some(value);
            }
            if byte == b'\r' && self.peek() == Some(b'\n') {
                continue;
            }
            if byte == b'\\' && quote == b'"' {
                self.escaped(&mut value)?;
            } else {
                value.push(byte);
            }
        }
    }

    fn escaped(&mut self, value: &mut Value) -> Option<()> {
        match self.take()? {
            b'n' => value.push(b'\n'),
            b'r' => value.push(b'\r'),
            b't' => value.push(b'\t'),
            b'\n' => {}
            known @ (b'\\' | b'"' | b'$' | b'`') => value.push(known),
            other => value.extend_from_slice(&[b'\\', other]),
        }
        Some(())
    }

    /// Whether only a comment follows on this line.
    fn line_is_over(&mut self) -> bool {
        self.skip(|b| b == b' ' || b == b'\t' || b == b'\r');
        if self.peek() == Some(b'#') {
            self.skip(|b| b != b'\n');
        }
        matches!(self.peek(), None | Some(b'\n'))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        self.line += usize::from(byte == b'\n');
        Some(byte)
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.take();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<(String, String)>> {
        let entries = parse(&Secret::copy_of(text.as_bytes()).unwrap())?;
        Ok(entries
            .into_iter()
            .map(|e| (e.key, String::from_utf8(e.value.expose().to_vec()).unwrap()))
            .collect())
    }

    #[test]
    fn forms() {
        for (text, value) in [
            ("A=plain", "plain"),
            ("A=plain # comment", "plain"),
            ("A=has#hash", "has#hash"),
            ("A=#hash", "#hash"),
            ("A= # comment", ""),
            ("export A = spaced \r\n", "spaced"),
            ("A='single # $x \\n'", "single # $x \\n"),
            ("A=\"double \\\"q\\\" \\$x \\n.\" # c", "double \"q\" $x \n."),
            ("A=\"one\r\ntwo\"", "one\ntwo"),
            ("A='one\ntwo'\nB=x", "one\ntwo"),
            ("\u{feff}A=bom", "bom"),
            ("A=first\nA=last", "last"),
            ("A=", ""),
            ("# c\n\nA=a=b", "a=b"),
        ] {
            let found = read(text).unwrap();
            assert!(found[0].0 == "A" && found[0].1 == value, "{text:?}");
        }
    }

    #[test]
    fn a_bad_line_is_named_by_number_and_never_echoed() {
        for (text, line) in [
            ("A=1\nhunter2\n", 2),
            ("\n\n1A=hunter2", 3),
            ("A='hunter2\n\n", 1),
            ("A=\"x\"hunter2", 1),
            ("=hunter2", 1),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message().starts_with(&format!("line {line}:")), "{line}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>, text in "[A-C=\"'#\\\\ \n\r]{0,40}") {
            let _ = parse(&Secret::copy_of(&bytes).unwrap());
            let _ = parse(&Secret::copy_of(text.as_bytes()).unwrap());
        }
    }
}
