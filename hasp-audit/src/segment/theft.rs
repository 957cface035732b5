//! A thief of the key state: what he can rewrite, and that nothing before it can be changed unseen
//! (Schneier and Kelsey 1999; the lesson of CVE-2023-31438 and CVE-2023-31439: truncate, then go on
//! with the key of today).
#![allow(clippy::unwrap_used)]

use crate::common::{Fixture, at, event};
use crate::record::chain::Key;
use crate::record::line;
use crate::segment::state::State;

/// Lines as the thief can make them: any number, any previous mac, but only the keys from the
/// stolen one on.
fn forged(n: u64, prev: &[u8; 32], key: &Key) -> (Vec<u8>, [u8; 32]) {
    let mut bytes = Vec::new();
    let mac = line::compose(
        &mut bytes,
        n,
        at(n as i64),
        "\"event\":\"exec.start\",\"grant\":\"g9\"",
        prev,
        key,
    );
    (bytes, mac)
}

fn mac_of(line: &[u8]) -> [u8; 32] {
    let frame = line::Frame::split(&line[..line.len() - 1]).unwrap();
    data_encoding::HEXLOWER.decode(frame.mac).unwrap().try_into().unwrap()
}

#[test]
fn no_earlier_record_can_be_changed_with_todays_key() {
    let f = Fixture::of(10);
    let stolen = State::read(f.log.path()).unwrap();
    assert_eq!(stolen.n, 10);
    let lines = f.lines();
    for n in 0..10u64 {
        // He replaces record n, with the key of today and with every key that he can derive from
        // it.
        let mut key = stolen.key.clone();
        for _ in 0..5 {
            let prev = n.checked_sub(1).map_or([0; 32], |before| mac_of(&lines[before as usize]));
            let mut changed = lines.clone();
            changed[n as usize] = forged(n, &prev, &key).0;
            f.put(&changed);
            assert_eq!(f.fault(), Some(("tampered", Some(n))));
            key.evolve();
        }
    }
    f.put(&lines);
    assert_eq!(f.fault(), None);
}

#[test]
fn truncated_before_the_theft_and_resumed_with_the_stolen_key() {
    let f = Fixture::of(10);
    let stolen = State::read(f.log.path()).unwrap();
    let lines = f.lines();
    let kept = 6usize;
    // Resumed under the next number in the file: the key of record 10 made record 6.
    let (mut bytes, mut prev, mut key) =
        (lines[..kept].concat(), mac_of(&lines[kept - 1]), stolen.key.clone());
    for n in kept as u64..10 {
        let (line, mac) = forged(n, &prev, &key);
        bytes.extend_from_slice(&line);
        prev = mac;
        key.evolve();
    }
    std::fs::write(f.segment(), &bytes).unwrap();
    assert_eq!(f.fault(), Some(("tampered", Some(kept as u64))));
    // The thief writes the key state too, so that hasp itself goes on from there.
    let forged_state =
        State { n: 10, key: key.clone(), prev, segment: 1, offset: bytes.len() as u64 };
    forged_state.write(f.log.path()).unwrap();
    f.log.append(at(20), &[event(1)]).unwrap();
    assert_eq!(f.fault(), Some(("tampered", Some(kept as u64))));
    // Resumed under the number that the key belongs to: a gap.
    let (line, mac) = forged(10, &mac_of(&lines[kept - 1]), &stolen.key);
    let bytes = [lines[..kept].concat(), line].concat();
    std::fs::write(f.segment(), &bytes).unwrap();
    let mut next = stolen.key.clone();
    next.evolve();
    State { n: 11, key: next, prev: mac, segment: 1, offset: bytes.len() as u64 }
        .write(f.log.path())
        .unwrap();
    assert_eq!(f.fault(), Some(("tampered", Some(kept as u64))));
}

#[test]
fn a_loss_that_the_thief_accepts_himself_is_still_no_whole_log() {
    let f = Fixture::of(10);
    f.put(&f.lines()[..6]);
    f.log.accept_loss(at(11)).unwrap();
    f.fill(5);
    assert_eq!(f.fault(), Some(("loss-accepted", Some(6))));
}

#[test]
fn the_used_key_is_nowhere_in_the_home() {
    let f = Fixture::of(3);
    let mut keys = Vec::new();
    for n in 0..5 {
        keys.push(State::read(f.log.path()).unwrap().key);
        f.fill(1);
        for (path, content) in f.save() {
            let kept = keys.iter().any(|k| content.windows(32).any(|w| w == k.expose()));
            assert!(!kept, "a used key is in {} after append {n}", path.display());
        }
    }
}
