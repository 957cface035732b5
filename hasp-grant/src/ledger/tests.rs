//! The ledger by itself: uses, ends, damage and clocks.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::ledger::tombstone::Why;
use crate::token::claims::Claims;

const VAULT: &str = "00112233445566778899aabbccddeeff";

fn terms(uses: Option<u32>) -> Terms {
    let vector: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/token.json")).unwrap();
    let claims = Claims::decode(vector["payload"].as_str().unwrap().as_bytes()).unwrap();
    Terms { jti: GrantId::random().unwrap(), uses, ..claims.terms }
}

fn ledger() -> (tempfile::TempDir, Ledger) {
    let memory =
        tempfile::tempdir_in(hasp_core::platform::memory_place().unwrap().parent().unwrap())
            .unwrap();
    let ledger = Ledger::open(&Runtime::at(memory.path())).unwrap();
    (memory, ledger)
}

fn spend(ledger: &Ledger, terms: &Terms) -> std::result::Result<(), &'static str> {
    ledger.lock().unwrap().spend(VAULT, &[terms], None).map(drop).map_err(|e| e.code().as_str())
}

#[test]
fn uses_are_counted_and_the_last_erases_the_half() {
    let (_memory, ledger) = ledger();
    let terms = terms(Some(2));
    ledger.enter(VAULT, &terms, Half::random().unwrap(), None).unwrap();
    assert_eq!(spend(&ledger, &terms), Ok(()));
    assert!(ledger.entry_path(&terms.jti).exists());
    assert_eq!(spend(&ledger, &terms), Ok(()));
    assert!(!ledger.entry_path(&terms.jti).exists());
    assert_eq!(spend(&ledger, &terms), Err("spent"));
}

#[test]
fn a_crash_between_tombstone_and_erasure_burns_the_use() {
    let (_memory, ledger) = ledger();
    let terms = terms(Some(1));
    ledger.enter(VAULT, &terms, Half::random().unwrap(), None).unwrap();
    ledger.lock().unwrap().bury(&terms.jti, "1", None).unwrap();
    assert_eq!(spend(&ledger, &terms), Err("spent"));
}

#[test]
fn a_revoked_entry_that_is_put_back_stays_revoked() {
    let (_memory, ledger) = ledger();
    let terms = terms(None);
    ledger.enter(VAULT, &terms, Half::random().unwrap(), None).unwrap();
    let saved = std::fs::read(ledger.entry_path(&terms.jti)).unwrap();
    ledger.lock().unwrap().end(&terms.jti, Why::All, None).unwrap();
    files::replace(&ledger.entry_path(&terms.jti), &saved).unwrap();
    assert_eq!(spend(&ledger, &terms), Err("revoked"));
}

#[test]
fn a_tombstone_that_cannot_be_looked_for_refuses() {
    for uses in [None, Some(1), Some(2)] {
        let (memory, ledger) = ledger();
        let terms = terms(uses);
        ledger.enter(VAULT, &terms, Half::random().unwrap(), None).unwrap();
        // Not even root looks into what is no directory.
        let tombs = memory.path().join("spent");
        std::fs::rename(&tombs, memory.path().join("away")).unwrap();
        std::fs::write(&tombs, "").unwrap();
        assert_eq!(spend(&ledger, &terms), Err("io"));
        assert!(ledger.ended(&terms.jti).is_err() && ledger.uses(&terms.jti).is_err());
        std::fs::remove_file(&tombs).unwrap();
        std::fs::rename(memory.path().join("away"), &tombs).unwrap();
        assert_eq!(spend(&ledger, &terms), Ok(()));
    }
}

#[test]
fn a_link_in_a_tombstones_place_is_one() {
    let (_memory, ledger) = ledger();
    let terms = terms(None);
    ledger.enter(VAULT, &terms, Half::random().unwrap(), None).unwrap();
    std::os::unix::fs::symlink("nowhere", ledger.tomb_path(&terms.jti, "revoked")).unwrap();
    assert_eq!(spend(&ledger, &terms), Err("revoked"));
}

#[test]
fn an_ended_grant_says_how() {
    let (_memory, ledger) = ledger();
    let ends = [(Why::All, "revoked"), (Why::Expired, "expired"), (Why::ConsumerGone, "expired")];
    for (why, code) in ends {
        let terms = terms(None);
        ledger.enter(VAULT, &terms, Half::random().unwrap(), None).unwrap();
        std::fs::write(ledger.kept_path(&terms.jti), "token").unwrap();
        assert_eq!(spend(&ledger, &terms), Ok(()));
        ledger.lock().unwrap().end(&terms.jti, why, None).unwrap();
        assert_eq!(spend(&ledger, &terms), Err(code));
        assert!(!ledger.kept_path(&terms.jti).exists());
    }
    assert_eq!(spend(&ledger, &terms(None)), Err("no-ledger"));
}

#[test]
fn another_grants_or_a_damaged_entry_is_refused() {
    let (_memory, ledger) = ledger();
    let (one, two) = (terms(None), terms(None));
    ledger.enter(VAULT, &one, Half::random().unwrap(), None).unwrap();
    std::fs::copy(ledger.entry_path(&one.jti), ledger.entry_path(&two.jti)).unwrap();
    assert_eq!(spend(&ledger, &two), Err("ledger-mismatch"));
    let text = std::fs::read(ledger.entry_path(&one.jti)).unwrap();
    for length in 0..text.len() {
        std::fs::write(ledger.entry_path(&one.jti), &text[..length]).unwrap();
        assert_eq!(spend(&ledger, &one), Err("ledger-damaged"), "cut at {length}");
    }
}

#[test]
fn the_boot_clock_ends_a_grant_whatever_the_wall_clock_says() {
    let (_memory, ledger) = ledger();
    let terms = terms(None);
    ledger.enter(VAULT, &terms, Half::random().unwrap(), None).unwrap();
    let entry = ledger.entry(&terms.jti).unwrap();
    let (boot, now) = (time::boot_id().unwrap(), time::boot_seconds());
    let check = |boot: &str, at: u64| {
        entry.check(VAULT, (&terms, None), boot, at).map_err(|e| e.code().as_str())
    };
    assert_eq!(check(&boot, now), Ok(()));
    assert_eq!(check(&boot, now + 16 * 60), Err("expired"));
    assert_eq!(check("another boot", now), Err("expired"));
    assert_eq!(check(&boot, 0), Err("not-yet-valid"));
}
