//! The only way anything is printed: data on stdout, the rest on stderr with the tool's name,
//! nothing lost when a pipe is closed. std's print macros panic on a closed pipe and leave copies
//! of values in their buffers.

use std::io::IsTerminal;

use zeroize::Zeroize;

use crate::error::{Error, Kind, Result};
use crate::layout;

/// Data is collected up to this many bytes before it is written.
const BUFFER: usize = 64 * 1024;

/// Where a tool prints, and how.
#[derive(Debug)]
pub struct Output {
    tool: String,
    /// One JSON object a line instead of text, errors included.
    pub json: bool,
    /// No notes: errors and warnings only.
    pub quiet: bool,
    buffer: Vec<u8>,
    /// Why data was lost: whoever flushes next hears of it, so that it can be no success.
    lost: Option<Error>,
    wrote: bool,
}

impl Output {
    /// Output of the tool of this name.
    pub fn new(tool: &str) -> Output {
        Output {
            tool: tool.to_owned(),
            json: false,
            quiet: false,
            buffer: Vec::new(),
            lost: None,
            wrote: false,
        }
    }

    /// Data for stdout, buffered.
    pub fn data(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// One line of data for stdout, buffered.
    pub fn line(&mut self, text: &str) -> Result<()> {
        self.data(text.as_bytes())?;
        self.data(b"\n")
    }

    /// One line of data for people: broken at blanks where stdout is a terminal too narrow for it,
    /// further lines behind `hang` blanks.
    pub fn folded(&mut self, text: &str, hang: usize) -> Result<()> {
        let wrapped = |columns| {
            text.split('\n').map(|l| layout::wrap(l, columns, hang)).collect::<Vec<_>>().join("\n")
        };
        match self.columns() {
            Some(columns) => self.line(&wrapped(columns)),
            None => self.line(text),
        }
    }

    /// How wide stdout is; `None` where it is no terminal.
    pub fn columns(&self) -> Option<usize> {
        layout::columns(rustix::stdio::stdout())
    }

    /// One JSON object a line; the object has a field `"v":1`.
    pub fn object(&mut self, object: &impl serde::Serialize) -> Result<()> {
        let text = serde_json::to_string(object)
            .map_err(|e| Error::bug(format!("cannot write JSON: {e}")))?;
        self.line(&text)
    }

    /// A value for stdout: written at once and kept in no buffer.
    pub fn value(&mut self, bytes: &[u8]) -> Result<()> {
        self.flush()?;
        self.write(bytes);
        self.outcome()
    }

    /// Writes what is buffered; called at the end of main and before every prompt.
    ///
    /// # Errors
    /// The first failure to write data, whenever that was.
    pub fn flush(&mut self) -> Result<()> {
        self.push();
        self.outcome()
    }

    /// The end of main: all is written, and where that can be told it has arrived.
    ///
    /// # Errors
    /// As [`Output::flush`].
    pub fn finish(&mut self) -> Result<()> {
        self.flush()?;
        if self.wrote { settle(rustix::stdio::stdout()) } else { Ok(()) }
    }

    fn outcome(&self) -> Result<()> {
        self.lost.clone().map_or(Ok(()), Err)
    }

    /// Writes what is buffered, unless some of it was lost already.
    fn push(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        if self.lost.is_none() && !buffer.is_empty() {
            self.write(&buffer);
        }
        buffer.zeroize();
        self.buffer = buffer;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.lost = write_all(rustix::stdio::stdout(), bytes).err();
        self.wrote = true;
    }

    /// A remark on stderr, silenced by `--quiet`; one JSON object with `--json`.
    pub fn note(&mut self, text: &str) {
        if self.quiet {
            return;
        }
        if self.json {
            self.remark("note", text);
        } else {
            self.complain("", text);
        }
    }

    /// The heading of a list, for people: none where stdout is no terminal, or with `--quiet`.
    pub fn heading(&mut self, text: &str) -> Result<()> {
        if self.quiet || !self.stdout_is_terminal() { Ok(()) } else { self.line(text) }
    }

    /// Text on stderr without the tool's name, silenced by `--quiet`: blocks that are meant to be
    /// read or copied.
    pub fn plain_note(&mut self, text: &str) {
        if !self.quiet && self.json {
            self.remark("note", text.trim());
        } else if !self.quiet {
            self.push();
            let _ = write_all(rustix::stdio::stderr(), format!("{text}\n").as_bytes());
        }
    }

    /// As [`Output::plain_note`], for a block of which lines may stand out.
    pub fn block(&mut self, block: &layout::Block, env: &crate::environ::Environ) {
        let columns = layout::columns(rustix::stdio::stderr());
        self.plain_note(block.render(columns, columns.is_some() && layout::styles(env)).trim_end());
    }

    /// A warning on stderr: `hasp-x: warning: ...`; one JSON object with `--json`.
    pub fn warn(&mut self, text: &str) {
        if self.json {
            self.remark("warning", text);
        } else {
            self.complain("warning: ", text);
        }
    }

    /// An error with its hints on stderr.
    pub fn error(&mut self, error: &Error) {
        if error.kind() == Kind::ClosedPipe {
            return;
        }
        if self.json {
            // What was printed before it, a report perhaps, comes before it.
            self.push();
            let line = without_tokens(&format!("{}\n", error.to_json()));
            let _ = write_all(rustix::stdio::stderr(), line.as_bytes());
            return;
        }
        self.complain("error: ", &error.to_string());
        for hint in error.hints() {
            self.complain("hint: ", hint);
        }
    }

    /// Whether stdout is a terminal, where tokens and ciphertext are not written.
    pub fn stdout_is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    /// Whether data on stdout may be coloured: a terminal, not `TERM=dumb`, no `NO_COLOR`
    /// (<https://no-color.org>).
    pub fn colour(&self, env: &crate::environ::Environ) -> bool {
        self.stdout_is_terminal() && layout::styles(env)
    }

    /// `{"note":{"message":".."}}`.
    fn remark(&mut self, kind: &str, text: &str) {
        self.push();
        let object = serde_json::json!({kind: {"message": text}});
        let line = without_tokens(&format!("{object}\n"));
        let _ = write_all(rustix::stdio::stderr(), line.as_bytes());
    }

    /// stderr is best effort: with it closed there is nobody to tell.
    fn complain(&mut self, label: &str, text: &str) {
        self.push();
        let line = without_tokens(&format!("{}: {label}{text}\n", self.tool));
        let _ = write_all(rustix::stdio::stderr(), line.as_bytes());
    }
}

/// The text with every grant token cut: a token typed where a path or a name belongs must not come
/// back in a message.
pub fn without_tokens(text: &str) -> String {
    const BEGIN: &str = "v4.public.";
    let mut parts = text.split(BEGIN);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest =
            part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c));
        let cut = part.len() - rest.len();
        clean.push_str(BEGIN);
        clean.push_str(if cut > 8 { "..." } else { &part[..cut] });
        clean.push_str(rest);
    }
    clean
}

/// Writes all bytes, through EINTR, short writes and a non-blocking descriptor.
///
/// # Errors
/// `Kind::ClosedPipe` if the reader went away, else `Kind::Io`.
pub fn write_all(fd: impl std::os::fd::AsFd, mut bytes: &[u8]) -> Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    while !bytes.is_empty() {
        match rustix::io::write(&fd, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::new(&fd, PollFlags::OUT)], None);
            }
            Err(e) => return Err(Error::system("write output", e)),
        }
    }
    Ok(())
}

/// Asks whether what was written has arrived: a network file system says that it had no room when a
/// descriptor is closed, each one of them, so that a duplicate is enough.
///
/// # Errors
/// `Kind::Io`.
pub fn settle(fd: impl std::os::fd::AsFd) -> Result<()> {
    let duplicate = fd.as_fd().try_clone_to_owned().and_then(crate::platform::close);
    duplicate.map_err(|e| Error::system("write output", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_cut_out_of_messages() {
        let text = "cannot open v4.public.eyJqdGkiOiIwMTIz_-x.eyJr and 'v4.public.AAAABBBBCCCC'\n";
        assert_eq!(without_tokens(text), "cannot open v4.public.... and 'v4.public....'\n");
        assert_eq!(
            without_tokens("it does not begin with v4.public. [x]"),
            "it does not begin with v4.public. [x]"
        );
    }
}
