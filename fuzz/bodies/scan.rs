//! A file that the leak scan looks into, whatever it seems to be packed with: no bytes make it
//! panic, what it finds does not depend on the reads, and a value in plain text is always found.

use std::io::Read;
use std::sync::Arc;

use hasp_redact::{Pattern, Patterns, look_through};

const VALUE: &[u8] = b"hunter2-Zx81-quincunx";

/// Gives one byte a read.
struct Slow<'a>(&'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

/// A file.
pub fn scan(data: &[u8]) {
    let patterns = Arc::new(Patterns::compile(&[Pattern { name: "S", value: VALUE }]));
    let look = |file: &mut dyn Read| look_through(&patterns, file).expect("memory can be read");
    let whole = look(&mut &data[..]);
    assert_eq!(look(&mut Slow(data)), whole, "the reads make a difference");
    let text = [b"plain: ", data, b" ", VALUE, b"\n"].concat();
    assert!(look(&mut &text[..]).0 > 0, "a value was passed over");
}
