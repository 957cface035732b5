//! Make's jobserver in MAKEFLAGS (GNU make manual, "POSIX Jobserver"): the one thing that a command
//! inherits without being asked. The numbers are make's word only: below a recipe without `+` they
//! are closed, and may be anything by now.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use hasp_core::descriptors::{self, Sources};
use hasp_core::{Environ, Error, Result};

/// The descriptors of the jobserver: both ends of one pipe, which no source of ours names. Asked
/// before anything of ours is open.
pub fn inherited(env: &Environ, sources: &Sources) -> Vec<RawFd> {
    let words = words(env);
    let Some([read, write]) = words.last().and_then(|w| numbers(w)) else { return Vec::new() };
    let same_pipe =
        descriptors::fifo(read).is_some_and(|pipe| descriptors::fifo(write) == Some(pipe));
    let ours = [read, write].iter().any(|n| *n < 3 || sources.hold(*n));
    if same_pipe && !ours { vec![read, write] } else { Vec::new() }
}

/// The same descriptor under a number that MAKEFLAGS does not name: what follows in our place would
/// take it for the jobserver.
pub fn apart(descriptor: OwnedFd, env: &Environ) -> Result<OwnedFd> {
    let named: Vec<RawFd> = words(env).iter().filter_map(|w| numbers(w)).flatten().collect();
    let Some(highest) = named.iter().max().filter(|n| **n >= descriptor.as_raw_fd()) else {
        return Ok(descriptor);
    };
    // A number beyond the limit of open files is no descriptor's.
    move_to(&descriptor, highest.saturating_add(1)).or_else(|_| beside(descriptor, &named))
}

/// The lowest free number that is not named.
fn beside(mut descriptor: OwnedFd, named: &[RawFd]) -> Result<OwnedFd> {
    while named.contains(&descriptor.as_raw_fd()) {
        let next = descriptor.as_raw_fd() + 1;
        descriptor =
            move_to(&descriptor, next).map_err(|e| Error::system("open a descriptor", e))?;
    }
    Ok(descriptor)
}

fn move_to(descriptor: &OwnedFd, lowest: RawFd) -> rustix::io::Result<OwnedFd> {
    rustix::io::fcntl_dupfd_cloexec(descriptor, lowest)
}

/// What MAKEFLAGS says of a jobserver; make itself follows the last. Behind `--` stand variables,
/// not options.
fn words(env: &Environ) -> Vec<String> {
    let flags = env.get("MAKEFLAGS").map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
    let options = flags.split_whitespace().take_while(|w| *w != "--");
    let auth = options.filter_map(|w| {
        w.strip_prefix("--jobserver-auth=").or_else(|| w.strip_prefix("--jobserver-fds="))
    });
    auth.map(str::to_owned).collect()
}

/// `R,W`; a `fifo:PATH` has no numbers.
fn numbers(word: &str) -> Option<[RawFd; 2]> {
    let (read, write) = word.split_once(',')?;
    Some([read.parse().ok()?, write.parse().ok()?])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn environ(flags: &str) -> Environ {
        [(OsString::from("MAKEFLAGS"), OsString::from(flags))].into_iter().collect()
    }

    #[test]
    fn only_both_ends_of_one_pipe_are_a_jobserver() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let (other, _end) = rustix::pipe::pipe().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        let (r, w, o, f) =
            (read.as_raw_fd(), write.as_raw_fd(), other.as_raw_fd(), file.as_raw_fd());
        let passed = |flags: String| inherited(&environ(&flags), &Sources::default());
        for style in ["auth", "fds"] {
            assert_eq!(passed(format!(" -j4 --jobserver-{style}={r},{w} -- X=1")), [r, w]);
        }
        assert_eq!(passed(format!("--jobserver-auth=98,99 --jobserver-auth={r},{w}")), [r, w]);
        for none in [
            format!("--jobserver-auth={r},{o}"),
            format!("--jobserver-auth={r},{f}"),
            format!("--jobserver-auth={f},{f}"),
            format!("--jobserver-auth={r},{w} --jobserver-auth=fifo:/tmp/x"),
            format!("--jobserver-auth={r},{w} --jobserver-auth=-2,-2"),
            format!("-j2 -- --jobserver-auth={r},{w}"),
            format!("--jobserver-auth={r}"),
            format!("--jobserver-auth={r},{w},{w}"),
            format!("--jobserver-auth={r}, {w}"),
            "--jobserver-auth=".to_owned(),
            "--jobserver-auth=98,99".to_owned(),
            "--jobserver-auth=99999999999,1".to_owned(),
            "--jobserver-auth=0,1".to_owned(),
        ] {
            assert!(passed(none.clone()).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_pipe_that_a_source_names_is_none() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let twin = read.try_clone().unwrap();
        let env = environ(&format!("--jobserver-auth={},{}", read.as_raw_fd(), write.as_raw_fd()));
        for named in [read.as_raw_fd(), write.as_raw_fd(), twin.as_raw_fd()] {
            let mut sources = Sources::default();
            sources.add(named);
            assert!(inherited(&env, &sources).is_empty());
        }
    }

    #[test]
    fn what_is_put_apart_has_a_number_that_is_not_named() {
        let file = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        let own = file().as_raw_fd();
        for flags in [
            format!("--jobserver-auth={own},{}", own + 1),
            format!("--jobserver-auth={own},1000000000"),
            format!("--jobserver-fds={own},{} --jobserver-auth=fifo:/x", own + 1),
            format!("--jobserver-auth=2147483647,{own}"),
        ] {
            let apart = apart(file(), &environ(&flags)).unwrap().as_raw_fd();
            assert!(
                !flags.split([' ', ',', '=']).any(|n| n == apart.to_string()),
                "{flags}: {apart}"
            );
        }
        assert!(apart(file(), &environ("--jobserver-auth=-2,-2")).is_ok());
    }
}
