//! The value of an assignment: quoted pieces that adjoin, as a shell reads them, or bare text to
//! the end of the line. It is read twice, once to see where it ends and once to be decoded, so that
//! it is copied only for whoever asks.

use super::cursor::{Cursor, is_blank};
use super::fault::Reason;

/// What a shell's quoting puts a backslash before.
const SPECIAL: &[u8] = b" \t'\"\\|&;()<>!{}*[]?^$`,#~=";

/// What was seen of a value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Read {
    /// Whether a shell would have replaced something in it.
    pub unexpanded: bool,
}

/// Takes the decoded bytes, in pieces.
type Sink<'s> = &'s mut dyn FnMut(&[u8]);

/// Reads the value at the cursor; `spaced` if blanks stand before it.
///
/// # Errors
/// The reason for which it is none.
pub fn value(cursor: &mut Cursor, spaced: bool, sink: Sink) -> Result<Read, Reason> {
    match cursor.ahead() {
        [b'"' | b'\'', ..] | [b'$', b'\'', ..] => pieces(cursor, sink),
        [b'`', rest @ ..] if rest.contains(&b'`') => Err(Reason::Backticks),
        [b'`', ..] => Err(Reason::Unclosed),
        [b'(', b'[', ..] => Err(Reason::Array),
        _ => Ok(bare(cursor, spaced, sink)),
    }
}

/// Quoted pieces and escaped characters, one behind the other.
fn pieces(cursor: &mut Cursor, sink: Sink) -> Result<Read, Reason> {
    let mut read = Read::default();
    loop {
        match cursor.ahead() {
            [b'\'', ..] => single(cursor, sink)?,
            [b'"', ..] => read.unexpanded |= double(cursor, sink)?,
            [b'$', b'\'', ..] => ansi(cursor, sink)?,
            [b'\\', next, ..] if SPECIAL.contains(next) => {
                sink(&[*next]);
                cursor.forward(2);
            }
            _ => return Ok(read),
        }
    }
}

/// All as it is, but for the line ends of DOS.
fn single(cursor: &mut Cursor, sink: Sink) -> Result<(), Reason> {
    cursor.forward(1);
    loop {
        match cursor.take().ok_or(Reason::Unclosed)? {
            b'\'' => return Ok(()),
            b'\r' if cursor.ahead().starts_with(b"\n") => {}
            byte => sink(&[byte]),
        }
    }
}

/// A backslash means what it means to a shell, and `\n`, `\r` and `\t` what they mean to dotenv
/// libraries. Says whether something is not expanded.
fn double(cursor: &mut Cursor, sink: Sink) -> Result<bool, Reason> {
    cursor.forward(1);
    let mut unexpanded = false;
    loop {
        match cursor.take().ok_or(Reason::Unclosed)? {
            b'"' => return Ok(unexpanded),
            b'\r' if cursor.ahead().starts_with(b"\n") => {}
            b'\\' => match cursor.take().ok_or(Reason::Unclosed)? {
                b'n' => sink(b"\n"),
                b'r' => sink(b"\r"),
                b't' => sink(b"\t"),
                b'\n' => {}
                known @ (b'\\' | b'"' | b'$' | b'`') => sink(&[known]),
                other => sink(&[b'\\', other]),
            },
            byte => {
                let dollar = byte == b'$' && matches!(cursor.ahead().first(), Some(b'{' | b'('));
                unexpanded |= dollar || byte == b'`';
                sink(&[byte]);
            }
        }
    }
}

/// `$'..'`, as `printf %q` and `export -p` write what does not print.
fn ansi(cursor: &mut Cursor, sink: Sink) -> Result<(), Reason> {
    cursor.forward(2);
    loop {
        match cursor.take().ok_or(Reason::Unclosed)? {
            b'\'' => return Ok(()),
            b'\r' if cursor.ahead().starts_with(b"\n") => {}
            b'\\' => escape(cursor, sink)?,
            byte => sink(&[byte]),
        }
    }
}

fn escape(cursor: &mut Cursor, sink: Sink) -> Result<(), Reason> {
    let byte = match cursor.take().ok_or(Reason::Unclosed)? {
        b'a' => 7,
        b'b' => 8,
        b'e' | b'E' => 0x1b,
        b'f' => 0xc,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0xb,
        known @ (b'\\' | b'\'' | b'"' | b'?') => known,
        digit @ b'0'..=b'7' => {
            let more = cursor.digits(8, 2);
            let number = more.iter().fold(u32::from(digit - b'0'), |n, d| n * 8 + d);
            u8::try_from(number & 0xff).unwrap_or_default()
        }
        b'x' => {
            let number = number(&cursor.digits(16, 2))?;
            u8::try_from(number).map_err(|_| Reason::Escape)?
        }
        long @ (b'u' | b'U') => {
            let digits = cursor.digits(16, if long == b'u' { 4 } else { 8 });
            let character = char::from_u32(number(&digits)?).filter(|c| *c != '\0');
            let character = character.ok_or(Reason::Escape)?;
            sink(character.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        other => {
            sink(&[b'\\', other]);
            return Ok(());
        }
    };
    if byte == 0 {
        // Where a shell would end the value.
        return Err(Reason::Escape);
    }
    sink(&[byte]);
    Ok(())
}

fn number(digits: &[u32]) -> Result<u32, Reason> {
    if digits.is_empty() {
        return Err(Reason::Escape);
    }
    Ok(digits.iter().fold(0, |n, d| n << 4 | d))
}

/// To the end of the line, or to a `#` behind a blank.
fn bare(cursor: &mut Cursor, spaced: bool, sink: Sink) -> Read {
    let text = bare_text(cursor.rest_of_line(), spaced);
    let escaped = by_shell(text);
    let mut unexpanded = false;
    let mut ticks = 0;
    let mut at = 0;
    while at < text.len() {
        at += usize::from(escaped && text[at] == b'\\');
        let literal = escaped && at > 0 && text[at - 1] == b'\\';
        let dollar = matches!(text[at..], [b'$', b'{' | b'(', ..]);
        unexpanded |= dollar && !literal;
        ticks += usize::from(text[at] == b'`' && !literal);
        sink(&text[at..=at]);
        at += 1;
    }
    cursor.forward(text.len());
    Read { unexpanded: unexpanded || ticks > 1 }
}

/// Without the comment and the blanks at the end, but for one that is escaped.
fn bare_text(line: &[u8], spaced: bool) -> &[u8] {
    let blank = |at: usize| is_blank(line[at]) && (at == 0 || line[at - 1] != b'\\');
    let comment = (0..line.len())
        .find(|at| line[*at] == b'#' && if *at == 0 { spaced } else { blank(at - 1) });
    let text = &line[..comment.unwrap_or(line.len())];
    let kept = text.trim_ascii_end();
    match text.get(..=kept.len()) {
        Some(longer) if is_blank(longer[kept.len()]) && by_shell(longer) => longer,
        _ => kept,
    }
}

/// Whether a shell's quoting can have written it: it has backslashes, and each stands before a
/// character that needs one. `C:\new` is none of that, and is taken as it is.
fn by_shell(text: &[u8]) -> bool {
    let mut bytes = text.iter();
    let mut any = false;
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' {
            any = true;
            if !bytes.next().is_some_and(|next| SPECIAL.contains(next)) {
                return false;
            }
        }
    }
    any
}
