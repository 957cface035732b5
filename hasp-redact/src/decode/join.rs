//! Texts that a program puts together from pieces: string literals that follow each other or are
//! added up, lines that are folded into one, and lists of numbers that are bytes.

/// The most blanks and line breaks between two literals, in bytes.
const GAP: usize = 160;

/// How far the next literal is whose text belongs to the one that ends with the quote at `at`:
/// `"a" "b"`, `"a" + 'b'`, `"a" \`, a line break anywhere. A comma would make two of them.
pub(crate) fn literal_gap(text: &[u8], at: usize) -> Option<usize> {
    let rest = &text[at..];
    if !matches!(rest.first(), Some(b'"' | b'\'' | b'`')) {
        return None;
    }
    let (mut signs, mut passed) = (0, 1);
    while let Some(byte) = rest.get(passed).filter(|_| passed < GAP) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'+' | b'.' | b'\\' | b'~' | b'&' if signs < 2 => signs += 1,
            b'"' | b'\'' | b'`' if passed > 1 => return Some(passed + 1),
            // What says how a literal is read stands before its quote.
            b'b' | b'f' | b'r' | b'u' | b'L' | b'@' | b'$'
                if passed > 1 && matches!(rest.get(passed + 1), Some(b'"' | b'\'')) => {}
            _ => return None,
        }
        passed += 1;
    }
    None
}

/// The text with every literal drawn together with the one before.
pub(crate) fn literals(text: &[u8], out: &mut Vec<u8>, stop: usize) -> usize {
    let mut at = 0;
    while at < text.len() && out.len() < stop {
        match literal_gap(text, at) {
            Some(gap) => at += gap,
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    at
}

/// The text with every line break, and the blanks around it, as one blank: a folded block of YAML,
/// a paragraph.
pub(crate) fn folded(text: &[u8], out: &mut Vec<u8>, stop: usize) -> usize {
    let mut at = 0;
    while at < text.len() && out.len() < stop {
        let blanks = text[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
        if text[at..at + blanks].contains(&b'\n') {
            out.push(b' ');
            at += blanks;
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    at
}

/// The most bytes between two numbers of a list.
const BETWEEN: usize = 80;

/// Bytes as decimal numbers, with a comma or blanks between them; it ends where anything else
/// follows. Some languages count from -128.
pub(crate) fn decimal(text: &[u8], out: &mut Vec<u8>, stop: usize) -> usize {
    let mut at = 0;
    while out.len() < stop {
        let Some((byte, end)) = number(text, at) else { break };
        out.push(byte);
        let gap = text[end..].iter().take(BETWEEN).take_while(|b| separates(**b)).count();
        at = end + gap;
        if gap == 0 {
            break;
        }
    }
    at
}

fn separates(byte: u8) -> bool {
    matches!(byte, b',' | b' ' | b'\t' | b'\r' | b'\n' | b';')
}

fn number(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let minus = usize::from(text.get(at) == Some(&b'-'));
    let digits = text.get(at + minus..)?.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    let end = at + minus + digits;
    let number: i32 = std::str::from_utf8(&text[at..end]).ok()?.parse().ok()?;
    (digits <= 3 && (-128..256).contains(&number)).then_some((number as u8, end))
}

/// Where a list of numbers begins of which one ends before this comma or behind this bracket.
pub(crate) fn list_start(text: &[u8], at: usize) -> Option<usize> {
    if text[at] == b'[' {
        let blanks = text[at + 1..].iter().take(BETWEEN).take_while(|b| separates(**b)).count();
        return number(text, at + 1 + blanks).map(|_| at + 1 + blanks);
    }
    let digits = text[..at].iter().rev().take(4).take_while(|b| b.is_ascii_digit()).count();
    let start = at - digits;
    let minus = usize::from(start > 0 && text[start - 1] == b'-');
    (1..4).contains(&digits).then_some(start - minus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(read: fn(&[u8], &mut Vec<u8>, usize) -> usize, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        read(text, &mut out, usize::MAX);
        out
    }

    #[test]
    fn pieces_are_drawn_together() {
        for text in
            ["\"ab\" +\n  \"cd\"", "\"ab\"\n\"cd\"", "\"ab\" . \"cd\"", "\"ab\"\\\n f\"cd\""]
        {
            assert_eq!(all(literals, text.as_bytes()), b"\"abcd\"", "{text}");
        }
        for text in ["\"ab\", \"cd\"", "\"ab\"\"cd\"", "\"ab\" x \"cd\""] {
            assert_eq!(all(literals, text.as_bytes()), text.as_bytes());
        }
        assert_eq!(all(folded, b"a b\n    c\r\n  d"), b"a b c d");
        assert_eq!(all(decimal, b"104, 117,\n 0 -61 255] 1"), [104, 117, 0, 195, 255]);
        assert_eq!(all(decimal, b"1, 256"), [1]);
        assert_eq!(list_start(b"x [ 104, 1]", 2), Some(4));
        assert_eq!(list_start(b"(104, 1)", 4), Some(1));
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_places_grow(text in "[\"'+ \n0-9,a\\-\\[]{0,60}") {
            let text = text.as_bytes();
            for read in [literals, folded, decimal] {
                let whole = all(read, text);
                let mut last = 0;
                for stop in 0..=whole.len() {
                    let mut out = Vec::new();
                    let place = read(text, &mut out, stop);
                    prop_assert!(place >= last && place <= text.len() && whole.starts_with(&out));
                    last = place;
                }
            }
            for at in 0..text.len() {
                prop_assert!(list_start(text, at).is_none_or(|start| start <= text.len()));
            }
        }
    }
}
