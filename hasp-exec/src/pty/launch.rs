//! The start of the monitor, which is this program again in a session of its own.

use std::os::fd::{OwnedFd, RawFd};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::stdio::stdin;

use hasp_core::platform::{self, BeforeExec};
use hasp_core::{Error, Result};
use hasp_grant::Arg;
use hasp_redact::Patterns;

use crate::child::{self, ChildSpec};
use crate::pty::link::Launch;
use crate::pty::stage::duplicate;
use crate::relay::Relay;
use crate::relay::outputs::{Outputs, leads_to_our_terminal};

/// The monitor leads a session on the new terminal. Streams of ours that are no terminal stay what
/// they are, the outputs redacted. It inherits its socket and our terminal.
pub(crate) fn start_monitor(
    follower: &OwnedFd,
    [socket, lent]: [RawFd; 2],
    spec: &ChildSpec<'_>,
    value: Option<OwnedFd>,
    patterns: &Arc<Patterns>,
    relay: &mut Relay,
) -> Result<()> {
    let own =
        std::env::current_exe().map_err(|e| Error::system("find this program's own path", e))?;
    let mut command = Command::new(own);
    command.arg("--monitor").arg(socket.to_string()).env_clear();
    command.stdin(match value {
        Some(value) => value.into(),
        None if leads_to_our_terminal(stdin()) => duplicate(follower)?.into(),
        None => Stdio::inherit(),
    });
    let outputs = Outputs::arrange(&mut command, Some(follower))?;
    let before = BeforeExec { terminal: Some(duplicate(follower)?), ..BeforeExec::default() };
    before.install(&mut command).map_err(|e| Error::system("start the monitor", e))?;
    let passed: Vec<i32> = spec.pass.iter().copied().chain([socket, lent]).collect();
    child::pass_only(&passed)?;
    command.spawn().map_err(|e| Error::system("start the monitor", e))?;
    // With it go our copies of what it got.
    drop(command);
    outputs.relay(patterns, relay)
}

/// What the monitor is told to start.
pub(crate) fn launch(spec: &ChildSpec<'_>, foreground: bool, screen: RawFd) -> Launch {
    Launch {
        program: Arg::from(spec.program),
        argv: spec.argv.iter().map(Arg::from).collect(),
        dir: Arg::from(spec.dir),
        vars: spec.vars.iter().map(|(n, v)| (Arg::from(n), Arg::from(v))).collect(),
        pass: spec.pass.clone(),
        no_new_privs: spec.no_new_privs,
        umask: platform::mode_bits(spec.umask),
        foreground,
        screen,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::pty::link;
    use rustix::fs::Mode;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_launch_survives_the_socket_byte_for_byte() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;
        let (one, two) = UnixStream::pair().unwrap();
        let argv = [OsString::from("x"), OsString::from_vec(vec![0xff, b'\n'])];
        let vars = [(OsString::from("A"), OsString::from_vec(vec![0xfe, b'"']))].into();
        let spec = ChildSpec {
            program: "/bin/x".as_ref(),
            argv: &argv,
            dir: "/".as_ref(),
            vars,
            values: None,
            pass: vec![7],
            no_new_privs: true,
            umask: Mode::from_raw_mode(0o22),
        };
        link::open(one).unwrap().0.send(&launch(&spec, true, 5)).unwrap();
        let received: Launch = link::open(two).unwrap().1.receive().unwrap();
        assert_eq!(received.argv[1].as_os(), argv[1]);
        assert!(received.vars[0].1.as_os() == OsString::from_vec(vec![0xfe, b'"']));
        assert!(
            received.foreground
                && received.no_new_privs
                && received.pass == [7]
                && received.screen == 5
        );
    }
}
