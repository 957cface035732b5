//! How hard a window of a value is to guess, estimated on the low side: the alphabet that its
//! characters come from, less what follows from the character before. Who has both files of the
//! watch can test guesses, so what is easy to guess is not kept.

/// How many bytes are estimated together, and hashed at a place of the text.
pub(crate) const WINDOW: usize = 16;

/// A window that is easier to guess than this many bits is not kept.
pub(crate) const LEAST: u32 = 64;

/// A position that follows from those before adds this much, in tenths of a bit.
const PREDICTED: u32 = 12;

/// The most predictable positions that are chance, also in a random window of hexadecimal digits;
/// in a window that may be words it is one.
const CHANCE: usize = 4;

/// What stands between words, and says nothing there.
const BETWEEN: &[u8] = b" .-_/:@=,";

/// Pairs of letters that are frequent in words.
const PAIRS: &[u8] = b"\
    abacadagaialamanaparasatavaybabeblbobrbucacechcickclcocrctcudadedidrdsdyeaecedeeelemenereset\
    evexeyfafefffiflfofrfugeghgigogrguhahehihohtiaicidieifigiliminioirisitivjukekilaldlelilllols\
    lymamimompmynancndnengninonsntodofolomonoooporosotouowpapeplpoppprptqurardrerirorrrsrtrysasc\
    seshsisksmsospssstsuswtatethtitotrtstttutyuculumunupurusutvaveviwawewhwiwnwo";

/// Rows of a keyboard.
const ROWS: [&[u8]; 3] = [b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];

/// The estimate for a window, in bits, to somebody who does not know the case of its letters and
/// need not.
pub(crate) fn bits(window: &[u8; WINDOW]) -> u32 {
    let folded = window.to_ascii_lowercase();
    let alphabet = alphabet(&folded);
    let hex = alphabet == 40;
    let periodic = (2..=8).map(|p| repeats(&folded, p)).find(|r| r.len() >= 5).unwrap_or_default();
    let predicted =
        (1..WINDOW).filter(|at| periodic.contains(at) || follows(&folded, *at, hex)).count();
    let words = folded.iter().all(|b| b.is_ascii_alphabetic() || BETWEEN.contains(b));
    let cheap = predicted.saturating_sub(if words { 1 } else { CHANCE }) as u32;
    (alphabet * (WINDOW as u32 - cheap) + PREDICTED * cheap) / 10
}

/// Tenths of a bit that a character of the window's alphabet is worth.
fn alphabet(folded: &[u8]) -> u32 {
    let all = |test: fn(&u8) -> bool| folded.iter().all(test);
    if all(|b| b.is_ascii_digit() || b"tz-:. +/".contains(b)) {
        33
    } else if all(u8::is_ascii_hexdigit) {
        40
    } else if all(u8::is_ascii_alphabetic) {
        47
    } else if all(u8::is_ascii_alphanumeric) {
        51
    } else if all(|b| (0x20..0x7f).contains(b)) {
        59
    } else if std::str::from_utf8(folded).is_ok() {
        45
    } else {
        70
    }
}

/// Positions that show the same as the one this far before.
fn repeats(folded: &[u8], period: usize) -> Vec<usize> {
    (period..folded.len()).filter(|at| folded[*at] == folded[at - period]).collect()
}

/// Whether a position can be told from the two before it.
fn follows(folded: &[u8], at: usize, hex: bool) -> bool {
    let (last, this) = (folded[at - 1], folded[at]);
    if last == this
        || BETWEEN.contains(&this) && (last.is_ascii_alphanumeric() || b"/:".contains(&last))
    {
        return true;
    }
    let Some(before) = at.checked_sub(2).map(|i| folded[i]) else { return false };
    let step = this.wrapping_sub(last);
    if (step == 1 || step == 255) && step == last.wrapping_sub(before) {
        return true;
    }
    let neighbours =
        |a: u8, b: u8| ROWS.iter().any(|row| row.windows(2).any(|w| w == [a, b] || w == [b, a]));
    let common = |a: u8, b: u8| PAIRS.chunks(2).any(|pair| pair == [a, b]);
    let word = common(last, this) && (common(before, last) || !before.is_ascii_alphabetic());
    !hex && (word || neighbours(before, last) && neighbours(last, this))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_windows(text: &[u8]) -> impl Iterator<Item = u32> {
        text.windows(WINDOW).map(|w| bits(w.try_into().unwrap_or(&[0; WINDOW])))
    }

    fn weakest(text: &[u8]) -> u32 {
        of_windows(text).min().unwrap_or(0)
    }

    fn best(text: &[u8]) -> u32 {
        of_windows(text).max().unwrap_or(0)
    }

    #[test]
    fn what_can_be_guessed_is_under_the_bound() {
        for weak in [
            &b"correct horse battery staple"[..],
            b"password123456789",
            b"aaaaaaaaaaaaaaaaaaaaaaaa",
            b"0123456789abcdef",
            b"deadbeefdeadbeefdeadbeef",
            b"4111111111111111",
            b"2026-11-26T01:48",
            b"qwertyuiopasdfghjkl",
            b"http://localhost",
            b"abcabcabcabcabcabcabcabc",
            b"administrator-password",
            b"configuration.development",
        ] {
            assert!(best(weak) < LEAST, "{}: {} bits", weak.escape_ascii(), best(weak));
        }
    }

    #[test]
    fn what_was_drawn_at_random_is_kept() {
        let mut state = 0x1234_5678_9abc_def1u64;
        let mut draw = |alphabet: &[u8], length: usize| -> Vec<u8> {
            let next = |_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                alphabet[(state >> 33) as usize % alphabet.len()]
            };
            (0..length).map(next).collect()
        };
        for alphabet in [
            &b"0123456789abcdef"[..],
            b"0123456789ABCDEF",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_!#%@",
        ] {
            let kept = (0..1000).filter(|_| weakest(&draw(alphabet, WINDOW)) >= LEAST).count();
            assert!(kept >= 980, "{kept} of 1000 of an alphabet of {}", alphabet.len());
        }
    }
}
