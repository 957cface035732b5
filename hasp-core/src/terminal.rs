//! Asking a person: always on /dev/tty, so that stdin and stdout stay the pipeline's.
//!
//! A process has one terminal and holds one conversation on it, from the first question to the
//! last: for as long as any [`Terminal`] lives. Echo goes off before the first question is shown
//! and comes back when the conversation is over, however it ends, by a signal too; in between, keys
//! may come while nobody asks, as when a passphrase is being tried.
//!
//! Keys that come early are either the answer to the next question or the rest of a paste. They
//! look the same, so the question decides:
//!
//! - a text that the terminal marks as pasted (bracketed paste) is one answer: with a second line
//!   in it, it is refused whole;
//! - behind the answer to the last question nothing may follow at once: what does was pasted with
//!   it, and all of it is refused;
//! - behind a passphrase, what follows is kept for the question after it: another try, a value, the
//!   same once more. Where the passphrase turns out to be the last answer, the rule before this one
//!   holds;
//! - behind one of several values, what was typed before its question stood there is kept, and what
//!   comes at once behind it is a paste;
//! - no key answers a [y/N] that was not there yet: what came before is thrown away, and so is an
//!   answer that is neither.
//!
//! What is refused is read to its end and thrown away, so that the shell gets none of it.

mod asking;
mod line;
mod typist;

use std::fs::File;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, tcflush, tcgetattr,
};

use crate::environ::Environ;
use crate::error::{Error, Result};
use crate::layout::{self, Block};
use crate::output::write_all;
use crate::platform::questions::{Changed, Settings, is_foreground};
use crate::secret::Secret;
use line::Keys;
use typist::Typist;

pub use asking::{command, purpose};

/// How often a question is asked that is answered with neither yes nor no.
const TRIES: u32 = 3;
/// A shell may give its terminal to a job a moment after the job has begun.
const GRACE: Duration = Duration::from_millis(100);
/// Bracketed paste mode on and off; a terminal that has none ignores it (ECMA-48, 5.4.1).
const BRACKETED: [&[u8]; 2] = [b"\x1b[?2004h", b"\x1b[?2004l"];

/// Why nobody can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The process has no terminal.
    None,
    /// It has one, which belongs to another job now.
    Background,
    /// Another program reads it key by key, and this one was not even given it as standard input.
    Taken,
}

impl Absence {
    /// Completes a sentence on what cannot be asked: "there is no terminal".
    pub fn text(self) -> &'static str {
        match self {
            Absence::None => "there is no terminal",
            Absence::Background => "this is not in the foreground of its terminal",
            Absence::Taken => "another program has the terminal's screen and keys",
        }
    }
}

/// The controlling terminal, and a part in the conversation on it.
pub struct Terminal {
    talk: Arc<Talk>,
}

/// The terminal stays open once it was found: a signal's handler may be about to use it.
static TTY: OnceLock<File> = OnceLock::new();
/// The conversation of this process.
static TALK: Mutex<Weak<Talk>> = Mutex::new(Weak::new());

struct Talk {
    tty: &'static File,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Set from the first question on.
    changed: Option<&'static Changed>,
    /// Whether it was said what the answers are for.
    introduced: bool,
    /// Whether another question follows the passphrase.
    more: bool,
    /// Whether something followed a passphrase at once.
    behind: bool,
    /// Whether there may be answers to questions that will not be asked.
    unread: bool,
}

impl Terminal {
    /// The controlling terminal, or `None` where nobody can be asked: see [`Terminal::find`].
    pub fn open() -> Option<Terminal> {
        Terminal::find().ok()
    }

    /// The controlling terminal.
    ///
    /// # Errors
    /// Where there is none; where this process is not in its foreground, from where a question
    /// would be another program's, and the answer too; and where another program draws on it.
    pub fn find() -> std::result::Result<Terminal, Absence> {
        let mut current = TALK.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(talk) = current.upgrade() {
            return Ok(Terminal { talk });
        }
        let tty = tty().ok_or(Absence::None)?;
        look_around(tty)?;
        let talk = Arc::new(Talk { tty, state: Mutex::default() });
        *current = Arc::downgrade(&talk);
        Ok(Terminal { talk })
    }

    /// Shows text as it is; the caller has made untrusted parts [`crate::text::printable`].
    pub fn show(&mut self, text: &str) -> Result<()> {
        self.write(text)
    }

    /// Shows a block in the terminal's width; what is to stand out does, where the environment lets
    /// it.
    pub fn show_block(&mut self, block: &Block, env: &Environ) -> Result<()> {
        self.show(&block.render(layout::columns(&self.talk.tty), layout::styles(env)))
    }

    /// Says once in a conversation what is going on: which command asks, where its output goes, and
    /// who started it. Whoever types a passphrase hands what it opens to that.
    pub fn introduce(&self) -> Result<()> {
        // Found out before echo goes off: it takes a moment.
        if std::mem::replace(&mut self.state().introduced, true) {
            Ok(())
        } else {
            self.write(&format!("{}\n", purpose()))
        }
    }

    /// Another question will follow the passphrase: what is typed behind that is for it.
    pub fn more_follows(&self) {
        self.state().more = true;
    }

    /// Asks for a line without echo, as the last question of the conversation.
    ///
    /// # Errors
    /// `[interrupted]` on ^C or ^D, `[several-lines]`.
    pub fn ask_hidden(&mut self, prompt: &str) -> Result<Secret> {
        self.hidden(prompt, |keys, _| {
            line::more_follows(keys).then(line::several).map_or(Ok(false), Err)
        })
    }

    /// As [`Terminal::ask_hidden`], with another such question to follow.
    pub fn ask_hidden_amid(&mut self, prompt: &str) -> Result<Secret> {
        self.hidden(prompt, |keys, early| {
            let pasted = keys.read >= early && line::more_follows(keys);
            if pasted { Err(line::several()) } else { Ok(true) }
        })
    }

    /// As [`Terminal::ask_hidden`], where it depends on the answer whether another question
    /// follows. Once that is known: [`Terminal::nothing_behind`].
    pub fn ask_hidden_first(&mut self, prompt: &str) -> Result<Secret> {
        let line = self.hidden(prompt, |_, _| Ok(true))?;
        let behind = self.typist("").is_some_and(|mut keys| keys.come(line::AT_ONCE));
        self.state().behind |= behind;
        Ok(line)
    }

    /// Whether something came at once behind an answer to [`Terminal::ask_hidden_first`].
    pub fn was_followed(&self) -> bool {
        self.state().behind
    }

    /// The answer was right; unless more follows, it was the last.
    ///
    /// # Errors
    /// `[several-lines]` if something came at once behind it.
    pub fn nothing_behind(&mut self) -> Result<()> {
        let State { more, behind, .. } = *self.state();
        let Some(mut keys) = self.typist("").filter(|_| !more) else { return Ok(()) };
        if behind && line::more_follows(&mut keys) {
            return Err(line::several());
        }
        self.state().unread = false;
        Ok(())
    }

    /// Asks a question that only `y` or `yes` answers with yes, and only `n`, `no` or nothing with
    /// no. What is typed is shown when it is one of them: it may be a passphrase that was meant for
    /// another question.
    ///
    /// # Errors
    /// `[interrupted]`, also after three answers that are none.
    pub fn confirm(&mut self, question: &str) -> Result<bool> {
        for _ in 0..TRIES {
            let typed = match self.fresh(&format!("{question} [y/N] "), false) {
                Err(error) if error.code() == line::several().code() => None,
                typed => Some(typed?),
            };
            if let Some(yes) = typed.as_ref().and_then(|line| answer(line.expose())) {
                self.state().unread = !yes;
                self.write(if yes { "y\n" } else { "n\n" })?;
                return Ok(yes);
            }
            self.discard();
            self.write("\nThat is neither y nor n.\n")?;
        }
        Err(line::interrupted())
    }

    /// Asks for a line with echo.
    pub fn ask(&mut self, prompt: &str) -> Result<String> {
        let line = self.fresh(prompt, true)?;
        self.state().unread = false;
        self.write("\n")?;
        Ok(String::from_utf8_lossy(line.expose()).into_owned())
    }

    /// A hidden line, and a judgement on what follows it: whether that may be answers to more
    /// questions.
    fn hidden(
        &self,
        prompt: &str,
        judge: impl FnOnce(&mut Typist<'_>, u64) -> Result<bool>,
    ) -> Result<Secret> {
        let changed = self.quiet()?;
        let early = rustix::io::ioctl_fionread(self.talk.tty).unwrap_or(0);
        self.write(prompt)?;
        let mut keys = Typist { changed, question: prompt, shown: false, read: 0 };
        let judged = line::read(&mut keys).and_then(|line| Ok((line, judge(&mut keys, early)?)));
        if judged.is_err() {
            line::discard(&mut keys, false);
        }
        changed.pause();
        self.write("\n")?;
        let (line, unread) = judged?;
        self.state().unread = unread;
        Ok(line)
    }

    /// A line that is not begun before the question is there.
    fn fresh(&self, prompt: &str, shown: bool) -> Result<Secret> {
        let changed = self.quiet()?;
        let _ = tcflush(self.talk.tty, QueueSelector::IFlush);
        self.write(prompt)?;
        let line = line::read(&mut Typist { changed, question: prompt, shown, read: 0 });
        changed.pause();
        line
    }

    /// Echo off, before a question is shown: who answers by program answers at once.
    fn quiet(&self) -> Result<&'static Changed> {
        let mut state = self.state();
        state.unread = true;
        let changed = match state.changed {
            Some(changed) => changed,
            None => Changed::prepare(settings(self.talk.tty)?),
        };
        state.changed = Some(changed);
        changed.ask().map_err(unusable)?;
        Ok(changed)
    }

    fn write(&self, text: &str) -> Result<()> {
        write_all(self.talk.tty, text.as_bytes())
    }

    fn discard(&self) {
        if let Some(mut keys) = self.typist("") {
            line::discard(&mut keys, false);
        }
    }

    fn typist<'a>(&self, question: &'a str) -> Option<Typist<'a>> {
        self.state().changed.map(|changed| Typist { changed, question, shown: false, read: 0 })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.talk.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(changed) = state.changed else { return };
        if state.unread {
            line::discard(&mut Typist { changed, question: "", shown: false, read: 0 }, false);
        }
        changed.put_back(if state.unread { OptionalActions::Flush } else { OptionalActions::Now });
    }
}

fn tty() -> Option<&'static File> {
    if let Some(tty) = TTY.get() {
        return Some(tty);
    }
    let tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
    Some(TTY.get_or_init(|| tty))
}

/// Whether a person can be asked here.
fn look_around(tty: &File) -> std::result::Result<(), Absence> {
    if !tty.is_terminal() {
        return Err(Absence::None);
    }
    let began = Instant::now();
    while !is_foreground(tty) {
        if began.elapsed() > GRACE {
            return Err(Absence::Background);
        }
        std::thread::sleep(GRACE / 10);
    }
    let by_key = tcgetattr(tty).is_ok_and(|modes| !modes.local_modes.contains(LocalModes::ICANON));
    if by_key && !std::io::stdin().is_terminal() { Err(Absence::Taken) } else { Ok(()) }
}

/// No echo and no line editing by the terminal; while an answer is typed no signals either, so that
/// ^C arrives as a byte and the tool says that nothing was changed. Between questions it is a
/// signal again: a passphrase that is being tried would hold it up.
fn settings(tty: &'static File) -> Result<Settings> {
    let before = tcgetattr(tty).map_err(unusable)?;
    let mut between = before.clone();
    between.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
    between.special_codes[SpecialCodeIndex::VMIN] = 1;
    between.special_codes[SpecialCodeIndex::VTIME] = 0;
    let mut asking = between.clone();
    asking.local_modes.remove(LocalModes::ISIG);
    let named = std::env::var_os("TERM").is_some_and(|t| !t.is_empty() && t != "dumb");
    Ok(Settings {
        tty: tty.as_fd(),
        before,
        asking,
        between,
        words: if named { BRACKETED } else { [b"", b""] },
    })
}

fn unusable(cause: rustix::io::Errno) -> Error {
    Error::system("ask on the terminal", cause)
}

fn answer(typed: &[u8]) -> Option<bool> {
    match typed.trim_ascii().to_ascii_lowercase().as_slice() {
        b"y" | b"yes" => Some(true),
        b"n" | b"no" | b"" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_and_what_is_neither() {
        for (typed, meant) in [
            ("y", Some(true)),
            (" YES ", Some(true)),
            ("n", Some(false)),
            ("No", Some(false)),
            ("", Some(false)),
            ("ye", None),
            ("yy", None),
            ("correct horse", None),
            ("\u{1b}[A", None),
        ] {
            assert_eq!(answer(typed.as_bytes()), meant, "{typed}");
        }
    }
}
