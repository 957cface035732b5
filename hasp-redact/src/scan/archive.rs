//! Compressed files, which are not opened: what is in them is not seen, so each is named.

/// How they begin, and what they are.
const BEGINNINGS: [(&[u8], &str); 8] = [
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7-zip"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x04\x22\x4d\x18", "lz4"),
];

/// What sort of archive begins so, if it is one.
pub(crate) fn kind(beginning: &[u8]) -> Option<&'static str> {
    BEGINNINGS.iter().find(|(magic, _)| beginning.starts_with(magic)).map(|(_, kind)| *kind)
}
