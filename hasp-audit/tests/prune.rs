//! Promise: what the policy keeps no longer goes, on record; what is left verifies, also after a
//! crash at any step; and nobody without the vault's key can make files that were removed look so.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/tool.rs"]
mod tool;

use std::process::Command;

use common::{Fixture, at, event, named};
use ed25519_dalek::Signer;
use hasp_audit::Head;
use serde_json::Value;
use tool::{Bench, refusal};

/// Long behind the time of the first records, and still ahead of today.
const LATER: i64 = 2_000_000_000;

/// Six closed segments of old records, two of new ones, and the open one.
fn bench() -> Bench {
    let f = Fixture::small(60);
    for n in 0..25 {
        f.log.append(at(LATER + n), &[event(n as u64)]).unwrap();
    }
    let b = Bench::of(f);
    keep(&b, "record = \"1d\"");
    b.ok(&["log"]);
    b
}

fn keep(b: &Bench, retention: &str) {
    let policy = format!("[retention]\n{retention}\n");
    hasp_core::files::replace(&b.f.home.join("policy.toml"), policy.as_bytes()).unwrap();
}

fn segments(b: &Bench) -> Vec<String> {
    let names = std::fs::read_dir(b.f.log.path()).unwrap();
    let names = names.map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|n| n.contains(".jsonl")).collect();
    names.sort();
    names
}

fn numbers(b: &Bench, args: &[&str]) -> Vec<u64> {
    let text = b.ok(&[&["--json"], args].concat());
    let number = |line: &str| serde_json::from_str::<Value>(line).unwrap()["n"].as_u64().unwrap();
    text.lines().map(number).collect()
}

#[test]
fn old_segments_go_and_the_rest_is_whole() {
    let b = bench();
    let (before, all) = (segments(&b), numbers(&b, &[]));
    let shown = b.run(&["prune"], "");
    assert_eq!(shown.status.code(), Some(1), "something is due");
    assert_eq!((segments(&b), b.refused(&["verify"], "").0), (before.clone(), 0), "only shown");
    let gone = b.ok(&["prune", "--due", "--json"]);
    let gone: Value = serde_json::from_str(gone.trim()).unwrap();
    let last = gone["last"].as_u64().unwrap();
    assert_eq!((&gone["first"], &gone["outcome"]), (&0.into(), &"gone".into()));
    assert!(last > 20 && last <= 60, "old ones only: {last}");
    let (verified, notes) = (b.ok(&["verify"]), b.refused(&["verify"], "").1);
    assert!(verified.starts_with(&format!("whole since {}: ", last + 1)), "{verified}");
    assert!(notes.contains(&format!("records up to {last} were removed")), "{notes}");
    let json: Value = serde_json::from_str(&b.ok(&["verify", "--json"])).unwrap();
    assert_eq!((&json["outcome"], &json["since"]), (&"whole".into(), &(last + 1).into()));
    // What is left is what was there, and the record that says so.
    let left: Vec<u64> =
        all.iter().copied().filter(|n| *n > last).chain([all.len() as u64]).collect();
    assert_eq!(numbers(&b, &[]), left);
    assert_eq!(numbers(&b, &["--verify"]), left);
    let told: Value =
        serde_json::from_str(b.ok(&["--json", "--event", "audit.prune"]).trim()).unwrap();
    assert_eq!((&told["last"], &told["segments"]), (&last.into(), &gone["segments"]));
    assert!(segments(&b).len() < before.len());
    // Nothing more is due; appends and the next prune go on.
    assert_eq!(b.run(&["prune"], "").status.code(), Some(0));
    b.ok(&["prune", "--due"]);
    assert_eq!(numbers(&b, &[]), left);
    keep(&b, "record = \"100y\"");
    b.ok(&["prune", "--due"]);
    assert_eq!(numbers(&b, &[]), left);
}

#[test]
fn a_head_from_before_is_compared_as_far_as_that_can_be() {
    let b = bench();
    let lines: Vec<Value> =
        b.ok(&["--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let head = |count: u64| {
        let mac = lines[count as usize - 1]["mac"].as_str().unwrap();
        let mac = data_encoding::HEXLOWER.decode(mac.as_bytes()).unwrap().try_into().unwrap();
        let head = Head { log: b.f.id, count, mac };
        let signature = b.key.sign(head.text().as_bytes()).to_bytes();
        head.line(&b.key.verifying_key(), &signature)
    };
    let gone: Value = serde_json::from_str(b.ok(&["prune", "--due", "--json"]).trim()).unwrap();
    let last = gone["last"].as_u64().unwrap();
    for (count, compared) in [(20, false), (last, false), (last + 1, true), (last + 2, true)] {
        let (status, said) = b.refused(&["verify", "--expect", &head(count)], "");
        assert_eq!(status, 0, "{count}: {said}");
        let told = said.contains("which was pruned: it could not be compared");
        assert_eq!(told, !compared, "{count}: {said}");
    }
    // The last of what went is known by its mac.
    let other = head(last + 1).replacen(
        &head(last + 1).split(' ').nth(2).unwrap().to_owned(),
        head(last).split(' ').nth(2).unwrap(),
        1,
    );
    assert_ne!(b.refused(&["verify", "--expect", &other], "").0, 0);
}

#[test]
fn the_newest_segment_stays_however_old() {
    let b = Bench::of(Fixture::small(60));
    keep(&b, "record = \"1d\"");
    b.ok(&["prune", "--due"]);
    let left = segments(&b);
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(b.ok(&["verify"]).starts_with("whole since "));
    // Without a term, or with one that nothing has outlived, nothing goes.
    let b = Bench::of(Fixture::small(60));
    for retention in ["versions = 3", "record = \"100y\""] {
        keep(&b, retention);
        b.ok(&["prune", "--due"]);
        assert!(b.ok(&["verify"]).starts_with("whole: 61 records"), "{retention}");
    }
    keep(&b, "record = 2");
    assert!(refusal(b.refused(&["prune", "--due"], ""), 78, &["[bad-policy]", "policy.toml:2:10"]));
    assert_eq!(
        b.refused(&["verify"], "").0,
        0,
        "a policy that is not understood stops no verifying"
    );
    assert_eq!(b.refused(&["log"], "").0, 0);
}

#[test]
fn nothing_goes_of_a_record_that_is_not_whole() {
    let b = bench();
    let names = segments(&b);
    let path = b.f.path(&names[1]);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(refusal(b.refused(&["prune", "--due"], ""), 1, &["[tampered]", "nothing was removed"]));
    assert_eq!(segments(&b), names);
    b.vault("exit 69");
    assert_ne!(b.refused(&["prune", "--due"], "").0, 0);
    assert_eq!(segments(&b), names);
}

/// Whoever has the key of the next record can write that something was pruned; he has no proof.
#[test]
fn segments_that_were_removed_do_not_look_pruned() {
    let b = bench();
    let names = segments(&b);
    let whole = b.f.save();
    let forged = |proof: &str| {
        named("audit.prune")
            .field("first", 0)
            .field("last", 19)
            .field("segments", 1)
            .field("head", data_encoding::BASE64.encode(&[1; 32]))
            .field("proof", proof)
    };
    b.f.log.append(at(LATER + 99), &[forged(&"0".repeat(64)), forged("")]).unwrap();
    std::fs::remove_file(b.f.path(&names[0])).unwrap();
    assert!(refusal(b.refused(&["verify"], ""), 1, &["[tampered]", "segment 1 is missing"]));
    // A real one excuses what it is about, and no more.
    b.f.restore(&whole);
    b.ok(&["prune", "--due"]);
    let left = segments(&b);
    std::fs::remove_file(b.f.path(&left[0])).unwrap();
    assert!(refusal(b.refused(&["verify"], ""), 1, &["[tampered]"]));
}

/// Killed before each system call that changes anything.
#[test]
fn a_crash_at_any_step_leaves_a_record_that_verifies() {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "strace is missing");
        return;
    }
    let b = bench();
    let saved = b.f.save();
    let calls =
        ["unlink", "unlinkat", "rename", "pwrite64", "write", "ftruncate", "fsync", "fdatasync"];
    let (mut killed, mut since) = (0, None);
    for call in calls {
        for step in 1.. {
            b.f.restore(&saved);
            let mut command = Command::new("strace");
            command.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
            command.args(["-e", &format!("inject={call}:signal=KILL:when={step}")]);
            command.arg(b.bin.path().join("hasp-audit")).args(["-q", "prune", "--due"]);
            let output = command.env("HASP_HOME", b.f.dir.path()).output().unwrap();
            let (status, said) = b.refused(&["verify"], "");
            assert_eq!(status, 0, "{call} {step}: {said}");
            b.ok(&["prune", "--due"]);
            let verified = b.ok(&["verify"]);
            let now = verified.split([' ', ':']).nth(2).map(str::to_owned);
            assert!(verified.starts_with("whole since "), "{call} {step}: {verified}");
            assert_eq!(since.get_or_insert(now.clone()), &now, "{call} {step}");
            if output.status.success() {
                break;
            }
            killed += 1;
        }
    }
    assert!(killed > 20, "{killed} steps");
}
