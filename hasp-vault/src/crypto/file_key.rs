//! The 16-byte age file key of one value file: what a grant carries, since it opens that file and
//! nothing else.

use std::fmt;

use zeroize::Zeroize;

/// An age file key; erased on drop, without a Debug of its content.
pub struct FileKey(Box<[u8; 16]>);

impl FileKey {
    /// A key with bytes that are no secret of ours, as in a test.
    pub fn from_bytes(bytes: [u8; 16]) -> FileKey {
        FileKey::copy_of(&bytes)
    }

    /// A key with these bytes; the caller erases the original. They are copied in one step: an
    /// array that is moved leaves a copy.
    pub fn copy_of(bytes: &[u8; 16]) -> FileKey {
        let mut key = FileKey(Box::new([0; 16]));
        key.0.copy_from_slice(bytes);
        key
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Drop for FileKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[file key]")
    }
}
