//! The bytes of a manifest before they are TOML: bounded, UTF-8, and free of what could make it
//! read otherwise than it looks.

use std::path::Path;

use hasp_core::text::{printable, printable_path};
use hasp_core::{Code, Error, Kind, Result};

use crate::code;
use crate::manifest::fault::Fault;

/// What a manifest is called.
pub const FILE_NAME: &str = "hasp.toml";
/// The largest manifest, in bytes.
pub const MAX_SIZE: usize = 256 * 1024;

/// Refuses what no manifest holds: too much, a BOM, invalid UTF-8, NUL, control and reordering
/// characters.
///
/// # Errors
/// `[manifest-too-large]`, `[manifest-bom]`, `[manifest-utf8]`, `[manifest-nul]`,
/// `[manifest-control]`.
pub(crate) fn check<'a>(bytes: &'a [u8], path: &Path, limit: usize) -> Result<&'a str> {
    let shown = printable_path(path);
    let refuse =
        |code: Code, what: String| Error::new(Kind::Config, code, format!("{shown}{what}"));
    if bytes.len() > limit {
        return Err(too_large(path, limit));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        let typed = hasp_core::text::shell_word(path.as_os_str());
        return Err(refuse(code::MANIFEST_BOM, ":1:1: begins with a byte order mark".to_owned())
            .hint(format!("remove it: sed -i '1s/^\\xEF\\xBB\\xBF//' {typed}")));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        refuse(code::MANIFEST_UTF8, format!(":{line}: is not UTF-8")).hint("save the file as UTF-8")
    })?;
    unfit(text).map_or(Ok(text), |fault| Err(fault.into_error(text, path)))
}

/// A manifest beyond the limit, whether its bytes were read or not.
pub(crate) fn too_large(path: &Path, limit: usize) -> Error {
    let message = format!("{} is longer than {} KiB", printable_path(path), limit / 1024);
    Error::new(Kind::Config, code::MANIFEST_TOO_LARGE, message)
        .hint("a manifest holds names and commands only")
}

fn unfit(text: &str) -> Option<Fault> {
    let carriage = |at: usize| text[at..].starts_with("\r\n");
    let found = text
        .char_indices()
        .find(|(at, c)| !matches!(c, '\n' | '\t') && !carriage(*at) && hidden(*c));
    found.map(|(at, c)| {
        let span = at..at + c.len_utf8();
        match c {
            '\0' => Fault::new(code::MANIFEST_NUL, span, "there is a NUL byte"),
            _ => Fault::new(
                code::MANIFEST_CONTROL,
                span,
                format!("there is a character that does not show: {}", escaped(c)),
            ),
        }
        .showing(crate::manifest::excerpt::Shown::NoStrings)
    })
}

/// Whether a terminal would not show this character as it is.
pub(crate) fn hidden(c: char) -> bool {
    !matches!(c, ' '..='~') && (c.is_control() || escaped(c).chars().count() > 1)
}

fn escaped(c: char) -> String {
    printable(c.encode_utf8(&mut [0; 4]).as_bytes())
}
