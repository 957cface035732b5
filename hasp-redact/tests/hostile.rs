//! Input made to slow the filter down, or to make it remember: the work, counted in steps of the
//! matcher and not by the clock, must grow as the input does, and what is held must not grow at
//! all.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use hasp_redact::{Filter, Pattern, Patterns};

const VALUE: &[u8] = b"p@ss w0rd/'q\"&<+>$=%!\\z ghp_i7WeDjTHT3Q7j9i2";

fn compiled(values: &[&[u8]]) -> Arc<Patterns> {
    let patterns: Vec<Pattern<'_>> =
        values.iter().map(|value| Pattern { name: "S", value }).collect();
    Arc::new(Patterns::compile(&patterns))
}

/// The steps that these patterns, the longest value of `longest` bytes, take over this input.
fn work(patterns: &Arc<Patterns>, longest: usize, input: &[u8]) -> u64 {
    let mut filter = Filter::new(Arc::clone(patterns));
    let mut out = Vec::new();
    for part in input.chunks(65_536) {
        filter.push(part, false, &mut out);
        out.clear();
        // The longest text of a value is that of its UTF-16, twice as long, before and behind a
        // seed.
        assert!(filter.held() <= 2 * (16 * 2 * longest + 256), "{} bytes held", filter.held());
    }
    filter.finish(&mut out);
    filter.work()
}

/// Input that repeats `piece` up to so many bytes.
fn repeated(piece: &[u8], bytes: usize) -> Vec<u8> {
    piece.iter().copied().cycle().take(bytes).collect()
}

fn near_misses() -> Vec<Vec<u8>> {
    let base64 = data_encoding::BASE64.encode(VALUE);
    let hex = data_encoding::HEXLOWER.encode(VALUE);
    let escaped: String = VALUE.iter().map(|b| format!("\\u{:04x}", u32::from(*b))).collect();
    let percent: String = VALUE.iter().map(|b| format!("%{b:02x}")).collect();
    let mut pieces = vec![
        VALUE[..VALUE.len() - 1].to_vec(),
        VALUE[1..].to_vec(),
        base64.as_bytes()[..base64.len() - 8].to_vec(),
        hex.as_bytes()[2..].to_vec(),
        escaped.as_bytes()[..escaped.len() - 6].to_vec(),
        percent.as_bytes()[3..].to_vec(),
    ];
    for unterminated in [
        "\x1b[",
        "\x1b]8;;",
        "%",
        "%25",
        "\\",
        "\\u00",
        "&amp;",
        "&#",
        "=",
        "'",
        "$",
        "p@ss\x1b[0m",
        "p@ss\\",
    ] {
        pieces.push(unterminated.as_bytes().to_vec());
    }
    pieces
}

#[test]
fn work_grows_as_the_input_does() {
    for piece in near_misses() {
        // One compilation for both: the key of its tables is drawn anew each time, and decides
        // which windows look like a seed.
        let patterns = compiled(&[VALUE]);
        let [once, twice] =
            [19, 20].map(|bits| work(&patterns, VALUE.len(), &repeated(&piece, 1 << bits)));
        // Quadratic work would be four times as much; the first read is cheaper than those that
        // find something held.
        assert!(twice <= 2 * once + once / 4, "{}: {once}, {twice} steps", piece.escape_ascii());
        assert!(once <= 24 << 19, "{}: {once} steps for 512 KiB", piece.escape_ascii());
    }
}

/// A hundred values that nearly stand in the text, over and over: each has many seeds there, and is
/// read once for all of them.
#[test]
fn near_misses_of_many_values_cost_about_as_much_as_other_text() {
    let values: Vec<Vec<u8>> = (0..100u64)
        .map(|i| format!("ghp_{:016x}{:016x}", mixed(i), mixed(i + 1_000)).into_bytes())
        .collect();
    let patterns = compiled(&values.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let misses: Vec<u8> = values.iter().flat_map(|v| [&v[..v.len() - 1], b"~"].concat()).collect();
    let [once, twice] = [18, 19].map(|bits| work(&patterns, 36, &repeated(&misses, 1 << bits)));
    assert!(twice <= 2 * once + once / 4, "{once} then {twice} steps");
    // A probe in five bytes, one reading of each value, and what each read costs. To read it again
    // for each of its seeds would be a step and a half.
    assert!(once < 1 << 18, "{once} steps for 256 KiB");
}

/// An arbitrary number that is always the same.
fn mixed(i: u64) -> u64 {
    let i = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (i ^ i >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ i >> 29
}

/// A match may begin before a control sequence that ends with the value's own first letter: this is
/// seen from each of its seeds, wherever the probes fall.
#[test]
fn what_is_found_does_not_depend_on_which_seed_is_found_first() {
    let value = b"d4Kq0Zr81mWv7TsY3bNc+xA5uHe2LgJf";
    let patterns = compiled(&[value]);
    for before in 0..60 {
        let text = [&repeated(b"~", before)[..], b"d\x1b[0", value, b"~"].concat();
        let mut filter = Filter::new(Arc::clone(&patterns));
        let mut out = Vec::new();
        filter.push(&text, true, &mut out);
        filter.finish(&mut out);
        assert!(
            out == [&repeated(b"~", before)[..], b"[hasp:S]~"].concat(),
            "behind {before} bytes"
        );
    }
}

/// What might begin a value when nothing more was there is held back; then more is always there,
/// and the text it stood in is gone before anybody looks for beginnings again.
#[test]
fn a_beginning_is_forgotten_with_the_text_that_it_stood_in() {
    let value = b"postgres://app:Zx81-Quartz-Fjord@db.internal:5432/app";
    let patterns = compiled(&[value]);
    let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    for begun in [
        &value[..30],
        &digits.as_bytes()[..31],
        b"cG9zdGdyZXM6Ly9hcHA6",
        b"\0\0\0",
        b"p\0\0\0o\0\0\0",
        b"\x1b[0",
    ] {
        for byte in [b"\0", b"~", b" ", b"a"] {
            let block = repeated(byte, 16 * 1024);
            let mut filter = Filter::new(Arc::clone(&patterns));
            let mut out = Vec::new();
            filter.push(begun, false, &mut out);
            (0..64).for_each(|_| filter.push(&block, true, &mut out));
            filter.push(&[b"\n", &value[..], b"\n"].concat(), false, &mut out);
            filter.finish(&mut out);
            assert!(
                out == [begun, &block.repeat(64), b"\n[hasp:S]\n"].concat(),
                "{begun:?}, then {byte:?}"
            );
        }
    }
}

/// A backslash before an escaped value may be the first half of a doubled one, and goes with it.
#[test]
fn a_doubled_backslash_begins_a_match() {
    let value = b"d4Kq0Zr81mWv7TsY3bNc";
    let escaped: String = value.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    let mut filter = Filter::new(compiled(&[value]));
    let mut out = Vec::new();
    filter.push(format!("~\\{escaped}~").as_bytes(), true, &mut out);
    filter.finish(&mut out);
    assert!(out == b"~[hasp:S]~");
}

#[test]
fn a_value_that_repeats_itself_costs_no_more_than_its_length_a_byte() {
    let value = repeated(b"a", 200);
    let patterns = compiled(&[&value]);
    for piece in [&b"a"[..], b"aaaaaaaaaaaaaaaab"] {
        let [once, twice] =
            [14, 15].map(|bits| work(&patterns, value.len(), &repeated(piece, 1 << bits)));
        assert!(twice <= 2 * once + once / 10 + 100_000, "{once} then {twice} steps");
    }
}

/// Gigabytes without a newline are no problem, since lines mean nothing; 64 MiB show it.
#[test]
fn memory_is_bounded_without_newlines() {
    let patterns = Arc::new(Patterns::compile(&[Pattern { name: "S", value: VALUE }]));
    let mut filter = Filter::new(patterns);
    let block = repeated(b"no newline ", 1 << 16);
    let mut out = Vec::new();
    for _ in 0..1024 {
        filter.push(&block, true, &mut out);
        out.clear();
        assert!(filter.held() < 8192);
    }
}

/// A value at each offset around a boundary of 64 KiB, and one of 10,000 bytes, and 10,000 values
/// at once.
#[test]
fn boundaries_and_sizes() {
    let patterns = Arc::new(Patterns::compile(&[Pattern { name: "S", value: VALUE }]));
    for offset in 65_536 - VALUE.len() - 1..=65_537 {
        let input = [&repeated(b"~", offset)[..], VALUE, b"~~~"].concat();
        let mut filter = Filter::new(Arc::clone(&patterns));
        let mut out = Vec::new();
        input.chunks(65_536).for_each(|part| filter.push(part, true, &mut out));
        filter.finish(&mut out);
        assert!(out == [&repeated(b"~", offset)[..], b"[hasp:S]~~~"].concat(), "at {offset}");
    }
    let long: Vec<u8> =
        (0..10_000u32).map(|i| b'!' + (i.wrapping_mul(2_654_435_761) >> 20) as u8 % 90).collect();
    let mut filter =
        Filter::new(Arc::new(Patterns::compile(&[Pattern { name: "L", value: &long }])));
    let mut out = Vec::new();
    [b"~^~", long.as_slice(), b"~^~"]
        .concat()
        .chunks(17)
        .for_each(|part| filter.push(part, false, &mut out));
    filter.finish(&mut out);
    assert!(out == b"~^~[hasp:L]~^~");
    let many: Vec<String> = (0..10_000u32)
        .map(|i| format!("value-{:08x}-{i}", i.wrapping_mul(2_654_435_761)))
        .collect();
    let values: Vec<Pattern<'_>> =
        many.iter().map(|v| Pattern { name: v, value: v.as_bytes() }).collect();
    let mut filter = Filter::new(Arc::new(Patterns::compile(&values)));
    let (mut out, mut wanted) = (Vec::new(), Vec::new());
    for value in &many {
        filter.push(format!("~{value}~").as_bytes(), true, &mut out);
        wanted.extend(format!("~[hasp:{value}]~").into_bytes());
    }
    filter.finish(&mut out);
    assert!(out == wanted, "some of 10,000 values are not found");
}

/// Markers are never searched, whatever the values are.
#[test]
fn a_value_inside_the_marker_changes_nothing() {
    let values: [(&str, &[u8]); 3] =
        [("SECRET", b"[hasp:"), ("hasp:A", b"hasp:SECRET"), ("B", b"hunter22")];
    let patterns: Vec<Pattern<'_>> =
        values.iter().map(|(name, value)| Pattern { name, value }).collect();
    let mut filter = Filter::new(Arc::new(Patterns::compile(&patterns)));
    let mut out = Vec::new();
    filter.push(b"hunter22 [hasp: x", false, &mut out);
    filter.finish(&mut out);
    assert_eq!(String::from_utf8_lossy(&out), "[hasp:B] [hasp:SECRET] x");
}
