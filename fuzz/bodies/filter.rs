//! The filter, whatever value and text are: the same output for every split of the input, and no
//! value in it.

use std::sync::Arc;

use hasp_redact::{Filter, Pattern, Patterns};

/// What stands in place of the value.
const MARKER: &[u8] = b"[hasp:S]";

/// The first byte says how long the value is, the second how long the reads are; then the value
/// and a text, which stands before and behind it.
pub fn filter(data: &[u8]) {
    let [length, read, rest @ ..] = data else { return };
    let length = 6 + usize::from(*length) % 60;
    let Some((value, text)) = rest.split_at_checked(length) else { return };
    let kept = value.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |last| last + 1);
    let patterns = Arc::new(Patterns::compile(&[Pattern { name: "S", value }]));
    let text = [text, value, text].concat();
    let whole = filtered(&patterns, &text, text.len());
    for read in [1, 1 + usize::from(*read) % 64] {
        assert!(filtered(&patterns, &text, read) == whole, "reads of {read} make a difference");
    }
    if kept < 6 || MARKER.windows(kept).any(|part| part == &value[..kept]) {
        return;
    }
    assert!(!whole.windows(kept).any(|part| part == &value[..kept]), "a value is left");
}

fn filtered(patterns: &Arc<Patterns>, text: &[u8], read: usize) -> Vec<u8> {
    let mut filter = Filter::new(Arc::clone(patterns));
    let mut out = Vec::new();
    for part in text.chunks(read) {
        filter.push(part, false, &mut out);
    }
    filter.finish(&mut out);
    out
}
