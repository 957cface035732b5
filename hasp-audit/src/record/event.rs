//! What is recorded: a name and ordered fields, escaped so that no label, path or program name can
//! break the line or paint over a terminal.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use data_encoding::HEXLOWER;
use hasp_core::text::printable_os;
use hasp_core::{Error, Kind, Result};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::code;
use crate::record::kind::EventKind;

/// Keys of the frame of a line, which no field may have.
const RESERVED: [&str; 6] = ["v", "n", "t", "event", "prev", "mac"];
/// A longer text is cut, in bytes; the rest is stood for by length and hash.
pub const MAX_TEXT: usize = 512;
/// How many bytes of JSON a recorded argv may have.
const MAX_ARGV: usize = 1024;

/// An event to be recorded. Never put a value, half, seal, token or passphrase into a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Which one, if hasp itself records it.
    kind: Option<EventKind>,
    pub(crate) name: String,
    pub(crate) fields: Vec<(String, Value)>,
}

impl Event {
    /// An event of this kind, which takes the fields that [`EventKind::fields`] names.
    pub fn new(kind: EventKind) -> Event {
        Event { kind: Some(kind), name: kind.name().to_owned(), fields: Vec::new() }
    }

    /// An event of any name, `family.what`, with any fields.
    pub(crate) fn foreign(name: impl Into<String>) -> Event {
        Event { kind: None, name: name.into(), fields: Vec::new() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The event with one more field: text, a number, a list or a `serde_json::json!` object. Text
    /// over 512 bytes is cut, see `cut`.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Event {
        let name = name.into();
        let listed = |kind: EventKind| kind.fields().contains(&name.as_str());
        debug_assert!(self.kind.is_none_or(listed), "{} has no field {name}", self.name);
        self.fields.push((name, bounded(value.into())));
        self
    }

    /// [`Event::field`] if there is something to say.
    #[must_use]
    pub fn maybe(self, name: impl Into<String>, value: Option<impl Into<Value>>) -> Event {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// A path or another word of the system, which may be no text at all; see `os_text`.
    #[must_use]
    pub fn os(self, name: impl Into<String>, word: impl AsRef<OsStr>) -> Event {
        self.field(name, os_text(word.as_ref()))
    }

    /// Field `argv` with as many words as fit into 1 KiB; if some do not, `argc` counts all of them
    /// and `argv_sha256` is the SHA-256 of all words, each followed by NUL (as in
    /// `/proc/PID/cmdline`). The caller has redacted values.
    #[must_use]
    pub fn argv<W: AsRef<OsStr>>(self, words: &[W]) -> Event {
        let mut room = MAX_ARGV;
        let shown = words.iter().map(|w| Value::from(cut(&os_text(w.as_ref()), MAX_TEXT)));
        let shown: Vec<Value> =
            shown.take_while(|w| take_room(&mut room, json(w).len() + 1)).collect();
        if shown.len() == words.len() {
            return self.field("argv", shown);
        }
        let mut hash = Sha256::new();
        words.iter().for_each(|w| hash.update([w.as_ref().as_bytes(), b"\0"].concat()));
        let hash = HEXLOWER.encode(&hash.finalize());
        self.field("argv", shown).field("argc", words.len()).field("argv_sha256", hash)
    }

    /// An event from a JSON object with a key `event`, as the plumbing of `hasp-audit append` takes
    /// it.
    ///
    /// # Errors
    /// `[bad-event]` (`Kind::Data`) for anything that is not such an object or has names that a
    /// record cannot have.
    pub fn from_json(text: &[u8]) -> Result<Event> {
        let object: serde_json::Map<String, Value> = serde_json::from_slice(text)
            .map_err(|e| bad_event(&format!("not a JSON object: {e}")))?;
        let name = object
            .get("event")
            .and_then(Value::as_str)
            .ok_or_else(|| bad_event("there is no \"event\""))?;
        let fields = object.iter().filter(|(k, _)| *k != "event" && *k != "v");
        let event = fields.fold(Event::foreign(name), |e, (k, v)| e.field(k, v.clone()));
        event.validate().map(|()| event)
    }

    /// Refuses names that would break the form of a record.
    pub(crate) fn validate(&self) -> Result<()> {
        let Some((family, what)) = self.name.split_once('.') else {
            return Err(bad_event("its name is not of the form family.what"));
        };
        if !word(family) || !word(what) {
            return Err(bad_event("its name is not of the form family.what"));
        }
        for (at, (name, _)) in self.fields.iter().enumerate() {
            let twice = self.fields[..at].iter().any(|(other, _)| other == name);
            if !word(name) || RESERVED.contains(&name.as_str()) || twice {
                let shown: String = printable_os(OsStr::new(name)).chars().take(40).collect();
                return Err(bad_event(&format!("it cannot have a field '{shown}', or not twice")));
            }
        }
        Ok(())
    }

    /// `"event":"NAME",FIELDS`.
    pub(crate) fn body(&self) -> String {
        let mut body = format!("\"event\":{}", json(&self.name));
        for (name, value) in &self.fields {
            body.push(',');
            body.push_str(&json(name));
            body.push(':');
            body.push_str(&json(value));
        }
        body
    }
}

/// Lower-case letters, digits, `_` and `-`, at most 40.
fn word(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    (1..=40).contains(&text.len()) && text.bytes().all(plain)
}

fn take_room(room: &mut usize, needed: usize) -> bool {
    let fits = needed <= *room;
    *room = room.saturating_sub(needed);
    fits
}

/// A word of the system as text: itself if it is valid UTF-8, else with `\xNN` for what is not.
pub fn os_text(word: &OsStr) -> String {
    word.to_str().map_or_else(|| printable_os(word), str::to_owned)
}

/// The text if it has at most `limit` bytes as JSON, else its beginning and `...(N bytes, sha256
/// HEX)`.
pub fn cut(text: &str, limit: usize) -> String {
    // An escape has at most six bytes for one.
    if text.len() <= limit / 6 || json(text).len() <= limit + 2 {
        return text.to_owned();
    }
    let mut room = limit;
    let head = text.chars().take_while(|c| take_room(&mut room, json(&c.to_string()).len() - 2));
    let hash = HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    format!("{}...({} bytes, sha256 {hash})", head.collect::<String>(), text.len())
}

/// Every text in the value cut to what a record can hold.
fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut(&text, MAX_TEXT)),
        Value::Array(values) => values.into_iter().map(bounded).collect(),
        Value::Object(map) => map.into_iter().map(|(k, v)| (k, bounded(v))).collect(),
        other => other,
    }
}

/// JSON in ASCII: what is not plain is `\uXXXX`, so that no terminal and no line splitter (U+0085,
/// U+2028) sees more than one line.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    let mut text = Vec::new();
    let outcome = value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Ascii));
    debug_assert!(outcome.is_ok(), "writing to memory cannot fail, and keys are text");
    String::from_utf8_lossy(&text).into_owned()
}

struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        let mut rest = fragment;
        while !rest.is_empty() {
            let plain = rest.bytes().position(|b| !(0x20..0x7f).contains(&b)).unwrap_or(rest.len());
            let (run, odd) = rest.split_at(plain);
            writer.write_all(run.as_bytes())?;
            let mut odd = odd.chars();
            for unit in odd.next().iter().flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec()) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = odd.as_str();
        }
        Ok(())
    }
}

fn bad_event(what: &str) -> Error {
    Error::new(Kind::Data, code::BAD_EVENT, format!("this event cannot be recorded: {what}"))
        .hint("an event looks like: {\"event\":\"scan.leak\",\"secret\":\"db/url\",\"count\":2}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json as object;

    #[test]
    fn fields_keep_their_order() {
        let event =
            Event::foreign("exec.start").field("z", "1").field("a", 2).maybe("none", None::<u32>);
        assert_eq!(event.body(), r#""event":"exec.start","z":"1","a":2"#);
    }

    #[test]
    fn hostile_names_stay_one_plain_line() {
        let hostile = "a\nb\"c\\\u{1b}[2J\u{2028}\u{85}\u{202e}\u{7f}\u{1f600}";
        let event =
            Event::foreign("x.y").field("p", hostile).os("q", OsStr::from_bytes(b"/bad\xff\n"));
        let body = event.body();
        assert!(body.bytes().all(|b| (0x20..0x7f).contains(&b)), "{body}");
        let parsed: Value = serde_json::from_str(&format!("{{{body}}}")).unwrap();
        assert_eq!(parsed["p"], hostile);
        assert_eq!(parsed["q"], "/bad\\xff\\n");
    }

    #[test]
    fn a_long_argv_is_counted_and_hashed() {
        let words: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
        let body = Event::foreign("exec.start").argv(&words).body();
        assert!(body.len() < MAX_ARGV + 200);
        let parsed: Value = serde_json::from_str(&format!("{{{body}}}")).unwrap();
        assert_eq!(
            (parsed["argc"].as_u64(), parsed["argv"][1].as_str()),
            (Some(100_000), Some("1"))
        );
        assert_eq!(parsed["argv_sha256"].as_str().unwrap().len(), 64);
        let short = Event::foreign("exec.start").argv(&["a", "b"]).body();
        assert_eq!(short, r#""event":"exec.start","argv":["a","b"]"#);
    }

    #[test]
    fn names_that_would_break_the_form_are_refused() {
        for bad in ["x", "x.", ".y", "X.y", "x.y z", "x.y\n", "x.y.z"] {
            assert_eq!(
                Event::foreign(bad).validate().unwrap_err().code().as_str(),
                "bad-event",
                "{bad}"
            );
        }
        for bad in ["mac", "prev", "n", "t", "v", "event", "", "A", "a\"b"] {
            assert!(Event::foreign("x.y").field(bad, 1).validate().is_err(), "{bad}");
        }
        assert!(Event::foreign("x.y").field("a", 1).field("a", 2).validate().is_err());
    }

    #[test]
    fn plumbing_takes_an_object_only() {
        let event = Event::from_json(br#"{"event":"scan.leak","count":2,"v":1}"#).unwrap();
        assert_eq!(event, Event::foreign("scan.leak").field("count", 2));
        for bad in [
            "",
            "[]",
            "1",
            "{}",
            r#"{"event":1}"#,
            r#"{"event":"x.y","mac":"00"}"#,
            r#"{"event":"x.y"} x"#,
        ] {
            assert_eq!(
                Event::from_json(bad.as_bytes()).unwrap_err().code().as_str(),
                "bad-event",
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_back_or_is_cut(text in "\\PC{0,700}|[\\x00-\\x7f]{0,700}") {
            let body = Event::foreign("x.y").field("a", object!({"deep": [text.clone()]})).body();
            prop_assert!(body.is_ascii() && !body.contains('\n'));
            let parsed: Value = serde_json::from_str(&format!("{{{body}}}")).unwrap();
            let read = parsed["a"]["deep"][0].as_str().unwrap();
            prop_assert!(read == text || read.ends_with(')') && json(read).len() < MAX_TEXT + 110);
        }

        #[test]
        fn any_bytes_as_an_event_are_taken_or_refused(bytes: Vec<u8>) {
            let _ = Event::from_json(&bytes);
        }
    }
}
