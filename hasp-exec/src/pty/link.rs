//! The socket between broker and monitor: first the leading side of the child's terminal; then the
//! variables with values, as they are and into one place, since a parser leaves copies; then one
//! JSON object a line. The child's environment travels here and nowhere else, so that the monitor
//! itself has none.

use std::io::{BufRead, BufReader, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::{FdFlags, retry_on_intr};
use rustix::net::{self, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use hasp_core::output::write_all;
use hasp_core::{Error, Result, Secret, secret};
use hasp_grant::Arg;

/// What the monitor is to start.
#[derive(Serialize, Deserialize)]
pub(crate) struct Launch {
    /// The absolute program.
    pub(crate) program: Arg,
    /// Its words.
    pub(crate) argv: Vec<Arg>,
    /// Where it runs.
    pub(crate) dir: Arg,
    /// Its environment, but for the values.
    pub(crate) vars: Vec<(Arg, Arg)>,
    /// Descriptors that it inherits besides 0 to 2.
    pub(crate) pass: Vec<i32>,
    /// Whether it may gain privileges.
    pub(crate) no_new_privs: bool,
    /// Its umask.
    pub(crate) umask: u32,
    /// Whether it starts in the foreground of its terminal.
    pub(crate) foreground: bool,
    /// The descriptor of our own terminal, for the monitor to put back should we be killed.
    pub(crate) screen: i32,
}

/// From the broker to the monitor, after the launch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum MonitorMessage {
    /// Send this signal to the child.
    Signal(i32),
    /// Send this signal to the child's whole group.
    SignalGroup(i32),
    /// The terminal is gone: tell the child's whole group as the kernel would, and then let go of
    /// the child's terminal.
    Hangup,
    /// The terminal is gone, which the child is not told: let go of its own.
    LetGo,
    /// Stop the child's whole group, as ^Z does, and say if the child does not stop.
    Suspend,
    /// Go on in the foreground.
    Foreground,
    /// Go on where it was.
    Continue,
}

/// From the monitor to the broker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
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
pub(crate) struct Sender(UnixStream);

/// The receiving side.
pub(crate) struct Receiver(BufReader<UnixStream>);

/// Both sides of one end of the socket.
pub(crate) fn open(stream: UnixStream) -> Result<(Sender, Receiver)> {
    let copy = stream.try_clone().map_err(|e| Error::system("open the monitor's socket", e))?;
    Ok((Sender(stream), Receiver(BufReader::new(copy))))
}

/// What comes to the monitor over an inherited socket.
pub(crate) struct Adopted {
    /// The leading side of the child's terminal.
    pub(crate) leader: OwnedFd,
    /// The variables with values.
    pub(crate) values: Option<Secret>,
    /// To the broker.
    pub(crate) sender: Sender,
    /// From the broker.
    pub(crate) receiver: Receiver,
}

/// Both sides of an inherited socket, with what comes first.
pub(crate) fn adopt(descriptor: OwnedFd) -> Result<Adopted> {
    let stream = UnixStream::from(descriptor);
    let leader = receive_leader(&stream)?;
    let values = receive_values(&stream)?;
    let (sender, receiver) = open(stream)?;
    Ok(Adopted { leader, values, sender, receiver })
}

/// Sends a copy of the leading side of the child's terminal, before anything else. Not inherited,
/// so that the monitor alone owns it and can close it.
pub(crate) fn send_leader(stream: &UnixStream, leader: impl AsFd) -> Result<()> {
    let descriptors = [leader.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    // A message of no byte carries no descriptor.
    let sent = retry_on_intr(|| {
        net::sendmsg(stream, &[IoSlice::new(b"t")], &mut control, SendFlags::empty())
    });
    sent.map(drop).map_err(|e| Error::system("hand over the command's terminal", e))
}

/// Receives it.
pub(crate) fn receive_leader(stream: &UnixStream) -> Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::empty();
    let received = retry_on_intr(|| {
        net::recvmsg(stream, &mut [IoSliceMut::new(&mut [0])], &mut control, flags)
    });
    received.map_err(|e| Error::system("receive the command's terminal", e))?;
    let descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let leader = descriptors.flatten().next();
    let leader = leader.ok_or_else(|| Error::bug("a launch without a terminal"))?;
    // Nobody forks meanwhile: there is no other thread yet.
    let kept = rustix::io::fcntl_setfd(&leader, FdFlags::CLOEXEC);
    kept.map(|()| leader).map_err(|e| Error::system("keep the command's terminal", e))
}

/// Sends the variables with values, before what is said in lines.
pub(crate) fn send_values(stream: &UnixStream, values: Option<&Secret>) -> Result<()> {
    let values = values.map(Secret::expose).unwrap_or_default();
    let length = u64::try_from(values.len()).unwrap_or(u64::MAX);
    write_all(stream, &length.to_le_bytes()).and_then(|()| write_all(stream, values))
}

/// Receives them; `None` if there are none.
pub(crate) fn receive_values(stream: &UnixStream) -> Result<Option<Secret>> {
    let failed = |e: std::io::Error| Error::system("receive what to start", e);
    let (mut length, mut stream) = ([0; 8], stream);
    stream.read_exact(&mut length).map_err(failed)?;
    let length = usize::try_from(u64::from_le_bytes(length))
        .map_err(|_| Error::bug("a launch without end"))?;
    if length == 0 {
        return Ok(None);
    }
    let values = Secret::read_from(&mut stream.take(length as u64), length)?;
    if values.len() == length {
        Ok(Some(values))
    } else {
        Err(Error::bug("a launch without its values"))
    }
}

impl Sender {
    /// Sends one message.
    pub(crate) fn send(&self, message: &impl Serialize) -> Result<()> {
        let mut line = secret::json(message)?;
        line.push(b'\n');
        write_all(&self.0, &line)
    }

    /// Another sender on the same socket.
    pub(crate) fn another(&self) -> Result<Sender> {
        self.0.try_clone().map(Sender).map_err(|e| Error::system("open the monitor's socket", e))
    }

    /// Tells the other end that nothing more comes.
    pub(crate) fn close(&self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

impl Receiver {
    /// Receives one message; `None` when the other end is gone.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut line = Zeroizing::new(Vec::new());
        self.0.read_until(b'\n', &mut line).ok()?;
        serde_json::from_slice(&line).ok()
    }
}
