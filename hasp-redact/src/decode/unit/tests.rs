//! Every escape against its reading, whole and cut.

use super::*;
use proptest::prelude::*;

fn readings(input: &[u8]) -> Vec<(Vec<u8>, usize)> {
    let mut units = Units::default();
    decode(Text { bytes: input, eof: true }, 0, &mut units);
    assert!(!units.more, "nothing can follow the end");
    units.found().iter().map(|u| (u.bytes().to_vec(), u.end)).collect()
}

/// What introduces escapes, and what they are made of.
const MIXED: &str = "[%&=$'\"\\\\+#;a-f0-7xuUDn{}\r\n\x1b\\[m]{0,16}";

proptest! {
    /// More would have no place in [`Units`].
    #[test]
    fn a_position_has_few_readings(text in MIXED, eof: bool) {
        let text = text.as_bytes();
        for at in 0..text.len() {
            let mut units = Units::default();
            decode(Text { bytes: text, eof }, at, &mut units);
            prop_assert!(units.found().len() <= 6, "{} at {at}", text.escape_ascii());
            let may_end = |end: usize| may_end(text[at], end - at, text[end - 1]);
            let all = units.found().iter().all(|u| may_end(u.end));
            prop_assert!(all, "{} at {at}", text.escape_ascii());
        }
    }
}

#[test]
fn every_escape_has_its_reading() {
    for (input, byte) in [
        (&b"%41"[..], &b"A"[..]),
        (b"%2541", b"A"),
        (b"%252541", b"A"),
        (b"%u00e4", "ä".as_bytes()),
        (b"\\x41", b"A"),
        (b"\\xe4", b"\xe4"),
        (b"\\xe4", "ä".as_bytes()),
        (b"\\u0041", b"A"),
        (b"\\\\u0041", b"A"),
        (b"\\ud83d\\udc51", "👑".as_bytes()),
        (b"\\\\uD83D\\\\uDC51", "👑".as_bytes()),
        (b"\\u{1f451}", "👑".as_bytes()),
        (b"\\U0001f451", "👑".as_bytes()),
        (b"\\101", b"A"),
        (b"\\n", b"\n"),
        (b"\\\\n", b"\n"),
        (b"\\\"", b"\""),
        (b"\\\\\\\"", b"\""),
        (b"\\\\\\\\", b"\\"),
        (b"&#65;", b"A"),
        (b"&#x41;", b"A"),
        (b"&quot;", b"\""),
        (b"&amp;quot;", b"\""),
        (b"=3D", b"="),
        (b"''", b"'"),
        (b"'\\''", b"'"),
        (b"'\"'\"'", b"'"),
        (b"$$", b"$"),
        (b"+", b" "),
        (b"=\r\n", b""),
        (b"\x1b[31m", b""),
    ] {
        let wanted = (byte.to_vec(), input.len());
        assert!(readings(input).contains(&wanted), "{} not read", input.escape_ascii());
    }
}

#[test]
fn a_cut_escape_is_undecided_until_the_end() {
    for cut in [
        "%",
        "%4",
        "%25",
        "%u00",
        "\\",
        "\\\\",
        "\\x",
        "\\x4",
        "\\u00",
        "\\ud83d",
        "\\ud83d\\u",
        "\\u{1f",
        "\\10",
    ]
    .iter()
    .chain(&["&", "&#6", "&quo", "&amp", "=", "=3", "=\r", "'", "'\\", "$", "\"", "\x1b", "\x1b[3"])
    {
        let mut units = Units::default();
        decode(Text { bytes: cut.as_bytes(), eof: false }, 0, &mut units);
        assert!(units.more, "{} was decided", cut.escape_debug());
    }
}
