//! The socket between broker and monitor: one JSON object a line. The child's environment travels here and nowhere else, so that the
//! monitor itself has none.

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use hasp_core::output::write_all;
use hasp_core::{Error, Result};
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
    /// Its whole environment.
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

/// The same for an inherited descriptor.
pub fn adopt(descriptor: OwnedFd) -> Result<(Sender, Receiver)> {
    open(UnixStream::from(descriptor))
}

impl Sender {
    /// Sends one message.
    pub fn send(&self, message: &impl Serialize) -> Result<()> {
        let line = serde_json::to_vec(message).map(Zeroizing::new);
        let mut line = line.map_err(|e| Error::bug(format!("cannot write a message: {e}")))?;
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
