//! The forms, written by code of its own: nothing here knows how the filter reads them.

use super::*;

pub fn base64(v: &[u8]) -> String {
    BASE64.encode(v)
}

pub fn text(v: &[u8]) -> String {
    String::from_utf8(v.to_vec()).unwrap()
}

pub fn encoder(name: &str) -> fn(&[u8]) -> Vec<u8> {
    ENCODERS.iter().find(|(n, _)| *n == name).unwrap().1
}

pub fn json(v: &[u8]) -> Vec<u8> {
    encoder("json")(v)
}

pub fn json_ascii(v: &[u8]) -> Vec<u8> {
    let escape = |c: char| {
        if c.is_ascii() { text(&json(&[c as u8])) } else { format!("\\u{:04x}", u32::from(c)) }
    };
    text(v).chars().map(escape).collect::<String>().into_bytes()
}

pub fn percent(v: &[u8]) -> Vec<u8> {
    encoder("percent")(v)
}

pub fn utf16(v: &[u8], big: bool) -> Vec<u8> {
    text(v)
        .encode_utf16()
        .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
        .collect()
}

pub fn numbers(v: &[u8], between: &str) -> Vec<u8> {
    v.iter().map(u8::to_string).collect::<Vec<_>>().join(between).into_bytes()
}

pub fn lines(pieces: &[String], each: usize, between: &str) -> Vec<u8> {
    pieces.chunks(each).map(<[String]>::concat).collect::<Vec<_>>().join(between).into_bytes()
}

/// A dump with addresses, so many bytes a line and a group, with or without a text column.
pub fn dump(v: &[u8], line: usize, group: usize, colon: bool, column: bool) -> Vec<u8> {
    let mut out = String::new();
    for (number, bytes) in v.chunks(line).enumerate() {
        out += &if colon {
            format!("{:08x}:", number * line)
        } else {
            format!("{:07o}", number * line)
        };
        bytes.chunks(group).for_each(|g| out += &format!(" {}", HEXLOWER.encode(g)));
        if column {
            let width = 2 * line + line.div_ceil(group);
            let shown = 2 * bytes.len() + bytes.len().div_ceil(group);
            let printed = |b: &u8| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' };
            out += &format!(
                "{}  {}",
                " ".repeat(width - shown),
                bytes.iter().map(printed).collect::<String>()
            );
        }
        out.push('\n');
    }
    out.into_bytes()
}

pub fn c_array(v: &[u8]) -> Vec<u8> {
    let line =
        |bytes: &[u8]| bytes.iter().map(|b| format!("0x{b:02x}")).collect::<Vec<_>>().join(", ");
    format!("  {}\n", v.chunks(12).map(line).collect::<Vec<_>>().join(",\n  ")).into_bytes()
}

/// Words of 16 bits in the byte order of this machine's dumps, little endian.
pub fn words(v: &[u8], each: usize) -> Vec<u8> {
    let word = |w: &[u8]| format!(" {:02x}{:02x}", w.get(1).unwrap_or(&0), w[0]);
    let line = |(number, bytes): (usize, &[u8])| {
        format!("{:07x}{}\n", 2 * each * number, bytes.chunks(2).map(word).collect::<String>())
    };
    v.chunks(2 * each).enumerate().map(line).collect::<String>().into_bytes()
}

pub fn octal_words(v: &[u8]) -> Vec<u8> {
    v.chunks(2)
        .map(|w| format!(" {:06o}", u16::from(*w.get(1).unwrap_or(&0)) << 8 | u16::from(w[0])))
        .collect::<String>()
        .into_bytes()
}

pub fn characters(v: &[u8]) -> Vec<u8> {
    let one = |b: &u8| {
        if (0x20..0x7f).contains(b) {
            format!("   {}", char::from(*b))
        } else {
            format!(" {b:03o}")
        }
    };
    v.iter().map(one).collect::<String>().into_bytes()
}

pub fn base58(v: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut digits: Vec<u32> = vec![0];
    for byte in v {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += *digit << 8;
            (*digit, carry) = (carry % 58, carry / 58);
        }
        while carry > 0 {
            digits.push(carry % 58);
            carry /= 58;
        }
    }
    digits.iter().rev().map(|d| ALPHABET[*d as usize]).collect()
}

pub fn ascii85(v: &[u8]) -> Vec<u8> {
    let group = |word: &[u8]| {
        let mut bytes = [0; 4];
        bytes[..word.len()].copy_from_slice(word);
        let mut number = u32::from_be_bytes(bytes);
        let mut out = [0; 5];
        out.iter_mut().rev().for_each(|d| (*d, number) = (b'!' + (number % 85) as u8, number / 85));
        out
    };
    v.chunks(4).flat_map(group).collect()
}
