//! The form that is named for what was found, by the scan with the vault locked, with the value
//! given, and by the filter.
#![allow(clippy::unwrap_used)]

mod place;

use place::Place;

/// A value, a text with it, and the form to be named; `{}` stands for the value as it is.
const NAMED: [(&str, &str, &str); 16] = [
    ("S3cr3t Value with blanks 90210", "url is {}\n", "plain"),
    ("S3cr3t Value with blanks 90210", "{}", "plain"),
    ("S3cr3t Value with blanks 90210", "x: \"{}\" & more\\n =3D %20 '' $$\n", "plain"),
    ("S3cr3t=Value&with%signs'90210$", "url=3D is {} %41\n", "plain"),
    ("S3cr3t+Value/with==90210abcdef", "a+b {} c\n", "plain"),
    ("Zx81Q7artzFj0rdKq9wPm3LkJhG5vBnT", "{} and {}\n", "plain"),
    ("Zx81Q7artzFj0rdKq9wPm3LkJhG5vBnT", "{\"k\": \"{}\"}\n", "plain"),
    ("e8690359052ecf4f9a37294b57983a46", "0x {} 00\n", "plain"),
    ("S3cr3t Value with blanks 90210", "S3cr3t%20Value%20with%20blanks%2090210\n", "percent"),
    ("S3cr3t \"Value\" with blanks 90210", "S3cr3t \\\"Value\\\" with blanks 90210\n", "escaped"),
    ("S3cr3t&Value with<blanks>90210", "S3cr3t&amp;Value with&lt;blanks&gt;90210\n", "html"),
    ("S3cr3t=Value with blanks 90210", "S3cr3t=3DValue with blanks 90210\n", "quoted-printable"),
    ("S3cr3t'Value with blanks 90210", "S3cr3t''Value with blanks 90210\n", "quoted"),
    ("Zx81Q7artzFj0rdKq9wPm3LkJhG5vBnT", "Zx81Q7artzFj0rdKq9wP\x1b[1mm3LkJhG5vBnT\n", "coloured"),
    (
        "Zx81Q7artzFj0rdKq9wPm3LkJhG5vBnT",
        "x = Wng4MVE3YXJ0ekZqMHJkS3E5d1BtM0xrSmhHNXZCblQ=;\n",
        "base64",
    ),
    ("Zx81Q7artzFj0rdKq9wPm3LkJhG5vBnT", "5a7838315137617274 {}\n", "plain"),
];

/// The simplest form that explains the bytes is named, whatever else they could be read as, by the
/// locked scan, by the scan with the value given and by the filter.
#[test]
fn the_simplest_form_is_named() {
    for (value, text, form) in NAMED {
        let place = Place::new();
        std::fs::write(place.tree().join("../value"), value).unwrap();
        place.file("f", text.replace("{}", value).as_bytes());
        let forms = |words: &[&str]| -> Vec<String> {
            place.found(words).iter().map(|f| f["form"].as_str().unwrap().to_owned()).collect()
        };
        let given = forms(&["--file", "s=../value", "f"]);
        place.store("s", value.as_bytes());
        let locked = forms(&["f"]);
        let wanted = vec![form.to_owned(); text.matches("{}").count().max(1)];
        assert_eq!((&locked, &given), (&wanted, &wanted), "{}", text.escape_debug());
        let mut filter = place.command("sh");
        filter.args([
            "-c",
            "\"$0\" --json-status --file s=../value <f 2>&1 >/dev/null",
            env!("CARGO_BIN_EXE_hasp-redact"),
        ]);
        let status: serde_json::Value =
            serde_json::from_slice(&filter.output().unwrap().stdout).unwrap();
        let named: Vec<&str> = status["matches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["form"].as_str().unwrap())
            .collect();
        assert_eq!(named, [form], "{}", text.escape_debug());
    }
}

/// Two forms side by side are told apart, and a value that lies across the place where one part
/// that is read ends is found once.
#[test]
fn each_place_of_a_given_value_has_its_own_form() {
    let place = Place::new();
    std::fs::write(place.tree().join("../value"), place::VALUE).unwrap();
    let (base64, hex) = (
        data_encoding::BASE64.encode(place::VALUE.as_bytes()),
        data_encoding::HEXLOWER.encode(place::VALUE.as_bytes()),
    );
    place.file("f", format!("{base64}\n{}\n{hex}\n", place::VALUE).as_bytes());
    let found = place.found(&["--file", "s=../value", "f"]);
    let forms: Vec<_> =
        found.iter().map(|f| (f["line"].as_u64().unwrap(), f["form"].as_str().unwrap())).collect();
    assert_eq!(forms, [(1, "base64"), (2, "plain"), (3, "hex")]);
    for before in ((128 << 10) - 40..(128 << 10) + 40).step_by(7) {
        place.file("f", &[&vec![b'.'; before], place::VALUE.as_bytes(), &[b'.'; 5000]].concat());
        let columns: Vec<_> = place
            .found(&["--file", "s=../value", "f"])
            .iter()
            .map(|f| f["column"].as_u64())
            .collect();
        assert_eq!(columns, [Some(before as u64 + 1)], "behind {before}");
    }
}
