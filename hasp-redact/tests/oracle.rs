//! The filter against slow and obvious ones, over random values, texts and reads: the same output
//! for every split, every promised form gone, nothing else changed, nothing held back that need not
//! be.
#![allow(clippy::unwrap_used)]

mod encoders;

use std::sync::Arc;

use encoders::ENCODERS;
use hasp_redact::{Filter, Pattern, Patterns};
use proptest::prelude::*;

/// A small fast generator (xorshift64*), so that a million cases do not spend their time in
/// drawing.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }

    fn bytes(&mut self, alphabet: &[u8], length: usize) -> Vec<u8> {
        (0..length).map(|_| alphabet[self.next(alphabet.len())]).collect()
    }

    fn range(&mut self, from: usize, to: usize) -> usize {
        from + self.next(to - from)
    }
}

fn compile(values: &[Vec<u8>]) -> Arc<Patterns> {
    let patterns: Vec<Pattern<'_>> =
        values.iter().map(|value| Pattern { name: "S", value }).collect();
    Arc::new(Patterns::compile(&patterns))
}

fn whole(patterns: &Arc<Patterns>, text: &[u8]) -> Vec<u8> {
    let mut filter = Filter::new(Arc::clone(patterns));
    let mut out = Vec::new();
    filter.push(text, false, &mut out);
    filter.finish(&mut out);
    out
}

fn split(patterns: &Arc<Patterns>, text: &[u8], random: &mut Random, longest: usize) -> Vec<u8> {
    let mut filter = Filter::new(Arc::clone(patterns));
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(random.range(1, longest + 1)));
        filter.push(now, random.next(3) == 0, &mut out);
        rest = later;
    }
    filter.finish(&mut out);
    out
}

/// Every byte that an occurrence of any value covers, found by trying each position.
fn covered(values: &[Vec<u8>], text: &[u8]) -> Vec<bool> {
    let mut covered = vec![false; text.len()];
    let automaton = aho_corasick::AhoCorasick::new(values).unwrap();
    for found in automaton.find_overlapping_iter(text) {
        covered[found.range()].fill(true);
    }
    covered
}

fn marked(text: &[u8], covered: &[bool]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, byte) in text.iter().enumerate() {
        if !covered[at] {
            out.push(*byte);
        } else if at == 0 || !covered[at - 1] {
            out.extend(b"[hasp:S]");
        }
    }
    out
}

/// Bytes that are in no encoding's alphabet and introduce nothing, so that only the value as it is
/// can match.
const NEUTRAL: &[u8] = b"~^!";

fn repetitive_values(random: &mut Random) -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = Vec::new();
    for _ in 0..random.range(1, 5) {
        let length = random.range(6, 20);
        let value = match random.next(4) {
            0 if !values.is_empty() => [values[0].as_slice(), &random.bytes(NEUTRAL, 3)].concat(),
            1 if !values.is_empty() => {
                [&values[0][values[0].len() / 2..], &random.bytes(NEUTRAL, 6)].concat()
            }
            2 => {
                let period = random.range(1, 4);
                let piece = random.bytes(NEUTRAL, period);
                piece.iter().copied().cycle().take(length).collect()
            }
            _ => random.bytes(NEUTRAL, length),
        };
        values.push(value);
    }
    values
}

/// Half of the text is made of pieces of the values.
fn repetitive_text(random: &mut Random, values: &[Vec<u8>]) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..random.range(1, 8) {
        let value = &values[random.next(values.len())];
        let (from, to) = (random.next(value.len()), random.range(1, value.len() + 1));
        match random.next(3) {
            0 => text.extend_from_slice(value),
            1 => text.extend_from_slice(&value[from.min(to)..to.max(from)]),
            _ => {
                let length = random.next(12);
                text.extend(random.bytes(NEUTRAL, length));
            }
        }
    }
    text
}

#[test]
fn overlapping_values_are_redacted_as_the_oracle_says() {
    compare_with_the_oracle(105);
}

/// Over a million cases.
#[test]
#[ignore = "long: run by make check-long"]
fn a_million_overlapping_values_are_redacted_as_the_oracle_says() {
    compare_with_the_oracle(1_050);
}

/// So many sets of values with 1,000 texts each.
fn compare_with_the_oracle(sets: u32) {
    let mut random = Random(0x5eed_1234_5678_9abc);
    for _ in 0..sets {
        let values = repetitive_values(&mut random);
        let patterns = compile(&values);
        for case in 0..1_000 {
            let text = repetitive_text(&mut random, &values);
            let wanted = marked(&text, &covered(&values, &text));
            let out = if case % 2 == 0 {
                whole(&patterns, &text)
            } else {
                split(&patterns, &text, &mut random, 7)
            };
            assert!(out == wanted, "other output for {} bytes", text.len());
        }
    }
}

/// What is held after any prefix is the longest suffix that begins a value, and not a byte more.
#[test]
fn exactly_what_could_become_a_match_is_held() {
    let mut random = Random(0xfeed_1234_5678_9abc);
    for _ in 0..300 {
        let values = repetitive_values(&mut random);
        let patterns = compile(&values);
        for _ in 0..20 {
            let text = repetitive_text(&mut random, &values);
            let mut filter = Filter::new(Arc::clone(&patterns));
            let mut out = Vec::new();
            for end in 1..=text.len() {
                filter.push(&text[end - 1..end], false, &mut out);
                let begins = |at: &usize| {
                    values.iter().any(|v| v.len() > end - at && v.starts_with(&text[*at..end]))
                };
                let open = (0..end).find(begins).unwrap_or(end);
                let covered = covered(&values, &text[..end]);
                // Bytes of a finished match are written as a marker even if another match may begin
                // among them.
                let held = (open..end).find(|at| !covered[*at]).map_or(0, |first| end - first);
                assert_eq!(filter.held(), held);
            }
        }
    }
}

/// Values whose first bytes can be read in more ways than as they stand, each with a text: the same
/// output for every length of the reads, and nothing of the value in it.
#[test]
fn what_stands_before_a_value_belongs_to_it_whatever_the_reads() {
    for (value, text, wanted) in [
        (&b"\taaaYa"[..], &b"aa\taaaYaa"[..], &b"aa[hasp:S]a"[..]),
        (b"~~\t~^!", b"~~~\t~^!", b"~[hasp:S]"),
        (b" axaaaaaaaaaaa=", b"~\\ axaaaaaaaaaaa=~", b"~[hasp:S]~"),
        (b"\\\\\\%\\\\22\\22\\\\", b"~\\\\\\\\%\\\\22\\22\\\\~", b"~[hasp:S]~"),
        (b"'~~~~~~~~~ ~~~~~-!", b"~''~~~~~~~~~ ~~~~~-!", b"~[hasp:S]"),
        (b"\naaaaaaaaaa=a", b"~\r\naaaaaaaaaa=a", b"~[hasp:S]\r\n"),
        (b"\naaaa!", b"~ aaaa!~", b"~[hasp:S]~"),
        (b"\naaaa!", b"~ =\naaaa!~", b"~[hasp:S]\n~"),
        (b"a\nbcdef", b"~a bcdef~", b"~[hasp:S]~"),
        (
            b"~~~~~^~~!~~~~~~\n  ^^^~^^!!^~^^^^~!",
            b"~~~~~^~~!~~~~~~\n     ^^^~^^!!^~^^^^~!~",
            b"[hasp:S]\n~",
        ),
        (
            b"~~~~~^~~!~~~~~~\n  ^^^~^^!!^~^^^^~!",
            b"~~~~~^~~!~~~~~~\r\n     ^^^~^^!!^~^^^^~!~",
            b"[hasp:S]\r\n~",
        ),
    ] {
        let patterns = compile(&[value.to_vec()]);
        for read in 1..=text.len() {
            let mut filter = Filter::new(Arc::clone(&patterns));
            let mut out = Vec::new();
            text.chunks(read).for_each(|part| filter.push(part, false, &mut out));
            filter.finish(&mut out);
            let (out, text) = (out.escape_ascii(), text.escape_ascii());
            assert_eq!(out.to_string(), wanted.escape_ascii().to_string(), "{text} by {read}");
        }
    }
}

/// Few characters may be more bytes in UTF-8 than in UTF-16.
#[test]
fn values_of_two_or_three_characters_are_replaced() {
    for value in ["\u{e9}\u{e9}\u{e9}", "\u{65e5}\u{672c}", "\u{1f600}\u{e9}", "\u{800}\u{80}\0"] {
        let patterns = compile(&[value.as_bytes().to_vec()]);
        assert_eq!(whole(&patterns, format!("~{value}~").as_bytes()), b"~[hasp:S]~");
    }
}

const PRINTABLE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\
      !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn any_value(random: &mut Random) -> Vec<u8> {
    let alphabet = if random.next(2) == 0 { PRINTABLE } else { LETTERS };
    let length = random.range(8, 60);
    let mut value = random.bytes(alphabet, length);
    // Blanks at the ends would be lost in the forms that join or indent.
    value[0] = LETTERS[random.next(62)];
    value[length - 1] = LETTERS[random.next(62)];
    value
}

/// Any form of any value, between bytes that belong to nothing: a marker in its place, nothing else
/// changed, for any split.
#[test]
fn every_form_is_replaced_whole_and_alone() {
    let mut random = Random(0xabcd_1234_5678_9abc);
    for _ in 0..400 {
        let value = any_value(&mut random);
        let patterns = compile(std::slice::from_ref(&value));
        for (name, encode) in ENCODERS {
            let encoded = encode(&value);
            let breaks: Vec<u8> =
                encoded.iter().copied().filter(|b| matches!(b, b'\n' | b'\r')).collect();
            let text = [b"~^ ~", encoded.as_slice(), b"~^~"].concat();
            let wanted = [b"~^ ~[hasp:S]", breaks.as_slice(), b"~^~"].concat();
            let out = whole(&patterns, &text);
            let same = out == wanted;
            assert!(
                same,
                "{name} of a value of {} bytes is not replaced: {} bytes",
                value.len(),
                out.len()
            );
            assert!(
                split(&patterns, &text, &mut random, 9) == wanted,
                "{name} depends on the split"
            );
        }
    }
}

/// The same when there are so many values that each has few pieces: no line break and no other
/// value hides a form.
#[test]
fn every_form_of_one_of_many_values_is_replaced() {
    let mut random = Random(0x2468_1234_5678_9abc);
    let values: Vec<Vec<u8>> = (0..2_000).map(|_| any_value(&mut random)).collect();
    let patterns = compile(&values);
    let twice = |value: &[u8], before: usize, width: usize| {
        let data = [&vec![b'u'; before][..], value].concat();
        let inner = data_encoding::BASE64.encode(&data);
        let shift = ["", "x", "xy"][before % 3];
        encoders::wrap(
            &data_encoding::BASE64.encode(format!("{shift}{inner}").as_bytes()),
            width,
            "\n",
        )
    };
    for value in values.iter().step_by(20) {
        for (name, encode) in ENCODERS {
            let encoded = encode(value);
            let breaks: Vec<u8> =
                encoded.iter().copied().filter(|b| matches!(b, b'\n' | b'\r')).collect();
            let text = [b"~^ ~", encoded.as_slice(), b"~^~"].concat();
            let wanted = [b"~^ ~[hasp:S]", breaks.as_slice(), b"~^~"].concat();
            assert!(
                whole(&patterns, &text) == wanted,
                "{name} of a value of {} bytes is not replaced",
                value.len()
            );
        }
        for (before, width) in
            (0..10).flat_map(|before| [60, 64, 72, 76].map(|width| (before, width)))
        {
            let out = whole(&patterns, &twice(value, before, width));
            assert!(
                out.windows(8).any(|w| w == b"[hasp:S]"),
                "base64 twice behind {before} in lines of {width}"
            );
        }
    }
}

/// A form that is cut anywhere is held whole; at the end of the stream it goes out as it came.
#[test]
fn a_cut_form_is_held_and_then_given_back() {
    let mut random = Random(0xcdef_1234_5678_9abc);
    for _ in 0..100 {
        let value = any_value(&mut random);
        let patterns = compile(std::slice::from_ref(&value));
        for (name, encode) in ENCODERS {
            let encoded = encode(&value);
            let cut = random.range(1, (encoded.len() * 2 / 3).max(2));
            let text = [b"~^ ~", &encoded[..cut]].concat();
            let mut filter = Filter::new(Arc::clone(&patterns));
            let mut out = Vec::new();
            filter.push(&text, false, &mut out);
            assert!(
                filter.held() == cut && out == b"~^ ~",
                "{name} cut at {cut}: {} bytes held",
                filter.held()
            );
            filter.finish(&mut out);
            assert!(out == text, "{name} cut at {cut} is changed at the end");
        }
    }
}

/// base64 and base32 of a value inside more data, at every alignment.
#[test]
fn encodings_of_more_data_lose_the_value_only() {
    let mut random = Random(0x1357_1234_5678_9abc);
    for _ in 0..300 {
        let value = any_value(&mut random);
        let patterns = compile(std::slice::from_ref(&value));
        for before in 0..5 {
            let data = [&vec![b'u'; before][..], &value, &vec![b'h'; random.next(6)]].concat();
            let base64 = data_encoding::BASE64.encode(&data).into_bytes();
            let base32 = data_encoding::BASE32.encode(&data).into_bytes();
            for (text, bits) in [(base64, 6), (base32, 5)] {
                let out = whole(&patterns, &text);
                assert!(split(&patterns, &text, &mut random, 5) == out, "the split matters");
                let marker = out.windows(8).position(|w| w == b"[hasp:S]").expect("a marker");
                assert!(
                    marker * bits <= before * 8 + 1,
                    "{} bits stay before the marker",
                    marker * bits - before * 8
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Text that holds no value comes out as it went in, whatever it is.
    #[test]
    fn other_bytes_pass_unchanged(text: Vec<u8>, longest in 1usize..20) {
        let value = b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV".to_vec();
        let patterns = compile(&[value]);
        prop_assert_eq!(&whole(&patterns, &text), &text);
        prop_assert_eq!(&split(&patterns, &text, &mut Random(longest as u64 + 1), longest), &text);
    }

    /// Pieces of all forms, cut and mixed: the same output for every split, and no value in it.
    #[test]
    fn any_split_of_any_mixture(seed in 1u64.., pieces in 1usize..12, longest in 1usize..40) {
        let mut random = Random(seed);
        let values = (0..random.range(1, 4)).map(|_| any_value(&mut random));
        let values: Vec<Vec<u8>> = values.collect();
        let patterns = compile(&values);
        let mut text = Vec::new();
        for _ in 0..pieces {
            let value = &values[random.next(values.len())];
            let encoded = ENCODERS[random.next(ENCODERS.len())].1(value);
            let (from, to) = (random.next(encoded.len()), random.next(encoded.len() + 1));
            match random.next(4) {
                0 => text.extend(&encoded),
                1 => text.extend(&encoded[from.min(to)..to.max(from)]),
                2 => text.extend(&encoded[from..]),
                _ => {
                    let length = random.next(20);
                    text.extend(random.bytes(b"\\\x1b[m%&;=\r\n '\"$0x \t:", length));
                }
            }
        }
        let out = whole(&patterns, &text);
        prop_assert!(split(&patterns, &text, &mut random, longest) == out, "the split matters");
        for value in &values {
            prop_assert!(!out.windows(value.len()).any(|w| w == value), "a value is left");
        }
    }
}
