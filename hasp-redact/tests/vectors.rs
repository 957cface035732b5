//! The shared vectors, judged strictly: of a value in a `yes` row no four bytes in a row may
//! survive in any decoding and what surrounds it is unchanged; a `no` row passes byte for byte. The
//! table of what is covered is written from here.
#![allow(clippy::unwrap_used)]

mod judge;

use judge::{MARKER, redact, rest, survives};

struct Vector {
    name: String,
    value: Vec<u8>,
    input: Vec<u8>,
    yes: bool,
    note: String,
}

fn vectors() -> Vec<Vector> {
    let unhex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let rows = include_str!("vectors.tsv").lines().skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.split('\t').collect();
        let (name, note) = (cells[0].to_owned(), cells.get(4).unwrap_or(&"").to_string());
        Vector {
            name,
            value: unhex(cells[1]),
            input: unhex(cells[2]),
            yes: cells[3] == "yes",
            note,
        }
    })
    .collect()
}

/// What is wrong with the output for a vector.
fn fault(vector: &Vector, out: &[u8]) -> Option<&'static str> {
    if !vector.yes {
        return (out != vector.input).then_some("is changed");
    }
    let pieces = rest(out);
    if pieces.len() < 2 {
        return Some("is not found");
    }
    if pieces.iter().any(|piece| survives(&vector.value, piece)) {
        return Some("is not gone");
    }
    let (first, last) = (&pieces[0], pieces.last().unwrap());
    // Line breaks of the value stay behind its marker.
    let last = &last[last.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()..];
    let kept = vector.input.starts_with(first) && vector.input.ends_with(last);
    (!kept).then_some("took something with it")
}

#[test]
fn every_vector_holds_in_one_read_and_in_single_bytes() {
    for vector in vectors() {
        let out = redact(&vector.value, &vector.input, usize::MAX);
        assert_eq!(fault(&vector, &out), None, "{}", vector.name);
        for step in [1, 2, 3, 7, 64] {
            assert!(
                redact(&vector.value, &vector.input, step) == out,
                "{} in reads of {step}",
                vector.name
            );
        }
    }
}

#[test]
fn line_breaks_are_kept() {
    for vector in vectors() {
        let lines = |text: &[u8]| text.iter().filter(|b| **b == b'\n').count();
        let out = redact(&vector.value, &vector.input, usize::MAX);
        assert_eq!(lines(&out), lines(&vector.input), "{}", vector.name);
    }
}

/// The judgement calls of the vectors, decided: two layers of base64, a hard terminal wrap (CRLF in
/// values of 16 bytes and more) and upper() are redacted; two words on two lines are not a value.
#[test]
fn judgement_calls() {
    let decided: Vec<(String, bool)> = vectors()
        .into_iter()
        .filter(|v| v.note.contains("stretch") || v.note.contains("policy"))
        .map(|v| {
            (v.name.clone(), redact(&v.value, &v.input, usize::MAX).windows(8).any(|w| w == MARKER))
        })
        .collect();
    let wanted = [
        ("b64_double", true),
        ("upper_alnum", true),
        ("wrap80_crlf", true),
        ("neg_newline_only_split", false),
    ];
    assert_eq!(decided, wanted.map(|(name, yes)| (name.to_owned(), yes)));
}

const BEGIN: &str = "<!-- coverage: written by tests/vectors.rs -->\n";
const END: &str = "<!-- end of coverage -->";

#[test]
fn the_coverage_table_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/redaction.md");
    let page = std::fs::read_to_string(path).unwrap();
    let start = page.find(BEGIN).unwrap() + BEGIN.len();
    let end = page.find(END).unwrap();
    let mut table = String::from("\n| vector | result | note |\n|---|---|---|\n");
    for vector in vectors() {
        let out = redact(&vector.value, &vector.input, usize::MAX);
        let result = match (fault(&vector, &out), vector.yes) {
            (Some(fault), _) => fault,
            (None, true) => "redacted",
            (None, false) => "passes unchanged",
        };
        table.push_str(&format!(
            "| `{}` | {result} | {} |\n",
            vector.name,
            vector.note.replace('|', "\\|")
        ));
    }
    table.push('\n');
    if page[start..end] != table {
        std::fs::write(path, [&page[..start], &table, &page[end..]].concat()).unwrap();
        panic!(
            "the table in docs/redaction.md was out of date and has been written anew: commit it"
        );
    }
}
