//! Finding the end of a log without reading it: the key state says where it was, and only what was
//! written since is replayed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result, tree};

use crate::code;
use crate::record::line::{Frame, MAX_LINE};
use crate::segment;
use crate::segment::missing::or_missing;
use crate::segment::state::{State, StateFile};

/// More than this behind the last good record is no torn append, in bytes.
const MAX_TORN: u64 = 16 << 20;

/// Where the next record goes; whoever finds it holds the log's lock.
#[derive(Debug)]
pub struct End {
    /// Where the key state is kept.
    pub kept: StateFile,
    /// Number, key and place of the next record.
    pub state: State,
    /// The segment that it goes to.
    pub file: File,
    /// What an append that never finished left behind the last good record.
    pub torn: Option<Vec<u8>>,
}

/// How far the log can be followed from its key state.
#[derive(Debug)]
pub struct Reach {
    /// The state behind the last good record.
    pub state: State,
    /// The segment that it is in; `None` if that is gone.
    pub file: Option<File>,
    /// What is there instead of the end.
    pub rest: Rest,
}

/// What stands behind the last good record.
#[derive(Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing, as it should be.
    Nothing,
    /// What a crash left of an append.
    Torn(Vec<u8>),
    /// Lines that hasp did not write.
    Foreign,
    /// The log ends before its key state.
    Short,
}

impl Reach {
    /// Replays the log in `dir` from its key state.
    pub fn find(dir: &Path) -> Result<Reach> {
        Reach::from(dir, State::read(dir).map_err(|e| or_missing(e, dir))?)
    }

    fn from(dir: &Path, mut state: State) -> Result<Reach> {
        loop {
            let Some(file) = segment::open(dir, state.segment)? else {
                return Ok(Reach { state, file: None, rest: Rest::Short });
            };
            let path = segment::path(dir, state.segment);
            let size = segment::size(&file, &path)?;
            if size < state.offset {
                return Ok(Reach { state, file: Some(file), rest: Rest::Short });
            }
            if size > state.offset {
                replay(&file, &path, &mut state)?;
            }
            if size > state.offset {
                let rest = rest(&file, &path, &state, size)?;
                return Ok(Reach { state, file: Some(file), rest });
            }
            if !tree::is_there(&segment::path(dir, state.segment + 1))? {
                return Ok(Reach { state, file: Some(file), rest: Rest::Nothing });
            }
            state.segment += 1;
            state.offset = 0;
        }
    }
}

impl End {
    /// Replays the log from its key state.
    ///
    /// # Errors
    /// `[key-state]`; `[tail-missing]` if the log is shorter than the key state says; `[tampered]`
    /// if what follows is neither a record nor the rest of a torn append.
    pub fn find(dir: &Path) -> Result<End> {
        let kept = StateFile::open(dir).map_err(|e| or_missing(e, dir))?;
        let Reach { state, file, rest } = Reach::from(dir, kept.read()?)?;
        match (rest, file) {
            (Rest::Nothing, Some(file)) => Ok(End { kept, state, file, torn: None }),
            (Rest::Torn(bytes), Some(file)) => Ok(End { kept, state, file, torn: Some(bytes) }),
            (Rest::Foreign, _) => Err(tampered(&segment::path(dir, state.segment), &state)),
            (_, _) => Err(tail_missing(dir, &state)),
        }
    }

    /// Goes on to a new segment if this one has `full` bytes.
    pub fn roll(&mut self, dir: &Path, full: u64) -> Result<()> {
        if self.state.offset >= full {
            self.file = segment::create(dir, self.state.segment + 1)?;
            self.state.segment += 1;
            self.state.offset = 0;
        }
        Ok(())
    }
}

/// Moves `state` over every record that verifies.
fn replay(file: &File, path: &Path, state: &mut State) -> Result<()> {
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    reader.seek(SeekFrom::Start(state.offset)).map_err(|e| Error::io("read", path, e))?;
    let mut line = Vec::with_capacity(MAX_LINE);
    loop {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line);
        read.map_err(|e| Error::io("read", path, e))?;
        let Some(content) = line.strip_suffix(b"\n") else {
            return Ok(());
        };
        let checked =
            Frame::split(content).map(|f| f.check_and_next(state.n, &state.prev, &state.key));
        let Some(Ok((mac, key))) = checked else {
            return Ok(());
        };
        (state.prev, state.key) = (mac, key);
        state.n += 1;
        state.offset += line.len() as u64;
    }
}

/// A crash leaves part of a line, or blocks of zeros where data had not reached the disk; a whole
/// line that does not verify was written by somebody else.
fn rest(file: &File, path: &Path, state: &State, size: u64) -> Result<Rest> {
    if size - state.offset > MAX_TORN {
        return Ok(Rest::Foreign);
    }
    let bytes = tail(file, path, state.offset)?;
    let torn = !bytes.contains(&b'\n') || bytes.contains(&0);
    Ok(if torn { Rest::Torn(bytes) } else { Rest::Foreign })
}

/// The bytes of a segment from `offset` on.
pub fn tail(mut file: &File, path: &Path, offset: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|e| Error::io("read", path, e))
}

/// The log has fewer records than its key state says.
fn tail_missing(dir: &Path, state: &State) -> Error {
    let shown = printable_path(&segment::path(dir, state.segment));
    let message =
        format!("records before number {} are missing: {shown} was cut or removed", state.n);
    Error::new(Kind::Data, code::TAIL_MISSING, message)
        .hint("look what is left: hasp-audit verify")
        .hint(
            "put back a copy of the file, or go on without it, which stays on record: \
               hasp-audit accept-loss",
        )
}

fn tampered(path: &Path, state: &State) -> Error {
    let shown = printable_path(path);
    Error::new(
        Kind::Data,
        code::TAMPERED,
        format!("record {} in {shown} was not written by hasp", state.n),
    )
    .hint("look what is left: hasp-audit verify")
    .hint("go on without it, which stays on record: hasp-audit accept-loss")
}
