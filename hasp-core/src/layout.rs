//! Lines that fit a terminal: broken at blanks, with what follows set off, so that a narrow window
//! does not cut words. Nothing changes where the output is no terminal.

use std::os::fd::AsFd;

use rustix::termios::{isatty, tcgetwinsize};

use crate::environ::Environ;

/// Further lines are not set off by more than a third of the width.
const HANG: usize = 3;

/// How wide the terminal is; `None` for what is none, or does not say.
pub fn columns(fd: impl AsFd) -> Option<usize> {
    let size = isatty(&fd).then(|| tcgetwinsize(&fd).ok()).flatten()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Whether a terminal may be told to show weight and colour (<https://no-color.org>).
pub fn styles(env: &Environ) -> bool {
    env.get("NO_COLOR").is_none() && env.get("TERM").is_some_and(|t| t != "dumb")
}

/// The line broken at blanks where it is wider than `columns`, further lines behind `hang` blanks.
/// A word that does not fit a line stands on one of its own and is left whole: it may be a path to
/// copy.
pub fn wrap(line: &str, columns: usize, hang: usize) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    let hang = hang.min(columns / HANG);
    let indent = line.len() - line.trim_start_matches(' ').len();
    let (mut text, mut at) = (line[..indent].to_owned(), indent);
    let mut begun = false;
    for (blanks, word) in words(&line[indent..]) {
        let wide = width(word);
        if begun && at + blanks + wide > columns {
            text.push('\n');
            text.push_str(&" ".repeat(hang));
            at = hang;
        } else {
            text.push_str(&" ".repeat(blanks));
            at += blanks;
        }
        text.push_str(word);
        at += wide;
        begun = true;
    }
    text
}

/// Lines for a person to decide by, some of which stand out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    lines: Vec<(String, usize, bool)>,
}

impl Block {
    /// One more line; what does not fit goes on behind `hang` blanks.
    pub fn line(&mut self, text: impl Into<String>, hang: usize) {
        self.lines.push((text.into(), hang, false));
    }

    /// One more, which stands out.
    pub fn strong(&mut self, text: impl Into<String>, hang: usize) {
        self.lines.push((text.into(), hang, true));
    }

    /// As it is shown in this many columns, if it is a terminal's.
    pub fn render(&self, columns: Option<usize>, styled: bool) -> String {
        let mut shown = String::new();
        for (text, hang, strong) in &self.lines {
            let text = columns.map_or_else(|| text.clone(), |columns| wrap(text, columns, *hang));
            match *strong && styled {
                true => shown.extend(["\x1b[1;33m", &text, "\x1b[0m\n"]),
                false => shown.extend([text.as_str(), "\n"]),
            }
        }
        shown
    }
}

/// Each word with the number of blanks before it.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut blanks = 0;
    text.split(' ').filter_map(move |word| {
        if word.is_empty() {
            blanks += 1;
            return None;
        }
        let before = blanks;
        blanks = 1;
        Some((before, word))
    })
}

/// The columns that a text takes: none for the sequences that set a colour, two for wide characters
/// (UAX 11).
fn width(text: &str) -> usize {
    let (mut columns, mut escaped) = (0, false);
    for c in text.chars() {
        match c {
            '\x1b' => escaped = true,
            'm' if escaped => escaped = false,
            _ if escaped => {}
            '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' => {}
            '\u{1100}'..='\u{115f}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe6f}'
            | '\u{ff00}'..='\u{ff60}'
            | '\u{ffe0}'..='\u{ffe6}'
            | '\u{1f300}'..='\u{1faff}'
            | '\u{20000}'..='\u{3fffd}' => columns += 2,
            _ => columns += 1,
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_break_at_blanks_and_further_ones_are_set_off() {
        assert_eq!(wrap("  run        one two three", 40, 13), "  run        one two three");
        let wrapped = wrap("  run        one two three four five six", 30, 10);
        assert_eq!(wrapped, "  run        one two three\n          four five six");
        assert_eq!(
            wrap("a /very/long/path/that/fits/nowhere b", 12, 20),
            "a\n    /very/long/path/that/fits/nowhere\n    b"
        );
        assert_eq!(wrap("\x1b[31mred\x1b[0m green", 9, 2), "\x1b[31mred\x1b[0m green");
        assert_eq!(wrap("\u{6f22}\u{5b57} x", 4, 1), "\u{6f22}\u{5b57}\n x");
    }

    #[test]
    fn what_stands_out_does_so_only_where_it_may() {
        let mut block = Block::default();
        block.line("plain", 2);
        block.strong("loud and long", 2);
        assert_eq!(block.render(None, false), "plain\nloud and long\n");
        assert_eq!(block.render(Some(8), true), "plain\n\x1b[1;33mloud and\n  long\x1b[0m\n");
        let vars = |list: &[(&str, &str)]| {
            list.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect::<Environ>()
        };
        assert!(styles(&vars(&[("TERM", "xterm")])));
        for plain in [&[("TERM", "xterm"), ("NO_COLOR", "1")][..], &[("TERM", "dumb")], &[]] {
            assert!(!styles(&vars(plain)));
        }
    }

    proptest! {
        #[test]
        fn no_word_is_lost_or_cut_and_what_can_fit_does(line in "[ \
            a-z/=-]{0,120}", columns in 1usize..80, hang in 0usize..40) {
            let wrapped = wrap(&line, columns, hang);
            prop_assert!(wrapped.split_whitespace().eq(line.split_whitespace()));
            for part in wrapped.lines().filter(|part| width(part) > columns) {
                let is_word = part.split_whitespace().count() <= 1;
                prop_assert!(is_word || line.ends_with(' ') || part.starts_with(' '));
            }
        }
    }
}
