//! What `/proc` tells of processes.
//!
//! The line of proc_pid_stat(5) is read from its last `)`: the name before that is chosen by the
//! process and may hold spaces, parentheses and whole forged fields.

use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::getpid;

use crate::platform::facts::{FileId, ProcessFacts};

/// Where processes are seen: what to say if they are not, and what to type then.
pub const PROCESSES: [&str; 2] = [
    "/proc is missing or belongs to another pid namespace",
    crate::hint("mount it: mount -t proc proc /proc"),
];

/// What can be seen of a process, `None` if there is none that we can see.
pub fn process(pid: u32) -> Option<ProcessFacts> {
    // The kernel writes it at once: 52 numbers and a name, well below this.
    let mut line = [0; 2048];
    let length = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
    parse(&line[..length]).filter(|facts| facts.pid == pid)
}

/// The program's path, only if that path is, for us, the very file that runs: a process in another
/// mount namespace or root directory shows a path of its own, and a replaced program shows one that
/// ends in " (deleted)".
pub fn program(pid: u32) -> Option<PathBuf> {
    let link = PathBuf::from(format!("/proc/{pid}/exe"));
    let path = std::fs::read_link(&link).ok()?;
    let runs = std::fs::metadata(&link).ok()?;
    let there = std::fs::symlink_metadata(&path).ok()?;
    ((runs.dev(), runs.ino()) == (there.dev(), there.ino())).then_some(path)
}

/// What the program's path was when it was started, for people.
pub fn program_name(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// Where the numbers of processes count: the inode of our own pid namespace, if its processes are
/// those that can be seen.
pub fn pid_space() -> Option<u64> {
    let own = getpid().as_raw_nonzero().get().to_string();
    let link = std::fs::read_link("/proc/self").ok()?;
    let space = std::fs::read_link("/proc/self/ns/pid").ok().and_then(|l| inode(&l))?;
    (link == Path::new(&own)).then_some(space)
}

/// Of an end of ours: both ends of a pipe are one file, and a terminal's other end has its number
/// (ptsname(3)).
///
/// # Errors
/// As fstat(2).
pub fn file_id(end: impl AsFd) -> std::io::Result<FileId> {
    let stat = rustix::fs::fstat(&end)?;
    let name = rustix::pty::ptsname(&end, Vec::new()).ok();
    let terminal = name.and_then(|n| n.to_str().ok()?.strip_prefix("/dev/pts/")?.parse().ok());
    Ok(FileId::of(&stat, terminal))
}

/// The processes of this user, other than this one, that hold one of these files.
pub fn holders(files: &[FileId]) -> Vec<u32> {
    let holds = |pid: &u32| {
        let dir = PathBuf::from(format!("/proc/{pid}/fd"));
        let held = |fd| files.iter().any(|file| is(file, &dir.join(format!("{fd}"))));
        numbers(&dir).into_iter().any(held)
    };
    others().filter(holds).collect()
}

fn is(file: &FileId, descriptor: &Path) -> bool {
    match file.terminal {
        Some(number) => std::fs::read_link(descriptor)
            .is_ok_and(|l| l == Path::new(&format!("/dev/pts/{number}"))),
        None => descriptor.metadata().is_ok_and(|m| (m.dev(), m.ino()) == (file.dev, file.ino)),
    }
}

/// Where a descriptor of this process leads, for people; a pipe or a socket has a name that begins
/// with its sort and a colon.
pub fn target(descriptor: impl AsFd) -> Option<PathBuf> {
    let number = descriptor.as_fd().as_raw_fd();
    std::fs::read_link(format!("/proc/self/fd/{number}")).ok()
}

/// The processes that read a pipe, of which [`target`] gave the name, as far as they can be seen.
pub fn readers(pipe: &Path) -> Vec<u32> {
    let reads = |pid: &u32| {
        let dir = PathBuf::from(format!("/proc/{pid}/fd"));
        numbers(&dir).into_iter().any(|fd| {
            std::fs::read_link(dir.join(fd.to_string())).is_ok_and(|at| at == pipe)
                && reads_from(*pid, fd)
        })
    };
    others().filter(reads).collect()
}

/// Whether a descriptor of a process is open for reading (proc_pid_fdinfo(5): octal flags as of
/// open(2)).
fn reads_from(pid: u32, fd: u32) -> bool {
    let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap_or_default();
    let flags =
        info.lines().find_map(|l| u32::from_str_radix(l.strip_prefix("flags:")?.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 3 != 1)
}

fn others() -> impl Iterator<Item = u32> {
    let own = std::process::id();
    numbers(Path::new("/proc")).into_iter().filter(move |pid| *pid != own)
}

fn numbers(dir: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

/// `pid:[4026531836]`.
fn inode(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

fn parse(line: &[u8]) -> Option<ProcessFacts> {
    let open = line.iter().position(|b| *b == b'(')?;
    let close = line.iter().rposition(|b| *b == b')')?;
    let pid = std::str::from_utf8(line.get(..open)?).ok()?.trim().parse().ok()?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    // Fields 3 (state) and on; starttime is field 22.
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3);
    let state = fields.first()?.chars().next()?;
    Some(ProcessFacts {
        pid,
        name: line.get(open + 1..close)?.to_vec(),
        parent: number(4)?.parse().ok()?,
        session: number(6)?.parse().ok()?,
        terminal: terminal(number(7)?.parse().ok()?),
        start: number(22)?.parse().ok()?,
        // A zombie has ended, only its parent has not looked.
        alive: !matches!(state, 'Z' | 'X' | 'x'),
        stopped: state == 'T',
    })
}

/// A terminal by its device, by the numbers of Documentation/admin-guide/devices.txt.
fn terminal(device: i64) -> Option<PathBuf> {
    let number = u64::try_from(device).ok().filter(|n| *n != 0)?;
    let major = (number >> 8) & 0xfff;
    let minor = (number & 0xff) | ((number >> 12) & 0xf_ff00);
    match (major, minor) {
        (136..=143, _) => Some(format!("/dev/pts/{}", (major - 136) * 256 + minor).into()),
        (4, 0..=63) => Some(format!("/dev/tty{minor}").into()),
        (4, _) => Some(format!("/dev/ttyS{}", minor - 64).into()),
        (5, 1) => Some("/dev/console".into()),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REST: &str = "S 10 20 30 34816 40 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 2000 0 0";

    fn line(comm: &str) -> String {
        format!("4711 ({comm}) {REST}\n")
    }

    #[test]
    fn a_name_cannot_forge_fields() {
        for comm in
            ["bash", "x) R 1 1 1", "a b", ") (", "((", "))))", "x) S 1 1 1 1 1 1 1 1 1 1", ""]
        {
            let facts = parse(line(comm).as_bytes()).unwrap();
            assert_eq!(
                (facts.pid, facts.parent, facts.session, facts.start, facts.alive),
                (4711, 10, 30, 987_654, true),
                "{comm}"
            );
            assert_eq!(facts.name, comm.as_bytes());
            assert_eq!(facts.terminal.unwrap(), PathBuf::from("/dev/pts/0"));
        }
    }

    #[test]
    fn a_torn_line_is_none() {
        let whole = line("bash");
        for cut in 0..whole.find("987654").unwrap() {
            assert_eq!(parse(&whole.as_bytes()[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn terminals_have_names() {
        assert_eq!(terminal(0), None);
        assert_eq!(terminal(0x0401).unwrap(), PathBuf::from("/dev/tty1"));
        assert_eq!(terminal(0x0440).unwrap(), PathBuf::from("/dev/ttyS0"));
        assert_eq!(terminal(0x8803).unwrap(), PathBuf::from("/dev/pts/3"));
        assert_eq!(terminal(0x0010_8805).unwrap(), PathBuf::from("/dev/pts/261"));
    }

    #[test]
    fn namespace_links() {
        assert_eq!(inode(Path::new("pid:[4026531836]")), Some(4_026_531_836));
        assert_eq!(inode(Path::new("pid:[]")), None);
        assert_eq!(inode(Path::new("net:[1]")), None);
    }

    #[test]
    fn readers_of_a_pipe_are_found() {
        let sleep = std::process::Command::new("sleep");
        let mut child = { sleep }.arg("20").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let found = readers(&target(child.stdin.as_ref().unwrap()).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&child.id()), "{found:?}");
    }

    proptest! {
        #[test]
        fn any_name_reads_back(comm in proptest::collection::vec(1u8.., 0..16)) {
            let mut text = b"7 (".to_vec();
            text.extend(&comm);
            text.extend(format!(") {REST}").bytes());
            let facts = parse(&text).unwrap();
            prop_assert_eq!((facts.pid, facts.parent, facts.start), (7, 10, 987_654));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
