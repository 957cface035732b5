//! The cryptography of a vault: age files, the keys under its root, identities and passphrases.

pub mod age_file;
pub mod file_key;
pub mod keys;
pub mod line_ends;
pub mod openssh;
pub mod passphrase;
pub mod plugin;
pub mod random;
pub mod recipient;
pub mod strength;
