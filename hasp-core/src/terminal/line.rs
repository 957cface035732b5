//! One line as it is typed or pasted, byte by byte: what stands behind Enter is not read, since it
//! may be meant for the next question or for the shell.

use std::time::{Duration, Instant};

use zeroize::Zeroize;

use crate::code;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// The longest line that a prompt takes, in bytes.
const MAX_LINE: usize = 64 * 1024;
/// What a terminal in bracketed paste mode sends before and after a pasted text (xterm, "Bracketed
/// Paste Mode").
const PASTE: [&[u8]; 2] = [b"\x1b[200~", b"\x1b[201~"];
/// What follows Enter within this time was pasted with it: a person needs longer from key to key.
pub(super) const AT_ONCE: Duration = Duration::from_millis(50);
/// A paste is over when nothing came for this long.
const QUIET: Duration = Duration::from_millis(150);
/// The same before the end of a bracketed one has come, over a slow line.
const QUIET_INSIDE: Duration = Duration::from_secs(1);
/// No paste takes longer; a key that is held down does.
const ENOUGH: Duration = Duration::from_secs(30);

/// Where keys come from.
pub(super) trait Keys {
    /// The next key.
    fn next(&mut self) -> Result<Key>;
    /// Whether a byte comes within this time.
    fn come(&mut self, within: Duration) -> bool;
    /// The key for it was pressed: stop, and return when continued.
    fn stop(&mut self);
    /// Shows what was typed, or takes back the last characters of it.
    fn echo(&mut self, typed: Echo<'_>);
}

/// What comes from the terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// This byte.
    Byte(u8),
    /// This process was stopped meanwhile, and the question was shown again: its answer
    /// begins again.
    Anew,
    /// There is no terminal any more.
    End,
}

/// What becomes of a key on the screen.
pub(super) enum Echo<'a> {
    /// It is part of the line.
    Typed(&'a [u8]),
    /// This many characters were taken back.
    Erased(usize),
}

/// Reads a line with erase (^H, DEL), kill (^U), stop (^Z) and interrupt (^C, ^\, ^D on an empty
/// line). A text that is pasted with one line end is a line too.
///
/// # Errors
/// `[interrupted]`, `[several-lines]` for a bracketed paste of more than a line, `[line-too-long]`.
pub(super) fn read(keys: &mut impl Keys) -> Result<Secret> {
    let mut line = Line { text: Secret::with_capacity(256)?, paste: Paste::None };
    let outcome = line.read(keys);
    if outcome.is_err() {
        discard(keys, line.paste != Paste::None);
    }
    outcome.map(|()| line.text)
}

/// Reads and forgets what comes until nothing comes any more: the rest of a paste must not get to
/// whoever reads next.
pub(super) fn discard(keys: &mut impl Keys, mut inside: bool) {
    let (began, mut last) = (Instant::now(), [0; 6]);
    while began.elapsed() < ENOUGH && keys.come(if inside { QUIET_INSIDE } else { QUIET }) {
        let byte = match keys.next() {
            Ok(Key::Byte(byte)) => byte,
            Ok(Key::Anew) => continue,
            Ok(Key::End) | Err(_) => break,
        };
        last.rotate_left(1);
        last[5] = byte;
        inside = (inside || last == *PASTE[0]) && last != *PASTE[1];
    }
    last.zeroize();
}

/// Whether more follows at once what was read. Line ends, as of a CRLF, and the ^D with which a
/// program that types for others says that this is all are nothing, and are taken away.
pub(super) fn more_follows(keys: &mut impl Keys) -> bool {
    while keys.come(AT_ONCE) {
        match keys.next() {
            Ok(Key::Byte(b'\n' | b'\r' | 0x04) | Key::Anew) => {}
            Ok(Key::Byte(_)) => return true,
            Ok(Key::End) | Err(_) => return false,
        }
    }
    false
}

/// The refusal of more than a line.
pub(super) fn several() -> Error {
    Error::new(
        Kind::Data,
        code::SEVERAL_LINES,
        "that was more than one line, and a prompt takes one: all of it was thrown away, nothing \
         was changed",
    )
}

/// The answer that ends a question without one.
pub(super) fn interrupted() -> Error {
    Error::new(Kind::No, code::INTERRUPTED, "interrupted: nothing was changed")
}

/// Where a bracketed paste is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paste {
    None,
    /// In its first line.
    Inside,
    /// Behind its first line end, where the line had this length.
    Ended(usize),
}

struct Line {
    text: Secret,
    paste: Paste,
}

impl Line {
    fn read(&mut self, keys: &mut impl Keys) -> Result<()> {
        loop {
            let done = match (self.paste, keys.next()?) {
                (_, Key::End) if self.text.is_empty() => return Err(interrupted()),
                (_, Key::End) => true,
                (_, Key::Anew) => self.begin_anew(),
                // Nobody pastes this, and it has to work when the end of a paste never comes.
                (_, Key::Byte(0x03)) => return Err(interrupted()),
                (Paste::None, Key::Byte(byte)) => self.typed(byte, keys)?,
                (_, Key::Byte(byte)) => self.pasted(byte, keys)?,
            };
            if done {
                return Ok(());
            }
        }
    }

    fn begin_anew(&mut self) -> bool {
        self.text.truncate(0);
        self.paste = Paste::None;
        false
    }

    /// Takes a key; whether the line is complete.
    fn typed(&mut self, byte: u8, keys: &mut impl Keys) -> Result<bool> {
        match byte {
            b'\n' | b'\r' => return Ok(true),
            0x1c => return Err(interrupted()),
            0x04 if self.text.is_empty() => return Err(interrupted()),
            0x04 => return Ok(true),
            0x1a => keys.stop(),
            0x08 | 0x7f => self.erase(1, keys),
            0x15 => self.erase(usize::MAX, keys),
            _ => self.push(byte, keys)?,
        }
        Ok(false)
    }

    /// Takes a byte of a paste, as it is; whether the line is complete.
    fn pasted(&mut self, byte: u8, keys: &mut impl Keys) -> Result<bool> {
        match (self.paste, byte) {
            (Paste::Inside, b'\n' | b'\r') => self.paste = Paste::Ended(self.text.len()),
            // The other half of a CRLF.
            (Paste::Ended(at), b'\n' | b'\r') if at == self.text.len() => {
                self.paste = Paste::Ended(at)
            }
            _ => self.push(byte, keys)?,
        }
        let Paste::Ended(at) = self.paste else { return Ok(false) };
        let behind = &self.text.expose()[at..];
        if behind == PASTE[1] {
            self.text.truncate(at);
            self.paste = Paste::None;
            return Ok(true);
        }
        if PASTE[1].starts_with(behind) { Ok(false) } else { Err(several()) }
    }

    fn push(&mut self, byte: u8, keys: &mut impl Keys) -> Result<()> {
        if self.text.len() >= MAX_LINE {
            let message = format!("the line is longer than {MAX_LINE} bytes");
            return Err(Error::new(Kind::Data, code::LINE_TOO_LONG, message));
        }
        self.text.push(&[byte])?;
        let (mark, next) = match self.paste {
            Paste::None => (PASTE[0], Paste::Inside),
            Paste::Inside => (PASTE[1], Paste::None),
            Paste::Ended(_) => return Ok(()),
        };
        if self.text.expose().ends_with(mark) {
            self.text.truncate(self.text.len() - mark.len());
            self.paste = next;
        } else if !(1..mark.len()).any(|n| self.text.expose().ends_with(&mark[..n])) {
            keys.echo(Echo::Typed(&[byte]));
        }
        Ok(())
    }

    /// Removes characters from the end: of a UTF-8 sequence all bytes.
    fn erase(&mut self, most: usize, keys: &mut impl Keys) {
        let mut gone = 0;
        while gone < most && !self.text.is_empty() {
            let start = self.text.expose().iter().rposition(|b| b & 0xc0 != 0x80).unwrap_or(0);
            self.text.truncate(start);
            gone += 1;
        }
        keys.echo(Echo::Erased(gone));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Stands for a process that is stopped and goes on.
    const ANEW: u8 = 0xff;

    /// Keys that all wait already.
    struct Waiting<'a>(&'a [u8], Vec<u8>);

    impl Keys for Waiting<'_> {
        fn next(&mut self) -> Result<Key> {
            let (first, rest) =
                self.0.split_first().map_or((Key::End, self.0), |(f, r)| (Key::Byte(*f), r));
            self.0 = rest;
            Ok(if first == Key::Byte(ANEW) { Key::Anew } else { first })
        }

        fn come(&mut self, _: Duration) -> bool {
            !self.0.is_empty()
        }

        fn stop(&mut self) {}

        fn echo(&mut self, typed: Echo<'_>) {
            match typed {
                Echo::Typed(bytes) => self.1.extend(bytes),
                Echo::Erased(count) => self.1.truncate(self.1.len().saturating_sub(count)),
            }
        }
    }

    fn typed(keys: &[u8]) -> Result<Secret> {
        read(&mut Waiting(keys, Vec::new()))
    }

    #[test]
    fn editing_keys_work_as_in_a_terminal() {
        for (keys, line) in [
            (&b"abc\n"[..], &b"abc"[..]),
            (b"ab\x7fc\r", b"ac"),
            ("a\u{e9}\x7fb\n".as_bytes(), b"ab"),
            (b"wrong\x15right\n", b"right"),
            (b"\x7f\x15\n", b""),
            (b"st\x1a\xffanew\n", b"anew"),
            (b"\x1b[200~st\xffanew\n", b"anew"),
            (b"end", b"end"),
            (b"\x1b[A\n", b"\x1b[A"),
        ] {
            assert!(typed(keys).unwrap().expose() == line, "{}", keys.escape_ascii());
        }
    }

    #[test]
    fn interrupts_end_the_question() {
        for keys in [&b"abc\x03"[..], b"\x04", b"", b"\x1c", b"\x1b[200~abc\x03"] {
            assert_eq!(typed(keys).unwrap_err().code(), code::INTERRUPTED);
        }
    }

    #[test]
    fn a_line_is_bounded() {
        let endless = vec![b'x'; MAX_LINE + 1];
        assert_eq!(typed(&endless).unwrap_err().code(), code::LINE_TOO_LONG);
    }

    #[test]
    fn a_paste_of_one_line_is_a_line() {
        for keys in [
            &b"\x1b[200~line\x1b[201~\n"[..],
            b"\x1b[200~line\n\x1b[201~",
            b"\x1b[200~line\r\x1b[201~",
            b"\x1b[200~line\r\n\x1b[201~",
            b"\x1b[200~line\n\n\x1b[201~",
            b"li\x1b[200~ne\x1b[201~\n",
            b"\x1b[200~li\x1b[201~\x1b[200~ne\r\x1b[201~",
            b"xx\x15\x1b[200~line\x1b[201~e\x7f\n",
        ] {
            assert!(typed(keys).unwrap().expose() == b"line", "{}", keys.escape_ascii());
        }
        // What has a meaning when it is typed has none when it is pasted.
        assert!(
            typed(b"\x1b[200~a\x7f\x15\x1a\x04\x1b\x1b[201~\n").unwrap().expose()
                == b"a\x7f\x15\x1a\x04\x1b"
        );
    }

    #[test]
    fn a_paste_of_several_is_refused_to_its_end() {
        for pasted in [
            "a\nb",
            "a\nb\n",
            "a\r\nb\r\n",
            "a\n\nb",
            "\nb",
            "a\n\n\n\nb",
            "a\n\x1b[20",
            "a\n\x1bb",
        ] {
            let keys = format!("\x1b[200~{pasted}\x1b[201~");
            let mut waiting = Waiting(keys.as_bytes(), Vec::new());
            assert_eq!(
                read(&mut waiting).unwrap_err().code(),
                code::SEVERAL_LINES,
                "{}",
                pasted.escape_debug()
            );
            assert!(waiting.0.is_empty(), "nothing is left for the shell");
        }
    }

    #[test]
    fn what_follows_enter_is_left_and_noticed() {
        for (keys, more) in [
            ("a\n", false),
            ("a\n\n\n", false),
            ("a\r\n", false),
            ("a\n\x04", false),
            ("a\nb", true),
            ("a\n\nb\n", true),
        ] {
            let mut waiting = Waiting(keys.as_bytes(), Vec::new());
            assert!(
                read(&mut waiting).unwrap().expose() == b"a" && waiting.0 == &keys.as_bytes()[2..]
            );
            assert_eq!(more_follows(&mut waiting), more, "{}", keys.escape_debug());
        }
    }

    #[test]
    fn what_is_shown_is_what_the_line_holds() {
        let mut keys = Waiting(b"abx\x7f\x1b[200~c\x1b[201~d\x15again\n", Vec::new());
        read(&mut keys).unwrap();
        assert_eq!(keys.1, b"again");
        let mut keys = Waiting(b"abx\x7f\x1b[200~c\x1b[201~\n", Vec::new());
        read(&mut keys).unwrap();
        assert_eq!(keys.1, b"abc", "the marks of a paste are not shown");
    }
}
