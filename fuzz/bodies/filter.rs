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
    let judged = kept >= 6 && !MARKER.windows(kept).any(|part| part == &value[..kept]);
    let same = !ambiguous(&value[..kept], &text);
    for read in [text.len(), 1, 1 + usize::from(*read) % 64] {
        let out = filtered(&patterns, &text, read);
        assert!(!same || out == whole, "reads of {read} make a difference");
        let left = judged && out.windows(kept).any(|part| part == &value[..kept]);
        assert!(!left, "a value is left by reads of {read}");
    }
}

/// Whether the reads may tell what beside a value goes with it: an escape that was escaped before
/// it, or blanks behind one that ends in some.
fn ambiguous(value: &[u8], text: &[u8]) -> bool {
    let twice = |pair: &[u8]| pair.iter().all(|byte| matches!(byte, b'\\' | b'%'));
    value.ends_with(b" ") || value.ends_with(b"\t") || text.windows(2).any(twice)
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
