//! A private key is the same key in every container: stored in one, it is found in the others, by
//! the scan with the value given and without, and replaced in a stream. The containers are written
//! by openssl and OpenSSH.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod place;

use place::Place;

/// A kind of key, how it is made, and how it is written otherwise.
type KeyKind = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// What OpenSSH writes is read from PKCS#1, SEC1 or, for Ed25519, made by itself.
const KINDS: [KeyKind; 3] = [
    (
        "rsa",
        "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pkcs8.pem",
        &[
            ("pkcs1.pem", "openssl rsa -in pkcs8.pem -traditional -out pkcs1.pem"),
            (
                "pkcs8.der",
                "openssl pkcs8 -topk8 -nocrypt -in pkcs8.pem -outform DER -out pkcs8.der",
            ),
            ("pkcs1.der", "openssl rsa -in pkcs8.pem -traditional -outform DER -out pkcs1.der"),
            ("ssh", "cp pkcs1.pem ssh; chmod 600 ssh; ssh-keygen -q -p -N '' -f ssh"),
        ],
    ),
    (
        "ec",
        "openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out pkcs8.pem",
        &[
            ("sec1.pem", "openssl ec -in pkcs8.pem -out sec1.pem"),
            ("sec1.der", "openssl ec -in pkcs8.pem -outform DER -out sec1.der"),
            (
                "pkcs8.der",
                "openssl pkcs8 -topk8 -nocrypt -in pkcs8.pem -outform DER -out pkcs8.der",
            ),
            ("ssh", "cp sec1.pem ssh; chmod 600 ssh; ssh-keygen -q -p -N '' -f ssh"),
        ],
    ),
    (
        "ed25519",
        "openssl genpkey -quiet -algorithm ED25519 -out pkcs8.pem",
        &[("pkcs8.der", "openssl pkey -in pkcs8.pem -outform DER -out pkcs8.der")],
    ),
];

/// What each file is turned into besides.
const ENCODED: [(&str, &str); 3] = [
    ("b64", "base64 -w0 <F >F.b64"),
    ("wrapped", "base64 <F >F.wrapped"),
    ("hex", "xxd -p -c0 <F >F.hex"),
];

fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()));
    assert!(found || std::env::var_os("CI").is_none(), "{program} is missing");
    if !found {
        eprintln!("skipped: no {program}");
    }
    found
}

/// The files of one key, by name.
fn files(place: &Place, make: &str, forms: &[(&str, &str)]) -> Vec<String> {
    place.sh(&format!("mkdir ../k; cd ../k; {make}"));
    let mut names = vec!["pkcs8.pem".to_owned()];
    for (name, line) in forms {
        place.sh(&format!("cd ../k; {{ {line}; }} 2>/dev/null >/dev/null"));
        names.push((*name).to_owned());
    }
    for name in names.clone().into_iter().filter(|name| name.ends_with(".der")) {
        for (ending, line) in ENCODED {
            place.sh(&format!("cd ../k; {}", line.replace('F', &name)));
            names.push(format!("{name}.{ending}"));
        }
    }
    names
}

#[test]
fn a_key_is_found_in_every_container_whichever_is_stored() {
    if !["openssl", "ssh-keygen", "xxd"].into_iter().all(has) {
        return;
    }
    for (kind, make, forms) in KINDS {
        let made = Place::new();
        let names = files(&made, make, forms);
        let read = |name: &str| std::fs::read(made.tree().join("../k").join(name)).unwrap();
        let stored = std::iter::once("pkcs8.pem").chain(forms.iter().map(|(name, _)| *name));
        for stored in stored {
            let (locked, given) = (Place::new(), Place::new());
            locked.store("tls/key", &read(stored));
            std::fs::write(given.tree().join("../value"), read(stored)).unwrap();
            for name in &names {
                let told = format!("{kind}: {stored} is stored, {name} committed");
                locked.file("f", &read(name));
                let found = locked.found(&["f"]);
                assert!(found.iter().any(|f| f["secret"] == "tls/key"), "{told}: {found:?}");
                given.file("f", &read(name));
                let found = given.found(&["--file", "KEY=../value", "f"]);
                assert!(found.iter().any(|f| f["secret"] == "KEY"), "{told}, given: {found:?}");
            }
        }
    }
}

#[test]
fn a_key_in_a_document_is_one_too_and_its_public_numbers_are_none() {
    if !["openssl", "xxd"].into_iter().all(has) {
        return;
    }
    let place = Place::new();
    let (_, make, _) = KINDS[0];
    place.sh(&format!(
        "mkdir ../k; cd ../k; {make}; openssl rsa -in pkcs8.pem -traditional \
                       -outform DER -out pkcs1.der 2>/dev/null; openssl rsa -in pkcs8.pem -pubout \
                       -out public.pem 2>/dev/null; openssl req -x509 -new -key pkcs8.pem -subj \
                       /CN=x -days 9 -out cert.pem"
    ));
    let read = |name: &str| std::fs::read_to_string(place.tree().join("../k").join(name)).unwrap();
    let account = serde_json::json!({"type": "service_account", "private_key": read("pkcs8.pem")});
    place.store("gcp", account.to_string().as_bytes());
    place.store(
        "dotenv",
        format!("TLS_KEY=\"{}\"\n", read("pkcs8.pem").replace('\n', "\\n")).as_bytes(),
    );
    place.sh("cp ../k/pkcs1.der f");
    let found = place.found(&["f"]);
    let names: Vec<&str> = found.iter().map(|f| f["secret"].as_str().unwrap()).collect();
    assert!(names.contains(&"gcp") && names.contains(&"dotenv"), "{names:?}");
    let other = Place::new();
    other.store("der", &std::fs::read(place.tree().join("../k/pkcs1.der")).unwrap());
    for public in ["public.pem", "cert.pem"] {
        other.file("f", read(public).as_bytes());
        assert!(other.found(&["f"]).is_empty(), "{public}");
    }
}

#[test]
fn a_stream_with_the_key_in_another_container_has_markers_in_place_of_its_numbers() {
    if !["openssl", "xxd"].into_iter().all(has) {
        return;
    }
    let place = Place::new();
    let (_, make, _) = KINDS[0];
    place.sh(&format!("cd ..; {make}"));
    let hasp = env!("CARGO_BIN_EXE_hasp-redact");
    for form in ["cat", "base64 -w0", "xxd -p -c0"] {
        let printed = place.sh(&format!(
            "cd ..; openssl rsa -in pkcs8.pem -traditional -outform DER 2>/dev/null | {form} \
             | {hasp} -q --file KEY=pkcs8.pem | tr -d '\\0'"
        ));
        assert!(printed.matches("[hasp:KEY]").count() >= 6, "{form}: {printed}");
    }
}
