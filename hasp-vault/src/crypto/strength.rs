//! A rough estimate of how hard a passphrase is to guess, in bits: common words count as words and
//! not as letters, runs and repetitions hardly at all. It is for a warning and decides nothing.

/// Below this a passphrase is guessed by a machine that holds the file: four random words have
/// more.
pub const WEAK: u32 = 40;

/// What a piece of a passphrase adds, in tenths of a bit.
const WORD: u32 = 110;
const LETTER: u32 = 35;
const CAPITAL: u32 = 10;
const DIGIT: u32 = 33;
const OTHER: u32 = 45;
const REPEATED: u32 = 5;

/// An estimate in bits.
pub fn estimate(text: &str) -> u32 {
    let mut sum = 0;
    let mut rest = text;
    let mut before: Vec<&str> = Vec::new();
    while let Some(first) = rest.chars().next() {
        let alphabetic = first.is_ascii_alphabetic();
        let end = rest.find(|c: char| c.is_ascii_alphabetic() != alphabetic).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        sum += match alphabetic {
            _ if before.contains(&piece) => REPEATED,
            true => letters(piece),
            false => others(piece),
        };
        before.push(piece);
        rest = after;
    }
    sum / 10
}

/// Letters: a word of the list, or one with something behind it, else letter by letter.
fn letters(piece: &str) -> u32 {
    let lower = piece.to_ascii_lowercase();
    let capitals = piece.bytes().filter(u8::is_ascii_uppercase).count().min(2) as u32 * CAPITAL;
    let words = bip39::Language::English.word_list();
    let longest = (3..=lower.len()).rev().find(|end| words.contains(&&lower[..*end]));
    let plain = |text: &str| running(text.as_bytes(), LETTER);
    let by_word = longest.map(|end| WORD + plain(&lower[end..]));
    by_word.unwrap_or(u32::MAX).min(plain(&lower)) + capitals
}

fn others(piece: &str) -> u32 {
    let each = if piece.bytes().all(|b| b.is_ascii_digit()) { DIGIT } else { OTHER };
    running(piece.as_bytes(), each)
}

/// A byte that is the one before, or beside it, adds little.
fn running(bytes: &[u8], each: u32) -> u32 {
    let step = |w: &[u8]| if w[0].abs_diff(w[1]) <= 1 { REPEATED } else { each };
    let first = if bytes.is_empty() { 0 } else { each };
    first + bytes.windows(2).map(step).sum::<u32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_is_told_from_what_is_not() {
        for weak in ["a", "password1", "hunter2", "aaaaaaaaaaaaaaaaaaaa", "12345678901234", "horse"]
        {
            assert!(estimate(weak) < WEAK, "{weak}: {}", estimate(weak));
        }
        for strong in [
            "abandon-velvet-comic-dwarf-oxygen-muffin",
            "kX9#mQ2v!pL7wZ",
            "wqzjxkvbpfhgmrtd",
            "correct horse battery staple",
        ] {
            assert!(estimate(strong) >= WEAK, "{strong}: {}", estimate(strong));
        }
        assert_eq!(estimate(""), 0);
    }
}
