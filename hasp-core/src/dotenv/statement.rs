//! One statement of a file: a name and where its value stands, or why there is none.

use super::Variable;
use super::cursor::{Cursor, is_blank};
use super::fault::{Fault, Reason};
use super::scan;

/// What stands between two ends of lines.
pub enum Statement {
    /// An assignment.
    Variable(Variable),
    /// A shell's word on a variable that it gives no value.
    Nothing,
}

/// Words that stand before an assignment in what shells write.
const WORDS: [&[u8]; 4] = [b"export", b"declare", b"typeset", b"readonly"];

/// Reads one statement; the cursor stands behind it, or anywhere if there is a fault.
pub fn statement(cursor: &mut Cursor) -> Result<Statement, Fault> {
    let line = cursor.line();
    let from = cursor.at();
    let declared = skip_words(cursor);
    let head = cursor.rest_of_line();
    let Some(equals) = head.iter().position(|b| *b == b'=') else {
        let names = head.trim_ascii();
        let all_names = names.split(|b| is_blank(*b)).all(is_name);
        return match declared && all_names {
            true => {
                cursor.skip_line();
                Ok(Statement::Nothing)
            }
            false => Err(Fault { name: None, line, reason: Reason::NoAssignment }),
        };
    };
    let name = head[..equals].trim_ascii();
    if !is_name(name) {
        let reason = if name.is_empty() { Reason::NoAssignment } else { Reason::BadName };
        return Err(Fault { name: None, line, reason });
    }
    let name = String::from_utf8_lossy(name).into_owned();
    cursor.forward(equals + 1);
    let wrong = |reason| Fault { name: Some(name.clone()), line, reason };
    let spaced = cursor.skip_blanks();
    let start = cursor.at();
    let mut length = 0;
    let read = scan::value(cursor, spaced, &mut |bytes| length += bytes.len()).map_err(wrong)?;
    let span = start..cursor.at();
    let last = cursor.line();
    if !cursor.ends_line() {
        // One that closes lines below is more likely the opening quote of another value.
        let reason = if last == line { Reason::AfterQuote } else { Reason::Unclosed };
        return Err(wrong(reason));
    }
    if let Some((line, reason)) = cursor.wrong_bytes(from, line) {
        return Err(Fault { line, ..wrong(reason) });
    }
    let (empty, unexpanded) = (length == 0, read.unexpanded);
    Ok(Statement::Variable(Variable { name, line, span, empty, unexpanded }))
}

/// `export`, `declare -x` and the like, as shells write them.
fn skip_words(cursor: &mut Cursor) -> bool {
    let mut declared = false;
    loop {
        let rest = cursor.rest_of_line();
        let length = rest.iter().position(|b| is_blank(*b)).unwrap_or(rest.len());
        let word = &rest[..length];
        let option = declared && word.starts_with(b"-") && !word.contains(&b'=');
        if length == rest.len() || !(WORDS.contains(&word) || option) {
            return declared;
        }
        // "export = x" assigns to a variable of that name.
        if rest[length..].trim_ascii_start().starts_with(b"=") {
            return declared;
        }
        declared = true;
        cursor.forward(length);
        cursor.skip_blanks();
    }
}

/// Names of shells, and those with `.` and `-` that other programs take.
fn is_name(name: &[u8]) -> bool {
    let first = name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    first && name.iter().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(b))
}
