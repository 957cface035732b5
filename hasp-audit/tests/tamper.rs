//! Everything that can be done to a log by hand is found, and the first bad record named.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Fixture, ROOT, at, event, named};
use hasp_audit::{Against, Head, Log, LogId};

#[test]
fn a_log_that_nobody_touched_is_whole() {
    let f = Fixture::of(20);
    let report = f.verify();
    assert_eq!((report.records, report.fault), (20, None));
    let head = f.log.head().unwrap();
    assert_eq!((head.count, head.mac), (20, report.mac));
    assert_eq!(f.verify_against(Some(&head)).fault, None);
}

#[test]
fn truncated_at_every_offset() {
    let f = Fixture::of(6);
    let whole = std::fs::read(f.segment()).unwrap();
    for at in 0..whole.len() {
        std::fs::write(f.segment(), &whole[..at]).unwrap();
        let good = whole[..at].iter().filter(|b| **b == b'\n').count() as u64;
        assert_eq!(f.fault(), Some(("tail-missing", Some(good))), "cut at {at}");
        let refused = f.log.append(common::at(1), &[event(1)]).unwrap_err();
        assert_eq!(refused.code().as_str(), "tail-missing");
    }
    std::fs::write(f.segment(), &whole).unwrap();
    assert_eq!(f.fault(), None);
}

#[test]
fn every_byte_flipped() {
    let f = Fixture::of(4);
    let whole = std::fs::read(f.segment()).unwrap();
    for at in 0..whole.len() {
        for mask in [0x01, 0x20, 0xff] {
            let mut changed = whole.clone();
            changed[at] ^= mask;
            std::fs::write(f.segment(), &changed).unwrap();
            let (code, n) = f.fault().expect("a flipped byte is found");
            let line = whole[..at].iter().filter(|b| **b == b'\n').count() as u64;
            // A newline that is gone, or a new one, makes one line of two or two of one: still this
            // one is the first bad one.
            assert_eq!(n, Some(line), "byte {at} with {mask:x}: {code}");
            assert!(matches!(code, "tampered" | "tail-missing"));
        }
    }
}

#[test]
fn lines_deleted_doubled_swapped_and_inserted() {
    type Change = fn(&mut Vec<Vec<u8>>);
    let changes: [(Change, &str, u64); 14] = [
        (|l| drop(l.remove(3)), "deleted", 3),
        (|l| drop(l.remove(0)), "the first deleted", 0),
        (|l| drop(l.pop()), "the last deleted", 7),
        (|l| l.insert(3, l[2].clone()), "doubled", 3),
        (|l| l.swap(2, 3), "swapped", 2),
        (|l| l.insert(4, b"{\"v\":1}\n".to_vec()), "inserted", 4),
        (|l| l.insert(4, b"\n".to_vec()), "a blank line", 4),
        (|l| l.push(b"\n".to_vec()), "a blank line at the end", 8),
        (|l| l.push(l[7].clone()), "the last doubled", 8),
        (|l| crlf(&mut l[5]), "CRLF", 5),
        (|l| l.iter_mut().for_each(crlf), "CRLF everywhere", 0),
        (
            |l| l[2] = replaced(&l[2], ",\"secret\"", ",\"secret\":\"x\",\"secret\""),
            "a key twice",
            2,
        ),
        (|l| l[2] = replaced(&l[2], ",\"secret\":", ", \"secret\":"), "a space", 2),
        (|l| l.push(vec![b'x'; 10_000]), "a long line without end", 8),
    ];
    for (change, what, first_bad) in changes {
        let f = Fixture::of(8);
        let mut lines = f.lines();
        change(&mut lines);
        f.put(&lines);
        let (code, n) = f.fault().unwrap_or_else(|| panic!("{what} was not found"));
        assert_eq!(n, Some(first_bad), "{what}: {code}");
    }
}

fn crlf(line: &mut Vec<u8>) {
    line.pop();
    line.extend_from_slice(b"\r\n");
}

fn replaced(line: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8(line.to_vec()).unwrap().replacen(from, to, 1).into_bytes()
}

#[test]
fn another_root_or_another_log_never_verifies() {
    let (f, other) = (Fixture::of(3), Fixture::of(3));
    let wrong = Against { audit_root: &[0; 32], public: None, expect: None, progress: &|_| {} };
    let report = hasp_audit::verify(&f.home, &f.id, &wrong).unwrap();
    assert_eq!((report.fault.unwrap().n, report.records), (Some(0), 0));
    // A whole log of the same root, key state and all, in the place of this one.
    f.restore(&[]);
    for name in ["00000001.jsonl", "key"] {
        hasp_core::files::replace(&f.path(name), &std::fs::read(other.path(name)).unwrap())
            .unwrap();
    }
    assert_eq!(f.fault(), Some(("tampered", Some(0))));
}

#[test]
fn a_log_that_is_gone_is_no_empty_log() {
    let f = Fixture::of(3);
    std::fs::remove_file(f.segment()).unwrap();
    assert_eq!(f.fault(), Some(("tail-missing", Some(0))));
    std::fs::remove_file(f.path("key")).unwrap();
    assert_eq!(f.fault(), Some(("key-state", None)));
    std::fs::remove_dir_all(f.log.path()).unwrap();
    assert_eq!(Log::open(&f.home, &f.id).unwrap_err().code().as_str(), "log-missing");
    let against = Against { audit_root: &ROOT, public: None, expect: None, progress: &|_| {} };
    assert_eq!(
        hasp_audit::verify(&f.home, &f.id, &against).unwrap_err().code().as_str(),
        "log-missing"
    );
}

#[test]
fn a_key_state_that_does_not_fit_is_found() {
    let (f, other) = (Fixture::of(5), Fixture::of(5));
    let saved = f.save();
    hasp_core::files::replace(&f.path("key"), &std::fs::read(other.path("key")).unwrap()).unwrap();
    assert_eq!(f.fault(), Some(("key-state", Some(5))));
    f.restore(&saved);
    std::fs::write(f.path("key"), [0; 512]).unwrap();
    assert_eq!(f.fault(), Some(("key-state", None)));
}

#[test]
fn rolled_back_with_its_key_state_only_a_head_finds_it() {
    let f = Fixture::of(5);
    let old = f.save();
    f.fill(5);
    let head = f.log.head().unwrap();
    f.restore(&old);
    assert_eq!(f.fault(), None, "nothing inside the home can tell");
    let fault = f.verify_against(Some(&head)).fault.unwrap();
    assert_eq!((fault.code.as_str(), fault.n), ("tail-missing", Some(5)));
    f.log.append(at(77), &[event(77)]).unwrap();
    f.fill(7);
    let fault = f.verify_against(Some(&head)).fault.unwrap();
    assert_eq!((fault.code.as_str(), fault.n), ("head-mismatch", Some(9)));
    let foreign = Head { log: LogId::random().unwrap(), ..head };
    assert_eq!(f.verify_against(Some(&foreign)).fault.unwrap().code.as_str(), "head-mismatch");
}

#[test]
fn the_checkpoint_finds_what_was_cut_with_the_key_state() {
    use ed25519_dalek::{Signer, SigningKey};
    let key = SigningKey::from_bytes(&[8; 32]);
    let f = Fixture::of(3);
    let old = f.save();
    f.fill(5);
    f.log.checkpoint(&key.verifying_key(), &|m| key.sign(m).to_bytes()).unwrap();
    let checkpoint = std::fs::read(f.path("checkpoint")).unwrap();
    f.fill(2);
    let public = key.verifying_key();
    let code = |f: &Fixture| {
        let against =
            Against { audit_root: &ROOT, public: Some(&public), expect: None, progress: &|_| {} };
        hasp_audit::verify(&f.home, &f.id, &against).unwrap().fault.map(|f| (f.code.as_str(), f.n))
    };
    assert_eq!(code(&f), None);
    f.restore(&old);
    hasp_core::files::replace(&f.path("checkpoint"), &checkpoint).unwrap();
    assert_eq!(code(&f), Some(("tail-missing", Some(3))));
    f.log.append(at(77), &[event(77)]).unwrap();
    f.fill(9);
    assert_eq!(code(&f), Some(("head-mismatch", Some(7))));
    let forger = SigningKey::from_bytes(&[9; 32]);
    f.log.checkpoint(&forger.verifying_key(), &|m| forger.sign(m).to_bytes()).unwrap();
    assert_eq!(code(&f), Some(("head-forged", None)));
    hasp_core::files::replace(&f.path("checkpoint"), b"x").unwrap();
    assert_eq!(code(&f), Some(("head-forged", None)));
}

#[test]
fn a_torn_append_is_whole_with_a_note_and_does_not_block() {
    let f = Fixture::of(4);
    let mut bytes = std::fs::read(f.segment()).unwrap();
    for torn in [&b"{\"v\":1,\"n\":4,\"t\":"[..], b"x", b"\0\0\0\0", b"{\"v\":1\0\0\n\0\0"] {
        let good = bytes.len();
        bytes.extend_from_slice(torn);
        std::fs::write(f.segment(), &bytes).unwrap();
        let report = f.verify();
        assert_eq!(report.fault, None);
        assert!(
            report.notes.iter().any(|n| n.contains("cut short by a crash")),
            "{:?}",
            report.notes
        );
        f.log.append(at(9), &[event(9)]).unwrap();
        let report = f.verify();
        assert_eq!(report.fault, None);
        assert!(report.notes.iter().any(|n| n.contains("set aside")));
        let kept = f.path(&format!("torn-00000001-{good}"));
        assert_eq!(std::fs::read(kept).unwrap(), torn);
        bytes = std::fs::read(f.segment()).unwrap();
    }
    // A whole line that hasp did not write is no torn append.
    std::fs::write(f.segment(), [&bytes[..], b"{\"v\":1}\n"].concat()).unwrap();
    assert_eq!(f.log.append(at(9), &[event(9)]).unwrap_err().code().as_str(), "tampered");
    assert_eq!(f.fault().unwrap().0, "tampered");
}

#[test]
fn an_accepted_loss_lets_appends_go_on_and_is_never_whole() {
    let f = Fixture::of(8);
    assert_eq!(f.log.accept_loss(at(9)).unwrap_err().code().as_str(), "nothing-lost");
    let lines = f.lines();
    std::fs::write(f.segment(), [&lines[..5].concat()[..], b"{\"v\":1,"].concat()).unwrap();
    let loss = f.log.accept_loss(at(9)).unwrap();
    assert_eq!((loss.first, loss.last), (5, 7));
    assert_eq!(f.fault(), Some(("loss-accepted", Some(5))));
    assert_eq!(f.log.append(at(10), &[event(1)]).unwrap(), 9);
    assert_eq!(f.fault(), Some(("loss-accepted", Some(5))));
    // Lines that somebody else wrote are given up in the same way.
    let second = f.path("00000002.jsonl");
    let content = std::fs::read(&second).unwrap();
    std::fs::write(&second, [&content[..], b"forged\n"].concat()).unwrap();
    let loss = f.log.accept_loss(at(9)).unwrap();
    assert_eq!((loss.first, loss.last), (10, 10));
    assert_eq!(f.fault(), Some(("loss-accepted", Some(5))));
    // What was accepted does not cover anything else.
    let mut lines = f.lines();
    lines.pop();
    f.put(&lines);
    assert_eq!(f.fault(), Some(("tampered", Some(4))));
}

#[test]
fn a_lost_log_file_can_be_accepted_too() {
    let f = Fixture::of(8);
    std::fs::remove_file(f.segment()).unwrap();
    let loss = f.log.accept_loss(at(9)).unwrap();
    assert_eq!((loss.first, loss.last), (0, 7));
    assert_eq!(f.fault(), Some(("loss-accepted", Some(0))));
    assert_eq!(f.log.append(at(10), &[event(1)]).unwrap(), 9);
}

#[test]
fn a_lost_key_state_is_rebuilt_from_the_root() {
    let against = Against { audit_root: &ROOT, public: None, expect: None, progress: &|_| {} };
    let f = Fixture::of(8);
    assert_eq!(
        Log::recover(&f.home, &f.id, &against, at(9)).unwrap_err().code().as_str(),
        "nothing-to-recover"
    );
    std::fs::remove_file(f.path("key")).unwrap();
    assert_eq!(f.log.append(at(9), &[event(1)]).unwrap_err().code().as_str(), "key-state");
    assert_eq!(Log::recover(&f.home, &f.id, &against, at(9)).unwrap(), None);
    assert_eq!(f.log.append(at(10), &[event(1)]).unwrap(), 9);
    let report = f.verify();
    assert_eq!(report.fault, None);
    assert!(report.notes.iter().any(|n| n.contains("rebuilt")));
    // With bad records besides, it goes on behind them and says so.
    std::fs::write(f.path("key"), b"x").unwrap();
    let mut lines = f.lines();
    lines[3][200] ^= 1;
    f.put(&lines);
    let loss = Log::recover(&f.home, &f.id, &against, at(9)).unwrap().unwrap();
    assert_eq!(loss.first, 3);
    f.log.append(at(10), &[event(1)]).unwrap();
    assert_eq!(f.fault(), Some(("tampered", Some(3))));
}

/// The vault begins such a log; its first records say what it stands for.
#[test]
fn a_log_in_the_place_of_a_lost_one_is_never_whole() {
    let f = Fixture::new();
    let lost = "0123456789abcdef0123456789abcdef";
    f.log.append(at(1), &[named("audit.loss").field("log", lost)]).unwrap();
    f.log.append(at(2), &[named("test.later")]).unwrap();
    assert_eq!(f.fault(), Some(("loss-accepted", None)));
    let against = Against { audit_root: &ROOT, public: None, expect: None, progress: &|_| {} };
    let report = hasp_audit::verify(&f.home, &f.id, &against).unwrap();
    assert!(report.fault.unwrap().message.contains(lost) && report.records == 3);
}
