//! Files that are torn, odd, ignored or not to be watched, and the report of them.

use super::*;

#[test]
fn what_is_torn_is_said_and_the_rest_is_watched() {
    let place = Place::new();
    let values = random_values(3);
    values.iter().enumerate().for_each(|(n, v)| place.store(&format!("n{n}"), v));
    let path = place.home().join("watch/fingerprints");
    let mut file = std::fs::read(&path).unwrap();
    file[30] ^= 1;
    std::fs::write(&path, &file[..file.len() - 3]).unwrap();
    place.file("all", &values.join(&b'\n'));
    let out = place.scan(&["all"]);
    let (stdout, stderr) =
        (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(stdout.contains("n1") && !stdout.contains("n0") && !stdout.contains("n2"), "{stdout}");
    assert!(stderr.contains("damaged") && stderr.contains("hasp-vault watch rebuild"), "{stderr}");
}

#[test]
fn odd_files_in_a_tree() {
    let place = Place::new();
    let value = b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV";
    place.store("s", value);
    place.sh(
        "mkfifo pipe; ln -s /etc/passwd link; ln -s . loop; mkdir -p deep/.git; printf '' >empty",
    );
    std::os::unix::net::UnixListener::bind(place.tree().join("socket")).unwrap();
    place.file("huge", b"");
    let huge = std::fs::OpenOptions::new().write(true).open(place.tree().join("huge")).unwrap();
    huge.set_len(1 << 30).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&huge, value, (1 << 30) - 4).unwrap();
    place.file("binary", &[&[0, 255, 1][..], value, &[0, 200]].concat());
    place.file("data.zip", b"PK\x03\x04 whatever is in there");
    place.file("notes", b"a\n  x [hasp:db/url] [hasp:not a name]");
    let out = place.scan(&[]);
    let (stdout, stderr) =
        (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "binary:1:4: s version 1 (plain)",
            &format!("huge:1:{}: s version 1 (plain)", (1u64 << 30) - 3),
            "notes:2:5: [hasp:db/url] stands where a value was",
        ]
    );
    assert!(
        stderr.contains("data.zip: not looked into: a zip that is damaged")
            && stderr.contains("found s in 2 places"),
        "{stderr}"
    );
    place.file("notes", b"");
    place.sh("rm huge binary");
    place.file("notes", b"[hasp:db/url]");
    assert_eq!(place.scan(&[]).status.code(), Some(0), "a marker alone is no leak");
    assert_eq!(place.scan(&["nothing-here"]).status.code(), Some(66));
}

#[test]
fn ignored_files_count_when_tracked_or_asked_for() {
    let place = Place::new().git();
    let value = b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV";
    place.store("s", value);
    place.sh("echo '*.env' >.gitignore; mkdir sub; git init -q sub/other");
    for name in ["a.env", "sub/b.env", "sub/other/c", "tracked.env"] {
        place.file(name, value);
    }
    place.sh("git add -f tracked.env");
    let files = |words: &[&str]| {
        place
            .found(words)
            .iter()
            .map(|f| f["file"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(files(&[]), ["sub/other/c", "tracked.env"]);
    assert_eq!(files(&["sub"]), ["sub/other/c"]);
    assert_eq!(files(&["a.env"]), ["a.env"], "what is named is looked at");
    assert_eq!(files(&["--no-ignore"]).len(), 4);
}

#[test]
fn sarif_has_the_shape_of_the_standard() {
    let place = Place::new();
    let value = b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV";
    place.store("s", value);
    place.file("a b%", &["\u{e4}\u{20ac} ".as_bytes(), value, b" [hasp:x]"].concat());
    let out = place.scan(&["--format", "sarif"]);
    assert_eq!(out.status.code(), Some(1));
    let sarif: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "hasp-redact");
    let rules: Vec<_> = run["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["id"].clone())
        .collect();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        assert!(rules.contains(&result["ruleId"]) && result["message"]["text"].is_string());
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b%25");
        assert_eq!(place["region"]["startLine"], 1);
    }
    assert_eq!(
        results[0]["locations"][0]["physicalLocation"]["region"]["startColumn"], 4,
        "characters"
    );
    assert_eq!(place.found(&[])[0]["column"], 7, "bytes");
    place.sh("rm *");
    let empty: serde_json::Value =
        serde_json::from_slice(&place.scan(&["--format", "sarif"]).stdout).unwrap();
    assert_eq!(empty["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_watched_is_named_and_found_when_given() {
    let place = Place::new();
    place.store("short", b"hunter2");
    place.store("words", b"correct horse battery staple");
    place.store("good", b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV");
    let list = place.command(env!("CARGO_BIN_EXE_hasp-redact")).arg("watch").output().unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(
        list.contains("good  watched: version 1\n")
            && list.contains("short  not watched: it has fewer than 16 bytes\n"),
        "{list}"
    );
    assert!(list.contains("words  not watched: no 16 bytes of it hold 64 bits"), "{list}");
    place.file("a", b"x correct%20horse%20battery%20staple");
    assert!(place.found(&[]).is_empty());
    std::fs::write(place.tree().join("../list"), b"W=correct horse battery staple\0").unwrap();
    let found = place.found(&["--values", "../list"]);
    assert_eq!((found[0]["secret"].as_str(), found[0]["column"].as_u64()), (Some("W"), Some(3)));
}
