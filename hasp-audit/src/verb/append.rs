//! `append`: an event from another tool's standard input, marked as such, since anybody who runs as
//! this user can send one.

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, Source};
use serde_json::json;

use crate::code;
use crate::record::event::Event;
use crate::verb::place::Place;

/// The longest event that is taken, in bytes.
const MAX_EVENT: usize = 64 * 1024;

/// Records one event and, with `--json`, prints its number.
pub fn run(cx: &mut Context, place: &Place) -> Result<Exit> {
    let text = Source::Stdin.read(&mut cx.env, MAX_EVENT)?;
    let event = Event::from_json(text.expose())?;
    if event.name().starts_with("audit.") {
        return Err(Error::new(
            Kind::Denied,
            code::EVENT_RESERVED,
            "events of the record itself are not for others to write",
        )
        .hint("name it otherwise, for example: {\"event\":\"scan.leak\"}"));
    }
    let n = place.log()?.append(cx.now, &[event.field("via", "append")])?;
    if cx.out.json {
        cx.out.object(&json!({"v": 1, "n": n}))?;
    }
    Ok(Exit::OK)
}
