//! Whatever the value and whatever the input: twice the input takes twice the steps, and a byte
//! takes a few. Counted in steps of the matcher and in bytes compared in runs, not by the clock.
#![allow(clippy::unwrap_used)]

mod encoders;

use std::sync::Arc;

use encoders::ENCODERS;
use hasp_redact::{Filter, Pattern, Patterns, compared};

/// More steps a byte than any input takes.
const MOST: f64 = 150.0;

/// More bytes compared in runs, a byte, than any input takes: a short value of NUL bytes, which is
/// compared at each alignment of its base32, takes 490. A long one that is compared from each of its
/// pieces on takes thousands.
const MOST_COMPARED: f64 = 600.0;

type Named = (String, Vec<u8>);

fn random(length: usize) -> Vec<u8> {
    let mut number = 0x1234_5678_9abc_def1u64;
    let mut next = || {
        number ^= number >> 12;
        number ^= number << 25;
        number ^= number >> 27;
        (number.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn repeated(piece: &[u8], bytes: usize) -> Vec<u8> {
    piece.iter().copied().cycle().take(bytes).collect()
}

/// Values that repeat themselves, or look like encodings, or both, of about this length.
fn degenerate(length: usize) -> Vec<Named> {
    let half = random(length / 2);
    let mut values: Vec<Named> = b"aA09\\\"'$%&= \n+/;\x1b\0"
        .iter()
        .map(|b| (format!("only {}", b.escape_ascii()), vec![*b; length]))
        .collect();
    values.extend(
        [
            ("random", random(length)),
            ("equal halves", [half.as_slice(), &half].concat()),
            ("ab", repeated(b"ab", length)),
            ("a period of 7", repeated(b"abc\\%41", length)),
            ("a period of 50", repeated(&random(50), length)),
            ("percent escapes", repeated(b"%25", length)),
            ("doubled backslashes", repeated(b"\\\\n", length)),
            ("entities", repeated(b"&amp;", length)),
            ("all bytes", (0..=255).cycle().take(length.max(256)).collect()),
            ("base64", data_encoding::BASE64.encode(&random(length * 3 / 4)).into_bytes()),
            ("hex", data_encoding::HEXLOWER.encode(&half).into_bytes()),
            (
                "base64 of zeros",
                data_encoding::BASE64.encode(&vec![0; length * 3 / 4]).into_bytes(),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    values
}

/// Values of what introduces escapes, which do not repeat themselves: a text full of them has many
/// readings at each byte.
fn ambiguous(length: usize) -> Vec<Named> {
    let some = |byte: u8| vec![byte; length / 2];
    let values = b"\\%'&".iter().flat_map(|byte| {
        let within = [some(*byte).as_slice(), b"b", &some(*byte)].concat();
        let name = byte.escape_ascii();
        [
            (format!("mostly {name}"), [b"a", within.as_slice()].concat()),
            (format!("mostly {name} within"), within),
        ]
    });
    values.collect()
}

/// What programs print of a value, then the same with its last byte or its beginning wrong.
fn dumps(value: &[u8]) -> Vec<Named> {
    let lines = |width: usize, between: &str, before: fn(usize) -> String| -> Vec<u8> {
        let line = |(i, part): (usize, &[u8])| {
            let pairs: Vec<String> = part.iter().map(|b| format!("{b:02x}")).collect();
            format!("{}{}\n", before(i * width), pairs.join(between))
        };
        value.chunks(width).enumerate().map(line).collect::<String>().into_bytes()
    };
    let nested = |slashes: &str| {
        value.iter().map(|b| format!("{slashes}u{b:04x}")).collect::<String>().into_bytes()
    };
    let mut dumps: Vec<Named> =
        ENCODERS.iter().map(|(name, encode)| ((*name).to_owned(), encode(value))).collect();
    dumps.extend([
        ("xxd -p".to_owned(), lines(30, "", |_| String::new())),
        ("od -t x1".to_owned(), lines(16, " ", |at| format!("{at:07o} "))),
        ("xxd -i".to_owned(), lines(12, ", 0x", |_| "  0x".to_owned())),
        ("json in json in json".to_owned(), nested("\\\\\\\\")),
    ]);
    let mut all = Vec::new();
    for (name, dump) in dumps {
        let missed = [&dump[..dump.len() - 1], b"~"].concat();
        let headless = [&dump[dump.len() / 3..], b"~"].concat();
        all.extend([
            (format!("{name}, but for its end"), missed),
            (format!("{name}, but for its beginning"), headless),
        ]);
        all.push((name, [dump.as_slice(), b"\n"].concat()));
    }
    all
}

/// Input of nothing but what begins an escape.
fn introducers() -> Vec<Named> {
    let one = |b: &u8| (format!("only {}", b.escape_ascii()), vec![*b]);
    let mut all: Vec<Named> = b"\\\"'$%&=+ \n\r\x1b\0aA0~".iter().map(one).collect();
    all.extend(
        [
            "%25", "&amp;", "\\u00", "\\x", "&#", "\x1b[", "\x1b[m", "=\r\n", "0x", ", 0x",
            "'\\''", "%u00", "\\\\n",
        ]
        .map(|piece| (piece.escape_debug().to_string(), piece.as_bytes().to_vec())),
    );
    all
}

/// The steps of the matcher, and the bytes that were compared in runs.
fn work(patterns: &Arc<Patterns>, input: &[u8], read: usize) -> [f64; 2] {
    let mut filter = Filter::new(Arc::clone(patterns));
    let mut out = Vec::new();
    let before = compared();
    for part in input.chunks(read) {
        filter.push(part, false, &mut out);
        out.clear();
    }
    filter.finish(&mut out);
    let runs = compared().zip(before).map_or(0, |(after, before)| after - before);
    [filter.work() as f64, runs as f64]
}

/// Fails unless each of these inputs, repeated to `bytes` and to twice as many, takes steps in
/// proportion.
fn is_linear(
    value: &Named,
    patterns: &Arc<Patterns>,
    inputs: &[Named],
    (bytes, read): (usize, usize),
    most: f64,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, piece) in inputs {
        // From where all that is held back is as long as it gets.
        let bytes = bytes.max(4 * piece.len());
        let [once, twice] =
            [bytes, 2 * bytes].map(|bytes| work(patterns, &repeated(piece, bytes), read));
        let limits = [most, MOST_COMPARED.max(most)];
        for ((what, most), (once, twice)) in
            ["steps", "compared"].iter().zip(limits).zip(once.into_iter().zip(twice))
        {
            // Some steps more a byte from where all that is held back is as long as it gets.
            let grows = twice > 2.3 * once + 20_000.0 + 4.0 * bytes as f64;
            if grows || twice > most * 2.0 * bytes as f64 {
                wrong.push(format!(
                    "{} of {} bytes, {name}, {what}: {once}, {twice} for {bytes}",
                    value.0,
                    value.1.len()
                ));
            }
        }
    }
    wrong
}

/// Of the degenerate values of this length those with these names.
fn some(length: usize, names: &[&str]) -> Vec<Named> {
    let values: Vec<Named> =
        degenerate(length).into_iter().filter(|(name, _)| names.contains(&name.as_str())).collect();
    assert_eq!(values.len(), names.len());
    values
}

fn compiled(value: &[u8]) -> Arc<Patterns> {
    Arc::new(Patterns::compile(&[Pattern { name: "S", value }]))
}

fn check(values: &[Named], bytes: usize, most: f64) {
    let mut wrong = Vec::new();
    for value in values {
        let patterns = compiled(&value.1);
        wrong.extend(is_linear(
            value,
            &patterns,
            &[dumps(&value.1), introducers()].concat(),
            (bytes, 1_000),
            most,
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn steps_grow_as_the_input_does() {
    check(&degenerate(24), 4_000, MOST);
}

#[test]
fn steps_grow_as_the_input_does_for_values_of_some_hundred_bytes() {
    check(
        &some(
            400,
            &[
                "random",
                "only \\\\",
                "only a",
                "only %",
                "a period of 50",
                "equal halves",
                "entities",
            ],
        ),
        4_000,
        MOST,
    );
}

#[test]
fn steps_grow_as_the_input_does_where_it_has_many_readings() {
    check(&ambiguous(24), 4_000, 12.0 * MOST);
}

#[test]
#[ignore = "long: run by make check-long"]
fn steps_grow_as_the_input_does_for_long_values() {
    check(&degenerate(400), 8_000, MOST);
    check(
        &some(10_240, &["random", "only \\\\", "only a", "only \\x00", "equal halves"]),
        20_000,
        2.0 * MOST,
    );
    check(&some(65_536, &["random"]), 100_000, MOST);
}

/// Values of many bytes that are compared in runs, some of which can be read in several ways.
fn with_symbols(length: usize) -> Vec<Named> {
    let printable: Vec<u8> = random(length).iter().map(|byte| b'!' + byte % 94).collect();
    let base64 = data_encoding::BASE64.encode(&random(length * 3 / 4));
    let lines = encoders::wrap(&base64, 64, "\n");
    let half = random(length / 2);
    [
        ("printable", printable),
        ("base64", base64.into_bytes()),
        ("lines of base64", lines),
        ("equal halves", [half.as_slice(), &half].concat()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Comparing a value with a text costs as many bytes as they are alike: a value that is compared
/// from each of its pieces on is seen only if it is long. Reads of 64 KiB, as the programs make.
fn check_long(values: &[Named], names: &[&str]) {
    let mut wrong = Vec::new();
    for value in values {
        let patterns = compiled(&value.1);
        let wanted =
            |name: &str| names.is_empty() || names.iter().any(|wanted| name.starts_with(wanted));
        let inputs: Vec<Named> =
            dumps(&value.1).into_iter().filter(|(name, _)| wanted(name)).collect();
        assert!(!inputs.is_empty());
        wrong.extend(is_linear(value, &patterns, &inputs, (0, 1 << 16), MOST));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What programs print most.
const USUAL: [&str; 4] = ["raw", "base64 wrapped at 76", "percent, all", "xxd -p"];

#[test]
fn comparisons_grow_as_the_input_does() {
    check_long(&with_symbols(64 << 10)[..2], &USUAL);
}

#[test]
#[ignore = "long: run by make check-long"]
fn comparisons_grow_as_the_input_does_for_long_values() {
    let values = with_symbols(64 << 10);
    check_long(&values[..1], &[]);
    check_long(&values[1..], &USUAL);
    check_long(&with_symbols(1 << 20)[..1], &USUAL);
}

/// Only what is counted can be bounded.
#[test]
#[cfg(debug_assertions)]
fn comparisons_are_counted() {
    let value = random(4_096);
    let [_, runs] = work(&compiled(&value), &repeated(&value, 16_384), 1_000);
    assert!((16_384.0..16_384.0 * MOST_COMPARED).contains(&runs), "{runs}");
}

fn redacted(patterns: &Arc<Patterns>, input: &[u8], read: usize) -> Vec<u8> {
    let mut filter = Filter::new(Arc::clone(patterns));
    let mut out = Vec::new();
    input.chunks(read).for_each(|part| filter.push(part, false, &mut out));
    filter.finish(&mut out);
    out
}

/// A value that repeats itself is found in every form, alone and several times in a row, and
/// nothing else is.
#[test]
fn values_that_repeat_themselves_are_replaced_whole_and_alone() {
    let blank = |(_, value): &Named| value.iter().any(|byte| !(0x21..0x7f).contains(byte));
    for (name, value) in degenerate(24).into_iter().filter(|value| !blank(value)) {
        let patterns = compiled(&value);
        for (form, encode) in ENCODERS {
            let encoded = encode(&value);
            let breaks: Vec<u8> =
                encoded.iter().copied().filter(|b| matches!(b, b'\n' | b'\r')).collect();
            let text = [b"~^ ~", encoded.as_slice(), b"~^~"].concat();
            let wanted = [b"~^ ~[hasp:S]", breaks.as_slice(), b"~^~"].concat();
            for read in [1, 7, text.len()] {
                let out = redacted(&patterns, &text, read);
                assert!(out == wanted, "{form} of {name}, reads of {read}: {}", out.escape_ascii());
            }
            // What is skipped inside a value is no beginning of one.
            for before in ["~=\n", "~\x1b[1m", "~\\\n"]
                .iter()
                .filter(|_| ["only a", "only 0", "ab"].contains(&&*name))
            {
                let text = [before.as_bytes(), &encoded, b"~^~"].concat();
                let wanted = [before.as_bytes(), b"[hasp:S]", &breaks, b"~^~"].concat();
                let out = redacted(&patterns, &text, 3);
                assert!(
                    out == wanted,
                    "{form} of {name} behind {before:?}: {}",
                    out.escape_ascii()
                );
            }
            let missed = [b"~", &value[..value.len() - 1], b"^~"].concat();
            assert!(redacted(&patterns, &missed, 5) == missed, "less than {name} is replaced");
        }
        // Lines break between two of the values as well as within one.
        let broken = |form: &str| form.contains("wrapped") || form == "base64 in a JSON string";
        let encoders = ENCODERS.iter().filter(|(form, _)| !broken(form));
        for (form, encode) in encoders {
            // The value many times over, and some of it. Of one character over and over nothing is
            // left between; of others there may be what stands between two pairs.
            let between = if name.starts_with("only") { 10 } else { 20 * 13 };
            let many = encode(&[value.repeat(20).as_slice(), &value[..value.len() / 2]].concat());
            let some = encode(&value).len();
            let out = redacted(&patterns, &[b"~", many.as_slice(), b"~"].concat(), 13);
            let whole = out.starts_with(b"~[hasp:S]") && out.len() <= between + some;
            assert!(whole, "{form} of many {name}: {}", out.escape_ascii());
        }
    }
}
