//! A value in memory: on pages of its own, zeroized on drop, without Display, Clone or a Debug that
//! tells anything.

use std::fmt;
use std::io::Read;

use zeroize::{Zeroize, Zeroizing};

use crate::code;
use crate::error::{Error, Kind, Result};
use crate::platform::{Block, Pages};

/// The largest value, in bytes: 1 MiB.
pub const MAX_VALUE: usize = 1 << 20;

/// Secret bytes.
///
/// There is deliberately no `Display`, `Clone`, `Deref` or serde: every use of the bytes is a
/// visible [`Secret::expose`].
pub struct Secret {
    pages: Pages,
    len: usize,
}

impl Secret {
    /// An empty secret with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Result<Secret> {
        let pages =
            Pages::new(capacity).map_err(|e| Error::system("allocate memory for a value", e))?;
        Ok(Secret { pages, len: 0 })
    }

    /// A copy of these bytes; the caller erases the original.
    pub fn copy_of(bytes: &[u8]) -> Result<Secret> {
        let mut secret = Secret::with_capacity(bytes.len())?;
        secret.push(bytes)?;
        Ok(secret)
    }

    /// Moves the bytes out of a vector and zeroizes it.
    pub fn from_vec(mut bytes: Vec<u8>) -> Result<Secret> {
        let secret = Secret::copy_of(&bytes);
        bytes.zeroize();
        secret
    }

    /// Reads to the end of `reader`, refusing more than `limit` bytes.
    ///
    /// # Errors
    /// `[value-too-large]` beyond the limit; I/O errors as they are.
    pub fn read_from(reader: &mut impl Read, limit: usize) -> Result<Secret> {
        let mut secret = Secret::with_capacity(4096)?;
        loop {
            secret.reserve(1)?;
            let start = secret.len;
            let read = match reader.read(&mut secret.pages.bytes_mut()[start..]) {
                Ok(read) => read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Error::system("read the value", e)),
            };
            if read == 0 {
                return Ok(secret);
            }
            secret.len += read;
            if secret.len > limit {
                return Err(too_large(limit));
            }
        }
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.reserve(bytes.len())?;
        let end = self.len + bytes.len();
        self.pages.bytes_mut()[self.len..end].copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// Cuts the secret to `len` bytes and erases what was behind.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.pages.bytes_mut()[len..self.len].zeroize();
            self.len = len;
        }
    }

    /// Drops one trailing newline (LF or CRLF), as a line typed or echoed has one.
    pub fn trim_newline(&mut self) {
        let bytes = self.expose();
        let cut = if bytes.ends_with(b"\r\n") { 2 } else { usize::from(bytes.ends_with(b"\n")) };
        self.truncate(self.len - cut);
    }

    /// The bytes themselves: every caller of this is a place to look at in a review.
    pub fn expose(&self) -> &[u8] {
        &self.pages.bytes()[..self.len]
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn reserve(&mut self, more: usize) -> Result<()> {
        let needed = self.len + more;
        if needed <= self.pages.bytes().len() {
            return Ok(());
        }
        let mut larger = Secret::with_capacity(needed.max(2 * self.pages.bytes().len()))?;
        larger.pages.bytes_mut()[..self.len].copy_from_slice(self.expose());
        larger.len = self.len;
        *self = larger;
        Ok(())
    }
}

fn too_large(limit: usize) -> Error {
    Error::new(Kind::Data, code::VALUE_TOO_LARGE, format!("the value is longer than {limit} bytes"))
        .hint(
            "a value is 1 byte to 1 MiB; keep large files encrypted with age and store their \
               key here",
        )
}

/// JSON of what holds a secret, in memory that is as long as it becomes: a buffer that grows leaves
/// its content where it was.
pub fn json(value: &impl serde::Serialize) -> Result<Zeroizing<Vec<u8>>> {
    let bug = |e| Error::bug(format!("cannot write JSON: {e}"));
    let mut length = Counter(0);
    serde_json::to_writer(&mut length, value).map_err(bug)?;
    // One more for the line's end that some add.
    let mut text = Zeroizing::new(Vec::with_capacity(length.0 + 1));
    serde_json::to_writer(&mut *text, value).map_err(bug)?;
    Ok(text)
}

/// Counts what is written.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Block for Secret {
    fn bytes(&self) -> &[u8] {
        self.expose()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", Secret::copy_of(b"hunter2").unwrap()), "[secret]");
    }

    #[test]
    fn json_is_written_into_room_that_suffices() {
        let text = json(&["a\"b".repeat(500), "c".repeat(9000)]).unwrap();
        assert_eq!(text.capacity(), text.len() + 1);
        assert_eq!(serde_json::from_slice::<Vec<String>>(&text).unwrap()[1].len(), 9000);
    }

    #[test]
    fn only_one_newline_is_dropped() {
        for (given, kept) in
            [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("\n", ""), ("", "")]
        {
            let mut secret = Secret::copy_of(given.as_bytes()).unwrap();
            secret.trim_newline();
            assert!(secret.expose() == kept.as_bytes());
        }
    }

    #[test]
    fn reading_is_bounded() {
        let error = Secret::read_from(&mut std::io::repeat(7), MAX_VALUE).unwrap_err();
        assert_eq!(error.code(), code::VALUE_TOO_LARGE);
        let whole =
            Secret::read_from(&mut std::io::repeat(7).take(MAX_VALUE as u64), MAX_VALUE).unwrap();
        assert_eq!(whole.len(), MAX_VALUE);
    }

    proptest! {
        #[test]
        fn pushing_keeps_every_byte(parts: Vec<Vec<u8>>) {
            let mut secret = Secret::with_capacity(0).unwrap();
            parts.iter().for_each(|p| secret.push(p).unwrap());
            prop_assert!(secret.expose() == parts.concat());
        }
    }
}
