//! Every hint that the tools can give, read from their sources: it knows the three places where the
//! text of one can stand, `.hint(..)`, `hint(..)` and `hint!(..)`, so that one made otherwise is
//! found as well, as what was passed on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What the sources say of hints.
pub struct Hints {
    /// The texts; what is filled in when they are given is `{}`.
    pub texts: BTreeSet<String>,
    /// Where what is given is no text: the file, a colon and what stands there.
    pub passed_on: BTreeSet<String>,
}

impl Hints {
    /// Those of every crate.
    ///
    /// # Panics
    /// Where the sources cannot be read.
    pub fn of(root: &Path) -> Hints {
        let mut hints = Hints { texts: BTreeSet::new(), passed_on: BTreeSet::new() };
        let crates = std::fs::read_dir(root).expect("the workspace").flatten();
        for crate_ in crates.filter(|e| e.file_name().to_string_lossy().starts_with("hasp-")) {
            let files = sources(&crate_.path().join("src"));
            let texts: Vec<String> = files.iter().map(|file| read(file)).collect();
            for (file, text) in files.iter().zip(&texts) {
                let name = file.strip_prefix(root).expect("below it").display().to_string();
                hints.collect(&name, text, &texts);
            }
        }
        hints
    }

    fn collect(&mut self, file: &str, text: &str, of_crate: &[String]) {
        for (at, _) in text.match_indices("hint") {
            let before = text[..at].chars().next_back().unwrap_or(' ');
            let after = &text[at + "hint".len()..];
            let is_macro = after.starts_with("!(");
            let Some(argument) = after.strip_prefix('!').unwrap_or(after).strip_prefix('(') else {
                continue;
            };
            let is_word = before.is_alphanumeric() || before == '_';
            if is_word || text[..at].ends_with("fn ") || in_comment(text, at) {
                continue;
            }
            let argument = argument.trim_start();
            let filled = argument.strip_prefix("format!(").map(str::trim_start);
            match literal(filled.unwrap_or(argument)) {
                Some(found) => drop(self.texts.insert(holes(&found, is_macro || filled.is_some()))),
                None if before == '.' => {
                    let what = expression(argument);
                    match constant(&what, of_crate) {
                        Some(found) => drop(self.texts.insert(found)),
                        None if what.is_empty()
                            || what.contains("hint(")
                            || what.contains("hint!(") => {}
                        None => drop(self.passed_on.insert(format!("{file}: {what}"))),
                    }
                }
                None => {}
            }
        }
    }
}

/// Whether a text was made from one of the sources: what is filled in, and each word in capitals,
/// stands for anything.
pub fn fits(source: &str, given: &str) -> bool {
    let mut parts: Vec<String> = vec![String::new()];
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let word: String =
            rest.chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit()).collect();
        let inside = source[..source.len() - rest.len()]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || c == '_');
        let behind = rest[word.len()..].chars().next();
        let joined = behind.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if let Some(after) = rest.strip_prefix("{}") {
            parts.push(String::new());
            rest = after;
        } else if word.len() > 1 && !inside && !joined {
            parts.push(String::new());
            rest = &rest[word.len()..];
        } else {
            parts.last_mut().expect("never empty").push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    let (first, last) = (&parts[0], &parts[parts.len() - 1]);
    if parts.len() == 1 {
        return given == source;
    }
    let Some(mut rest) = given.strip_prefix(first.as_str()) else { return false };
    for part in &parts[1..parts.len() - 1] {
        let Some(at) = rest.find(part.as_str()) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last.as_str())
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A source without its unit tests.
fn read(file: &Path) -> String {
    let text = std::fs::read_to_string(file).expect("a source");
    text.split("\nmod tests {").next().unwrap_or_default().to_owned()
}

fn in_comment(text: &str, at: usize) -> bool {
    let line = text[..at].rsplit('\n').next().unwrap_or_default();
    line.trim_start().starts_with("//")
}

/// The text of a literal that a source begins with.
fn literal(source: &str) -> Option<String> {
    let mut rest = source.strip_prefix('"')?.chars().peekable();
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => match rest.next()? {
                '\n' => while rest.next_if(|c| c.is_whitespace()).is_some() {},
                'n' => text.push('\n'),
                'x' => {
                    let digits: String = rest.by_ref().take(2).collect();
                    text.push(char::from(u8::from_str_radix(&digits, 16).ok()?));
                }
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

/// A text with `{}` wherever `format!` fills something in.
fn holes(text: &str, is_filled: bool) -> String {
    if !is_filled {
        return text.to_owned();
    }
    let mut made = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '{' | '}' if rest.next_if_eq(&c).is_some() => made.push(c),
            '{' => {
                while rest.next().is_some_and(|c| c != '}') {}
                made.push_str("{}");
            }
            other => made.push(other),
        }
    }
    made
}

/// What stands in the parentheses, blanks and line ends as one blank.
fn expression(source: &str) -> String {
    let mut depth = 1;
    let inside = source.chars().take_while(|c| {
        depth += i32::from("([{".contains(*c)) - i32::from(")]}".contains(*c));
        depth > 0
    });
    inside.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of a constant of the crate.
fn constant(path: &str, of_crate: &[String]) -> Option<String> {
    let name = path.rsplit("::").next()?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        return None;
    }
    let begin = format!("const {name}: &str =");
    let text = of_crate.iter().find_map(|text| Some(text.split_once(&begin)?.1.trim_start()))?;
    literal(text.strip_prefix("hint(").unwrap_or(text).trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_fits_what_it_was_made_from() {
        let rows = [
            ("did you mean '{}'?", "did you mean 'test'?", true),
            ("did you mean '{}'?", "did you mean test?", false),
            ("hasp-bind add REF", "hasp-bind add db/url", true),
            ("{} --help", "hasp-vault --help", true),
            ("HASP_HOME={} hasp-audit verify", "HASP_HOME=/h hasp-audit verify", true),
            ("see: hasp-bind", "see: hasp-bind list", false),
        ];
        for (source, given, fit) in rows {
            assert_eq!(fits(source, given), fit, "{source} {given}");
        }
    }

    #[test]
    fn texts_are_read_as_the_compiler_reads_them() {
        let texts =
            ["e.hint(\n \"a \\\n    b\")".to_owned(), "hint!(\"{{x}} {name} {}\", 1)".into()];
        let mut hints = Hints { texts: BTreeSet::new(), passed_on: BTreeSet::new() };
        texts.iter().for_each(|text| hints.collect("f", text, &texts));
        hints.collect("f", "// .hint(\"no\")\nx.hint(other(1))", &texts);
        assert_eq!(Vec::from_iter(&hints.texts), ["a b", "{x} {} {}"]);
        assert_eq!(Vec::from_iter(&hints.passed_on), ["f: other(1)"]);
    }
}
