//! One line of `/proc/PID/stat` (proc_pid_stat(5)), read from the last `)`: the name before it is
//! chosen by the process and may hold spaces, parentheses and whole forged fields.

use std::io::Read;

use std::path::PathBuf;

/// What hasp needs of a process's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: u32,
    pub(crate) comm: String,
    pub(crate) state: char,
    pub(crate) ppid: u32,
    pub(crate) sid: u32,
    pub(crate) tty: i64,
    /// Ticks between boot and its start.
    pub(crate) start: u64,
}

impl Stat {
    /// The status of a process, `None` if there is none that we can see.
    pub(crate) fn read(pid: u32) -> Option<Stat> {
        // The kernel writes it at once: 52 numbers and a name, well below this.
        let mut line = [0; 2048];
        let length = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut line).ok()?;
        Stat::parse(&line[..length]).filter(|stat| stat.pid == pid)
    }

    /// Reads the line.
    pub(crate) fn parse(line: &[u8]) -> Option<Stat> {
        let open = line.iter().position(|b| *b == b'(')?;
        let close = line.iter().rposition(|b| *b == b')')?;
        let pid = std::str::from_utf8(line.get(..open)?).ok()?.trim().parse().ok()?;
        let comm = hasp_core::text::printable(line.get(open + 1..close)?);
        let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
        // Fields 3 (state) and on; starttime is field 22.
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3);
        Some(Stat {
            pid,
            comm,
            state: fields.first()?.chars().next()?,
            ppid: number(4)?.parse().ok()?,
            sid: number(6)?.parse().ok()?,
            tty: number(7)?.parse().ok()?,
            start: number(22)?.parse().ok()?,
        })
    }

    /// Whether it still runs: a zombie has ended, only its parent has not looked.
    pub(crate) fn alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// The controlling terminal's device, by the numbers of Documentation/admin-guide/devices.txt.
    pub(crate) fn terminal(&self) -> Option<PathBuf> {
        let number = u64::try_from(self.tty).ok().filter(|n| *n != 0)?;
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
            let stat = Stat::parse(line(comm).as_bytes()).unwrap();
            assert_eq!(
                (stat.pid, stat.ppid, stat.sid, stat.start, stat.state),
                (4711, 10, 30, 987_654, 'S'),
                "{comm}"
            );
            assert_eq!(stat.comm, comm);
            assert_eq!(stat.terminal().unwrap(), PathBuf::from("/dev/pts/0"));
        }
    }

    #[test]
    fn a_torn_line_is_none() {
        let whole = line("bash");
        for cut in 0..whole.find("987654").unwrap() {
            assert_eq!(Stat::parse(&whole.as_bytes()[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn terminals_have_names() {
        let name = |tty| Stat { tty, ..Stat::parse(line("x").as_bytes()).unwrap() }.terminal();
        assert_eq!(name(0), None);
        assert_eq!(name(0x0401).unwrap(), PathBuf::from("/dev/tty1"));
        assert_eq!(name(0x0440).unwrap(), PathBuf::from("/dev/ttyS0"));
        assert_eq!(name(0x8803).unwrap(), PathBuf::from("/dev/pts/3"));
        assert_eq!(name(0x0010_8805).unwrap(), PathBuf::from("/dev/pts/261"));
    }

    proptest! {
        #[test]
        fn any_name_reads_back(comm in proptest::collection::vec(1u8.., 0..16)) {
            let mut text = b"7 (".to_vec();
            text.extend(&comm);
            text.extend(format!(") {REST}").bytes());
            let stat = Stat::parse(&text).unwrap();
            prop_assert_eq!((stat.pid, stat.ppid, stat.start), (7, 10, 987_654));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = Stat::parse(&bytes);
        }
    }
}
