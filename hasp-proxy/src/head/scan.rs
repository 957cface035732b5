//! Finds the end of a head as its bytes come in, and refuses line ends that some readers take for
//! one and others do not.

/// How far a head has been looked at.
#[derive(Default)]
pub struct Scan {
    at: usize,
    line: usize,
}

/// What is known by now.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// The end has not come yet.
    More,
    /// It has this many bytes.
    End(usize),
    /// It cannot be one.
    Bad(&'static str),
}

impl Scan {
    /// Looks at the bytes that were not looked at before. They begin where the head begins.
    pub fn look(&mut self, bytes: &[u8]) -> Seen {
        while self.at < bytes.len() {
            match bytes[self.at] {
                b'\n' => return Seen::Bad("a line ends with LF alone"),
                b'\r' => match bytes.get(self.at + 1) {
                    None => return Seen::More,
                    Some(b'\n') => {
                        let empty = self.line == self.at;
                        self.at += 2;
                        match (empty, self.line) {
                            (true, 0) => return Seen::Bad("an empty line stands before it"),
                            (true, _) => return Seen::End(self.at),
                            (false, _) => self.line = self.at,
                        }
                    }
                    Some(_) => return Seen::Bad("there is a CR in a line"),
                },
                b' ' | b'\t' if self.line == self.at => {
                    return Seen::Bad("a line begins with a blank");
                }
                0 => return Seen::Bad("there is a NUL byte"),
                _ => self.at += 1,
            }
        }
        Seen::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Seen {
        Scan::default().look(text.as_bytes())
    }

    #[test]
    fn the_end_is_an_empty_line_of_cr_and_lf() {
        assert_eq!(seen("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"), Seen::End(27));
        assert_eq!(seen("GET / HTTP/1.1\r\nHost: a\r\n\r"), Seen::More);
        for bad in
            ["\r\nGET", "\n", "GET\n", "G\rET", "G\r\r\n", "A\r\n b\r\n\r\n", "A\r\n\tb", "a\0"]
        {
            assert!(matches!(seen(bad), Seen::Bad(_)), "{bad:?}");
        }
    }

    #[test]
    fn it_is_the_same_however_the_bytes_come() {
        let text = b"GET / HTTP/1.1\r\nA: b\r\n\r\nxx";
        let mut scan = Scan::default();
        let found = (1..=text.len()).find_map(|n| match scan.look(&text[..n]) {
            Seen::More => None,
            other => Some((n, other)),
        });
        assert_eq!(found, Some((24, Seen::End(24))));
    }
}
