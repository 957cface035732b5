//! A line of the record that somebody may have written over: what is no record says so, and what is
//! one can be asked anything.

use hasp_audit::{Event, Record};

/// A line, and the same bytes as an event to be appended.
pub fn record(data: &[u8]) {
    if let Some(record) = Record::parse(data) {
        let _ = (record.n(), record.time(), record.event().len(), record.text("v").len());
        let _ = (record.is_plumbing(), record.is_known(), record.uses(), record.terms());
    }
    let _ = Event::from_json(data).map(|event| event.name().len());
}
