//! The conversation with a plugin: stanzas over its stdin and stdout
//! (<https://c2sp.org/age-plugin>). It has a small environment without anything of hasp's, and none
//! of our descriptors.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use age_core::format::Stanza;
use data_encoding::BASE64_NOPAD;
use hasp_core::{Environ, platform};
use zeroize::Zeroizing;

use crate::captured::Tail;
use crate::trusted;

/// How many characters of base64 a line of a stanza's body has; a shorter one, also an empty one,
/// ends it.
const COLUMNS: usize = 64;
/// The longest first line of a stanza, in bytes: recipients of some thousand bytes fit.
const MAX_LINE: usize = 64 * 1024;
/// The longest body, in lines: what a plugin shows or wraps is far shorter.
const MAX_LINES: usize = 1024;
/// How long a plugin may take to end, a card to be put away.
const PATIENCE: Duration = Duration::from_secs(1);
/// What a plugin sees of the environment beside what every program does: enough to find a session
/// and a smart card.
const ALSO_KEPT: [&str; 6] = [
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "DBUS_SESSION_BUS_ADDRESS",
    "PCSCLITE_CSOCK_NAME",
];

/// A running plugin; when this is dropped it has a moment to end by itself.
pub struct Wire {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
}

impl Wire {
    /// Starts a program for one of the protocol's two state machines, `recipient-v1` or
    /// `identity-v1`.
    pub fn open(program: &Path, machine: &str) -> std::io::Result<Wire> {
        platform::withhold_descriptors();
        let env = Environ::capture();
        let mut command = Command::new(program);
        command.arg(format!("--age-plugin={machine}")).current_dir("/").env_clear();
        command.envs(
            trusted::KEPT.iter().chain(&ALSO_KEPT).filter_map(|name| Some((name, env.get(name)?))),
        );
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (stdin, Some(stdout)) => Ok(Wire { child, stdin, stdout }),
            (_, None) => Err(std::io::Error::other("a piped child has no pipes")),
        }
    }

    /// Sends a stanza.
    pub fn send(&mut self, tag: &str, args: &[&str], body: &[u8]) -> std::io::Result<()> {
        let stdin = self.stdin.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        stdin.write_all(&encode(tag, args, body))
    }

    /// Receives a stanza.
    ///
    /// # Errors
    /// `InvalidData` for what is no stanza, `UnexpectedEof` if the plugin has ended, whatever it
    /// has left running.
    pub fn receive(&mut self) -> std::io::Result<Stanza> {
        decode(&mut Tail::of(&mut self.child, &self.stdout))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stdin = None;
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn encode(tag: &str, args: &[&str], body: &[u8]) -> Zeroizing<Vec<u8>> {
    let encoded = Zeroizing::new(BASE64_NOPAD.encode(body));
    let words: usize = args.iter().map(|a| a.len() + 1).sum();
    // Room for all of it, so that growing leaves no copy of a key behind.
    let mut text = Zeroizing::new(Vec::with_capacity(tag.len() + words + 2 * encoded.len() + 8));
    text.extend_from_slice(b"-> ");
    text.extend_from_slice(tag.as_bytes());
    for arg in args {
        text.push(b' ');
        text.extend_from_slice(arg.as_bytes());
    }
    text.push(b'\n');
    let mut lines = encoded.as_bytes().chunks(COLUMNS).peekable();
    while let Some(line) = lines.next() {
        text.extend_from_slice(line);
        text.push(b'\n');
        if line.len() == COLUMNS && lines.peek().is_none() {
            text.push(b'\n');
        }
    }
    if body.is_empty() {
        text.push(b'\n');
    }
    text
}

fn decode(input: &mut impl Read) -> std::io::Result<Stanza> {
    let head = line(input)?;
    let head =
        std::str::from_utf8(&head).ok().and_then(|h| h.strip_prefix("-> ")).ok_or_else(invalid)?;
    // What is not visible ASCII would make the header of a file that nobody can read.
    let word =
        |w: &str| (!w.is_empty() && w.bytes().all(|b| b.is_ascii_graphic())).then(|| w.to_owned());
    let mut words =
        head.split(' ').map(word).collect::<Option<Vec<String>>>().ok_or_else(invalid)?.into_iter();
    let (tag, args) = (words.next().ok_or_else(invalid)?, words.collect());
    let mut encoded = Zeroizing::new(Vec::with_capacity(MAX_LINES * COLUMNS));
    for _ in 0..MAX_LINES {
        let part = line(input)?;
        encoded.extend_from_slice(&part);
        if part.len() < COLUMNS {
            let body = BASE64_NOPAD.decode(&encoded).map_err(|_| invalid())?;
            return Ok(Stanza { tag, args, body });
        }
        if part.len() > COLUMNS {
            break;
        }
    }
    Err(invalid())
}

/// One line without its end, byte by byte: a buffer would keep a copy of a key.
fn line(input: &mut impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    let mut byte = [0];
    while line.len() < MAX_LINE {
        input.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return Ok(line);
        }
        line.push(byte[0]);
    }
    Err(invalid())
}

fn invalid() -> std::io::Error {
    std::io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stanzas_are_written_as_the_protocol_says() {
        assert_eq!(&encode("done", &[], b"")[..], b"-> done\n\n");
        assert_eq!(
            &encode("add-recipient", &["age1x", "y"], b"Hello")[..],
            b"-> add-recipient age1x y\nSGVsbG8\n"
        );
        let full = encode("wrap", &[], &[0; 48]);
        assert_eq!(full[..], [b"-> wrap\n", "A".repeat(64).as_bytes(), b"\n\n"].concat());
    }

    #[test]
    fn what_is_no_stanza_is_refused() {
        let long = format!("-> x\n{}\n", "A".repeat(65));
        for bad in [
            "",
            "-> ",
            "-> \n\n",
            "->\n\n",
            "done\n\n",
            "-> x",
            "-> x\nA",
            "-> x\n?\n",
            "-> x  y\n\n",
            "-> x \u{e9}\n\n",
            "-> x \x1b\n\n",
            &long,
        ] {
            assert!(decode(&mut bad.as_bytes()).is_err(), "{bad}");
        }
        let endless = vec![b'A'; 1 << 20];
        assert!(decode(&mut &endless[..]).is_err());
        let endless = format!("-> x\n{}", format!("{}\n", "A".repeat(64)).repeat(2000));
        assert!(decode(&mut endless.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn stanzas_come_back(body in proptest::collection::vec(any::<u8>(), 0..300),
        args in proptest::collection::vec("[!-~]{1,9}", 0..4)) {
            let words: Vec<&str> = args.iter().map(String::as_str).collect();
            let read = decode(&mut &encode("tag", &words, &body)[..]).unwrap();
            prop_assert_eq!((read.tag.as_str(), read.args, read.body), ("tag", args, body));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode(&mut &bytes[..]);
            let _ = decode(&mut &[b"-> x\n", &bytes[..]].concat()[..]);
        }
    }
}
