//! The alphabets of base64 and base32: for each byte the number that it stands for as a symbol, in
//! tables, for both are looked up at every byte of a text.

/// The number of each symbol, in either alphabet; 255 for what is none.
pub(crate) const BASE64: [u8; 256] = table(true);
/// As [`BASE64`], in either case.
pub(crate) const BASE32: [u8; 256] = table(false);

const fn table(base64: bool) -> [u8; 256] {
    let mut numbers = [255; 256];
    let mut i = 0;
    while i < 26 {
        numbers[b'A' as usize + i] = i as u8;
        numbers[b'a' as usize + i] = if base64 { 26 + i as u8 } else { i as u8 };
        i += 1;
    }
    let mut digit = 0;
    while digit < 10 {
        if base64 {
            numbers[b'0' as usize + digit] = 52 + digit as u8;
        } else if digit >= 2 && digit < 8 {
            numbers[b'0' as usize + digit] = 24 + digit as u8;
        }
        digit += 1;
    }
    if base64 {
        numbers[b'+' as usize] = 62;
        numbers[b'-' as usize] = 62;
        numbers[b'/' as usize] = 63;
        numbers[b'_' as usize] = 63;
    }
    numbers
}
