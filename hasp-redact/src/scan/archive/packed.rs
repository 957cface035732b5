//! How packed and enciphered files begin. What can be opened is, within bounds; what is in the
//! others is not seen, so each is named.

use super::tar;

/// What a file is by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packed {
    /// One or more streams of RFC 1952.
    Gzip,
    /// A stream of RFC 1950.
    Zlib,
    /// Frames of RFC 8878.
    Zstd,
    /// An archive with a directory at its end.
    Zip,
    /// An archive of POSIX pax, GNU or before.
    Tar,
    /// Something that is not opened.
    Closed(&'static str),
}

/// How those begin that are told by their first bytes.
const BEGINNINGS: [(&[u8], Packed); 16] = [
    (b"PK\x03\x04", Packed::Zip),
    (b"PK\x05\x06", Packed::Zip),
    (b"\x1f\x8b\x08", Packed::Gzip),
    (b"\x28\xb5\x2f\xfd", Packed::Zstd),
    (b"\xfd7zXZ\0", Packed::Closed("xz")),
    (b"BZh", Packed::Closed("bzip2")),
    (b"7z\xbc\xaf\x27\x1c", Packed::Closed("7-zip")),
    (b"Rar!\x1a\x07", Packed::Closed("rar")),
    (b"\x04\x22\x4d\x18", Packed::Closed("lz4")),
    (b"LZIP", Packed::Closed("lzip")),
    (b"\0GITCRYPT\0", Packed::Closed("enciphered by git-crypt")),
    (b"age-encryption.org/", Packed::Closed("enciphered by age")),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", Packed::Closed("enciphered by age")),
    (b"-----BEGIN PGP MESSAGE-----", Packed::Closed("enciphered by OpenPGP")),
    (b"$ANSIBLE_VAULT;", Packed::Closed("enciphered by Ansible")),
    (b"Salted__", Packed::Closed("enciphered by openssl")),
];

/// How many bytes tell what a file is, a pointer to a content elsewhere included.
pub(crate) const HEAD: usize = 16 << 10;

/// What begins so, if it is packed or enciphered.
pub(crate) fn packed(head: &[u8]) -> Option<Packed> {
    let known = BEGINNINGS.iter().find(|(magic, _)| head.starts_with(magic));
    if let Some((_, packed)) = known {
        return Some(*packed);
    }
    if tar::begins(head) {
        return Some(Packed::Tar);
    }
    is_zlib(head).then_some(Packed::Zlib)
}

/// Two bytes are soon the same in other files, so some of it must inflate.
fn is_zlib(head: &[u8]) -> bool {
    use std::io::Read;
    let [first, second, _, ..] = head else { return false };
    if first & 0x8f != 8 || !(u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31) {
        return false;
    }
    let mut out = [0; 64];
    flate2::read::ZlibDecoder::new(head).read(&mut out).is_ok_and(|read| read > 0)
}

impl Packed {
    /// Whether what is in it is kept from those who have not its key.
    pub fn is_enciphered(self) -> bool {
        matches!(self, Packed::Closed(what) if what.starts_with("enciphered"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_told_by_its_beginning() {
        assert_eq!(packed(b"\x1f\x8b\x08\0"), Some(Packed::Gzip));
        assert_eq!(packed(b"x^ is no zlib, though its first bytes could be"), None);
        assert_eq!(packed(b"plain text"), None);
        assert!(packed(b"age-encryption.org/v1\n").is_some_and(Packed::is_enciphered));
        let mut tar = [0; 512];
        tar[0] = b'a';
        assert_eq!(packed(&tar), None);
        tar[148..156].copy_from_slice(b"000541\0 ");
        assert_eq!(packed(&tar), Some(Packed::Tar));
    }
}
