//! Heads of messages, and how their bodies end. What two readers could take for two things is
//! refused, whichever reading is the right one.

pub mod body;
pub mod request;
pub mod response;
pub mod scan;

/// The longest head, in bytes.
pub const MAX_HEAD: usize = 64 * 1024;

/// The most fields of a head.
pub const MAX_FIELDS: usize = 128;

/// One field: its name as it was written and in lower case, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As it was written.
    pub written: String,
    /// In lower case.
    pub name: String,
    /// Without the blanks around it.
    pub value: Vec<u8>,
}

impl Field {
    /// From what the parser found.
    pub fn of(header: &httparse::Header<'_>) -> Field {
        Field {
            written: header.name.to_owned(),
            name: header.name.to_ascii_lowercase(),
            value: header.value.trim_ascii().to_vec(),
        }
    }
}

/// Values of a list field, in lower case.
pub fn words<'a>(fields: &'a [Field], name: &'a str) -> impl Iterator<Item = String> + 'a {
    let own = fields.iter().filter(move |field| field.name == name);
    own.flat_map(|field| field.value.split(|b| *b == b','))
        .map(|word| String::from_utf8_lossy(word.trim_ascii()).to_ascii_lowercase())
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length(u64),
    /// With an empty chunk.
    Chunked,
    /// Where the connection ends; answers only.
    Close,
}

/// What the fields say of the body's end; `None` where two of them speak, or one says nothing that
/// is known.
pub fn framing(fields: &[Field]) -> Option<Option<Framing>> {
    let all = |name: &'static str| fields.iter().filter(move |field| field.name == name);
    let mut lengths = all("content-length");
    let mut codings = all("transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Some(None),
        (Some(length), None) if lengths.next().is_none() => {
            let digits = std::str::from_utf8(&length.value).ok()?;
            let number =
                (1..=18).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            number.then(|| digits.parse().ok())?.map(|n| Some(Framing::Length(n)))
        }
        (None, Some(coding)) if codings.next().is_none() => {
            let chunked = coding.value.eq_ignore_ascii_case(b"chunked");
            chunked.then_some(Some(Framing::Chunked))
        }
        _ => None,
    }
}
