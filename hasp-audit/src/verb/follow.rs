//! `-f`: records as they come, across the ends of segments, by looking four times a second: an
//! append wakes nobody.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use hasp_core::tool::Context;
use hasp_core::{Error, Result};

use crate::query::filter::Filter;
use crate::record::Record;
use crate::segment;
use crate::verb::render::Render;

const PAUSE: Duration = Duration::from_millis(250);

/// How far a log was read.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    segment: u32,
    offset: u64,
}

impl Position {
    /// The end of the log as it is now.
    pub fn end(dir: &Path) -> Result<Position> {
        let segment = segment::list(dir)?.into_keys().last().unwrap_or(1);
        let offset = segment::path(dir, segment).metadata().map_or(0, |m| m.len());
        Ok(Position { segment, offset })
    }
}

/// Prints what comes after `position` and answers the question, until the reader goes away.
pub fn run(
    cx: &mut Context,
    dir: &Path,
    position: Position,
    filter: &Filter,
    render: &mut Render,
) -> Result<()> {
    let mut tail = Tail::open(dir, position)?;
    let mut rest = Vec::new();
    loop {
        for line in tail.more(dir, &mut rest)? {
            if let Some(record) = Record::parse(&line).filter(|r| filter.admits(r)) {
                render.print(cx, &record)?;
            }
        }
        cx.out.flush()?;
        if !tail.turn(dir)? {
            std::thread::sleep(PAUSE);
        }
    }
}

struct Tail {
    segment: u32,
    file: Option<File>,
}

impl Tail {
    fn open(dir: &Path, position: Position) -> Result<Tail> {
        let path = segment::path(dir, position.segment);
        let file = segment::open(dir, position.segment)?;
        if let Some(mut file) = file.as_ref() {
            file.seek(SeekFrom::Start(position.offset)).map_err(|e| Error::io("read", &path, e))?;
        }
        Ok(Tail { segment: position.segment, file })
    }

    /// The lines that came; `rest` keeps a line that is not whole yet.
    fn more(&mut self, dir: &Path, rest: &mut Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let Some(file) = &mut self.file else {
            return Ok(Vec::new());
        };
        file.read_to_end(rest)
            .map_err(|e| Error::io("read", &segment::path(dir, self.segment), e))?;
        let whole = rest.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let lines = rest[..whole]
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(<[u8]>::to_vec)
            .collect();
        rest.drain(..whole);
        Ok(lines)
    }

    /// Goes on to the next segment if there is one and this one was read to its end, which cannot
    /// move any more.
    fn turn(&mut self, dir: &Path) -> Result<bool> {
        let Some(next) = segment::open(dir, self.segment + 1)? else {
            return Ok(false);
        };
        let path = segment::path(dir, self.segment);
        if let Some(file) = &mut self.file {
            let read = file.stream_position().map_err(|e| Error::io("read", &path, e))?;
            if read < segment::size(file, &path)? {
                return Ok(true);
            }
        }
        self.segment += 1;
        self.file = Some(next);
        Ok(true)
    }
}
