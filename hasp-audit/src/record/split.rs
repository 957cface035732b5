//! Making an event fit into its line: lists that are too long go into `FAMILY.item` records just
//! before, in the same append.

use hasp_core::{Error, Kind, Result};
use serde_json::Value;

use crate::code;
use crate::record::event::{Event, json};
use crate::record::line::{FRAME, MAX_LINE};

/// The longest body of a line.
const MAX_BODY: usize = MAX_LINE - FRAME;
/// Fields that are repeated in each item record, so that a question that finds the item knows whose
/// it is.
const REPEATED: [&str; 3] = ["grant", "project", "consumer"];

/// The bodies of the records for one event, the event's own last, if that one gets number `first +
/// items`.
///
/// A list that was moved leaves `"FIELD_items": how many` behind; each item record carries `"of"`
/// and `"for"`, number and name of its event's record.
///
/// # Errors
/// `[bad-event]`; `[record-too-long]` (`Kind::Bug`) if there is no list to move.
pub fn bodies(event: &Event, first: u64) -> Result<Vec<String>> {
    event.validate()?;
    let whole = event.body();
    if whole.len() <= MAX_BODY {
        return Ok(vec![whole]);
    }
    let (main, moved) = split(event)?;
    let chunks =
        moved.iter().flat_map(|(name, values)| chunks(event, name, values)).collect::<Vec<_>>();
    let of = first + chunks.len() as u64;
    let mut bodies: Vec<String> =
        chunks.into_iter().map(|item| item.field("of", of).body()).collect();
    bodies.push(main.body());
    match bodies.iter().find(|b| b.len() > MAX_BODY) {
        Some(long) => Err(too_long(long.len())),
        None => Ok(bodies),
    }
}

type Moved = Vec<(String, Vec<Value>)>;

/// Moves lists out of the event, the longest first, until the rest fits.
fn split(event: &Event) -> Result<(Event, Moved)> {
    let (mut main, mut moved) = (event.clone(), Moved::new());
    while main.body().len() > MAX_BODY {
        let lists = main.fields.iter_mut().filter(|(_, v)| v.is_array());
        let longest =
            lists.max_by_key(|(_, v)| json(v).len()).ok_or_else(|| too_long(event.body().len()))?;
        if let Value::Array(values) = longest.1.take() {
            let name = longest.0.clone();
            longest.0 = format!("{name}_items");
            longest.1 = values.len().into();
            moved.push((name, values));
        }
    }
    Ok((main, moved))
}

/// Item records that together hold all values of one list.
fn chunks(event: &Event, name: &str, values: &[Value]) -> Vec<Event> {
    let empty = item(event, name, &[]).field("of", u64::MAX).body().len();
    let mut chunks: Vec<Vec<Value>> = Vec::new();
    let mut room = 0;
    for value in values {
        let needed = json(value).len() + 1;
        if needed > room || chunks.is_empty() {
            chunks.push(Vec::new());
            room = MAX_BODY - empty;
        }
        room = room.saturating_sub(needed);
        chunks.last_mut().into_iter().for_each(|c| c.push(value.clone()));
    }
    chunks.iter().map(|c| item(event, name, c)).collect()
}

fn item(event: &Event, name: &str, values: &[Value]) -> Event {
    let family = event.name.split('.').next().unwrap_or_default();
    let repeated = event.fields.iter().filter(|(n, _)| REPEATED.contains(&n.as_str()));
    let item =
        repeated.fold(Event::foreign(format!("{family}.item")), |e, (n, v)| e.field(n, v.clone()));
    item.field(name, values.to_vec()).field("for", event.name.as_str())
}

fn too_long(len: usize) -> Error {
    Error::new(
        Kind::Bug,
        code::RECORD_TOO_LONG,
        format!("an event of {len} bytes does not fit into a record"),
    )
    .hint("this is a bug in hasp: please report it with the command that you typed")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json as object;

    fn secrets(count: usize) -> Vec<Value> {
        let name = |n: usize| format!("{}/{n:0>64}", "a".repeat(64));
        (0..count).map(|n| object!({"name": name(n), "version": n})).collect()
    }

    #[test]
    fn what_fits_is_one_record() {
        assert_eq!(
            bodies(&Event::foreign("exec.start").field("secrets", secrets(3)), 0).unwrap().len(),
            1
        );
    }

    #[test]
    fn a_long_list_goes_into_items_just_before() {
        let event = Event::foreign("exec.start")
            .field("grant", "g1")
            .field("secrets", secrets(100))
            .field("pid", 7);
        let bodies = bodies(&event, 10).unwrap();
        assert!(bodies.iter().all(|b| b.len() <= MAX_BODY) && bodies.len() > 2);
        let parsed =
            bodies.iter().map(|b| serde_json::from_str::<Value>(&format!("{{{b}}}")).unwrap());
        let parsed: Vec<Value> = parsed.collect();
        let (main, items) = parsed.split_last().unwrap();
        assert_eq!(
            (main["event"].as_str(), main["secrets_items"].as_u64()),
            (Some("exec.start"), Some(100))
        );
        let of = 10 + items.len() as u64;
        assert!(
            items.iter().all(|i| i["event"] == "exec.item" && i["grant"] == "g1" && i["of"] == of)
        );
        let all: Vec<Value> =
            items.iter().flat_map(|i| i["secrets"].as_array().unwrap().clone()).collect();
        assert_eq!(all, secrets(100));
    }

    #[test]
    fn without_a_list_to_move_it_is_refused() {
        let event =
            (0..20).fold(Event::foreign("x.y"), |e, n| e.field(format!("f{n}"), "x".repeat(500)));
        assert_eq!(bodies(&event, 0).unwrap_err().code().as_str(), "record-too-long");
    }
}
