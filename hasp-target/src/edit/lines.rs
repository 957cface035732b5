//! The ends of lines when a manifest is changed: each line keeps the one it had, and a new line
//! gets what most lines of the file have, so that a change shows what changed and nothing else.

/// `after` with the line ends of `before`; `after` has `\n` alone.
pub(crate) fn keep_ends(before: &str, after: &str) -> String {
    let old: Vec<(&str, &str)> = before.split_inclusive('\n').map(cut).collect();
    let windows = old.iter().filter(|(_, end)| *end == "\r\n").count();
    if windows == 0 {
        return after.to_owned();
    }
    let unix = old.iter().filter(|(_, end)| *end == "\n").count();
    let usual = if windows >= unix { "\r\n" } else { "\n" };
    let mut rest = old.as_slice();
    let mut text = String::with_capacity(after.len() + after.lines().count());
    for (line, end) in after.split_inclusive('\n').map(cut) {
        let (kept, behind) = find(rest, line);
        rest = behind;
        text.push_str(line);
        text.push_str(match kept {
            Some("") | None if end.is_empty() => "",
            Some("") | None => usual,
            Some(kept) => kept,
        });
    }
    text
}

/// A line and its end.
fn cut(line: &str) -> (&str, &str) {
    let text = line.strip_suffix('\n').unwrap_or(line);
    let text = text.strip_suffix('\r').filter(|_| line.ends_with('\n')).unwrap_or(text);
    line.split_at(text.len())
}

/// The end that the line had and the lines behind it. A blank line is like any other, so it is not
/// looked for far.
fn find<'a, 'b>(
    old: &'b [(&'a str, &'a str)],
    line: &str,
) -> (Option<&'a str>, &'b [(&'a str, &'a str)]) {
    let far = if line.trim().is_empty() { 1 } else { old.len() };
    match old.iter().take(far).position(|(text, _)| *text == line) {
        Some(at) => (Some(old[at].1), &old[at + 1..]),
        None => (None, old),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_keeps_its_end_and_new_ones_get_the_usual_one() {
        assert_eq!(keep_ends("a\nb\n", "a\nx\nb\n"), "a\nx\nb\n");
        assert_eq!(keep_ends("a\r\nb\r\n", "a\nx\nb\n"), "a\r\nx\r\nb\r\n");
        assert_eq!(keep_ends("a\r\nb\nc\r\n", "a\nb\n\nx\nc\n"), "a\r\nb\n\r\nx\r\nc\r\n");
        assert_eq!(keep_ends("a\r\nb", "a\nb\nc\n"), "a\r\nb\r\nc\r\n");
        assert_eq!(keep_ends("a\r\ngone\r\nb\r\n", "a\nb\n"), "a\r\nb\r\n");
    }
}
