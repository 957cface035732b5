//! As much of the tar format (POSIX.1-2001, ustar) as a backup needs: regular files with short
//! paths. Reading refuses all else, since what opens proves nothing about who wrote it.

use std::io::{self, Read, Write};

use hasp_core::{Error, Kind, Result};

use crate::code;

const BLOCK: usize = 512;
const NAME: usize = 100;
const PREFIX: usize = 155;

/// Writes one file.
pub fn write_entry(
    out: &mut impl Write,
    path: &str,
    content: &[u8],
    modified: u64,
) -> io::Result<()> {
    out.write_all(&header(path, content.len(), modified)?)?;
    out.write_all(content)?;
    out.write_all(&[0; BLOCK][..padding(content.len())])
}

/// Writes the end of an archive.
pub fn write_end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

/// Reads the next file, of at most `limit` bytes; `None` at the end of the archive, which must be
/// the end of the input too.
///
/// # Errors
/// `[bad-backup]` for what [`write_entry`] does not write.
pub fn read_entry(input: &mut impl Read, limit: usize) -> Result<Option<(String, Vec<u8>)>> {
    let block = read_block(input)?;
    if block == [0; BLOCK] {
        return read_end(input).map(|()| None);
    }
    let (path, size) = parse(&block).filter(|(_, size)| *size <= limit).ok_or_else(bad)?;
    let mut content = vec![0; size];
    input.read_exact(&mut content).map_err(|e| unreadable(&e))?;
    let mut rest = [0; BLOCK];
    input.read_exact(&mut rest[..padding(size)]).map_err(|e| unreadable(&e))?;
    Ok(Some((path, content)))
}

fn read_end(input: &mut impl Read) -> Result<()> {
    let second = read_block(input)?;
    let more = input.read(&mut [0]).map_err(|e| unreadable(&e))?;
    if second == [0; BLOCK] && more == 0 { Ok(()) } else { Err(bad()) }
}

fn read_block(input: &mut impl Read) -> Result<[u8; BLOCK]> {
    let mut block = [0; BLOCK];
    input.read_exact(&mut block).map_err(|e| unreadable(&e))?;
    Ok(block)
}

fn padding(size: usize) -> usize {
    size.wrapping_neg() % BLOCK
}

fn header(path: &str, size: usize, modified: u64) -> io::Result<[u8; BLOCK]> {
    let (prefix, name) =
        split(path).ok_or_else(|| io::Error::other("a path is too long for an archive"))?;
    let mut block = [0; BLOCK];
    put(&mut block, 0, name.as_bytes());
    put(&mut block, 100, b"0000600\0");
    put(&mut block, 108, b"0000000\0");
    put(&mut block, 116, b"0000000\0");
    put(&mut block, 124, format!("{size:011o}\0").as_bytes());
    put(&mut block, 136, format!("{:011o}\0", modified & 0o77_777_777_777).as_bytes());
    put(&mut block, 156, b"0");
    put(&mut block, 257, b"ustar\x0000");
    put(&mut block, 345, prefix.as_bytes());
    let sum = format!("{:06o}\0 ", checksum(&block));
    put(&mut block, 148, sum.as_bytes());
    Ok(block)
}

/// The longest tail of a path that fits into the name, and what is before the slash.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME {
        return Some(("", path));
    }
    let fits = |at: &usize| *at <= PREFIX && path.len() - at - 1 <= NAME;
    path.match_indices('/').map(|(at, _)| at).find(fits).map(|at| (&path[..at], &path[at + 1..]))
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

/// The sum of all bytes, with blanks in place of the sum itself.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let summed = block
        .iter()
        .enumerate()
        .map(|(at, b)| if (148..156).contains(&at) { u32::from(b' ') } else { u32::from(*b) });
    summed.sum()
}

/// Path and size of a regular file's header; only the very bytes that we would write for them.
fn parse(block: &[u8; BLOCK]) -> Option<(String, usize)> {
    let text = |from: usize, to: usize| {
        let field = &block[from..to];
        let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
        std::str::from_utf8(&field[..end]).ok()
    };
    let (name, prefix) = (text(0, 100)?, text(345, 500)?);
    let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
    let size = usize::from_str_radix(text(124, 136)?, 8).ok()?;
    let modified = u64::from_str_radix(text(136, 148)?, 8).ok()?;
    let ours = header(&path, size, modified).ok()?;
    (ours == *block).then_some((path, size))
}

fn unreadable(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => bad(),
        _ => {
            Error::new(Kind::Data, code::BAD_BACKUP, format!("the backup cannot be read: {error}"))
        }
    }
}

/// The error for a backup that is not whole.
pub fn bad() -> Error {
    Error::new(
        Kind::Data,
        code::BAD_BACKUP,
        "the backup is damaged, cut short, or none of hasp; nothing was changed",
    )
    .hint("take another copy of it, or an older one")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        files.iter().for_each(|(path, content)| {
            write_entry(&mut out, path, content, 1_800_000_000).unwrap()
        });
        write_end(&mut out).unwrap();
        out
    }

    fn read_all(mut bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
        let mut all = Vec::new();
        while let Some(entry) = read_entry(&mut bytes, 4096)? {
            all.push(entry);
        }
        Ok(all)
    }

    #[test]
    fn files_come_back_with_their_paths() {
        let long = format!(
            "vault/items/{}/meta.toml",
            [["a"; 60].concat(), ["b"; 60].concat(), ["c"; 60].concat()].join("/")
        );
        let files = [("a", &b""[..]), ("vault/b", &[7; 512]), (&long, b"x")];
        let read = read_all(&archive(&files)).unwrap();
        assert!(read.iter().zip(files).all(|(r, f)| r.0 == f.0 && r.1 == f.1) && read.len() == 3);
    }

    #[test]
    fn damage_is_refused_wherever_it_is_seen() {
        let whole = archive(&[("a/b", b"content")]);
        for length in 0..whole.len() {
            assert_eq!(
                read_all(&whole[..length]).unwrap_err().code(),
                code::BAD_BACKUP,
                "cut at {length}"
            );
        }
        for index in 0..BLOCK {
            let mut flipped = whole.clone();
            flipped[index] ^= 1;
            assert!(read_all(&flipped).is_err(), "byte {index}");
        }
        assert!(read_all(&[&whole[..], b"x"].concat()).is_err());
    }

    #[test]
    fn tar_itself_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.tar");
        std::fs::write(&file, archive(&[("vault/items/n/1.age", b"content")])).unwrap();
        let status = std::process::Command::new("tar")
            .arg("-xf")
            .arg(&file)
            .arg("-C")
            .arg(dir.path())
            .status()
            .unwrap();
        assert!(status.success());
        assert_eq!(std::fs::read(dir.path().join("vault/items/n/1.age")).unwrap(), b"content");
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1200)) {
            let _ = read_all(&bytes);
        }
    }
}
