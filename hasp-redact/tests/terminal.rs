//! What a program paints on a terminal appears at once, however many control sequences it sends,
//! and a value that is coloured inside is found all the same.
//!
//! Found with editors: the screen that they paint begins with hundreds of control sequences in a
//! row, and stayed blank.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use hasp_redact::{Filter, Pattern, Patterns};

/// What may be sent in a row: each is repeated.
const SEQUENCES: [&str; 16] = [
    "\x1b[0m",
    "\x1b[m",
    "\x1b[38;5;12m",
    "\x1b[K",
    "\x1b[01;31m\x1b[K",
    "\x1b[12;40H",
    "\x1b[2J\x1b[H",
    "\x1b[?25l\x1b[?25h",
    "\x1b[?1h\x1b=",
    "\x1b(B",
    "\x1b(B\x1b[m\x1b[39;49m\x1b[K\r",
    "\x1b]0;a title\x07",
    "\x1b]8;;http://x/y\x1b\\",
    "\x1b>\x1bM\x1b7\x1b8",
    "\x1b[K\r\n\x1b[K",
    "\x1b(B\x1b[0;7m\x1b[5;1H\x1b[?25l\x1b]2;t\x07\x1b[34m",
];

fn compiled(value: &[u8]) -> Arc<Patterns> {
    Arc::new(Patterns::compile(&[Pattern { name: "S", value }]))
}

/// Values of all lengths that matter, of letters and digits and of words; one of them begins as
/// control sequences end.
fn values() -> Vec<Vec<u8>> {
    let letters = |length: usize| {
        let mut number = 7u64;
        let mut next = || {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b"mKHBhlJABCabcdefghijklnopqrstuvwxyz0123456789"[(number >> 33) as usize % 45]
        };
        (0..length).map(|_| next()).collect::<Vec<u8>>()
    };
    let words = b"correct horse battery staple".to_vec();
    let mut values: Vec<Vec<u8>> = [8, 16, 40, 3_000].map(letters).into();
    values.extend([words, b"mB-K9s.Hq7".to_vec(), [b"mmKKBBHH".as_slice(), &letters(40)].concat()]);
    values
}

/// The output of these reads, the input being kept open, and the most that was held after one.
fn shown(patterns: &Arc<Patterns>, input: &[u8], read: usize) -> (Vec<u8>, usize) {
    let mut filter = Filter::new(Arc::clone(patterns));
    let (mut out, mut most) = (Vec::new(), 0);
    for part in input.chunks(read) {
        filter.push(part, false, &mut out);
        most = most.max(filter.held());
    }
    (out, most)
}

#[test]
fn text_behind_control_sequences_appears_at_once() {
    let mixed = SEQUENCES.concat();
    for value in values() {
        let patterns = compiled(&value);
        for sequence in SEQUENCES.iter().copied().chain([mixed.as_str()]) {
            let run = sequence.repeat(2_500 / sequence.len());
            for text in ["plain ascii line 1 of a config file ~", "~", "total 12\r\n~\r\n"] {
                let input = [run.as_bytes(), text.as_bytes()].concat();
                for read in [1, 2, 3, 7, 64, 1_000, input.len()] {
                    let (out, most) = shown(&patterns, &input, read);
                    let name = format!("{:?} before {text:?}, value of {}", sequence, value.len());
                    assert!(
                        out == input,
                        "{name}, reads of {read}: {} bytes are held",
                        input.len() - out.len()
                    );
                    assert!(most <= 400, "{name}: {most} bytes were held");
                }
            }
        }
    }
}

/// Only what may be a first character waits behind sequences, and goes out with them after a pause.
#[test]
fn a_screen_is_whole_after_a_pause() {
    let value = b"x9Kq0Zr81mWv7TsY3bNc";
    let patterns = compiled(value);
    let mut held = 0;
    for last in (b' '..0x7f).map(char::from) {
        let input = format!("{}1,1 Al{last}\x1b[1;1H\x1b[?25h", "~\x1b[K\r\n".repeat(24));
        let mut filter = Filter::new(Arc::clone(&patterns));
        let mut out = Vec::new();
        filter.push(input.as_bytes(), false, &mut out);
        held += usize::from(filter.held() > 0);
        filter.idle(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), input);
    }
    // The value's own first character, and those of its encodings.
    assert!((1..30).contains(&held), "{held} characters wait for what follows");
}

/// A pause lets no more than 3 bytes of a value out, those that look like a control sequence
/// included.
#[test]
fn a_value_with_control_sequences_does_not_go_out_in_a_pause() {
    let value = b"x\x1b[31m9Kq0Zr81mWv7TsY3bNc";
    let mut filter = Filter::new(compiled(value));
    let mut out = Vec::new();
    filter.push(&value[..12], false, &mut out);
    filter.idle(&mut out);
    assert_eq!(out, &value[..3]);
}

/// The last letter of a sequence is no beginning of an encoding, and waits only if a value begins
/// so; what stands before it, as the 5 of `ESC [ ? 2 5 l`, may be one.
#[test]
fn a_screen_that_ends_with_sequences_is_shown_whole() {
    let values = values();
    // A string may hold an encoding, and a digit right behind an escape may be data.
    for sequence in SEQUENCES.iter().filter(|s| !s.contains("\x1b]") && !s.ends_with("\x1b8")) {
        let input = format!("~{sequence}");
        let held =
            |value: &Vec<u8>| input.len() - shown(&compiled(value), input.as_bytes(), 1).0.len();
        let held: Vec<usize> = values.iter().map(held).filter(|held| *held > 0).collect();
        assert!(
            held.len() <= values.len() / 2 && held.iter().all(|held| *held <= 12),
            "{sequence:?}: {held:?}"
        );
    }
}

/// What follows a sequence or a lone escape at once is found, as is what a sequence that is a
/// string holds.
#[test]
fn an_encoding_behind_or_in_a_sequence_is_found() {
    let value = b"x9Kq0Zr81mWv7TsY3bNc";
    let patterns = compiled(value);
    let (base64, hex) =
        (data_encoding::BASE64.encode(value), data_encoding::HEXLOWER.encode(value));
    let escaped: String = value.iter().map(|b| format!("\\u{:04x}", u32::from(*b))).collect();
    for before in ["\x1b[32m", "\x1b(B", "\x1b", "\x1b]52;c;", "\x1b7"] {
        for encoded in [&base64, &hex, &escaped, std::str::from_utf8(value).unwrap()] {
            let text = format!("{before}{encoded}\x07");
            for read in [1, text.len()] {
                let mut filter = Filter::new(Arc::clone(&patterns));
                let mut out = Vec::new();
                text.as_bytes().chunks(read).for_each(|part| filter.push(part, false, &mut out));
                filter.finish(&mut out);
                assert_eq!(String::from_utf8_lossy(&out), format!("{before}[hasp:S]\x07"));
            }
        }
    }
}

/// An unfinished sequence is no beginning of a value: a terminal waits for its rest anyway.
#[test]
fn an_unfinished_sequence_passes() {
    for value in values() {
        let patterns = compiled(&value);
        for begun in ["~\x1b", "~\x1b[", "~\x1b[12;4", "~\x1b]0;tit~", "~\x1b("] {
            let (out, _) = shown(&patterns, begun.as_bytes(), 1);
            // The last digit may be the first of a value.
            assert!(
                out.len() >= begun.len() - usize::from(begun.ends_with('4')),
                "{begun:?}: {}",
                out.escape_ascii()
            );
        }
    }
}

/// Colours, links and cursor movements between any two characters of a value, up to eight at one
/// place.
#[test]
fn a_value_with_sequences_inside_is_found() {
    let value = b"d4Kq0Zr81mWv7TsY3bNc+xA5uHe2LgJf";
    let patterns = compiled(value);
    for sequence in SEQUENCES.iter().filter(|s| !s.contains('\r')) {
        let count = sequence.matches('\x1b').count() - sequence.matches("\x1b\\").count();
        for at in 1..value.len() {
            let inside = sequence.repeat(8 / count);
            let text = [b"~", &value[..at], inside.as_bytes(), &value[at..], b"~"].concat();
            for read in [1, 5, text.len()] {
                let mut filter = Filter::new(Arc::clone(&patterns));
                let mut out = Vec::new();
                text.chunks(read).for_each(|part| filter.push(part, false, &mut out));
                filter.finish(&mut out);
                assert!(out == b"~[hasp:S]~", "{sequence:?} at {at}, reads of {read}");
            }
        }
    }
}
