//! Names and values in lines: dotenv, INI, YAML, headers, connection strings, libpq's keywords,
//! pgpass and netrc.

use zeroize::Zeroizing;

use super::{Place, json};

/// Calls for each field, with its place, its name and its value.
pub(super) fn each(text: &[u8], mut call: impl FnMut(Place, &[u8], &[u8])) {
    if netrc(text, &mut call) {
        return;
    }
    for line in text.split(|b| matches!(b, b'\n' | b'\r')).map(<[u8]>::trim_ascii) {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if let Some(password) = pgpass(line) {
            call(Place::Pgpass, b"password", &password);
            continue;
        }
        let several = [&b";"[..], b"&", b" \t"].into_iter().map(|between| apart(line, between));
        if let Some(fields) = several.into_iter().find(|fields| fields.len() > 1) {
            fields.into_iter().for_each(|(key, value)| call(Place::Field, key, value));
            // What separates fields may also stand in the one value that a line has.
            if !begins_with_name(line) {
                continue;
            }
        }
        single(line, &mut call);
    }
}

/// Whether a word and `=` begin a line, as in dotenv.
fn begins_with_name(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"export ").unwrap_or(line);
    let name = memchr::memchr(b'=', line).map_or(line, |at| line[..at].trim_ascii());
    name.iter().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(b))
}

/// A line as one name and its value, or as none and a colon, as in `user:password`.
fn single(line: &[u8], call: &mut impl FnMut(Place, &[u8], &[u8])) {
    let line = line.strip_prefix(b"export ").unwrap_or(line);
    let equals = memchr::memchr(b'=', line);
    let colon = memchr::memchr(b':', line);
    let blank = colon.filter(|at| line.get(at + 1).is_some_and(u8::is_ascii_whitespace));
    let at = match (equals, blank) {
        (Some(equals), Some(colon)) => Some(equals.min(colon)),
        (equals, colon) => equals.or(colon),
    };
    let (name, value) = match (at, colon) {
        (Some(at), _) => (&line[..at], &line[at + 1..]),
        (None, Some(colon)) => (&b""[..], &line[colon + 1..]),
        (None, None) => return,
    };
    call(Place::Field, unquoted(name.trim_ascii()), unquoted(without_comment(value.trim_ascii())));
}

/// What stands before a comment, which is one behind a blank only, and not within quotes.
fn without_comment(value: &[u8]) -> &[u8] {
    let open = value.first().filter(|b| matches!(b, b'\'' | b'"'));
    let from = open.and_then(|open| memchr::memrchr(*open, value)).unwrap_or(0);
    let comment = value[from..]
        .windows(2)
        .position(|w| w[0].is_ascii_whitespace() && matches!(w[1], b'#' | b';'));
    comment.map_or(value, |at| value[..from + at].trim_ascii())
}

/// The value as the program reads that knows its escapes: those of double quotes, or a quote that
/// is written twice.
pub(super) fn unescaped(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if value.contains(&b'\\') {
        return Some(json::decoded(value));
    }
    let doubled = |w: &[u8]| matches!(w, b"''" | b"\"\"");
    let first = value.windows(2).position(doubled)?;
    let mut read = Zeroizing::new(Vec::with_capacity(value.len()));
    read.extend_from_slice(&value[..first]);
    let mut at = first;
    while at < value.len() {
        read.push(value[at]);
        at += if value.get(at..at + 2).is_some_and(doubled) { 2 } else { 1 };
    }
    Some(read)
}

/// Fields with one of these bytes between them.
pub(super) fn apart<'t>(text: &'t [u8], between: &[u8]) -> Vec<(&'t [u8], &'t [u8])> {
    let (mut fields, mut start) = (Vec::new(), 0);
    while start < text.len() {
        let length = part(&text[start..], between);
        let field = &text[start..start + length];
        if let Some(equals) = memchr::memchr(b'=', field) {
            let name = field[..equals].trim_ascii();
            fields.push((unquoted(name), unquoted(field[equals + 1..].trim_ascii())));
        }
        start += length + 1;
    }
    fields
}

/// How long the part is that begins here; a separator within the quotes of a value does not end it.
fn part(text: &[u8], between: &[u8]) -> usize {
    let (mut quote, mut named) = (None, false);
    for (at, byte) in text.iter().enumerate() {
        match quote {
            Some(open) if *byte == open => quote = None,
            Some(_) => {}
            None if between.contains(byte) => return at,
            None if named && matches!(byte, b'\'' | b'"') => quote = Some(*byte),
            None => {}
        }
        named = *byte == b'=' || named && byte.is_ascii_whitespace();
    }
    text.len()
}

/// Without a pair of quotes around it.
fn unquoted(text: &[u8]) -> &[u8] {
    match text {
        [open @ (b'\'' | b'"'), inside @ .., close] if open == close => inside,
        _ => text,
    }
}

/// The password of a line `host:port:database:user:password`, where a backslash precedes what is no
/// separator.
fn pgpass(line: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut colons = Vec::with_capacity(4);
    let mut at = 0;
    while at < line.len() && colons.len() < 4 {
        match line[at] {
            b'\\' => at += 1,
            b':' => colons.push(at),
            _ => {}
        }
        at += 1;
    }
    let [host, port, _, user] = colons[..] else { return None };
    let port = &line[host + 1..port];
    if port != b"*" && (port.is_empty() || !port.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let mut password = Zeroizing::new(Vec::with_capacity(line.len()));
    let mut escaped = false;
    for byte in &line[user + 1..] {
        escaped = !escaped && *byte == b'\\';
        if !escaped {
            password.push(*byte);
        }
    }
    Some(password)
}

/// The passwords of netrc, if the text is one: words, of which the first is `machine` or `default`.
fn netrc(text: &[u8], call: &mut impl FnMut(Place, &[u8], &[u8])) -> bool {
    if !is_netrc(text) {
        return false;
    }
    let mut words = words(text);
    while let Some(word) = words.next() {
        if matches!(word, b"password" | b"passwd" | b"account")
            && let Some(value) = words.next()
        {
            call(Place::Netrc, if word == b"account" { b"" } else { b"password" }, value);
        }
    }
    true
}

/// Whether a text is a netrc: its first word says so.
pub(super) fn is_netrc(text: &[u8]) -> bool {
    matches!(words(text).next(), Some(b"machine" | b"default"))
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty())
}
