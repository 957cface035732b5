//! Segments: closing, packing, losing and swapping them; and that questions get the same answer
//! from the index, from a scan and from the lines themselves.
#![allow(clippy::unwrap_used)]

use crate::common::{Fixture, ROOT, at, event, named};
use crate::query::filter::Filter;
use crate::query::{self, By, checked};
use crate::record::{Record, term};
use crate::segment::{self, pack};
use crate::{Against, Event, Log};

/// Four closed segments of about 1.5 MB and one that is open, a few appends each with very many
/// records.
fn long() -> Fixture {
    let mut f = Fixture::new();
    f.log = f.log.with_segment_size(SEGMENT);
    for batch in 0..9u64 {
        let events: Vec<Event> = (0..2_600).map(|n| numbered(batch * 2_600 + n)).collect();
        f.log.append(at(batch as i64 * 100), &events).unwrap();
    }
    assert_eq!(segment::list(f.log.path()).unwrap().len(), 5);
    f
}

/// Two appends of [`long`] fill one.
const SEGMENT: u64 = 1_200_000;

fn numbered(n: u64) -> Event {
    let name = if n % 700 == 77 { "rare/one" } else { "common/one" };
    let event = if n % 1_500 == 5 {
        named("exec.deny").field("code", "spent")
    } else {
        named("exec.start")
    };
    let secret = serde_json::json!([{"name": name, "version": n % 3}]);
    event
        .field("grant", format!("g{n}"))
        .field("consumer", format!("session:{}", n % 7))
        .field("secrets", secret)
}

fn answers(f: &Fixture, filter: &Filter, by: By) -> Vec<u64> {
    let mut found = Vec::new();
    query::run(f.log.path(), filter, by, &mut |r: Record| {
        found.push(r.n());
        Ok(())
    })
    .unwrap();
    found
}

fn private(path: &std::path::Path) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// One after the other on the same log, which takes long to write.
#[test]
fn a_log_of_several_segments() {
    let f = long();
    packing_changes_no_answer_and_no_verdict(&f);
    an_index_that_is_not_right_is_made_anew(&f);
    segments_removed_swapped_foreign_or_damaged(&f);
    a_lost_key_state_is_rebuilt_across_segments(&f);
}

fn packing_changes_no_answer_and_no_verdict(f: &Fixture) {
    let filters = [
        Filter::term(term::secret("rare/one")),
        Filter::term(term::version("rare/one@2")),
        Filter::term(term::grant("g7001")),
        Filter::term(term::denied()),
        Filter { terms: vec![term::denied(), term::consumer("session:3")], ..Filter::default() },
        Filter {
            terms: vec![term::secret("rare/one")],
            since: Some(at(300)),
            until: Some(at(500)),
        },
        Filter::term(term::secret("none")),
    ];
    let before: Vec<Vec<u64>> = filters.iter().map(|q| answers(f, q, By::Scan)).collect();
    assert_eq!(before.iter().map(Vec::len).collect::<Vec<_>>(), [34, 12, 1, 16, 2, 11, 0]);
    let whole = f.verify();
    assert_eq!(whole.fault, None);
    assert_eq!(pack::pack(f.log.path(), 1).unwrap(), 1);
    assert_eq!(pack::pack(f.log.path(), usize::MAX).unwrap(), 3);
    assert_eq!(pack::pack(f.log.path(), usize::MAX).unwrap(), 0);
    for by in [By::Index, By::Scan] {
        let after: Vec<Vec<u64>> = filters.iter().map(|q| answers(f, q, by)).collect();
        assert_eq!(before, after);
    }
    let last = query::last(f.log.path(), &filters[0], By::Index, 3).unwrap();
    assert_eq!(last.iter().map(Record::n).collect::<Vec<_>>(), before[0][31..]);
    assert_eq!(f.verify(), whole);
    // Packed frames are read by anything that reads zstd.
    let packed = std::fs::read(f.path("00000001.jsonl.zst")).unwrap();
    assert!(zstd::decode_all(&packed[..]).unwrap().starts_with(b"{\"v\":1,\"n\":0,"));
}

fn an_index_that_is_not_right_is_made_anew(f: &Fixture) {
    let path = |number: u32| f.path(&format!("{number:08}.idx"));
    let right: Vec<Vec<u8>> = (1..=4).map(|n| std::fs::read(path(n)).unwrap()).collect();
    let filter = Filter::term(term::secret("rare/one"));
    let answer = answers(f, &filter, By::Scan);
    // Missing, cut, of an older form, of another segment, of another log, and damaged where only
    // some questions look.
    let other = Fixture::small(300);
    pack::pack(other.log.path(), usize::MAX).unwrap();
    let foreign = std::fs::read(other.path("00000001.idx")).unwrap();
    let mut postings = right[0].clone();
    let end = postings.len();
    postings[end - 2_000..].iter_mut().for_each(|b| *b ^= 1);
    let wrong: [&[u8]; 6] = [b"", &right[0][..3000], b"haspidx1", &right[1], &foreign, &postings];
    for wrong in wrong {
        for number in 1..=4 {
            std::fs::write(path(number), wrong).unwrap();
        }
        std::fs::remove_file(path(3)).unwrap();
        assert_eq!(answers(f, &filter, By::Index), answer);
        assert_eq!(answers(f, &Filter::term(term::grant("g7001")), By::Index), [7002]);
    }
    for (number, right) in (1..).zip(&right).filter(|(n, _)| *n != 1) {
        assert!(
            std::fs::read(path(number)).unwrap() == *right,
            "the index of segment {number} was not made anew"
        );
    }
    std::fs::write(path(1), &right[0]).unwrap();
}

/// What the checks of an index cannot find, since they need no key: only verification sees it.
#[test]
fn an_index_that_was_forged_hides_nothing_from_verify() {
    let f = Fixture::small(60);
    pack::pack(f.log.path(), usize::MAX).unwrap();
    let filter = Filter::term(term::secret("db/url"));
    let all = answers(&f, &filter, By::Index);
    assert_eq!(all.len(), 60);
    // An index of the right file that knows no term.
    let packed = std::fs::read(f.path("00000001.jsonl.zst")).unwrap();
    std::fs::write(
        f.path("00000001.idx"),
        crate::segment::index::Builder::default().finish(&[], &packed),
    )
    .unwrap();
    let told = answers(&f, &filter, By::Index);
    assert!(told.len() < 60 && told[0] > 1, "the first segment is hidden");
    let first = || crate::record::chain::Key::first(&ROOT, &f.id);
    let mut verified = Vec::new();
    let report = f.verify();
    let mut each = |r: Record| {
        verified.push(r.n());
        Ok(())
    };
    checked::run(f.log.path(), first(), &report, &filter, &mut each).unwrap();
    assert_eq!(verified, all);
    // What changes behind the back of a verification is not shown as verified.
    let last = f.path(&format!("{:08}.jsonl", segment::list(f.log.path()).unwrap().len()));
    let mut bytes = std::fs::read(&last).unwrap();
    bytes[120] ^= 1;
    std::fs::write(&last, &bytes).unwrap();
    let late = checked::run(f.log.path(), first(), &report, &filter, &mut |_| Ok(())).unwrap_err();
    assert_eq!((late.code().as_str(), late.kind().status()), ("tampered", 1));
    std::fs::remove_file(&last).unwrap();
    assert_eq!(
        checked::run(f.log.path(), first(), &report, &filter, &mut |_| Ok(()))
            .unwrap_err()
            .code()
            .as_str(),
        "tampered"
    );
}

/// The files of [`long`] once it is packed.
const NAMES: [&str; 5] = [
    "00000001.jsonl.zst",
    "00000002.jsonl.zst",
    "00000003.jsonl.zst",
    "00000004.jsonl.zst",
    "00000005.jsonl",
];

/// The segments as they were, to be put back, and the numbers of their first records.
struct Saved {
    contents: Vec<Vec<u8>>,
    firsts: Vec<u64>,
}

impl Saved {
    fn of(f: &Fixture) -> Saved {
        let first = |number: u32| {
            let mut lines = segment::Lines::open(f.log.path(), number, u64::MAX).unwrap();
            let mut line = Vec::new();
            lines.next_into(&mut line).unwrap();
            Record::parse(&line).unwrap().n()
        };
        let contents = NAMES.iter().map(|n| std::fs::read(f.path(n)).unwrap()).collect();
        Saved { contents, firsts: (1..=5).map(first).collect() }
    }

    fn restore(&self, f: &Fixture, some: &[usize]) {
        for at in some {
            std::fs::write(f.path(NAMES[*at]), &self.contents[*at]).unwrap();
            private(&f.path(NAMES[*at]));
        }
    }
}

fn segments_removed_swapped_foreign_or_damaged(f: &Fixture) {
    let saved = Saved::of(f);
    removed_or_swapped(f, &saved);
    foreign_or_damaged(f, &saved);
    assert_eq!(f.fault(), None);
}

fn removed_or_swapped(f: &Fixture, saved: &Saved) {
    for (gone, name) in NAMES.iter().enumerate() {
        std::fs::remove_file(f.path(name)).unwrap();
        let (code, n) = f.fault().unwrap();
        let expected = if gone == 4 { "tail-missing" } else { "tampered" };
        assert_eq!((code, n), (expected, Some(saved.firsts[gone])));
        saved.restore(f, &[gone]);
    }
    for (one, other) in [(0, 1), (1, 3)] {
        std::fs::write(f.path(NAMES[one]), &saved.contents[other]).unwrap();
        std::fs::write(f.path(NAMES[other]), &saved.contents[one]).unwrap();
        assert_eq!(f.fault(), Some(("tampered", Some(saved.firsts[one]))));
        saved.restore(f, &[one, other]);
    }
    // Renumbered, so that no number is missing.
    std::fs::remove_file(f.path(NAMES[2])).unwrap();
    std::fs::rename(f.path(NAMES[3]), f.path(NAMES[2])).unwrap();
    std::fs::rename(f.path(NAMES[4]), f.path("00000004.jsonl")).unwrap();
    assert_eq!(f.fault(), Some(("tampered", Some(saved.firsts[2]))));
    std::fs::rename(f.path("00000004.jsonl"), f.path(NAMES[4])).unwrap();
    saved.restore(f, &[2, 3]);
}

fn foreign_or_damaged(f: &Fixture, saved: &Saved) {
    let firsts = &saved.firsts;
    // One of another log, which counts before the packed one of the same number.
    let foreign = Fixture::of(50);
    std::fs::copy(foreign.segment(), f.path("00000003.jsonl")).unwrap();
    assert_eq!(f.fault(), Some(("tampered", Some(firsts[2]))));
    std::fs::remove_file(f.path("00000003.jsonl")).unwrap();
    for at in [0, 1000, saved.contents[1].len() - 1] {
        let mut damaged = saved.contents[1].clone();
        damaged[at] ^= 0x10;
        std::fs::write(f.path(NAMES[1]), &damaged).unwrap();
        let (code, n) = f.fault().unwrap();
        assert!(code == "tampered" && (firsts[1]..firsts[2]).contains(&n.unwrap()), "{code} {n:?}");
        let unread =
            query::run(f.log.path(), &Filter::default(), By::Index, &mut |_| Ok(())).unwrap_err();
        assert_eq!(
            unread.code().as_str(),
            "tampered",
            "an answer from a part of the record is no answer"
        );
    }
    saved.restore(f, &[1]);
}

fn a_lost_key_state_is_rebuilt_across_segments(f: &Fixture) {
    let mut next = 0;
    query::run(f.log.path(), &Filter::default(), By::Index, &mut |r| {
        assert_eq!(r.n(), next);
        next += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(next, 9 * 2_600 + 1);
    let state = crate::segment::state::State::read(f.log.path()).unwrap();
    let against = Against { audit_root: &ROOT, public: None, expect: None, progress: &|_| {} };
    std::fs::remove_file(f.path("key")).unwrap();
    Log::recover(&f.home, &f.id, &against, at(1)).unwrap();
    assert_eq!(crate::segment::state::State::read(f.log.path()).unwrap().n, state.n + 1);
    assert_eq!(f.fault(), None);
    f.log.append(at(1), &[event(1)]).unwrap();
    assert_eq!(f.fault(), None);
}

#[test]
fn an_old_key_state_is_replayed_across_segments() {
    let mut f = Fixture::of(3);
    f.log = f.log.with_segment_size(SEGMENT);
    let old = std::fs::read(f.path("key")).unwrap();
    for batch in 0..3u64 {
        let events: Vec<Event> = (0..5_000).map(numbered).collect();
        f.log.append(at(batch as i64), &events).unwrap();
    }
    let head = f.log.head().unwrap();
    // As after a power cut: the log is on disk, the key state is not.
    std::fs::write(f.path("key"), old).unwrap();
    assert_eq!(f.fault(), None);
    assert_eq!(f.log.head().unwrap(), head);
    assert_eq!(f.log.append(at(9), &[event(9)]).unwrap(), head.count);
    assert_eq!(f.fault(), None);
}
