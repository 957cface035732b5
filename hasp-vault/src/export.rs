//! Values in the clear, for programs that know nothing of hasp: as assignments that shells and
//! dotenv libraries read alike, or as JSON.

use hasp_core::{Error, Kind, Result, Secret, SecretName};
use zeroize::Zeroizing;

use crate::code;

/// A value as `NAME=VALUE` and whether python-dotenv would read the same as a shell.
pub struct Assignment {
    /// With the newline at its end.
    pub line: Secret,
    /// No if the value needs the shell's own quoting, or holds `${`, which dotenv libraries
    /// replace.
    pub portable: bool,
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

/// Quotes a value so that bash, dash and python-dotenv read it alike wherever there is such a form.
///
/// # Errors
/// `[not-exportable]` for a value with a NUL byte, or that is no text.
pub fn assignment(name: &SecretName, value: &Secret) -> Result<Assignment> {
    let text = std::str::from_utf8(value.expose())
        .ok()
        .filter(|t| !t.contains('\0'))
        .ok_or_else(|| not_text(name))?;
    let mut line = Secret::with_capacity(6 * text.len() + 256)?;
    line.push(format!("{}=", variable(name)).as_bytes())?;
    // In single quotes a shell takes all as it is; python-dotenv still reads \\ and \' there.
    let single = !text.contains('\'') && !text.contains(r"\\") && !text.ends_with('\\');
    let double = !text.contains(['$', '`']);
    if single {
        quote(&mut line, text, "'", &[])?;
    } else if double {
        quote(&mut line, text, "\"", &[('\\', r"\\"), ('"', "\\\"")])?;
    } else {
        quote(&mut line, text, "'", &[('\'', r"'\''")])?;
    }
    line.push(b"\n")?;
    let portable = (single || double) && !text.contains("${") && !text.contains('\r');
    Ok(Assignment { line, portable })
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
    use proptest::prelude::*;

    fn line(value: &str) -> (String, bool) {
        let made =
            assignment(&"a/KEY".parse().unwrap(), &Secret::copy_of(value.as_bytes()).unwrap())
                .unwrap();
        (String::from_utf8(made.line.expose().to_vec()).unwrap(), made.portable)
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
        assert!(line("a b") == ("KEY='a b'\n".into(), true));
        assert!(line("it's \\") == ("KEY=\"it's \\\\\"\n".into(), true));
        assert!(line("it's $1") == ("KEY='it'\\''s $1'\n".into(), false));
        assert!(!line("${HOME}").1);
    }

    proptest! {
        #[test]
        fn what_is_portable_is_read_back_by_import(value in "[ -~\n]{1,40}") {
            let (text, portable) = line(&value);
            if portable {
                let text = Secret::copy_of(text.as_bytes()).unwrap();
                let read = crate::import::dotenv::parse(&text).unwrap();
                prop_assert!(read.len() == 1 && read[0].value.expose() == value.as_bytes());
            }
        }
    }
}
