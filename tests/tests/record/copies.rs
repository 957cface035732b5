//! What leaves the home: copies to syslog, and heads and exports for strangers.

use super::*;

#[test]
fn copies_go_to_syslog_as_the_policy_says() {
    let world = kept_world();
    let socket = world.beside("log");
    let listener = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    let policy =
        format!("[audit]\ncopy = [\"syslog\"]\nsyslog-socket = \"{}\"\n", socket.display());
    let write = |text: &str| {
        std::fs::write(world.home().join("policy.toml"), text).unwrap();
        world.sh("chmod 600 ../home/policy.toml").ok();
    };
    write(&policy);
    world.sh("hasp-exec -t test").ok();
    let mut buffer = [0; 8192];
    let mut got = Vec::new();
    while let Ok(size) = listener.recv(&mut buffer) {
        got.push(String::from_utf8_lossy(&buffer[..size]).into_owned());
    }
    assert!(
        matches!(&got[..], [start, end]
            if start.contains("\"exec.start\"") && end.contains("\"exec.end\"")),
        "{got:?}"
    );
    // Without anybody behind the socket the command runs all the same, and the outage is on record.
    drop(listener);
    world.sh("hasp-exec -t test").ok();
    let outages = world.events("audit.copy");
    assert!(matches!(&outages[..], [one] if one["state"] == "failing"), "{outages:?}");
    // A policy that is not understood stops everything, and says where.
    write("[audit]\ncopy = [\"sylog\"]\n");
    let runs = world.runs();
    let refused = world.sh("hasp-exec -t test");
    refused.refused_with_hint(125, "bad-policy");
    assert!(refused.stderr.contains("policy.toml:2:9: "), "{}", refused.stderr);
    world.sh("hasp-grant -q -t test --consumer user -o ../t").refused_with_hint(78, "bad-policy");
    assert!(world.runs() == runs && !world.beside("t").exists());
    world.sh("rm ../home/policy.toml; hasp-exec -t test").ok();
    world.verify_record();
}

/// As a stranger to hasp checks a signed note (C2SP signed-note, tlog-checkpoint) and an export:
/// with the public key alone.
const STRANGER: &str = r#"
import base64, hashlib, json, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
public = base64.b64decode(sys.argv[1])
key = Ed25519PublicKey.from_public_bytes(public)

def note(text):
    assert not any(ord(c) < 32 and c != "\n" for c in text), "control characters"
    body, signatures = text[:text.rindex("\n\n") + 1], text[text.rindex("\n\n") + 2:]
    assert signatures.endswith("\n")
    origin, size, root, *extensions = body.split("\n")[:-1]
    assert not extensions and str(int(size)) == size
    assert len(base64.b64decode(root, validate=True)) == 32
    for line in signatures.splitlines():
        dash, name, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
        if dash == "\u2014" and name == origin and signature[:4] == key_id:
            key.verify(signature[4:], body.encode())
            return int(size)
    raise InvalidSignature

def export(data):
    lines = data.splitlines(keepends=True)
    trailer = json.loads(lines.pop())["export"]
    digest = hashlib.sha256(b"".join(lines)).digest()
    signed = f"hasp-audit/{trailer['log']}/export\n{len(lines)}\n"
    signed += f"{base64.b64encode(digest).decode()}\n"
    key.verify(base64.b64decode(trailer["signature"]), signed.encode())
    return len(lines)

data = open(sys.argv[2], "rb").read()
check = note if sys.argv[3] == "note" else export
subject = data.decode() if check is note else data
print(check(subject))
for changed in (subject.replace("\n", "0\n", 2) if check is note
                else subject.replace(b"exec", b"exex", 1),):
    try:
        check(changed)
        sys.exit("a changed one was accepted")
    except (InvalidSignature, AssertionError, ValueError):
        pass
"#;

#[test]
fn strangers_verify_heads_and_exports_with_the_public_key_alone() {
    let found = command(&python(), &["-c", "import cryptography"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !found {
        skip("python's cryptography is not installed");
        return;
    }
    let world = kept_world();
    world.sh("hasp-exec -t test").ok();
    std::fs::write(world.beside("stranger.py"), STRANGER).unwrap();
    let public = world.sh("hasp-vault status --json").objects()[0]["public_key"]
        .as_str()
        .unwrap()
        .to_owned();
    let records = world.record().len();
    world
        .sh("hasp-audit head --note >../note; hasp-audit export >../export; hasp-audit export \
             --redacted >../veiled")
        .ok();
    for (file, form) in [("note", "note"), ("export", "export"), ("veiled", "export")] {
        let checked = world.sh(&format!("{} ../stranger.py {public} ../{file} {form}", python()));
        assert_eq!(checked.ok().trim().parse::<usize>().unwrap(), records, "{file}");
        if form == "export" {
            world
                .sh(&format!(
                    "HASP_HOME=/none hasp-audit verify --export ../{file} --public-key {public}"
                ))
                .ok();
        }
    }
    let veiled = std::fs::read_to_string(world.beside("veiled")).unwrap();
    for name in ["db/url", "api/key", "show", world.project().to_str().unwrap()] {
        assert!(!veiled.contains(name), "{name} is in the redacted export");
    }
    // A witness may add its signature to a note: ours still counts.
    let note = std::fs::read_to_string(world.beside("note")).unwrap();
    std::fs::write(world.beside("note"), format!("{note}\u{2014} witness.example/w AAAAAAAA\n"))
        .unwrap();
    world.sh("hasp-audit verify --expect ../note").ok();
}
