//! Promise: a token without the ledger's half opens nothing, nor does the half without the token;
//! and the half is never on a disk.
#![allow(clippy::unwrap_used)]

use hasp_core::{Home, Runtime};
use hasp_grant::{Claims, GrantId, Half, Ledger, open_seal, parse_token};
use hasp_tests::{API_KEY, Needle, World, peer};
use hasp_vault::{FileKey, Vault};

/// Everything that somebody could take for a half or a file key: each aligned and unaligned run of
/// `n` bytes in there.
fn runs<const N: usize>(text: &[u8]) -> impl Iterator<Item = [u8; N]> {
    text.windows(N).map(|w| w.try_into().unwrap())
}

struct Seized {
    claims: Claims,
    entry: Vec<u8>,
    ledger_half: [u8; 32],
    half: [u8; 32],
}

fn half_in(json: &[u8]) -> [u8; 32] {
    let object: serde_json::Value = serde_json::from_slice(json).unwrap();
    let text = object["half"].as_str().unwrap();
    data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

fn seize(world: &World) -> Seized {
    let token = std::fs::read_to_string(world.mint("-t test")).unwrap();
    let payload = parse_token(token.trim_end()).unwrap().payload;
    let claims = Claims::decode(&payload).unwrap();
    let entry =
        std::fs::read(world.runtime().join("grants").join(claims.terms.jti.as_str())).unwrap();
    Seized { half: half_in(&payload), ledger_half: half_in(&entry), claims, entry }
}

/// Tries every value file of the grant with this key.
fn opens(vault: &Vault, claims: &Claims, key: [u8; 16]) -> bool {
    let key = FileKey::from_bytes(key);
    claims.terms.items.iter().any(|i| vault.open_value(&i.name, &i.file, &i.sha256, &key).is_ok())
}

fn vault(world: &World) -> Vault {
    Vault::open(&Home::at(world.home()), &world.home().join("vault")).unwrap()
}

#[test]
fn both_halves_open_the_seal() {
    let world = World::with_project();
    let (s, vault) = (seize(&world), vault(&world));
    let (half, other) = (Half::from_bytes(s.half), Half::from_bytes(s.ledger_half));
    let keys =
        open_seal(&s.claims.seal, &half, &other, &vault.id().to_string(), &s.claims.terms.jti)
            .unwrap();
    assert_eq!(keys.len(), s.claims.terms.items.len());
    for (item, key) in s.claims.terms.items.iter().zip(keys) {
        assert!(
            vault
                .open_value(&item.name, &item.file, &item.sha256, &FileKey::from_bytes(*key))
                .is_ok()
        );
    }
}

#[test]
fn the_token_and_the_vault_without_the_ledger_open_nothing() {
    let world = World::with_project();
    let (s, vault) = (seize(&world), vault(&world));
    let jti = &s.claims.terms.jti;
    std::fs::remove_file(world.runtime().join("grants").join(jti.as_str())).unwrap();
    std::fs::rename(world.home().join("identity"), world.beside("away")).unwrap();

    let ledger = Ledger::open(&Runtime::at(world.runtime())).unwrap();
    assert_eq!(ledger.entry(jti).err().unwrap().code().as_str(), "no-ledger");
    let spent = ledger.lock().unwrap().spend(&vault.id().to_string(), &[&s.claims.terms], None);
    assert_eq!(spent.err().unwrap().code().as_str(), "no-ledger");
    let locked = world.sh("hasp-vault reveal --force api/key");
    assert_eq!(locked.status, 69, "{}", locked.stderr);

    let payload = s.claims.encode().unwrap();
    let id = vault.id().to_string();
    let guesses = runs::<32>(&payload).chain([[0; 32], [0xff; 32], s.half]);
    for guess in guesses {
        let (half, other) = (Half::from_bytes(s.half), Half::from_bytes(guess));
        assert!(open_seal(&s.claims.seal, &half, &other, &id, jti).is_err());
    }
    assert!(!runs::<16>(&payload).any(|key| opens(&vault, &s.claims, key)));
    assert!(!runs::<16>(&sealed_bytes(&payload)).any(|key| opens(&vault, &s.claims, key)));
}

fn sealed_bytes(payload: &[u8]) -> Vec<u8> {
    let object: serde_json::Value = serde_json::from_slice(payload).unwrap();
    data_encoding::BASE64URL_NOPAD.decode(object["seal"].as_str().unwrap().as_bytes()).unwrap()
}

#[test]
fn the_ledger_and_the_vault_without_the_token_open_nothing() {
    let world = World::with_project();
    let (s, vault) = (seize(&world), vault(&world));
    let seal = sealed_bytes(&s.claims.encode().unwrap());
    assert!(!Needle::new("seal", &seal).is_in(&s.entry), "the ledger has no copy of the seal");
    assert!(
        !Needle::new("half", s.half).is_in(&s.entry),
        "the ledger has no copy of the token's half"
    );
    for file in world
        .files(world.base())
        .into_iter()
        .filter(|f| !f.display().to_string().contains("token-"))
    {
        let content = std::fs::read(&file).unwrap();
        assert!(
            !Needle::new("half", s.half).is_in(&content),
            "the token's half is in {}",
            file.display()
        );
        assert!(!Needle::new("seal", &seal).is_in(&content), "the seal is in {}", file.display());
    }
    let jti = &s.claims.terms.jti;
    for guess in runs::<32>(&s.entry).chain([[0; 32], s.ledger_half]) {
        let (half, other) = (Half::from_bytes(guess), Half::from_bytes(s.ledger_half));
        assert!(open_seal(&s.claims.seal, &half, &other, &vault.id().to_string(), jti).is_err());
    }
    assert!(!runs::<16>(&s.ledger_half).any(|key| opens(&vault, &s.claims, key)));
    assert!(!runs::<16>(&s.entry).any(|key| opens(&vault, &s.claims, key)));
}

#[test]
fn halves_of_different_grants_do_not_fit() {
    let world = World::with_project();
    let (a, b, id) = (seize(&world), seize(&world), vault(&world).id().to_string());
    let jti: &GrantId = &a.claims.terms.jti;
    let open = |half, other| {
        open_seal(&a.claims.seal, &Half::from_bytes(half), &Half::from_bytes(other), &id, jti)
    };
    assert!(open(a.half, b.ledger_half).is_err());
    assert!(open(b.half, a.ledger_half).is_err());
    assert!(open(a.half, a.ledger_half).is_ok());
}

/// What `strace -xx -y` says was written: the file's name and the bytes.
fn writes(trace: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for line in trace.lines() {
        let Some((_, rest)) = line.split_once('(') else { continue };
        let name =
            rest.split_once('<').and_then(|(_, r)| r.split_once('>')).map(|(n, _)| n.to_owned());
        let quoted = rest.split('"').skip(1).step_by(2);
        let bytes = quoted.flat_map(|q| {
            q.split("\\x").skip(1).filter_map(|h| u8::from_str_radix(h.get(..2)?, 16).ok())
        });
        found.push((unescape(&name.unwrap_or_default()), bytes.collect()));
    }
    found
}

/// With -xx, strace spells path names as `\xNN` too.
fn unescape(name: &str) -> String {
    if !name.contains("\\x") {
        return name.to_owned();
    }
    let bytes = name.split("\\x").skip(1).filter_map(|h| u8::from_str_radix(h.get(..2)?, 16).ok());
    String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
}

#[test]
fn no_ledger_half_is_written_to_a_disk() {
    if !peer("strace") {
        return;
    }
    let world = World::with_project();
    let line = "strace -f -y -xx -s 10000000 -e \
                trace=/write,/send,splice,sendfile,vmsplice,copy_file_range -o ../trace \
                bash -c 'hasp-grant -q -t test --for 1h --consumer user | tee /dev/shm/$$.token | \
                hasp-exec; hasp-grant -q -x -t test --consumer user; \
                hasp-exec -g /dev/shm/$$.token; rm /dev/shm/$$.token'";
    world.sh(line).ok();
    let entries = world.files(&world.runtime().join("grants"));
    assert_eq!(entries.len(), 1);
    let half = Needle::new("ledger half", half_in(&std::fs::read(&entries[0]).unwrap()));
    let trace = std::fs::read_to_string(world.beside("trace")).unwrap();
    let with_half: Vec<String> =
        writes(&trace).into_iter().filter(|(_, b)| half.is_in(b)).map(|(n, _)| n).collect();
    assert!(!with_half.is_empty(), "the trace shows the one write to memory");
    let memory = world.runtime().join("grants").display().to_string();
    assert!(with_half.iter().all(|name| name.starts_with(&memory)), "{with_half:?}");
    for call in ["splice(", "sendfile(", "vmsplice(", "copy_file_range("] {
        let near = trace.lines().filter(|l| l.contains(call) && l.contains("grants")).count();
        assert_eq!(near, 0, "{call}");
    }
    for file in world.files(world.base()).into_iter().filter(|f| !f.ends_with("trace")) {
        assert!(
            !half.is_in(std::fs::read(&file).unwrap()),
            "the ledger's half is in {}",
            file.display()
        );
    }
    let values = Needle::new("api/key", API_KEY);
    let on_disk = writes(&trace)
        .into_iter()
        .filter(|(name, bytes)| values.is_in(bytes) && name.starts_with("/tmp"));
    assert_eq!(on_disk.count(), 0, "no value is written to a disk");
}
