//! The socket between broker and monitor: first the variables with values, as they are and into one place, since a parser leaves copies;
//! then one JSON object a line. The child's environment travels here and nowhere else, so that the monitor itself has none.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use hasp_core::output::write_all;
use hasp_core::{Error, Result, Secret, secret};
use hasp_grant::word::Word;

/// What the monitor is to start.
#[derive(Serialize, Deserialize)]
pub struct Launch {
    /// The absolute program.
    pub program: Word,
    /// Its words.
    pub argv: Vec<Word>,
    /// Where it runs.
    pub dir: Word,
    /// Its environment, but for the values.
    pub vars: Vec<(Word, Word)>,
    /// Descriptors that it inherits besides 0 to 2.
    pub pass: Vec<i32>,
    /// Whether it may gain privileges.
    pub no_new_privs: bool,
    /// Its umask.
    pub umask: u32,
    /// Whether it starts in the foreground of its terminal.
    pub foreground: bool,
    /// The descriptor of our own terminal, for the monitor to put back should we be killed.
    pub screen: i32,
}

/// From the broker to the monitor, after the launch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Send this signal to the child.
    Signal(i32),
    /// Send this signal to the child's whole group.
    SignalGroup(i32),
    /// The terminal is gone: tell the child's whole group as the kernel would.
    Hangup,
    /// Stop the child's whole group, as ^Z does, and say if the child does not stop.
    Suspend,
    /// Go on in the foreground.
    Foreground,
    /// Go on where it was.
    Continue,
}

/// From the monitor to the broker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The child runs under this number.
    Started(u32),
    /// It could not be started; what execve said.
    Refused(String),
    /// This signal stopped it.
    Stopped(i32),
    /// It was to stop and did not.
    GoesOn,
    /// It ended with this status.
    Exited(i32),
    /// This signal ended it.
    Killed(i32),
}

/// The sending side.
pub struct Sender(UnixStream);

/// The receiving side.
pub struct Receiver(BufReader<UnixStream>);

/// Both sides of one end of the socket.
pub fn open(stream: UnixStream) -> Result<(Sender, Receiver)> {
    let copy = stream.try_clone().map_err(|e| Error::system("open the monitor's socket", e))?;
    Ok((Sender(stream), Receiver(BufReader::new(copy))))
}

/// The same for an inherited descriptor, with the values that come first.
pub fn adopt(descriptor: OwnedFd) -> Result<(Option<Secret>, Sender, Receiver)> {
    let stream = UnixStream::from(descriptor);
    let values = receive_values(&stream)?;
    let (sender, receiver) = open(stream)?;
    Ok((values, sender, receiver))
}

/// Sends the variables with values, before anything else.
pub fn send_values(stream: &UnixStream, values: Option<&Secret>) -> Result<()> {
    let values = values.map(Secret::expose).unwrap_or_default();
    let length = u64::try_from(values.len()).unwrap_or(u64::MAX);
    write_all(stream, &length.to_le_bytes()).and_then(|()| write_all(stream, values))
}

/// Receives them; `None` if there are none.
pub fn receive_values(stream: &UnixStream) -> Result<Option<Secret>> {
    let failed = |e: std::io::Error| Error::system("receive what to start", e);
    let (mut length, mut stream) = ([0; 8], stream);
    stream.read_exact(&mut length).map_err(failed)?;
    let length = usize::try_from(u64::from_le_bytes(length)).map_err(|_| Error::bug("a launch without end"))?;
    if length == 0 {
        return Ok(None);
    }
    let values = Secret::read_from(&mut stream.take(length as u64), length)?;
    if values.len() == length { Ok(Some(values)) } else { Err(Error::bug("a launch without its values")) }
}

impl Sender {
    /// Sends one message.
    pub fn send(&self, message: &impl Serialize) -> Result<()> {
        let mut line = secret::json(message)?;
        line.push(b'\n');
        write_all(&self.0, &line)
    }

    /// Another sender on the same socket.
    pub fn another(&self) -> Result<Sender> {
        self.0.try_clone().map(Sender).map_err(|e| Error::system("open the monitor's socket", e))
    }

    /// Tells the other end that nothing more comes.
    pub fn close(&self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

impl Receiver {
    /// Receives one message; `None` when the other end is gone.
    pub fn receive<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut line = Zeroizing::new(Vec::new());
        self.0.read_until(b'\n', &mut line).ok()?;
        serde_json::from_slice(&line).ok()
    }
}
