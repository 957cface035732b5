//! Text that came from elsewhere, made safe for a terminal or a one-line record: an escape sequence
//! in a directory name must not paint over the prompt that asks for consent.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The text with control characters, bidirectional overrides, zero-width characters and invalid
/// UTF-8 written as `\xNN` or `\u{N}`.
pub fn printable(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push_printable(&mut shown, c));
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

/// [`printable`] for a path.
pub fn printable_path(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

/// [`printable`] for a word of the command line.
pub fn printable_os(word: &OsStr) -> String {
    printable(word.as_bytes())
}

/// A command line as a POSIX shell would read it, for display: every word quoted where it must be.
pub fn shell_words<'a>(words: impl IntoIterator<Item = &'a OsStr>) -> String {
    let quoted: Vec<String> = words.into_iter().map(shell_word).collect();
    quoted.join(" ")
}

/// One word, quoted where a POSIX shell needs it; `$'..'` where it holds control characters.
pub fn shell_word(word: &OsStr) -> String {
    let bytes = word.as_bytes();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(b);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return printable(bytes);
    }
    let shown = printable(bytes);
    if shown.as_bytes() == bytes {
        format!("'{}'", shown.replace('\'', r"'\''"))
    } else {
        // A backslash of the word itself is doubled before printable adds its own.
        let doubled = bytes.split(|b| *b == b'\\').collect::<Vec<_>>().join(&b"\\\\"[..]);
        format!("$'{}'", printable(&doubled).replace('\'', r"\'"))
    }
}

fn push_printable(shown: &mut String, c: char) {
    match c {
        '\n' => shown.push_str("\\n"),
        '\t' => shown.push_str("\\t"),
        '\r' => shown.push_str("\\r"),
        c if c.is_ascii_control() => shown.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if hides(c) => shown.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => shown.push(c),
    }
}

/// Characters that move the cursor, break lines or reorder what is read: C1 controls, line
/// separators, bidirectional controls (Unicode TR 36) and zero-width characters.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_what_could_paint_over_a_prompt() {
        assert_eq!(printable(b"a\x1b[2Jb"), "a\\x1b[2Jb");
        assert_eq!(printable("x\u{202e}y\u{2028}".as_bytes()), "x\\u{202e}y\\u{2028}");
        assert_eq!(printable(b"\xff ok \xc3\xa9"), "\\xff ok \u{e9}");
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        let words = ["psql", "-c", "select 'x'", ""].map(OsStr::new);
        assert_eq!(shell_words(words), r"psql -c 'select '\''x'\''' ''");
        assert_eq!(shell_word(OsStr::new("a\nb")), r"$'a\nb'");
        assert_eq!(shell_word(OsStr::new("a\n\\nb")), r"$'a\n\\nb'");
    }

    proptest! {
        #[test]
        fn printable_has_no_control_characters(bytes: Vec<u8>) {
            prop_assert!(!printable(&bytes).chars().any(hides));
        }
    }
}
