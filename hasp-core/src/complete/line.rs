//! The last simple command of a text, as far as the cursor, as a shell would read it: its words
//! without their quotes, and what is assigned before it.

/// A command line that is being typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The variables set for this command alone.
    pub(super) assigned: Vec<(String, String)>,
    /// The words behind the tool's name.
    pub(super) words: Vec<String>,
    /// The word that the cursor is in.
    pub(super) current: String,
}

/// What is read up to here.
#[derive(Default)]
struct Reader {
    words: Vec<String>,
    word: Option<String>,
}

impl Line {
    /// Reads a text; `value` gives the variables of the shell that are known.
    pub(super) fn read(text: &str, tool: &str, value: &dyn Fn(&str) -> Option<String>) -> Line {
        let mut reader = Reader::default();
        let mut rest = text.chars().peekable();
        let mut quote = None;
        while let Some(c) = rest.next() {
            match (quote, c) {
                (Some('\''), '\'') | (Some('"'), '"') => quote = None,
                (None, '\'' | '"') => {
                    quote = Some(c);
                    reader.push("");
                }
                (None | Some('"'), '\\') => {
                    let next = rest.next().map(String::from);
                    reader.push(&next.unwrap_or_default());
                }
                (None | Some('"'), '$') => {
                    // What a substitution holds is a command of its own.
                    if rest.next_if_eq(&'(').is_some() {
                        (quote, reader) = (None, Reader::default());
                        continue;
                    }
                    let braced = rest.next_if_eq(&'{').is_some();
                    let mut name = String::new();
                    while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                        name.push(c);
                    }
                    if braced {
                        rest.next_if_eq(&'}');
                    }
                    reader.push(&value(&name).unwrap_or_default());
                }
                (None, ';' | '|' | '&' | '(' | '`' | '\n') => reader = Reader::default(),
                (None, c) if c.is_whitespace() => reader.end(),
                (None, '~') if reader.is_at_beginning() => {
                    reader.push(&value("HOME").unwrap_or_default());
                }
                (_, c) => reader.push(c.encode_utf8(&mut [0; 4])),
            }
        }
        reader.line(tool)
    }
}

impl Reader {
    fn push(&mut self, text: &str) {
        self.word.get_or_insert_default().push_str(text);
    }

    fn end(&mut self) {
        self.words.extend(self.word.take());
    }

    /// Whether a `~` here is the home directory: at the beginning of a word or of a value.
    fn is_at_beginning(&self) -> bool {
        self.word.as_ref().is_none_or(|word| word.is_empty() || word.ends_with('='))
    }

    /// `env`, `sudo` and the like may stand before the tool, with assignments of theirs.
    fn line(self, tool: &str) -> Line {
        let is_tool = |word: &String| word.rsplit('/').next() == Some(tool);
        let at = self.words.iter().position(is_tool).unwrap_or(0);
        let assigned = self.words[..at].iter().filter_map(|word| word.split_once('='));
        let assigned = assigned.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let words = self.words.get(at + 1..).unwrap_or_default().to_vec();
        Line { assigned, words, current: self.word.unwrap_or_default() }
    }
}
