//! How fast the filter takes in what programs print of a value, for values of all sizes, and what
//! looks like degenerate values over and over. It writes its tables into docs/redaction.md. `cargo
//! bench -p hasp-redact --bench dumps -- [MiB]`; with words, as `base64 1MiB` or `'\\' percent`,
//! it measures the one row and column that they name, for a profiler.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/encoders/mod.rs"]
mod encoders;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use hasp_redact::{Filter, Pattern, Patterns};

const BEGIN: &str = "<!-- dumps: written by benches/dumps.rs -->\n";
const END: &str = "<!-- end of dumps -->";

/// What a dump should reach, in MB/s.
const TARGET: f64 = 50.0;

const SIZES: [(&str, usize); 5] =
    [("8 B", 8), ("64 B", 64), ("1 KiB", 1 << 10), ("64 KiB", 1 << 16), ("1 MiB", 1 << 20)];

type Dump = (&'static str, fn(&[u8]) -> Vec<u8>);

const DUMPS: [Dump; 7] = [
    ("as it is", |v| v.to_vec()),
    ("`xxd -p`", |v| lines(v, 30, "", |_| String::new())),
    ("`od -t x1`", |v| lines(v, 16, " ", |at| format!("{at:07o} "))),
    ("`xxd -i`", |v| lines(v, 12, ", 0x", |_| "  0x".to_owned())),
    ("`base64`", |v| encoders::wrap(&data_encoding::BASE64.encode(v), 76, "\n")),
    ("JSON escapes", |v| v.iter().map(|b| format!("\\u{b:04x}")).collect::<String>().into_bytes()),
    ("percent escapes", |v| v.iter().map(|b| format!("%{b:02X}")).collect::<String>().into_bytes()),
];

fn lines(value: &[u8], width: usize, between: &str, before: fn(usize) -> String) -> Vec<u8> {
    let line = |(i, part): (usize, &[u8])| {
        let pairs: Vec<String> = part.iter().map(|b| format!("{b:02x}")).collect();
        format!("{}{}\n", before(i * width), pairs.join(between))
    };
    value.chunks(width).enumerate().map(line).collect::<String>().into_bytes()
}

/// Random letters and digits.
fn letters(length: usize) -> Vec<u8> {
    const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut number = 0x1234_5678_9abc_def1u64;
    let mut next = || {
        number ^= number >> 12;
        number ^= number << 25;
        number ^= number >> 27;
        ALNUM[(number.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % ALNUM.len()]
    };
    (0..length).map(|_| next()).collect()
}

/// The processor time that this process has taken: other work on the machine counts little in it.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// MB/s for this text, over and over, without the time to make the tables.
fn rate(value: &[u8], text: &[u8], mib: usize) -> f64 {
    let patterns = Arc::new(Patterns::compile(&[Pattern { name: "S", value }]));
    let input: Vec<u8> =
        text.iter().copied().cycle().take((mib << 20).max(2 * text.len())).collect();
    let mut filter = Filter::new(patterns);
    let mut written = 0;
    let start = processor_time();
    for part in input.chunks(1 << 16) {
        filter.push_with(part, true, |bytes| written += bytes.len());
    }
    filter.finish_with(|bytes| written += bytes.len());
    input.len() as f64 / 1e6 / (processor_time() - start).as_secs_f64()
}

/// MB/s for this dump of a value of this size.
fn dumped(dump: fn(&[u8]) -> Vec<u8>, size: usize, mib: usize) -> f64 {
    let value = letters(size);
    rate(&value, &[dump(&value), b"\n".to_vec()].concat(), mib)
}

/// A value of 1 KiB that repeats this, and texts full of it or nearly.
fn repeated(piece: &str) -> (Vec<u8>, [(&'static str, Vec<u8>); 3]) {
    let value: Vec<u8> = piece.bytes().cycle().take(1 << 10).collect();
    let missed = [&value[..value.len() - 1], b"~"].concat();
    let texts = [("whole", value.clone()), ("missed", missed), ("percent", DUMPS[6].1(&value))];
    (value, texts)
}

/// The rate of one row and column.
fn one(row: &str, column: &str, mib: usize) -> f64 {
    let is = |name: &str, word: &str| name.replace([' ', '`'], "").contains(&word.replace(' ', ""));
    if let Some((_, dump)) = DUMPS.iter().find(|(name, _)| is(name, row)) {
        let (_, size) = SIZES.iter().find(|(name, _)| is(name, column)).unwrap();
        return dumped(*dump, *size, mib);
    }
    let (value, texts) = repeated(row);
    let (_, text) = texts.iter().find(|(name, _)| is(name, column)).unwrap();
    rate(&value, text, mib)
}

fn report(mib: usize) -> String {
    let mut page = format!(
        "\nMB/s of processor time of what programs print of a value of letters and digits, over \
         and over ({mib} MiB in reads of 64 KiB, \
         the library alone); the target is {TARGET}.\n\n| dump |"
    );
    SIZES.iter().for_each(|(name, _)| write!(page, " {name} |").unwrap());
    page.push_str("\n|---|---|---|---|---|---|\n");
    for (name, dump) in DUMPS {
        write!(page, "| {name} |").unwrap();
        for (_, size) in SIZES {
            write!(page, " {:.0} |", dumped(dump, size, mib)).unwrap();
        }
        page.push('\n');
    }
    page.push_str(
        "\nMB/s for values of 1 KiB that repeat themselves, the text full of them or nearly.\n\n",
    );
    page.push_str(
        "| value | the value | but for its last byte | percent escapes |\n|---|---|---|---|\n",
    );
    for piece in ["a", "\\", "%", "'", "\"", "0", "abc"] {
        let (value, texts) = repeated(piece);
        let rates = texts.map(|(_, text)| rate(&value, &text, mib));
        writeln!(page, "| `{piece}` | {:.0} | {:.0} | {:.0} |", rates[0], rates[1], rates[2])
            .unwrap();
    }
    page.push('\n');
    page
}

fn main() {
    // cargo bench passes flags of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let (number, words) = match words.split_first() {
        Some((first, rest)) if first.parse::<usize>().is_ok() => (first.parse().ok(), rest),
        _ => (None, words.as_slice()),
    };
    let mib = number.unwrap_or(4);
    if let [row, column] = words {
        return println!("{:.1}", one(row, column, mib));
    }
    let page = report(mib);
    println!("{page}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/redaction.md");
    let docs = std::fs::read_to_string(path).unwrap();
    let (start, end) = (docs.find(BEGIN).unwrap() + BEGIN.len(), docs.find(END).unwrap());
    std::fs::write(path, [&docs[..start], &page, &docs[end..]].concat()).unwrap();
}
