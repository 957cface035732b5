//! A template with its values in it: byte-exact text between, each value written as its filter
//! says, all of it on pages that are erased. It happens in this process before the start is on
//! record, so that a value that cannot be written so releases nothing.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use hasp_core::{Error, Kind, Result, Secret, SecretName};
use hasp_target::{Filter, Part, Template};

use crate::code;

/// Bytes that no part of a URL needs encoded (RFC 3986, section 2.3).
fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// The text of the template with the values in it; a reference without a value, which the manifest
/// calls optional, is empty.
///
/// # Errors
/// `[template-not-text]` for a value that is not UTF-8 where JSON is wanted, or holds a NUL byte
/// where a shell word is.
pub fn render<'a>(
    template: &Template,
    value: impl Fn(&SecretName) -> Option<&'a Secret>,
) -> Result<Secret> {
    let mut text = Secret::with_capacity(4096)?;
    for part in template.parts() {
        match part {
            Part::Text(literal) => text.push(literal.as_bytes())?,
            Part::Value(reference, filter) => {
                let bytes = value(reference).map_or(&b""[..], Secret::expose);
                write(&mut text, bytes, filter)
                    .map_err(|e| unfit(e, template, reference, filter))?;
            }
        }
    }
    Ok(text)
}

/// Why a value cannot be written with its filter.
enum Failure {
    /// Not UTF-8, or a NUL byte.
    Unfit,
    /// No memory.
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Other(error)
    }
}

fn write(text: &mut Secret, value: &[u8], filter: Filter) -> std::result::Result<(), Failure> {
    match filter {
        Filter::Plain => text.push(value)?,
        Filter::Url => url(text, value)?,
        Filter::Json => {
            let value = std::str::from_utf8(value).map_err(|_| Failure::Unfit)?;
            // Room for the longest escapes: a vector that moves leaves a copy behind. A string
            // always serializes.
            let mut quoted = Zeroizing::new(Vec::with_capacity(6 * value.len() + 2));
            serde_json::to_writer(&mut *quoted, value).map_err(|_| Failure::Unfit)?;
            text.push(&quoted)?;
        }
        Filter::Base64 => {
            let mut encoded = Zeroizing::new(vec![0; BASE64.encode_len(value.len())]);
            BASE64.encode_mut(value, &mut encoded);
            text.push(&encoded)?;
        }
        Filter::Shell if value.contains(&0) => return Err(Failure::Unfit),
        Filter::Shell => shell(text, value)?,
    }
    Ok(())
}

fn url(text: &mut Secret, value: &[u8]) -> Result<()> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value {
        match *byte {
            b if unreserved(b) => text.push(&[b])?,
            b => text.push(&[b'%', DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])?,
        }
    }
    Ok(())
}

/// In single quotes nothing has a meaning but the quote itself (POSIX, Shell Command Language,
/// 2.2.2).
fn shell(text: &mut Secret, value: &[u8]) -> Result<()> {
    text.push(b"'")?;
    for (at, stretch) in value.split(|b| *b == b'\'').enumerate() {
        if at > 0 {
            text.push(br"'\''")?;
        }
        text.push(stretch)?;
    }
    text.push(b"'")
}

fn unfit(failure: Failure, template: &Template, reference: &SecretName, filter: Filter) -> Error {
    let why = match (failure, filter) {
        (Failure::Other(error), _) => return error,
        (Failure::Unfit, Filter::Shell) => "it holds a NUL byte",
        (Failure::Unfit, _) => "it is not UTF-8",
    };
    let (path, word) = (hasp_core::text::printable_path(template.path()), filter.as_str());
    Error::new(
        Kind::Denied,
        code::TEMPLATE_NOT_TEXT,
        format!("{reference} cannot be written as :{word} into {path}: {why}"),
    )
    .hint(format!("write {{{{{reference}:base64}}}} there, or deliver it by file"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn template(text: &str) -> Template {
        let json = serde_json::json!({"variable": "F", "path": "t.in", "text": text});
        serde_json::from_value(json).unwrap()
    }

    fn rendered(text: &str, value: &[u8]) -> Result<Vec<u8>> {
        let value = Secret::copy_of(value).unwrap();
        let stored: SecretName = "a/b".parse().unwrap();
        render(&template(text), |r| (*r == stored).then_some(&value)).map(|s| s.expose().to_vec())
    }

    #[test]
    fn each_filter_writes_what_its_reader_reads() {
        let value = "p'w \"x\"\\%/\u{e9}\n".as_bytes();
        assert_eq!(rendered("<{{a/b}}>", value).unwrap(), [b"<", value, b">"].concat());
        assert_eq!(rendered("{{a/b:url}}", value).unwrap(), b"p%27w%20%22x%22%5C%25%2F%C3%A9%0A");
        assert_eq!(
            rendered("{{a/b:json}}", value).unwrap(),
            "\"p'w \\\"x\\\"\\\\%/\u{e9}\\n\"".as_bytes()
        );
        assert_eq!(rendered("{{a/b:base64}}", value).unwrap(), BASE64.encode(value).into_bytes());
        assert_eq!(
            rendered("{{a/b:shell}}", value).unwrap(),
            "'p'\\''w \"x\"\\%/\u{e9}\n'".as_bytes()
        );
        assert_eq!(rendered("{{{{a}}{{a/b:shell}}", b"").unwrap(), b"{{a}}''");
    }

    #[test]
    fn an_optional_value_that_is_not_stored_is_empty() {
        assert_eq!(rendered("<{{c}}|{{c:json}}|{{c:shell}}>", b"x").unwrap(), b"<|\"\"|''>");
    }

    #[test]
    fn what_a_filter_cannot_write_is_refused_by_name() {
        for (text, value) in [("{{a/b:json}}", &b"\xff"[..]), ("{{a/b:shell}}", b"a\0b")] {
            let error = rendered(text, value).unwrap_err();
            assert_eq!((error.code().as_str(), error.kind()), ("template-not-text", Kind::Denied));
            assert!(error.message().contains("a/b") && error.hints()[0].contains("{{a/b:base64}}"));
        }
        assert_eq!(rendered("{{a/b}}{{a/b:url}}", b"a\0\xff").unwrap(), b"a\0\xffa%00%FF");
    }

    proptest! {
        #[test]
        fn no_filter_exceeds_its_bound(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            for filter in ["", ":url", ":json", ":base64", ":shell"] {
                let text = format!("{{{{a/b{filter}}}}}");
                let template = template(&text);
                let Some(Part::Value(_, kind)) = template.parts().next() else { panic!("{text}") };
                if let Ok(rendered) = rendered(&text, &value) {
                    let longest = kind.longest(value.len() as u64);
                    prop_assert!(rendered.len() as u64 <= longest, "{}", filter);
                }
            }
        }

        #[test]
        fn json_reads_back(value: String) {
            let rendered = rendered("{{a/b:json}}", value.as_bytes()).unwrap();
            prop_assert_eq!(serde_json::from_slice::<String>(&rendered).unwrap(), value);
        }
    }
}
