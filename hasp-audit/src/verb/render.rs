//! A record as a line to read: local time, colour on a terminal, and nothing in it that the
//! terminal would obey.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use hasp_core::text::{printable, shell_words};
use hasp_core::tool::Context;
use hasp_core::{Result, Timestamp};
use serde_json::Value;

use crate::query::runs::Ends;
use crate::record::asker;
use crate::record::kind;
use crate::record::{Record, Use};
use crate::verify::part::AT_ONCE;

/// How many secrets a line names before it counts the rest.
const SHOWN: usize = 6;
/// How many of those who asked a line names.
const ASKERS: usize = 3;
/// The fields that have a place of their own, or say nothing to a reader.
const PLACED: [&str; 25] = [
    "v",
    "n",
    "t",
    "event",
    "prev",
    "mac",
    "secret",
    "version",
    "secrets",
    "fp",
    "parts",
    "grant",
    "project",
    "target",
    "consumer",
    "argv",
    "argc",
    "argv_sha256",
    "program",
    "program_sha256",
    "asker",
    "code",
    "reason",
    "status",
    "signal",
];

/// Prints records, as text or (with `--json`) as they are.
pub struct Render {
    dir: PathBuf,
    json: bool,
    colour: bool,
    following: bool,
    ends: Option<Ends>,
    last: Option<u64>,
    unknown: BTreeMap<String, u64>,
    newest: Option<Timestamp>,
    /// Whether there was nothing to print.
    pub none: bool,
}

impl Render {
    /// For the output of this context and the log in `dir`.
    pub fn new(cx: &Context, dir: &Path) -> Render {
        let (json, colour) = (cx.out.json, cx.out.colour(&cx.env));
        let (dir, unknown) = (dir.to_owned(), BTreeMap::new());
        Render {
            dir,
            json,
            colour,
            following: false,
            ends: None,
            last: None,
            unknown,
            newest: None,
            none: true,
        }
    }

    /// From now on records are new: what was printed is not printed again, and a run that has not
    /// ended is no news.
    pub fn follow(&mut self) {
        self.following = true;
    }

    /// Prints one record.
    pub fn print(&mut self, cx: &mut Context, record: &Record) -> Result<()> {
        if self.following && self.last.is_some_and(|last| record.n() <= last) {
            return Ok(());
        }
        self.last = self.last.max(Some(record.n()));
        self.none = false;
        if !record.is_known() {
            *self.unknown.entry(record.event().to_owned()).or_default() += 1;
        }
        if self.json {
            cx.out.data(&record.line)?;
            return cx.out.data(b"\n");
        }
        let endless =
            !self.following && record.event() == "exec.start" && !self.ended(record.n())?;
        let mut line = self.text(record);
        let time = record.time();
        if self.newest.is_some_and(|newest| time.after(AT_ONCE) < newest) {
            line.push_str(&self.paint("33", "  the clock was set back"));
            self.newest = None;
        }
        self.newest = self.newest.max(Some(time));
        if endless {
            line.push_str(&self.paint("33", "  no end: it still runs, or was killed"));
        }
        cx.out.folded(&line, 8)
    }

    /// Says how many of the records that were printed are of events that this version does not
    /// know: of another version of hasp, whose questions they may answer.
    pub fn done(&self, cx: &mut Context) {
        for (event, count) in &self.unknown {
            let event = printable(event.as_bytes());
            cx.out.note(&format!("this version does not know the event {event}: {count} of these"));
        }
    }

    fn ended(&mut self, start: u64) -> Result<bool> {
        if self.ends.is_none() {
            self.ends = Some(Ends::read(&self.dir)?);
        }
        self.ends.as_mut().map_or(Ok(true), |ends| ends.has(start))
    }

    fn text(&self, record: &Record) -> String {
        let event = printable(record.event().as_bytes());
        let when = self.paint("2", &format!("{:>6}  {}", record.n(), record.time().local()));
        let what = self.paint(shade(record.event()), &format!("{event:<13}"));
        let said: Vec<String> = said(record).into_iter().filter(|s| !s.is_empty()).collect();
        format!("{when}  {what} {}", said.join("  ")).trim_end().to_owned()
    }

    fn paint(&self, shade: &str, text: &str) -> String {
        if self.colour && !shade.is_empty() {
            format!("\x1b[{shade}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Denials red, values that left yellow, the record's own events bold.
fn shade(event: &str) -> &'static str {
    match event {
        e if kind::is_denial(e) => "31",
        e if kind::releases(e) => "33",
        e if e.starts_with("audit.") => "1",
        _ => "",
    }
}

/// What a record says, in the order of interest.
fn said(record: &Record) -> Vec<String> {
    let field = |name: &str, before: &str| {
        let text = printable(record.text(name).as_bytes());
        if text.is_empty() { text } else { format!("{before}{text}") }
    };
    let number =
        |name: &str| record.object[name].as_i64().map_or(String::new(), |n| format!("{name} {n}"));
    let mut said = vec![
        field("code", ""),
        secrets(&record.uses()),
        field("target", "target "),
        command(&record.object["argv"]),
        program(record),
        number("status"),
        number("signal"),
        field("project", "in "),
        field("consumer", "by "),
        askers(record),
        field("grant", "grant "),
        field("reason", "for: "),
    ];
    let others = record
        .object
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| !PLACED.contains(&name.as_str()));
    said.extend(
        others.map(|(name, value)| format!("{}={}", printable(name.as_bytes()), plain(value))),
    );
    said
}

/// Who asked, the nearest that says something first: program and pid; neither our own tool, which
/// stands for whoever ran it, nor shells.
fn askers(record: &Record) -> String {
    let told = asker::told(record.askers());
    let mut shown: Vec<String> = told
        .iter()
        .take(ASKERS)
        .map(|asker| {
            let pid = asker.pid.map(|pid| format!(" {pid}")).unwrap_or_default();
            match asker.name() {
                "" => format!("pid{pid}"),
                name => format!("{}{pid}", printable(name.as_bytes())),
            }
        })
        .collect();
    if told.len() > ASKERS {
        shown.push("..".to_owned());
    }
    if shown.is_empty() { String::new() } else { format!("asked by {}", shown.join(" < ")) }
}

fn secrets(uses: &[Use]) -> String {
    let mut shown: Vec<String> =
        uses.iter().take(SHOWN).map(|u| printable(u.to_string().as_bytes())).collect();
    if uses.len() > SHOWN {
        shown.push(format!("and {} more", uses.len() - SHOWN));
    }
    shown.join(" ")
}

fn command(argv: &Value) -> String {
    let words: Vec<&OsStr> =
        argv.as_array().into_iter().flatten().filter_map(Value::as_str).map(OsStr::new).collect();
    if words.is_empty() { String::new() } else { format!("$ {}", shell_words(words)) }
}

/// The program, where no command line shows it.
fn program(record: &Record) -> String {
    let program = printable(record.text("program").as_bytes());
    let shown = record.object["argv"].is_array() || program.is_empty();
    if shown { String::new() } else { format!("program {program}") }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text.as_bytes()),
        other => printable(crate::record::event::json(other).as_bytes()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(line: &str) -> String {
        let render = Render {
            dir: PathBuf::new(),
            json: false,
            colour: false,
            following: false,
            ends: None,
            last: None,
            unknown: BTreeMap::new(),
            newest: None,
            none: true,
        };
        render.text(&Record::parse(line.as_bytes()).unwrap())
    }

    #[test]
    fn a_start_reads_as_a_sentence() {
        let line = r#"{"v":1,"n":7,"t":"2026-01-01T00:00:00Z","event":"exec.start","grant":"g1",
            "project":"/p","target":"test","argv":["pytest","-k","a b"],"consumer":"session:9",
            "secrets":[{"name":"db/url","version":3}],"prev":"","mac":""}"#;
        let text = shown(line);
        assert!(
            text.ends_with(
                "exec.start    db/url@3  target test  $ pytest -k 'a b'  in /p  by \
                            session:9  grant g1"
            ),
            "{text}"
        );
        assert!(text.starts_with("     7  "));
    }

    #[test]
    fn what_is_not_known_is_shown_too() {
        assert!(
            shown(r#"{"n":1,"event":"scan.leak","count":2,"via":"append"}"#)
                .ends_with("count=2  via=append")
        );
    }

    proptest! {
        #[test]
        fn no_field_reaches_the_terminal_as_it_is(
            name in "[a-z]{1,8}",
            text in "\\PC{0,20}[\\x00-\\x1f\u{7f}\u{9b}\u{202e}\u{2028}]\\PC{0,20}",
        ) {
            let known = ["event", "project", "target", "code", "consumer", "reason", "grant"];
            for field in known.into_iter().chain([name.as_str()]) {
                let secrets = serde_json::json!([{"name": text}]);
                let line = serde_json::json!({
                    "n": 1, field: text, "argv": [text], "secret": text, "secrets": secrets,
                });
                let line = shown(&line.to_string());
                let obeyed = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{2028}');
                prop_assert!(!line.chars().any(obeyed));
            }
        }
    }
}
