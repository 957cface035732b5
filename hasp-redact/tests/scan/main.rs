//! The locked scan: every form of a watched value in a file, what the scan cannot see, and what
//! must not be taken for a value.
#![allow(clippy::unwrap_used)]

mod trees;

#[path = "../encoders/mod.rs"]
mod encoders;
#[path = "../place/mod.rs"]
mod place;

use encoders::ENCODERS;
use hasp_redact::judge;
use place::{Place, random_values};

const VALUES: [(&str, &[u8]); 5] = [
    ("letters and digits", b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV"),
    ("16 bytes", b"Zk3vQ9xL7mW2pT5c"),
    ("hexadecimal digits", b"e8690359052ecf4f9a37294b57983a46"),
    ("signs and a blank", b"p@ss w0rd/'q\"&<+>$=%!\\z"),
    ("bytes", b"\x9b\x02\xe7\x51\xc4\x88\x1d\xf6\x3a\x90\x07\xbd\x62\xd9\x2e\x75\xa1\x4c"),
];

/// Forms that are promised for every value of 16 bytes or more: those of a fixed alphabet.
const FIXED: [&str; 24] = [
    "raw",
    "base64",
    "base64 unpadded",
    "base64 url",
    "base64 wrapped at 76",
    "base64 wrapped at 64, CRLF",
    "base64 wrapped and indented",
    "base64 in a JSON string",
    "base32",
    "base32 lower",
    "hex",
    "hex upper",
    "hex apart",
    "hex with colons",
    "hex with dashes",
    "hex with commas",
    "hex with commas, no blank",
    "hex in twos",
    "hex escapes",
    "percent, all",
    "percent, all, lower",
    "json, all",
    "utf-16 le",
    "utf-16 be",
];

/// What of each form is found when it stands in a line of its own, in the middle of others, and at
/// each place of a group.
fn seen(value: &[u8]) -> Vec<(&'static str, bool)> {
    let place = Place::new();
    place.store("s", value);
    for (name, encode) in ENCODERS {
        let wide = name.starts_with("utf-16");
        let text = if wide {
            [&encode(b"x="), &encode(value)[..], &encode(b"; done\n")].concat()
        } else {
            [b"x = ", &encode(value)[..], b" ; done\n"].concat()
        };
        place.file(name, &text);
    }
    let found = place.found(&["--no-ignore"]);
    ENCODERS.iter().map(|(name, _)| (*name, found.iter().any(|f| f["file"] == *name))).collect()
}

#[test]
fn every_form_of_a_fixed_alphabet_is_found() {
    for (what, value) in VALUES {
        assert_eq!(judge(value), Ok(()), "{what}");
        let unseen: Vec<&str> = seen(value)
            .into_iter()
            .filter(|(n, ok)| !ok && FIXED.contains(n))
            .map(|(n, _)| n)
            .collect();
        assert_eq!(unseen, [""; 0], "{what}");
    }
}

/// The shared vectors as files, both ways: with the values given, all that the filter catches;
/// locked, all of values that can be watched but for the named ones.
#[test]
fn the_shared_vectors_as_files() {
    let unhex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let mut unseen = Vec::new();
    for row in include_str!("../vectors.tsv").lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let (name, value, input, yes) =
            (cells[0], unhex(cells[1]), unhex(cells[2]), cells[3] == "yes");
        let place = Place::new();
        place.file("input", &input);
        std::fs::write(place.tree().join("../value"), &value).unwrap();
        assert_eq!(
            !place.found(&["--file", "s=../value", "input"]).is_empty(),
            yes,
            "{name}, given"
        );
        if value.is_empty() {
            continue;
        }
        place.store("s", &value);
        let found = !place.found(&["input"]).is_empty();
        assert!(yes || !found, "{name}: found where it is not");
        if yes && !found && judge(&value).is_ok() {
            unseen.push(name);
        }
    }
    assert_eq!(unseen, UNSEEN);
}

/// Vectors that the locked scan does not see.
const UNSEEN: [&str; 6] = [
    "multiline_crlf",
    "multiline_indented",
    "line_0_alone",
    "line_1_alone",
    "line_2_alone",
    "wrap80_crlf",
];

#[test]
fn at_every_place_of_a_group_and_of_a_file() {
    let (place, value) = (Place::new(), b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV");
    place.store("s", value);
    for before in 0..9 {
        let text = [&b"user:abcdef"[..before], value, b"tail"].concat();
        place.file(&format!("base64-{before}"), data_encoding::BASE64.encode(&text).as_bytes());
        place.file(&format!("base32-{before}"), data_encoding::BASE32.encode(&text).as_bytes());
        place.file(
            &format!("inside-{before}"),
            format!("/a/b{}", data_encoding::BASE64URL.encode(&text)).as_bytes(),
        );
        place.file(&format!("hex-{before}"), data_encoding::HEXLOWER.encode(&text).as_bytes());
    }
    assert_eq!(place.found(&["."]).len(), 36);
    // Around the places where one part that is read ends and the next begins.
    let place = Place::new();
    place.store("s", value);
    let mut text = vec![b'.'; 3 << 20];
    let places = [0, (1 << 20) - 90, (1 << 20) - 3, (2 << 20) - 900, (3 << 20) - 32];
    places.iter().for_each(|at| text[*at..*at + 32].copy_from_slice(value));
    place.file("large", &text);
    let columns: Vec<usize> =
        place.found(&["."]).iter().map(|f| f["column"].as_u64().unwrap() as usize - 1).collect();
    assert_eq!(columns, places);
    assert_eq!(place.found(&["--file", "s=/dev/null", "large"]).len(), 5);
    text[(1 << 20) + 500] = b'\n';
    place.file("large", &text);
    let lines: Vec<(u64, usize)> = place
        .found(&["."])
        .iter()
        .map(|f| (f["line"].as_u64().unwrap(), f["column"].as_u64().unwrap() as usize))
        .collect();
    assert_eq!(
        lines[2..],
        [(1, places[2] + 1), (2, places[3] - (1 << 20) - 500), (2, places[4] - (1 << 20) - 500)]
    );
}

/// A form's name and its encoder.
type Further = (&'static str, fn(&str) -> String);

/// Forms beyond those of one encoder, with the value that they are of.
const FURTHER: [Further; 14] = [
    ("all in upper or lower case", |v| v.to_uppercase()),
    ("base64 twice", |v| {
        data_encoding::BASE64.encode(data_encoding::BASE64.encode(v.as_bytes()).as_bytes())
    }),
    ("base64 of a JSON string in a URL", |v| {
        data_encoding::BASE64.encode(format!("{{\"k\":\"{v}\"}}").as_bytes()).replace('=', "%3D")
    }),
    ("base64 wrapped at 8", |v| {
        String::from_utf8(encoders::wrap(&data_encoding::BASE64.encode(v.as_bytes()), 8, "\n"))
            .unwrap()
    }),
    ("colour at its first character", |v| format!("{}\x1b[1m{}", &v[..1], &v[1..])),
    ("wrapped by a terminal near its end", |v| {
        format!("{}\r\n{}", &v[..v.len() - 6], &v[v.len() - 6..])
    }),
    ("a line of 12 bytes of several", |v| v[..12].to_owned()),
    ("lines of xxd -p", |v| {
        String::from_utf8(encoders::wrap(&data_encoding::HEXLOWER.encode(v.as_bytes()), 60, "\n"))
            .unwrap()
    }),
    ("several lines of od or xxd", |v| {
        v.as_bytes()
            .chunks(16)
            .enumerate()
            .map(|(n, c)| {
                format!(
                    "{:08x}: {}  {}\n",
                    16 * n,
                    c.chunks(2)
                        .map(|p| data_encoding::HEXLOWER.encode(p))
                        .collect::<Vec<_>>()
                        .join(" "),
                    String::from_utf8_lossy(c)
                )
            })
            .collect()
    }),
    ("two literals, added up", |v| format!("\"{}\" + \"{}\"", &v[..12], &v[12..])),
    ("two literals on two lines", |v| format!("'{}'\n   '{}'", &v[..20], &v[20..])),
    ("a decimal list on several lines", |v| {
        let numbers: Vec<String> = v.bytes().map(|b| b.to_string()).collect();
        numbers.chunks(8).map(|line| line.join(", ")).collect::<Vec<_>>().join(",\n    ")
    }),
    ("one character a line", |v| v.chars().map(|c| format!("{c}\n")).collect()),
    ("reversed", |v| v.chars().rev().collect()),
];

/// The table of the man page: every form, seen without the value and with it.
#[test]
fn the_table_in_the_man_page_is_up_to_date() {
    let value = "ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV";
    let place = Place::new();
    place.store("s", value.as_bytes());
    std::fs::write(place.tree().join("../value"), value).unwrap();
    std::fs::write(place.tree().join("../lines"), format!("{value}\n{}\n", &value[..12])).unwrap();
    let plain = ENCODERS.iter().map(|(name, encode)| (*name, encode(value.as_bytes())));
    let further = FURTHER.iter().map(|(name, encode)| (*name, encode(value).into_bytes()));
    let mut table = String::from(
        ".Bl -column \"base64 of a JSON string in a URL\" locked given -compact\n.It Sy form Ta \
         Sy locked Ta Sy given\n",
    );
    for (name, text) in plain.chain(further) {
        let text =
            if name.starts_with("utf-16") { text } else { [b"x = ", &text[..], b" ;\n"].concat() };
        place.file("form", &text);
        let word = |words: &[&str]| if place.found(words).is_empty() { "no" } else { "yes" };
        let given = word(&["--file", "a=../value", "--file", "b=../lines", "form"]);
        table.push_str(&format!(".It {name} Ta {} Ta {given}\n", word(&["form"])));
    }
    table.push_str(".El\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../man/hasp-redact.1");
    let page = std::fs::read_to_string(path).unwrap();
    let (begin, end) = (
        ".\\\" begin of the table that a test writes\n",
        ".\\\" end of the table that a test writes\n",
    );
    let (start, end) = (page.find(begin).unwrap() + begin.len(), page.find(end).unwrap());
    if page[start..end] != table {
        std::fs::write(path, [&page[..start], &table, &page[end..]].concat()).unwrap();
        panic!(
            "the table in man/hasp-redact.1 was out of date and has been written anew: commit it"
        );
    }
}

#[test]
fn no_false_alarm_in_ten_crates() {
    let cargo = std::env::var("CARGO_HOME")
        .unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").unwrap()));
    let registries =
        std::fs::read_dir(format!("{cargo}/registry/src")).expect("crates that were built with");
    let mut crates: Vec<_> = registries
        .flat_map(|r| std::fs::read_dir(r.unwrap().path()).unwrap())
        .map(|c| c.unwrap().path())
        .collect();
    crates.sort();
    let large = [
        "aes-0",
        "libc-0",
        "rustix-1",
        "serde-1",
        "syn-2",
        "regex-automata",
        "clap_builder",
        "sha2-0",
        "curve25519",
        "proptest-1",
    ];
    let chosen: Vec<&str> = large
        .iter()
        .filter_map(|l| {
            crates.iter().find(|c| c.file_name().unwrap().to_str().unwrap().starts_with(l))
        })
        .map(|c| c.to_str().unwrap())
        .collect();
    assert_eq!(chosen.len(), 10, "{chosen:?}");
    let place = Place::new();
    let values = random_values(1000);
    let watched = values.iter().filter(|v| judge(v).is_ok()).count();
    assert!(watched >= 990, "{watched}");
    values.iter().enumerate().for_each(|(n, v)| place.store(&format!("n/{n}"), v));
    let found = place.found(&[&["--no-ignore"][..], &chosen].concat());
    assert!(found.iter().all(|f| f["found"] == "marker"), "{found:?}");
    // And all of them are found where they are.
    values
        .iter()
        .enumerate()
        .for_each(|(n, v)| place.file(&n.to_string(), &[b"<", &v[..], b">"].concat()));
    assert_eq!(place.found(&["."]).len(), watched);
}

#[test]
fn the_watch_leaks_nothing() {
    let place = Place::new();
    let values = [&b"sk_live_4eC39HqLyjWDarjtT1zdp7dcA"[..], b"sk_live_4eC39HqLyjWDarjtT1zdp7dcB"];
    values.iter().zip(["one", "two"]).for_each(|(value, name)| place.store(name, value));
    let file = std::fs::read(place.home().join("watch/fingerprints")).unwrap();
    for value in values {
        for (form, encode) in ENCODERS {
            let text = encode(value);
            assert!(!file.windows(8).any(|w| text.windows(8).any(|t| t == w)), "{form}");
        }
    }
    // Of what two values have in common nothing is equal in the file.
    let half = file.len() / 2;
    let shared =
        (0..half - 8).filter(|at| file[half..].windows(8).any(|w| w == &file[*at..at + 8])).count();
    assert_eq!(shared, 0);
    // With the key the value can be told from others; with any other key it cannot.
    place.file("guess", values[0]);
    assert_eq!(place.found(&["guess"]).len(), 1);
    let key = place.home().join("watch/key");
    assert_eq!(std::fs::metadata(&key).unwrap().len(), 32);
    std::fs::write(&key, [7; 32]).unwrap();
    let out = place.scan(&["guess"]);
    assert_eq!(out.status.code(), Some(66), "{}", String::from_utf8_lossy(&out.stderr));
    std::fs::remove_file(&key).unwrap();
    let out = place.scan(&["guess"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("[no-watch]") && out.stdout.is_empty());
}
