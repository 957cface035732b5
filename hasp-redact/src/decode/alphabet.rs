//! The alphabets of base64 and base32: for each byte the number that it stands for as a symbol, in
//! tables, for both are looked up at every byte of a text; and texts in them as bytes.

/// The number of each symbol, in either alphabet; 255 for what is none.
pub(crate) const BASE64: [u8; 256] = table(true);
/// As [`BASE64`], in either case.
pub(crate) const BASE32: [u8; 256] = table(false);

/// Base64 as bytes, see [`super::layer::Layer::read`].
pub(crate) fn base64(text: &[u8], skip: u8, out: &mut Vec<u8>, stop: usize) -> usize {
    radix(text, skip.into(), 6, |b| BASE64[usize::from(b)], out, stop)
}

/// Base32 as bytes.
pub(crate) fn base32(text: &[u8], skip: u8, out: &mut Vec<u8>, stop: usize) -> usize {
    radix(text, skip.into(), 5, |b| BASE32[usize::from(b)], out, stop)
}

/// Whether a character can be part of base64.
#[inline(always)]
pub(crate) fn is_symbol(byte: u8) -> bool {
    BASE64[usize::from(byte)] < 64
}

/// Whether a character can be part of base32.
#[inline(always)]
pub(crate) fn is_base32(byte: u8) -> bool {
    BASE32[usize::from(byte)] < 32
}

/// Reads numbers of `BITS` bits as bytes, the first `skip` characters left out.
fn radix(
    text: &[u8],
    skip: usize,
    bits: u32,
    number: impl Fn(u8) -> u8,
    out: &mut Vec<u8>,
    stop: usize,
) -> usize {
    let (mut word, mut held) = (0u32, 0);
    for (at, byte) in text.iter().enumerate().skip(skip) {
        word = word << bits | u32::from(number(*byte)) & ((1 << bits) - 1);
        held += bits;
        if held >= 8 {
            if out.len() >= stop {
                return at - 1;
            }
            held -= 8;
            out.push((word >> held) as u8);
        }
    }
    text.len()
}

/// Whether a run may hold sixteen bytes of text, or of UTF-16, in base64 that begins `skip` symbols
/// behind its first. Nearly every name and path is ruled out so, without being decoded.
///
/// Sixteen bytes cover four groups in a row whole, and one of text tells of its symbols: the first
/// stands for six bits of a byte that is no control character, the second and the third hold the
/// highest bit of the next bytes, which is not set.
pub(crate) fn base64_may_begin(run: &[u8], skip: u8) -> bool {
    const TEXT: [u8; 4] = [1, 2, 4, 0];
    follow::<4>(run, skip.into(), 4, &TEXT)
}

/// As [`base64_may_begin`] for base32, of which sixteen bytes cover two groups.
pub(crate) fn base32_may_begin(run: &[u8], skip: u8) -> bool {
    const TEXT: [u8; 8] = [8, 16, 0, 32, 64, 0, 128, 0];
    follow::<8>(run, skip.into(), 2, &TEXT)
}

/// Whether `count` groups in a row have all the hints of text. One of each `count` is
/// looked at first.
#[inline(always)]
fn follow<const GROUP: usize>(run: &[u8], skip: usize, count: usize, text: &[u8; GROUP]) -> bool {
    let groups = run.get(skip..).unwrap_or_default().as_chunks::<GROUP>().0;
    let is_text = |g: &[u8; GROUP]| {
        g.iter().zip(text).all(|(b, hint)| HINTS[usize::from(*b)] & hint == *hint)
    };
    let mut at = count - 1;
    while at < groups.len() {
        if is_text(&groups[at]) {
            let before = groups[..at].iter().rev().take(count).take_while(|g| is_text(g)).count();
            let behind = groups[at..].iter().take(count).take_while(|g| is_text(g)).count();
            if before + behind >= count {
                return true;
            }
        }
        at += count;
    }
    false
}

/// For each symbol, whether it may stand in text as number 0, 1 or 2 of a group of base64 (1, 2 and
/// 4), and as number 0, 1, 3, 4 or 6 of base32 (8 to 128).
const HINTS: [u8; 256] = {
    let (mut hints, mut byte) = ([0; 256], 0);
    while byte < 256 {
        let (six, five) = (BASE64[byte], BASE32[byte]);
        if six < 64 {
            let text = six < 0x80 >> 2 && (six >= 0x20 >> 2 || six < 0x10 >> 2);
            hints[byte] |= text as u8 | ((six & 8 == 0) as u8) << 1 | ((six & 2 == 0) as u8) << 2;
        }
        if five < 32 {
            let text = five < 0x80 >> 3 && (five >= 0x20 >> 3 || five < 0x10 >> 3);
            hints[byte] |=
                (text as u8) << 3 | ((five & 2 == 0) as u8) << 4 | ((five & 8 == 0) as u8) << 5;
            hints[byte] |= ((five & 1 == 0) as u8) << 6 | ((five & 4 == 0) as u8) << 7;
        }
        byte += 1;
    }
    hints
};

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
