//! The archive in a backup: what is read is what would be written, so that no two archives unpack
//! alike, and nothing lies outside of the input.

use hasp_vault::tar::{read_entry, write_end, write_entry};

/// The largest file that is taken.
const LIMIT: usize = 1 << 16;

/// An archive.
pub fn tar(data: &[u8]) {
    let mut rest = data;
    let mut taken = 0;
    while let Ok(Some((path, content))) = read_entry(&mut rest, LIMIT) {
        taken += content.len();
        assert!(content.len() <= LIMIT && taken <= data.len(), "more than there is");
        let mut again = Vec::new();
        write_entry(&mut again, &path, &content, 0).expect("what was read can be written");
        write_end(&mut again).expect("memory");
        let read = read_entry(&mut &again[..], LIMIT).expect("what was written can be read");
        assert!(read == Some((path, content)), "an entry changes on its way");
    }
}
