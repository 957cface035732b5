//! The filter's vectors as files and as commits: what it replaces in a stream and the watch does
//! not find in a file is named in hasp-redact(1).
#![allow(clippy::unwrap_used)]

mod place;

use std::collections::BTreeSet;

use place::Place;

/// What the page says of these.
const PASSED: [(&str, &str); 6] = [
    ("line_0_alone", LINE),
    ("line_1_alone", LINE),
    ("line_2_alone", LINE),
    ("multiline_crlf", WHOLE),
    ("multiline_indented", WHOLE),
    ("wrap80_crlf", "nor a value that a terminal wrapped near its end."),
];
const LINE: &str = "a line of fewer than 16 bytes of a value of several lines,";
const WHOLE: &str = "nor such a value whole if its lines are indented or end otherwise;";

#[test]
fn what_the_filter_replaces_is_found_in_files_and_commits() {
    let place = Place::new().git();
    let unhex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let mut values = BTreeSet::new();
    let (mut watched, mut inputs) = (BTreeSet::new(), BTreeSet::new());
    for row in include_str!("vectors.tsv").lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let (name, value, input) = (cells[0], unhex(cells[1]), unhex(cells[2]));
        if cells[3] != "yes" || hasp_redact::judge(&value).is_err() {
            continue;
        }
        if values.insert(value.clone()) {
            place.store(&format!("v/{}", values.len()), &value);
        }
        // git has each content once.
        if !inputs.insert(input.clone()) {
            continue;
        }
        watched.insert(name.to_owned());
        place.file(name, &input);
    }
    assert!(watched.len() > 40, "{}", watched.len());
    let files = |words: &[&str]| -> BTreeSet<String> {
        let found = place.found(words);
        found.iter().map(|f| f["file"].as_str().unwrap().to_owned()).collect()
    };
    let here = files(&[]);
    place.sh("git add .; git commit -qm all --no-verify");
    let committed: BTreeSet<String> = files(&["--history"]);
    assert_eq!(here, committed, "a commit is looked at as files are");
    let passed: Vec<&str> = watched.difference(&here).map(String::as_str).collect();
    assert_eq!(passed, PASSED.map(|(name, _)| name));
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../man/hasp-redact.1");
    let page = std::fs::read_to_string(page).unwrap();
    for (name, told) in PASSED {
        assert!(page.contains(told), "{name}: the page does not say '{told}'");
    }
}
