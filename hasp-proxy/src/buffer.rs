//! Bytes that were read and not yet used; erased on drop, since an answer may hold a value.

use std::io::{self, Read};

use zeroize::Zeroize;

/// How much is read at once: a record of TLS.
const CHUNK: usize = 16 * 1024;

/// A queue of bytes.
#[derive(Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// What is there.
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// How much.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes away the first bytes.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start >= CHUNK {
            self.bytes.copy_within(self.start.., 0);
            let left = self.bytes.len() - self.start;
            self.bytes.truncate(left);
            self.start = 0;
        }
    }

    /// Adds bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Where more is written.
    pub fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Reads once.
    ///
    /// # Errors
    /// As the reader's, but for an interruption.
    pub fn fill(&mut self, reader: &mut impl Read) -> io::Result<usize> {
        let old = self.bytes.len();
        self.bytes.resize(old + CHUNK, 0);
        let read = loop {
            match reader.read(&mut self.bytes[old..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.bytes.truncate(old + read.as_ref().copied().unwrap_or(0));
        read
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}
