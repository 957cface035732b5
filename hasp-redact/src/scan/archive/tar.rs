//! The members of a tar archive, one after the other as they are read: ustar, pax and GNU. Nothing
//! is written anywhere, so a member's name may be whatever it is.

use std::io::Read;

const BLOCK: usize = 512;

/// A longer name, or list of pax fields, is passed over.
const MAX_FIELDS: u64 = 1 << 20;

/// What follows in the archive.
pub(crate) struct Member {
    /// Its path, as bytes.
    pub name: Vec<u8>,
    /// How many bytes of content follow.
    pub size: u64,
    /// Whether they are a file's.
    pub is_file: bool,
}

/// Whether a file that begins so is an archive: the oldest ones have no other mark than a sum.
pub(crate) fn begins(head: &[u8]) -> bool {
    let block = head.first_chunk::<BLOCK>().filter(|block| block[0] != 0);
    block.is_some_and(|block| checksum(block) == octal(&block[148..156]))
}

/// Reads the members of an archive.
pub(crate) struct Tar<R> {
    from: R,
    /// What is left of the member that was given, and of the block that it ends in.
    left: u64,
    padding: u64,
}

impl<R: Read> Tar<R> {
    /// The archive that begins here.
    pub fn new(from: R) -> Tar<R> {
        Tar { from, left: 0, padding: 0 }
    }

    /// The next member; `None` at the end, or where the archive is cut or damaged: the second of
    /// the pair says so.
    pub fn next(&mut self) -> Result<Option<Member>, ()> {
        let (mut long_name, mut long_size) = (None, None);
        loop {
            self.pass_over()?;
            let mut head = [0; BLOCK];
            match fill(&mut self.from, &mut head)? {
                0 => return Ok(None),
                BLOCK => {}
                _ => return Err(()),
            }
            if head.iter().all(|b| *b == 0) {
                return Ok(None);
            }
            if checksum(&head) != octal(&head[148..156]) {
                return Err(());
            }
            let size = number(&head[124..136]).ok_or(())?;
            (self.left, self.padding) = (size, size.next_multiple_of(BLOCK as u64) - size);
            match head[156] {
                b'L' => {
                    let mut name = self.field(size)?;
                    name.pop_if(|b| *b == 0);
                    long_name = Some(name);
                }
                b'x' | b'g' => {
                    let fields = self.field(size)?;
                    long_name = pax(&fields, b"path").map(<[u8]>::to_vec).or(long_name);
                    let told = pax(&fields, b"size").and_then(|s| std::str::from_utf8(s).ok());
                    long_size = told.and_then(|s| s.parse().ok()).or(long_size);
                }
                sort => {
                    let size = long_size.unwrap_or(size);
                    (self.left, self.padding) = (size, size.next_multiple_of(BLOCK as u64) - size);
                    let name = long_name.unwrap_or_else(|| ustar_name(&head));
                    return Ok(Some(Member {
                        name,
                        size,
                        is_file: matches!(sort, b'0' | 0 | b'7'),
                    }));
                }
            }
        }
    }

    /// The content of the member that was given last.
    pub fn content(&mut self) -> impl Read {
        Content(self)
    }

    fn field(&mut self, size: u64) -> Result<Vec<u8>, ()> {
        if size > MAX_FIELDS {
            return Ok(Vec::new());
        }
        let mut text = vec![0; size as usize];
        if fill(&mut self.from, &mut text)? < text.len() {
            return Err(());
        }
        self.left = 0;
        Ok(text)
    }

    fn pass_over(&mut self) -> Result<(), ()> {
        let rest = self.left + self.padding;
        let mut passed = (&mut self.from).take(rest);
        let read = std::io::copy(&mut passed, &mut std::io::sink()).map_err(drop)?;
        (self.left, self.padding) = (0, 0);
        // The last block of an archive may be cut.
        if read < rest && read + BLOCK as u64 <= rest { Err(()) } else { Ok(()) }
    }
}

struct Content<'a, R>(&'a mut Tar<R>);

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.0.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.0.from.read(&mut buffer[..most])?;
        self.0.left -= read as u64;
        Ok(read)
    }
}

fn fill(from: &mut impl Read, buffer: &mut [u8]) -> Result<usize, ()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Err(()),
        }
    }
    Ok(filled)
}

fn checksum(head: &[u8; BLOCK]) -> Option<u64> {
    let own = |at: &usize| (148..156).contains(at);
    Some(head.iter().enumerate().map(|(at, b)| if own(&at) { 32 } else { u64::from(*b) }).sum())
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits: Vec<u8> =
        field.iter().copied().skip_while(|b| *b == b' ').take_while(u8::is_ascii_digit).collect();
    u64::from_str_radix(std::str::from_utf8(&digits).ok()?, 8).ok()
}

/// Octal, or from eight gigabytes on binary with the highest bit set, as GNU has it.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 == 0 {
        return octal(field).or_else(|| field.iter().all(|b| matches!(b, 0 | b' ')).then_some(0));
    }
    if field[..field.len() - 8] != [0x80, 0, 0, 0] {
        return None;
    }
    field.last_chunk::<8>().map(|n| u64::from_be_bytes(*n) & (i64::MAX as u64))
}

fn ustar_name(head: &[u8; BLOCK]) -> Vec<u8> {
    let text = |range: std::ops::Range<usize>| {
        head[range].iter().copied().take_while(|b| *b != 0).collect::<Vec<u8>>()
    };
    let (prefix, name) = (text(345..500), text(0..100));
    let posix = head[257..263] == *b"ustar\0" && !prefix.is_empty();
    if posix { [&prefix[..], b"/", &name].concat() } else { name }
}

/// The value of a field in `LENGTH KEY=VALUE\n` records.
fn pax<'a>(mut fields: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    loop {
        let blank = fields.iter().position(|b| *b == b' ')?;
        let length: usize = std::str::from_utf8(&fields[..blank]).ok()?.parse().ok()?;
        let record = fields.get(blank + 1..length.checked_sub(1)?)?;
        if let Some(value) = record.strip_prefix(key).and_then(|r| r.strip_prefix(b"=")) {
            return Some(value);
        }
        fields = fields.get(length..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_end_somewhere(bytes: Vec<u8>, times in 0usize..4) {
            let mut head = [0u8; BLOCK];
            head[..100.min(bytes.len())].copy_from_slice(&bytes[..100.min(bytes.len())]);
            head[124..136].copy_from_slice(b"00000000017\0");
            let sum = checksum(&head).unwrap_or_default();
            head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            let archive = [&head.repeat(times)[..], &bytes].concat();
            let mut tar = Tar::new(&archive[..]);
            while let Ok(Some(member)) = tar.next() {
                let _ = std::io::copy(&mut tar.content(), &mut std::io::sink());
                prop_assert!(member.name.len() <= archive.len());
            }
            let _ = pax(&bytes, b"path");
        }
    }
}
