//! The word for the form in which a value was found: the simplest one that explains the bytes. What
//! stands as it is, is plain, whatever else it could be read as.

use zeroize::Zeroizing;

use crate::decode::layer::{Layer, SPARSE};
use crate::filter::form::{Case, Form};
use crate::filter::pattern::needle::{Needles, Origin};

/// The word for a match of this needle that covers these bytes.
pub(crate) fn of(needles: &Needles, needle: u32, form: Form, found: &[u8]) -> &'static str {
    let needle = needles.get(needle);
    match (needle.origin, form) {
        (Origin::Encoded, _) => "base64 twice",
        (Origin::Wider, _) => "utf-32",
        (Origin::Decimal, _) => "decimal",
        (_, Form::Plain(case))
            if found.len() != needle.len || !fits(case, found, needles.bytes(needle)) =>
        {
            escaped(case, found, needles.bytes(needle))
        }
        _ => form.word(),
    }
}

/// How a value is written that does not stand as it is: in the one way that reads as it, or in a
/// mixture.
fn escaped(case: Case, found: &[u8], value: &[u8]) -> &'static str {
    let mut read = Zeroizing::new(Vec::with_capacity(found.len() + 8));
    let mut reads = |layer: &Layer| {
        read.clear();
        layer.applies(found)
            && layer.read(found, &mut read, usize::MAX) > 0
            && fits(case, &read, value)
    };
    if let Some(layer) = SPARSE.iter().find(|layer| reads(layer)) {
        return layer.word();
    }
    // Lines that end otherwise, are indented or joined.
    let dark = |text: &[u8]| {
        Zeroizing::new(
            text.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect::<Vec<u8>>(),
        )
    };
    if fits(case, &dark(found), &dark(value)) {
        Layer::Wrapped.word()
    } else {
        Layer::Backslash(false).word()
    }
}

fn fits(case: Case, found: &[u8], value: &[u8]) -> bool {
    found.len() == value.len()
        && found.iter().zip(value).all(|(byte, wanted)| case.fits(*byte, *wanted))
}
