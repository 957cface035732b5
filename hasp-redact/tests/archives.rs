//! Archives are opened within bounds; what is not looked into is counted and named, and a strict
//! scan does not end well over it.
#![allow(clippy::unwrap_used)]

mod place;

use place::{Place, VALUE};

fn world() -> Place {
    let place = Place::new().git();
    place.store("api/key", VALUE.as_bytes());
    place.sh("git config user.name n; git config user.email n@example.org");
    place.sh(&format!("mkdir in; echo 'k = {VALUE}' >in/secret; echo clean >in/clean"));
    place
}

fn there(name: &str) -> bool {
    let found = std::process::Command::new("which").arg(name).output().unwrap().status.success();
    assert!(found || std::env::var_os("CI").is_none(), "{name} is missing");
    found
}

#[test]
fn what_is_packed_is_found_under_its_name() {
    let place = world();
    let mut wanted = vec![
        ("gzip -c in/secret >a.gz", "a.gz"),
        ("(gzip -c in/clean; gzip -c in/secret) >two.gz", "two.gz"),
        ("tar cf a.tar in", "a.tar!in/secret"),
        ("tar czf a.tgz in", "a.tgz!in/secret"),
        ("tar --format=v7 -czf v7.tgz in", "v7.tgz!in/secret"),
        ("tar --format=pax -cf pax.tar in", "pax.tar!in/secret"),
        (
            "tar czf in/nested.tgz in/secret; tar cf n.tar in/nested.tgz; rm in/nested.tgz",
            "n.tar!in/nested.tgz!in/secret",
        ),
        ("perl -MCompress::Zlib -0777 -ne 'print compress($_)' in/secret >a.z", "a.z"),
    ];
    if there("zip") {
        wanted.push(("zip -qr a.zip in", "a.zip!in/secret"));
        wanted.push(("zip -qr0 stored.zip in", "stored.zip!in/secret"));
        wanted
            .push(("(head -c 999 /dev/zero; zip -qr - in) >sfx.exe; zip -qA sfx.exe || true", "-"));
    }
    if there("zstd") {
        wanted.push(("zstd -q in/secret -o a.zst", "a.zst"));
        wanted.push(("tar cf - in | zstd -q --ultra -22 >a.tzst", "a.tzst!in/secret"));
    }
    let long = "d/".repeat(80);
    let line = format!(
        "mkdir -p in/{long}; cp in/secret in/{long}deep; tar --format=gnu -czf gnu.tgz in/d"
    );
    let deep = format!("gnu.tgz!in/{long}deep");
    wanted.push((&line, &deep));
    for (line, file) in &wanted {
        place.sh(line);
        if *file == "-" {
            continue;
        }
        let name = file.split('!').next().unwrap();
        let found = place.found(&[name]);
        let files: Vec<_> = found.iter().map(|f| f["file"].as_str().unwrap()).collect();
        assert!(files.contains(file), "{line}: {files:?}");
        assert_eq!(found[0]["form"], "plain", "{line}");
        place.sh("git add -f .; git rm -q -r --cached in");
        let staged = place.found(&["--staged"]);
        assert!(staged.iter().any(|f| f["file"] == *file), "{line}: {staged:?}");
    }
    place.sh(&format!("mv in/secret in/{VALUE}; tar czf names.tgz in"));
    let names = place.found(&["names.tgz"]);
    assert!(names.iter().any(|f| f["file"] == "names.tgz!in/[hasp:api/key]"), "{names:?}");
}

#[test]
fn what_is_not_looked_into_is_counted_and_named() {
    let place = world();
    place.sh("gzip -c in/secret | head -c 40 >cut.gz; printf 'BZh91AY' >a.bz2");
    place.sh(
        "printf 'age-encryption.org/v1\\n' >a.age; printf '\\375\\067zXZ\\000' >a.xz; rm -r in",
    );
    let out = place.scan(&[]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(0), "{said}");
    for told in [
        "a.bz2: not looked into: bzip2",
        "a.xz: not looked into: xz",
        "a.age: not looked into: enciphered by age",
        "cut.gz: not looked into: packed data that is damaged",
        "nothing found; 4 not looked into",
    ] {
        assert!(said.contains(told), "no '{told}' in {said}");
    }
    assert_eq!(place.scan(&["--strict"]).status.code(), Some(3));
    place.sh("rm a.* cut.gz; echo x >plain");
    assert_eq!(place.scan(&["--strict"]).status.code(), Some(0));
    // The hooks name it.
    place.install();
    place.sh("printf 'BZh91AY' >a.bz2; git add a.bz2; git commit -qm x 2>../said");
    assert!(place.sh("cat ../said").contains("a.bz2: not looked into: bzip2"));
}

#[test]
fn an_archive_that_grows_without_end_is_left() {
    let place = world();
    place.sh("head -c 1200000000 /dev/zero | gzip -1 | gzip -1 >bomb.gz");
    place.sh("cp in/secret n; for i in 1 2 3 4 5 6 7 8; do gzip -c n >m; mv m n; done; mv n deep");
    let out = place.scan(&["bomb.gz", "deep"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("bomb.gz: not looked into: more than 1 GiB when unpacked"), "{said}");
    assert!(said.contains("deep: not looked into: an archive in too many others"), "{said}");
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_others() {
    let place = world();
    place.sh("mkdir dark; echo x >dark/a; chmod 0 dark/a; chmod 755 . ..; chmod -R a+rX in");
    let hasp = env!("CARGO_BIN_EXE_hasp-redact");
    // Root reads everything, so somebody else looks, for a value that is given.
    let line = format!(
        "chmod a+rx ../.. || true; su -s /bin/sh nobody -c 'cd {}; V={VALUE} \
        HOME=/nonexistent env -u HASP_HOME {hasp} scan --no-ignore --env V in dark'",
        place.tree().display()
    );
    if place.sh("id -u").trim() != "0"
        || !place.sh("su -s /bin/sh nobody -c 'id -u'; true").contains('6')
    {
        return;
    }
    let out = place.command("sh").args(["-c", &line]).output().unwrap();
    let said = [out.stdout, out.stderr].map(|s| String::from_utf8_lossy(&s).into_owned()).concat();
    assert!(said.contains("dark/a: not looked into: it cannot be read"), "{said}");
    assert!(said.contains("in/secret:1:5: V (plain)"), "{said}");
}
