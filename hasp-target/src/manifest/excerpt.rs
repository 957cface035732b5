//! The line of the manifest that an error points at, with a caret under the place and every other
//! string masked: the line that is wrong is the likeliest to hold a value.

use std::ops::Range;

use hasp_core::text::printable;

/// More of a line is not shown, in characters.
const WIDTH: usize = 100;
/// What stands for a string that is not shown.
const MASK: &str = "...";

/// How much of the line may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The place itself, and no other string.
    Place,
    /// No string at all.
    NoStrings,
    /// Nothing behind the first `=`: the line is not TOML, so nobody knows where a string begins.
    Head,
    /// The place alone, of a line that is not TOML.
    Only,
    /// Nothing of a line that is not TOML.
    Nothing,
}

/// Line and column, both from 1, the column in characters.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let at = floor(text, at);
    let start = line_start(text, at);
    let line = text[..start].bytes().filter(|b| *b == b'\n').count() + 1;
    (line, text[start..at].chars().count() + 1)
}

/// Three lines: an empty gutter, the line with its number, the caret.
pub(crate) fn excerpt(text: &str, span: &Range<usize>, shown: Shown) -> String {
    let at = floor(text, span.start);
    let start = line_start(text, at);
    let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let line = text[start..end].trim_end_matches('\r');
    let last = (start + line.len()).max(at);
    let place = at - start..floor(text, span.end.clamp(at, last)) - start;
    let (shown, place) = match shown {
        Shown::Head => head(line, place),
        Shown::Place => mask(line, place, true),
        Shown::NoStrings => mask(line, place, false),
        Shown::Only => only(line, place, true),
        Shown::Nothing => only(line, place, false),
    };
    let (number, _) = position(text, at);
    let gutter = " ".repeat(number.to_string().len());
    let width = place.end.saturating_sub(place.start).max(1);
    format!(
        "{gutter} |\n{number} | {shown}\n{gutter} | {}{}",
        " ".repeat(place.start),
        "^".repeat(width)
    )
}

fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// What stands before the first `=`; a table header as it is without its strings.
fn head(line: &str, place: Range<usize>) -> (String, Range<usize>) {
    if line.trim_start().starts_with('[') {
        return mask(line, place, false);
    }
    let kept = line.find('=').map_or("", |at| &line[..=at]);
    let mut out = Masked::new(&place);
    out.copy(kept, 0);
    out.mask(line.len() - kept.len(), kept.len());
    out.finish()
}

/// The place, or only its mask, between what is masked.
fn only(line: &str, place: Range<usize>, keep: bool) -> (String, Range<usize>) {
    let mut out = Masked::new(&place);
    if !keep {
        let start = place.start.min(line.len());
        out.mask(line.len() - start, start);
        return out.finish();
    }
    let (start, end) = (place.start.min(line.len()), place.end.min(line.len()));
    out.mask(start, 0);
    out.copy(&line[start..end], start);
    out.mask(line.len() - end, end);
    out.finish()
}

/// The line with the content of its strings masked; the one at `place` only if `keep` is false.
fn mask(line: &str, place: Range<usize>, keep: bool) -> (String, Range<usize>) {
    let mut out = Masked::new(&place);
    let mut at = 0;
    while at < line.len() {
        let rest = &line[at..];
        let quote = rest.find(['"', '\'', '#']).unwrap_or(rest.len());
        out.copy(&rest[..quote], at);
        at += quote;
        let rest = &line[at..];
        if rest.starts_with('#') {
            out.mask(rest.len(), at);
            break;
        }
        let length = string_length(rest);
        let whole = &rest[..length];
        let here = at < place.end.max(place.start + 1) && place.start < at + length;
        if is_key(&rest[length..], line, at) || (keep && here) {
            out.copy(whole, at);
        } else if length > 0 {
            out.mask(length, at);
        }
        at += length;
    }
    out.finish()
}

/// How many bytes the string at the beginning of `rest` takes, quotes included; to the end if it is
/// not closed here.
fn string_length(rest: &str) -> usize {
    let Some(quote) = rest.chars().next() else { return 0 };
    if rest.starts_with("\"\"\"") || rest.starts_with("'''") {
        return rest.len();
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quote == '"',
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A quoted key is a name and stays: before `=`, in a dotted key, in a table header.
fn is_key(behind: &str, line: &str, at: usize) -> bool {
    let behind = behind.trim_start();
    let header = line.trim_start().starts_with('[') && !line[..at].contains(['=', ',']);
    behind.starts_with('=')
        || (header && behind.starts_with([']', '.']) && line[..at].trim_end().ends_with('.'))
}

/// The line as shown, and where the place is in it, in characters.
struct Masked<'a> {
    text: String,
    width: usize,
    place: &'a Range<usize>,
    start: Option<usize>,
    end: usize,
}

impl<'a> Masked<'a> {
    fn new(place: &'a Range<usize>) -> Masked<'a> {
        Masked { text: String::new(), width: 0, place, start: None, end: 0 }
    }

    fn copy(&mut self, part: &str, from: usize) {
        for (offset, c) in part.char_indices() {
            let mut bytes = [0; 4];
            let shown = if c == '\t' {
                " ".to_owned()
            } else {
                printable(c.encode_utf8(&mut bytes).as_bytes())
            };
            self.push(&shown, from + offset..from + offset + c.len_utf8());
        }
    }

    fn mask(&mut self, length: usize, from: usize) {
        if length > 0 {
            self.push(MASK, from..from + length);
        }
    }

    fn push(&mut self, shown: &str, source: Range<usize>) {
        let width = shown.chars().count();
        let within = source.contains(&self.place.start)
            || (self.place.start < source.start && source.start < self.place.end);
        if within {
            self.start.get_or_insert(self.width);
            self.end = self.width + width;
        }
        if self.width + width <= WIDTH {
            self.text.push_str(shown);
        }
        self.width += width;
    }

    fn finish(self) -> (String, Range<usize>) {
        let start = self.start.unwrap_or(self.width).min(WIDTH);
        (self.text.trim_end().to_owned(), start..self.end.clamp(start, WIDTH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(text: &str, place: &str, shown: Shown) -> String {
        let at = text.find(place).unwrap_or(text.len());
        excerpt(text, &(at..at + place.len()), shown)
    }

    #[test]
    fn the_caret_is_under_the_place() {
        let text = "# x\n[target.t]\nevn = { A = \"db/url\" } # note\n";
        assert_eq!(show(text, "evn", Shown::Place), "  |\n3 | evn = { A = ... } ...\n  | ^^^");
        assert_eq!(
            show(text, "\"db/url\"", Shown::Place),
            "  |\n3 | evn = { A = \"db/url\" } ...\n  |             ^^^^^^^^"
        );
        assert_eq!(
            show(text, "\"db/url\"", Shown::NoStrings),
            "  |\n3 | evn = { A = ... } ...\n  |             ^^^"
        );
        assert_eq!(position(text, text.find("A =").unwrap_or(0)), (3, 9));
    }

    #[test]
    fn quoted_keys_stay_and_broken_lines_are_cut() {
        assert_eq!(
            show("\"db/url\" = { abuot = 'hunter2' }", "abuot", Shown::Place),
            "  |\n1 | \"db/url\" = { abuot = ... }\n  |              ^^^^^"
        );
        assert_eq!(
            show("KEY = hunter2 = x", "hunter2", Shown::Head),
            "  |\n1 | KEY =...\n  |      ^^^"
        );
        assert_eq!(show("hunter2", "hunter2", Shown::Head), "  |\n1 | ...\n  | ^^^");
        assert_eq!(show("[target.t", "t", Shown::Head), "  |\n1 | [target.t\n  |  ^");
        assert_eq!(
            show("a = \"x\\\"hunter2\" + 'y", "+", Shown::Place),
            "  |\n1 | a = ... + ...\n  |         ^"
        );
        assert_eq!(show("a = \"\"\"hunter2", "a", Shown::Place), "  |\n1 | a = ...\n  | ^");
    }

    #[test]
    fn a_place_behind_a_carriage_return_can_be_shown() {
        assert_eq!(excerpt("a\r\n", &(2..3), Shown::Place), "  |\n1 | a\n  |  ^");
        assert_eq!(excerpt("a\r\n", &(2..3), Shown::Only), "  |\n1 | ...\n  |    ^");
    }

    proptest! {
        #[test]
        fn any_span_of_any_text_can_be_shown(
            text in "\\PC{0,40}|(\\PC|\r|\n){0,40}",
            start in 0usize..300,
            length in 0usize..300
        ) {
            let all = [Shown::Place, Shown::NoStrings, Shown::Head, Shown::Only, Shown::Nothing];
            for shown in all {
                let lines = excerpt(&text, &(start..start + length), shown);
                prop_assert_eq!(lines.lines().count(), 3);
                prop_assert!(lines.lines().all(|l| l.chars().count() <= 2 * WIDTH));
            }
        }

        #[test]
        fn no_string_but_the_one_at_the_caret_is_shown(
            before in "[a-z ={,]{0,12}",
            after in "[a-z =},#]{0,12}"
        ) {
            let text = format!("{before}\"hunter2\"{after}");
            let lines = excerpt(&text, &(0..1), Shown::NoStrings);
            let key = after.trim_start().starts_with('=');
            prop_assert!(key || !lines.contains("hunter2"));
        }
    }
}
