//! Asking a person: always on /dev/tty, so that stdin and stdout stay the pipeline's, with echo restored however the
//! question ends.

use std::fs::File;
use std::io::Read;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use crate::environ::Environ;
use crate::error::{Error, Kind, Result};
use crate::layout::{self, Block};
use crate::output::write_all;
use crate::secret::Secret;

/// The longest line that a prompt takes, in bytes.
const MAX_LINE: usize = 64 * 1024;

/// The controlling terminal.
pub struct Terminal {
    tty: File,
}

impl Terminal {
    /// The controlling terminal, or `None` where there is none.
    pub fn open() -> Option<Terminal> {
        let tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
        rustix::termios::isatty(&tty).then_some(Terminal { tty })
    }

    /// Shows text as it is; the caller has made untrusted parts [`crate::text::printable`].
    pub fn show(&mut self, text: &str) -> Result<()> {
        write_all(&self.tty, text.as_bytes())
    }

    /// Shows a block in the terminal's width; what is to stand out does, where the environment lets it.
    pub fn show_block(&mut self, block: &Block, env: &Environ) -> Result<()> {
        self.show(&block.render(layout::columns(&self.tty), layout::styles(env)))
    }

    /// Asks for a line without echo.
    ///
    /// # Errors
    /// `[interrupted]` on ^C or ^D.
    pub fn ask_hidden(&mut self, prompt: &str) -> Result<Secret> {
        self.show(prompt)?;
        let hush = Hush::begin(&self.tty)?;
        let line = read_line(&mut (&self.tty));
        drop(hush);
        self.show("\n")?;
        line
    }

    /// Asks a question that only `y` or `yes` answers with yes.
    pub fn confirm(&mut self, question: &str) -> Result<bool> {
        let answer = self.ask(&format!("{question} [y/N] "))?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for a line with echo.
    pub fn ask(&mut self, prompt: &str) -> Result<String> {
        // A key pressed before the question was shown must not answer it.
        let _ = rustix::termios::tcflush(&self.tty, rustix::termios::QueueSelector::IFlush);
        self.show(prompt)?;
        let line = read_line(&mut (&self.tty))?;
        Ok(String::from_utf8_lossy(line.expose()).into_owned())
    }
}

/// Echo, line editing and signals off; the destructor restores what was.
struct Hush<'a> {
    tty: &'a File,
    before: Termios,
}

impl<'a> Hush<'a> {
    /// Signals are off too: ^C arrives as a byte, so that the terminal is restored before the tool ends.
    fn begin(tty: &'a File) -> Result<Hush<'a>> {
        let before = tcgetattr(tty).map_err(|e| Error::system("ask on the terminal", e))?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(tty, OptionalActions::Flush, &quiet).map_err(|e| Error::system("ask on the terminal", e))?;
        Ok(Hush { tty, before })
    }
}

impl Drop for Hush<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.tty, OptionalActions::Drain, &self.before);
    }
}

/// One line, byte by byte, with erase (^H, DEL), kill (^U) and interrupt (^C, ^\, ^D on an empty line).
fn read_line(input: &mut impl Read) -> Result<Secret> {
    let mut line = Secret::with_capacity(256)?;
    let mut byte = [0u8; 1];
    loop {
        match input.read(&mut byte) {
            Ok(0) if line.is_empty() => return Err(interrupted()),
            Ok(0) => return Ok(line),
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::system("read from the terminal", e)),
        }
        match byte[0] {
            b'\n' | b'\r' => return Ok(line),
            0x03 | 0x1c => return Err(interrupted()),
            0x04 if line.is_empty() => return Err(interrupted()),
            0x04 => return Ok(line),
            0x08 | 0x7f => erase_character(&mut line),
            0x15 => line.truncate(0),
            typed if line.len() < MAX_LINE => line.push(&[typed])?,
            _ => {
                return Err(Error::new(
                    Kind::Data,
                    "line-too-long",
                    format!("the line is longer than {MAX_LINE} bytes"),
                ));
            }
        }
    }
}

/// Removes the last character: all bytes of a UTF-8 sequence.
fn erase_character(line: &mut Secret) {
    let bytes = line.expose();
    let start = bytes.iter().rposition(|b| b & 0xc0 != 0x80).unwrap_or(0);
    line.truncate(start);
}

fn interrupted() -> Error {
    Error::new(Kind::No, "interrupted", "interrupted: nothing was changed")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Result<Secret> {
        read_line(&mut &keys[..])
    }

    #[test]
    fn editing_keys_work_as_in_a_terminal() {
        assert!(typed(b"abc\n").unwrap().expose() == b"abc");
        assert!(typed(b"ab\x7fc\r").unwrap().expose() == b"ac");
        assert!(typed("a\u{e9}\x7fb\n".as_bytes()).unwrap().expose() == b"ab");
        assert!(typed(b"wrong\x15right\n").unwrap().expose() == b"right");
        assert!(typed(b"\n").unwrap().is_empty());
        assert!(typed(b"end").unwrap().expose() == b"end");
    }

    #[test]
    fn interrupts_end_the_question() {
        for keys in [&b"abc\x03"[..], b"\x04", b"", b"\x1c"] {
            assert_eq!(typed(keys).unwrap_err().code(), "interrupted");
        }
    }

    #[test]
    fn a_line_is_bounded() {
        let endless = vec![b'x'; MAX_LINE + 1];
        assert_eq!(typed(&endless).unwrap_err().code(), "line-too-long");
    }
}
