//! The members of a zip archive by the directory at its end (PKWARE APPNOTE 6.3), from memory: what
//! the directory does not name is seen by nobody who opens it either.

/// How a member is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// As it is.
    Stored,
    /// RFC 1951.
    Deflate,
    /// RFC 8878.
    Zstd,
    /// Enciphered, or in a way that is not opened.
    Closed(&'static str),
}

/// A file in the archive.
pub(crate) struct Member<'a> {
    /// Its path, as bytes.
    pub name: &'a [u8],
    /// How it is packed.
    pub method: Method,
    /// What it is packed into.
    pub packed: &'a [u8],
}

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
const ENTRY_SIZE: usize = 46;
const LOCAL_SIZE: usize = 30;
const END_SIZE: usize = 22;

/// The members in their order; `None` in the place of one that is damaged or of more than 4 GiB.
/// `None` at all where there is no directory.
pub(crate) fn members(archive: &[u8]) -> Option<Vec<Option<Member<'_>>>> {
    // A comment of at most 64 KiB follows the end.
    let from = archive.len().saturating_sub(END_SIZE + 0xffff);
    let end = from + memchr::memmem::rfind(&archive[from..], END)?;
    let count = short(archive, end + 10)?;
    let size = long(archive, end + 12)? as usize;
    let stated = long(archive, end + 16)? as usize;
    // What stands before the archive, as in one that unpacks itself, shifts all places.
    let directory = end.checked_sub(size)?;
    let shift = directory.saturating_sub(stated);
    let (mut members, mut at) = (Vec::new(), directory);
    while archive.get(at..at + 4) == Some(ENTRY) {
        members.push(member(archive, at, shift));
        let rest = [28, 30, 32].map(|field| short(archive, at + field).unwrap_or_default());
        at += ENTRY_SIZE + rest.iter().sum::<usize>();
    }
    (members.len() & 0xffff == count).then_some(members)
}

fn member(archive: &[u8], at: usize, shift: usize) -> Option<Member<'_>> {
    let (flags, method) = (short(archive, at + 8)?, short(archive, at + 10)?);
    let (size, local) = (long(archive, at + 20)? as usize, long(archive, at + 42)? as usize);
    let length = short(archive, at + 28)?;
    let name = archive.get(at + ENTRY_SIZE..at + ENTRY_SIZE + length)?;
    let local = local.checked_add(shift)?;
    if archive.get(local..local + 4)? != LOCAL {
        return None;
    }
    let start = local + LOCAL_SIZE + short(archive, local + 26)? + short(archive, local + 28)?;
    let packed = archive.get(start..start.checked_add(size)?)?;
    let method = match method {
        _ if flags & 1 != 0 => Method::Closed("enciphered in a zip"),
        0 => Method::Stored,
        8 => Method::Deflate,
        93 => Method::Zstd,
        _ => Method::Closed("packed in a zip in a way that is not opened"),
    };
    Some(Member { name, method, packed })
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|b| usize::from(u16::from_le_bytes(*b)))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_no_reason_to_panic(bytes: Vec<u8>, size in 0u32..100, at in 0u32..100) {
            let _ = members(&bytes);
            let mut archive = [LOCAL, &bytes, ENTRY, &[0; 60]].concat();
            archive.extend(END);
            archive.extend([0; 6]);
            archive.extend(1u16.to_le_bytes());
            archive.extend(size.to_le_bytes());
            archive.extend(at.to_le_bytes());
            archive.extend([0, 0]);
            let _ = members(&archive);
        }
    }
}
