//! An age file that somebody else wrote, in an inbox, a repository or a backup: refused before any
//! work is done for it, unless its header was made with the file key.

use hasp_vault::{FileKey, age_file};

/// What every age file begins with, so that not each input has to guess it.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// A file, and the same bytes as the stanzas of one.
pub fn stanza(data: &[u8]) {
    for file in [data.to_vec(), [MAGIC, data].concat()] {
        let key = FileKey::from_bytes([7; 16]);
        let opened = age_file::decrypt_with_file_key(&file, &key).is_ok();
        assert!(!opened || age_file::is_age_file(&file), "what is no age file was opened");
        if age_file::check_work_factor(&file).is_ok() {
            assert!(file.starts_with(&[MAGIC, b"-> scrypt "].concat()), "no passphrase file");
        }
    }
}
