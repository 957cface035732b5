//! Promise: programs that we did not write read what we write: Debian's age opens items, PyPI's
//! pyseto verifies tokens.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use hasp_tests::{API_KEY, PASSPHRASE, World, command, peer, python, skip};

/// Runs a command on a terminal of its own and answers the first prompt.
const ANSWER: &str = r#"
import os, pty, sys, select, time
answer, argv = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
seen, asked, end = b"", False, time.time() + 60
while time.time() < end:
    if not select.select([fd], [], [], 1)[0]:
        continue
    try:
        chunk = os.read(fd, 4096)
    except OSError:
        break
    if not chunk:
        break
    seen += chunk
    if not asked and b"assphrase" in seen:
        asked = True
        os.write(fd, answer.encode() + b"\n")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn stock_age_opens_an_item_with_a_plain_identity() {
    if !peer("age") {
        return;
    }
    let world = World::with_project();
    let opened = world.sh("age -d -i ../home/identity ../home/vault/items/api/key/1.age");
    assert!(opened.ok() == API_KEY, "the item holds the value");
    let piped = world.sh("hasp-vault get api/key | age -d -i ../home/identity");
    assert!(piped.ok() == API_KEY, "get gives what age opens");
    let keys = world.sh("age -d -i ../home/identity ../home/vault/keys.age | wc -c");
    assert!(keys.ok().trim().parse::<usize>().unwrap() >= 32);
}

#[test]
fn stock_age_opens_an_item_with_a_passphrase_identity() {
    if !peer("age") || !peer("python3") {
        return;
    }
    let world = World::locked();
    world.feed("HASP_PASSPHRASE=fd:3 hasp-vault set api/key 3<../passphrase", API_KEY).ok();
    std::fs::write(world.beside("answer.py"), ANSWER).unwrap();
    let out = world.beside("opened");
    let age = format!(
        "age -d -o {} -i ../home/identity.age ../home/vault/items/api/key/1.age",
        out.display()
    );
    let wrong = world.sh(&format!("python3 ../answer.py 'not the passphrase' {age}"));
    assert!(wrong.status != 0 && !out.exists());
    world.sh(&format!("python3 ../answer.py '{PASSPHRASE}' {age}")).ok();
    assert!(std::fs::read_to_string(&out).unwrap() == API_KEY, "the item holds the value");
}

const VERIFY: &str = r#"
import sys, json
import pyseto
from pyseto import Key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from base64 import b64decode
public, vault, token = b64decode(sys.argv[1]), sys.argv[2], sys.stdin.read().strip()
key = Key.from_asymmetric_key_params(4, x=public)
decoded = pyseto.decode(key, token, implicit_assertion=vault.encode())
claims = json.loads(decoded.payload)
assert json.loads(decoded.footer)["vault"] == vault
for bad in (b"", vault.encode() + b"x"):
    try:
        pyseto.decode(key, token, implicit_assertion=bad)
    except pyseto.VerifyError:
        continue
    sys.exit("verified with another vault")
print(claims["action"]["target"], claims["jti"])
"#;

/// Whether the Python at hand has pyseto.
fn has_pyseto() -> bool {
    let found =
        command(&python(), &["-c", "import pyseto"]).output().is_ok_and(|o| o.status.success());
    found || skip("pyseto is not installed")
}

/// The key that signs tokens, in base64, and the vault's id.
fn token_key(world: &World) -> (String, String) {
    let vault =
        hasp_vault::Vault::open(&hasp_core::Home::at(world.home()), &world.home().join("vault"))
            .unwrap();
    (data_encoding::BASE64.encode(vault.token_key().unwrap().as_bytes()), vault.id().to_string())
}

#[test]
fn pyseto_verifies_a_token() {
    if !has_pyseto() {
        return;
    }
    let world = World::with_project();
    let token = std::fs::read_to_string(world.mint("-t test")).unwrap();
    let (key, vault) = token_key(&world);
    std::fs::write(world.beside("verify.py"), VERIFY).unwrap();
    let verify = format!("{} ../verify.py {key} {vault}", python());
    let verified = world.feed(&verify, &token);
    assert!(verified.ok().starts_with("test "), "{}", verified.stdout);
    let mut changed = token.trim_end().to_owned().into_bytes();
    changed[30] ^= 1;
    assert!(world.feed(&verify, changed).status != 0);
}

/// The first of these that there is, as JSON.
fn vector(path: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    serde_json::from_str(
        &std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
    )
    .unwrap()
}

#[test]
fn the_vectors_are_published() {
    for (path, fields) in [
        (
            "hasp-grant/tests/vectors/seal.json",
            &["vault", "jti", "half", "ledger_half", "file_keys", "seal"][..],
        ),
        ("hasp-grant/tests/vectors/paseto-v4-public.json", &[]),
        (
            "hasp-grant/tests/vectors/token.json",
            &["public_key", "vault", "payload", "footer", "token"],
        ),
        ("hasp-vault/tests/vectors/record.json", &[]),
        ("hasp-audit/tests/vectors/audit.json", &[]),
    ] {
        let vector = vector(path);
        assert!(fields.iter().all(|f| vector[f].is_string()), "{path} has {fields:?}");
    }
}

#[test]
fn pyseto_verifies_the_published_token() {
    if !has_pyseto() {
        return;
    }
    let vector = vector("hasp-grant/tests/vectors/token.json");
    let text = |field: &str| vector[field].as_str().unwrap().to_owned();
    let key = data_encoding::BASE64
        .encode(&data_encoding::HEXLOWER.decode(text("public_key").as_bytes()).unwrap());
    let world = World::bare();
    std::fs::write(world.beside("verify.py"), VERIFY).unwrap();
    let line = format!("{} ../verify.py {key} {}", python(), text("vault"));
    assert!(world.feed(&line, text("token")).ok().starts_with("test "));
}
