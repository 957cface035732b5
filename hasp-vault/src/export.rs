//! Values in the clear, for programs that know nothing of hasp: as assignments that
//! every shell reads as they are and most dotenv libraries too, or as JSON.

use hasp_core::{Error, Kind, Result, Secret, SecretName};
use zeroize::Zeroizing;

use crate::code;

/// A value as `NAME=VALUE`, which a shell always reads as it is.
pub struct Assignment {
    /// With the newline at its end.
    pub line: Secret,
    /// Who reads something else.
    pub differ: Vec<Reader>,
}

/// A reader of `.env` files beside a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// `hasp-vault import`.
    Import,
    /// python-dotenv.
    Python,
    /// `util.parseEnv` and `--env-file` of Node.
    Node,
    /// dotenv for Node.
    Dotenv,
}

impl Reader {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Reader::Import => "hasp-vault import",
            Reader::Python => "python-dotenv",
            Reader::Node => "Node",
            Reader::Dotenv => "dotenv for Node",
        }
    }
}

/// How a value is quoted: three ways that every shell reads alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `'..'`, all as it is.
    Single,
    /// `".."` with `\` before what a shell would take for its own.
    Double,
    /// `'..'\''..'`.
    Spliced,
}

/// The variable of a secret: the last part of its name if that is a variable in capitals, else the
/// whole name made one.
pub fn variable(name: &SecretName) -> String {
    let last = name.as_str().rsplit('/').next().unwrap_or_default();
    let capital = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    if last.bytes().all(capital) && !last.starts_with(|c: char| c.is_ascii_digit()) {
        return last.to_owned();
    }
    let mapped: String = name
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    if mapped.starts_with(|c: char| c.is_ascii_digit()) { format!("_{mapped}") } else { mapped }
}

/// Quotes a value so that any shell reads it as it is, and as many other readers as can be.
///
/// # Errors
/// `[not-exportable]` for a value with a NUL byte, or that is no text.
pub fn assignment(name: &SecretName, value: &Secret) -> Result<Assignment> {
    let text = std::str::from_utf8(value.expose())
        .ok()
        .filter(|t| !t.contains('\0'))
        .ok_or_else(|| not_text(name))?;
    let forms = [Form::Single, Form::Double, Form::Spliced].into_iter();
    let fitting = forms.filter(|form| *form != Form::Single || !text.contains('\''));
    let scored = fitting.map(|form| (differing(form, text), form));
    let (differ, form) = scored
        .min_by_key(|(differ, _)| differ.len())
        .ok_or_else(|| Error::bug("no form fits a value"))?;
    let mut line = Secret::with_capacity(4 * text.len() + 256)?;
    line.push(format!("{}=", variable(name)).as_bytes())?;
    match form {
        Form::Single => quote(&mut line, text, "'", &[])?,
        Form::Double => {
            let escapes = [('\\', r"\\"), ('"', "\\\""), ('$', r"\$"), ('`', r"\`")];
            quote(&mut line, text, "\"", &escapes)?;
        }
        Form::Spliced => quote(&mut line, text, "'", &[('\'', r"'\''")])?,
    }
    line.push(b"\n")?;
    Ok(Assignment { line, differ })
}

/// Who reads a text in this form as another one. Each clause is what that reader does.
fn differing(form: Form, text: &str) -> Vec<Reader> {
    let has = |c: char| text.contains(c);
    // A backslash before the closing quote is taken for one that belongs to the quote.
    let ends = text.ends_with('\\');
    // Node drops them, the others make newlines of them; import so only before a newline.
    let returns = has('\r');
    let import = text.contains("\r\n");
    // Both quotes: python-dotenv replaces `${..}`.
    let python = returns || ends || text.contains("${");
    let (python, node, dotenv) = match form {
        // In single quotes python-dotenv reads two backslashes as one.
        Form::Single => (python || text.contains(r"\\"), returns, returns || ends),
        // python-dotenv knows no \$ and no \`, Node no escapes but \n.
        Form::Double => {
            let escaped = ['\\', '"', '$', '`'].into_iter().any(has);
            (python || has('$') || has('`'), returns || escaped, returns || escaped)
        }
        // Pieces that adjoin are a shell's alone.
        Form::Spliced => (true, true, true),
    };
    let all = [
        (import, Reader::Import),
        (python, Reader::Python),
        (node, Reader::Node),
        (dotenv, Reader::Dotenv),
    ];
    all.into_iter().filter(|(differs, _)| *differs).map(|(_, reader)| reader).collect()
}

fn quote(line: &mut Secret, text: &str, mark: &str, escapes: &[(char, &str)]) -> Result<()> {
    line.push(mark.as_bytes())?;
    for c in text.chars() {
        match escapes.iter().find(|(from, _)| *from == c) {
            Some((_, to)) => line.push(to.as_bytes())?,
            None => line.push(Zeroizing::new([0; 4]).as_mut_slice().encode(c))?,
        }
    }
    line.push(mark.as_bytes())
}

trait Encode {
    fn encode(&mut self, c: char) -> &[u8];
}

impl Encode for [u8] {
    fn encode(&mut self, c: char) -> &[u8] {
        c.encode_utf8(self).as_bytes()
    }
}

/// One JSON object with all values.
///
/// # Errors
/// `[not-exportable]` for a value that is no text.
pub fn json(values: &[(SecretName, Secret)]) -> Result<Secret> {
    let room: usize = values.iter().map(|(n, v)| n.as_str().len() + 6 * v.len() + 16).sum();
    let mut object = Secret::with_capacity(room + 16)?;
    for (index, (name, value)) in values.iter().enumerate() {
        let text = std::str::from_utf8(value.expose()).map_err(|_| not_text(name))?;
        let text = Zeroizing::new(
            serde_json::to_string(text).map_err(|_| Error::bug("cannot write JSON"))?,
        );
        let start = if index == 0 { "{" } else { "," };
        object.push(format!("{start}\"{name}\":").as_bytes())?;
        object.push(text.as_bytes())?;
    }
    object.push(b"}\n")?;
    Ok(object)
}

fn not_text(name: &SecretName) -> Error {
    Error::new(
        Kind::Data,
        code::NOT_EXPORTABLE,
        format!("{name} is no text, and has no form in this format"),
    )
    .hint(format!("write it as it is: hasp-vault reveal {name} --force"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::import::dotenv::File;
    use proptest::prelude::*;

    fn line(value: &str) -> (String, Vec<Reader>) {
        let value = Secret::copy_of(value.as_bytes()).unwrap();
        let made = assignment(&"a/KEY".parse().unwrap(), &value).unwrap();
        (String::from_utf8(made.line.expose().to_vec()).unwrap(), made.differ)
    }

    #[test]
    fn variables() {
        for (name, expected) in [
            ("api/DATABASE_URL", "DATABASE_URL"),
            ("db/url", "DB_URL"),
            ("1x", "_1X"),
            ("a/1B", "A_1B"),
        ] {
            assert_eq!(variable(&name.parse().unwrap()), expected);
        }
    }

    #[test]
    fn each_value_gets_the_form_that_most_readers_share() {
        use Reader::{Dotenv, Import, Node, Python};
        for (value, expected, differ) in [
            ("a b", "'a b'", &[][..]),
            ("it's", "\"it's\"", &[]),
            ("say \"hi\" \\n $x `y`", "'say \"hi\" \\n $x `y`'", &[]),
            ("C:\\new\\", "'C:\\new\\'", &[Python, Dotenv]),
            ("\\\\server", "'\\\\server'", &[Python]),
            ("it's \"both\"", "\"it's \\\"both\\\"\"", &[Node, Dotenv]),
            ("it's $1", "\"it's \\$1\"", &[Python, Node, Dotenv]),
            ("${HOME}", "'${HOME}'", &[Python]),
            ("a\r\nb", "'a\r\nb'", &[Import, Python, Node, Dotenv]),
        ] {
            assert_eq!(line(value), (format!("KEY={expected}\n"), differ.to_vec()), "{value}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_by_name() {
        for value in [&b"a\0b"[..], b"\xff"] {
            let value = Secret::copy_of(value).unwrap();
            let name: SecretName = "a/KEY".parse().unwrap();
            let refused = assignment(&name, &value).err().unwrap();
            assert!(refused.message().contains("a/KEY"), "{refused}");
            let json = json(&[(name, value)]);
            assert_eq!(json.is_err(), json.err().is_some_and(|e| e.message().contains("a/KEY")));
        }
    }

    proptest! {
        #[test]
        fn import_reads_back_all_that_no_warning_names(
            value in "([ -~]|[\\\\'\"$`#{}\n\r\t\u{1}\u{7f}\u{e9}\u{feff}]){1,40}",
        ) {
            let (text, differ) = line(&value);
            let text = Secret::copy_of(text.as_bytes()).unwrap();
            let file = File::read(&text);
            prop_assert_eq!(&file.faults("f"), &[]);
            let entry = file.entry("KEY").unwrap().unwrap();
            let same = entry.value.expose() == value.as_bytes();
            prop_assert!(same || differ.contains(&Reader::Import));
        }
    }
}
