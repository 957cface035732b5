//! Indexes: what is damaged, stale or of another file is never believed.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn opened(bytes: &[u8], packed: &[u8]) -> (tempfile::TempDir, Option<Index>) {
    let dir = tempfile::tempdir().unwrap();
    files::replace(&path(dir.path(), 1), bytes).unwrap();
    let source = dir.path().join("packed");
    files::replace(&source, packed).unwrap();
    let index = Index::open(dir.path(), 1, &File::open(source).unwrap()).unwrap();
    (dir, index)
}

fn small() -> (Vec<u8>, Vec<Frame>) {
    let mut builder = Builder::default();
    for line in 0..60u32 {
        let terms = [format!("s:{}", line % 7), format!("g:{line}")];
        builder.add(line, u64::from(line), Timestamp::from_second(i64::from(line)), &terms);
    }
    let frames =
        vec![Frame { offset: 0, len: 9, first: 0 }, Frame { offset: 9, len: 7, first: 30 }];
    (builder.finish(&frames, PACKED), frames)
}

const PACKED: &[u8] = b"sixteen bytes it";

#[test]
fn an_index_of_another_file_is_not_believed() {
    let (bytes, _) = small();
    assert!(opened(&bytes, PACKED).1.is_some());
    for other in [&b"sixteen bytes is"[..], b"", b"sixteen bytes it.", &[b'x'; 100]] {
        assert!(opened(&bytes, other).1.is_none());
    }
}

#[test]
fn no_flipped_byte_changes_an_answer() {
    let (bytes, frames) = small();
    let terms: Vec<String> =
        (0..7).map(|t| format!("s:{t}")).chain(["g:5".into(), "g:none".into()]).collect();
    let (dir, index) = opened(&bytes, PACKED);
    let right: Vec<Vec<u32>> =
        terms.iter().map(|t| index.as_ref().unwrap().lines(t).unwrap()).collect();
    let packed = File::open(dir.path().join("packed")).unwrap();
    let mut noticed = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x04;
        std::fs::write(path(dir.path(), 1), &changed).unwrap();
        let Some(index) = Index::open(dir.path(), 1, &packed).unwrap() else { continue };
        noticed += u32::from(index.frames().is_none_or(|f| f != frames));
        for (term, right) in terms.iter().zip(&right) {
            let answer = index.lines(term);
            noticed += u32::from(answer.is_none());
            assert!(answer.is_none_or(|a| a == *right), "byte {at} changed the answer for {term}");
        }
        assert!(index.frames().is_none_or(|f| f == frames), "byte {at} changed the frames");
    }
    assert!(noticed > 0);
}

proptest! {
    #[test]
    fn what_was_added_is_found(
        lines in prop::collection::vec(prop::collection::vec(0u8..20, 0..5), 0..300),
    ) {
        let mut builder = Builder::default();
        for (line, terms) in lines.iter().enumerate() {
            let terms: Vec<String> = terms.iter().map(|t| format!("s:{t}")).collect();
            builder.add(line as u32, line as u64, Timestamp::from_second(line as i64), &terms);
        }
        let frame = |offset, len, first| Frame { offset, len, first };
        let frames = [frame(0, 9, 0), frame(9, 7, 100)];
        let (_dir, index) = opened(&builder.finish(&frames, PACKED), PACKED);
        let index = index.unwrap();
        prop_assert_eq!(index.frames().unwrap(), frames);
        for term in 0u8..20 {
            let has = lines.iter().enumerate().filter(|(_, l)| l.contains(&term));
            let expected: Vec<u32> = has.map(|(n, _)| n as u32).collect();
            prop_assert_eq!(index.lines(&format!("s:{term}")).unwrap(), expected);
        }
        prop_assert_eq!(index.lines("s:other").unwrap(), Vec::<u32>::new());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>, header in 0usize..1200) {
        // Its checks are right, so that what stands behind them is read.
        let mut content = [&MAGIC[..], &vec![0xff; header], &bytes].concat();
        content.resize(content.len().max(HEADER), 0xff);
        content[SOURCE..FANOUT].copy_from_slice(&source(PACKED.len() as u64, PACKED));
        let sum = check(&content[..HEADER_CHECK]);
        content[HEADER_CHECK..HEADER].copy_from_slice(&sum);
        let (_dir, index) = opened(&content, PACKED);
        let index = index.unwrap();
        let _ = (index.times(), index.frames(), index.lines("s:x"));
    }
}
