//! Many files of a tree, on all processors.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use hasp_core::{Error, Result};
use indicatif::ProgressBar;
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};

use super::archive::{Looked, Opener};
use super::finder::{Hit, Wanted};
use super::pointer;
use super::report::{Finding, Part, Report, Source, Unseen, bytes};

/// A thread is not worth its start for fewer files.
const FILES: usize = 32;

/// How many files the progress bar moves by, since it looks at the clock each time.
const TELL: usize = 16;

/// Looks through files; what is gone by now is passed over, what may not be read is named.
pub(crate) fn files(wanted: &Wanted, paths: &[PathBuf], bar: &ProgressBar) -> Result<Report> {
    let next = AtomicUsize::new(0);
    let work = || -> Report {
        let (mut opener, mut report, mut told) = (Opener::new(wanted), Report::default(), 0);
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            file(&mut opener, plain(path), &mut report);
            if report.files >= told + TELL {
                bar.inc((report.files - told) as u64);
                told = report.files;
            }
        }
        report
    };
    let threads =
        std::thread::available_parallelism().map_or(1, usize::from).min(paths.len() / FILES + 1);
    let mut report = std::thread::scope(|scope| {
        // Where no more threads may be made, those that are there do it all.
        let other = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads).filter_map(other).collect();
        let mut all = Ok(work());
        for other in others {
            let one = other.join().map_err(|_| Error::bug("a thread of the scan ended early"));
            all = all.and_then(|all| one.map(|one| all.with(one)));
        }
        all
    })?;
    // In the order of paths; what is in one file stays in its own.
    report.findings.sort_by(|a, b| path(&a.file).cmp(path(&b.file)));
    report.unseen.sort_by(|a, b| path(&a.file).cmp(path(&b.file)));
    Ok(report)
}

/// Looks through one file.
pub(crate) fn file(opener: &mut Opener<'_>, path: &Path, report: &mut Report) {
    let name = bytes(path);
    let looked = match open(path) {
        Ok(None) => return,
        Ok(Some((file, 0))) => opener.look(file),
        // As much of it as it had when it was opened, which saves a call that says that it ended.
        // What tells no size, as in /proc, is read to its end.
        Ok(Some((file, size))) => opener.look(file.take(size)),
        Err(e) => Err(e),
    };
    match looked {
        Ok(looked) => {
            for pointer in pointer::pointers(&name, &looked.head) {
                let why = format!("{} keeps its content", pointer.keeper());
                report.unseen.push(Unseen::of(opener.masked(&name), &why));
            }
            report.add(opener, &name, looked, None);
        }
        Err(e) => report.fail(opener.masked(&name), &e),
    }
}

/// A path as a person would write it.
fn plain(path: &Path) -> &Path {
    path.as_os_str()
        .as_bytes()
        .strip_prefix(b"./")
        .filter(|p| !p.starts_with(b"/"))
        .map_or(path, self::path)
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Opens a file and tells its size, `None` if by now it is none: NONBLOCK so that a FIFO that took
/// its place cannot hang us.
fn open(path: &Path) -> Result<Option<(File, u64)>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(e) => return Err(Error::io("read", path, e)),
    };
    let is_file = |stat: &Stat| FileType::from_raw_mode(stat.st_mode).is_file();
    let stat = rustix::fs::fstat(&fd).ok().filter(is_file);
    Ok(stat.map(|stat| (File::from(fd), stat.st_size as u64)))
}

impl Report {
    /// What came of one text, which is a file under this name.
    pub fn add(
        &mut self,
        opener: &mut Opener<'_>,
        name: &[u8],
        looked: Looked,
        blob: Option<&str>,
    ) {
        self.files += 1;
        self.bytes += looked.size;
        for (part, within, hit) in looked.hits {
            let file = [name, &within].concat();
            let source = blob.map_or(Source::None, |id| Source::Blob(id.to_owned(), within));
            self.find(opener, part, &file, hit, source);
        }
        for (within, why) in looked.unseen {
            self.unseen.push(Unseen::of(opener.masked(&[name, &within].concat()), why));
        }
    }

    /// One find.
    pub fn find(
        &mut self,
        opener: &mut Opener<'_>,
        part: Part,
        name: &[u8],
        hit: Hit,
        source: Source,
    ) {
        let file = opener.masked(name);
        self.findings.push(Finding { part, file, commit: None, hit, source });
    }

    /// A file that cannot be read.
    fn fail(&mut self, file: Vec<u8>, error: &Error) {
        self.unread += 1;
        self.unseen.push(Unseen::of(file, &format!("it cannot be read [{}]", error.code())));
    }
}
