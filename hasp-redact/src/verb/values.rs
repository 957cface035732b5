//! The values of the stand-alone filter, as any program gets them: a variable, a file, or a list
//! through a descriptor.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use hasp_core::secret::MAX_VALUE;
use hasp_core::{Environ, Error, Kind, Result, Secret, Source};

use crate::cli::Values;
use crate::code;

/// The most that is read from one list of values.
const MAX_LIST: usize = 64 * MAX_VALUE;

/// The longest name, as for secrets.
const MAX_NAME: usize = hasp_core::name::MAX_NAME;

/// Values with the names that their markers show. A list stays in the one block into which it was
/// read.
#[derive(Default)]
pub(crate) struct Named {
    blocks: Vec<Secret>,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    block: usize,
    range: Range<usize>,
}

impl Named {
    /// Names and values, in the order of the command line.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.entries
            .iter()
            .map(|e| (e.name.as_str(), &self.blocks[e.block].expose()[e.range.clone()]))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn push(&mut self, name: String, value: Secret) {
        self.entries.push(Entry { name, block: self.blocks.len(), range: 0..value.len() });
        self.blocks.push(value);
    }
}

/// Whether this word means stdin.
pub(crate) fn is_stdin(word: &OsStr) -> bool {
    Source::parse(word).is_ok_and(|source| source == Source::Stdin)
}

/// Reads all values that the command line names.
pub(crate) fn read(values: &Values, env: &mut Environ) -> Result<Named> {
    let mut named = Named::default();
    if let Some(word) = &values.values {
        let source = Source::parse(word)?;
        let list = source.read(env, MAX_LIST)?;
        if let (Source::Fd(number), true) = (&source, list.is_empty()) {
            return Err(drained(*number));
        }
        records(list, &mut named)?;
    }
    for name in &values.env {
        let value = Source::Env(name.clone()).read(env, MAX_VALUE)?;
        named.push(checked_name(name.as_bytes())?, value);
    }
    for word in &values.file {
        let (name, value) = file(word, env)?;
        named.push(name, value);
    }
    Ok(named)
}

/// The error for a descriptor that has nothing any more: nothing would be looked for.
fn drained(number: i32) -> Error {
    let message = format!("descriptor {number}, which --values names, was read to its end before");
    Error::new(Kind::Data, code::BAD_VALUES, message)
        .hint(format!("one descriptor serves one command: give each its own {number}<FILE"))
}

/// `NAME=VALUE` records, each ended by NUL.
fn records(list: Secret, named: &mut Named) -> Result<()> {
    let bytes = list.expose();
    if !bytes.is_empty() && !bytes.ends_with(b"\0") {
        return Err(bad_list("the last record is not ended by NUL"));
    }
    let mut start = 0;
    for end in memchr::memchr_iter(0, bytes) {
        let record = &bytes[start..end];
        let Some(equals) = record.iter().position(|b| *b == b'=') else {
            return Err(bad_list("a record has no '=' (not shown: it may be a value)"));
        };
        let name = checked_name(&record[..equals])?;
        named.entries.push(Entry {
            name,
            block: named.blocks.len(),
            range: start + equals + 1..end,
        });
        start = end + 1;
    }
    named.blocks.push(list);
    Ok(())
}

fn file(word: &OsStr, env: &mut Environ) -> Result<(String, Secret)> {
    let bytes = word.as_bytes();
    let Some(equals) = bytes.iter().position(|b| *b == b'=') else {
        return Err(Error::new(Kind::Usage, code::BAD_FILE, "--file takes a name and a path")
            .hint("hasp-redact --file deploy-key=$HOME/.ssh/deploy"));
    };
    let name = checked_name(&bytes[..equals])?;
    let path = PathBuf::from(OsString::from_vec(bytes[equals + 1..].to_vec()));
    Ok((name, Source::Path(path).read(env, MAX_VALUE)?))
}

/// A name that can stand in a marker: short, printable ASCII without blanks and brackets.
fn checked_name(name: &[u8]) -> Result<String> {
    let fits = |b: &u8| b.is_ascii_graphic() && !b"[]".contains(b);
    if name.is_empty() || name.len() > MAX_NAME || !name.iter().all(fits) {
        return Err(Error::new(
            Kind::Data,
            code::BAD_NAME,
            "a name of a value is empty, over 200 bytes long, or not printable",
        ));
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

fn bad_list(what: &str) -> Error {
    Error::new(Kind::Data, code::BAD_VALUES, what)
        .hint("--values reads NAME=VALUE records, each ended by NUL: env -0")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_list(list: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
        let mut named = Named::default();
        records(Secret::copy_of(list)?, &mut named)?;
        Ok(named.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect())
    }

    #[test]
    fn records_are_those_of_env_0() {
        let read = read_list(b"A=1\0B=x=\ny\0C=\0").unwrap();
        assert_eq!(read.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["A", "B", "C"]);
        assert!(read[1].1 == b"x=\ny" && read[2].1.is_empty());
        assert!(read_list(b"").unwrap().is_empty());
        assert_eq!(read_list(b"A=1").unwrap_err().code(), code::BAD_VALUES);
        assert_eq!(read_list(b"hunter2\0").unwrap_err().code(), code::BAD_VALUES);
        assert_eq!(read_list(b"=x\0").unwrap_err().code(), code::BAD_NAME);
        assert_eq!(read_list(b"a b=x\0").unwrap_err().code(), code::BAD_NAME);
    }

    proptest! {
        #[test]
        fn any_list_is_read_or_refused(list: Vec<u8>) {
            let _ = read_list(&list);
        }

        #[test]
        fn values_are_kept_to_the_byte(values: Vec<Vec<u8>>) {
            let whole = |v: Vec<u8>| v.into_iter().filter(|b| *b != 0).collect();
            let values: Vec<Vec<u8>> = values.into_iter().map(whole).collect();
            let record = |v: &Vec<u8>| [b"N=", v.as_slice(), b"\0"].concat();
            let list: Vec<u8> = values.iter().flat_map(record).collect();
            let read = read_list(&list).unwrap();
            prop_assert!(read.into_iter().map(|(_, v)| v).eq(values));
        }
    }
}
