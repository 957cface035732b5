//! Random choices from the kernel's generator, without the bias that a plain remainder would give.

use hasp_core::{Error, Kind, Result, Secret};
use zeroize::Zeroizing;

use crate::code;

/// This many random bytes.
pub fn bytes(count: usize) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    fill(&mut bytes)?;
    Ok(bytes)
}

/// A number below `bound` (at least 1), each with the same probability.
pub fn below(bound: u32) -> Result<u32> {
    // The largest multiple of the bound: what lies above is drawn again.
    let limit = u32::MAX - u32::MAX % bound;
    loop {
        let mut draw = [0u8; 4];
        fill(&mut draw)?;
        let number = u32::from_le_bytes(draw);
        if number < limit {
            return Ok(number % bound);
        }
    }
}

/// So many words of the English list of BIP 39, with dashes between them.
pub fn words(count: usize) -> Result<Secret> {
    let list = bip39::Language::English.word_list();
    let mut words = Secret::with_capacity(count * 9)?;
    for index in 0..count {
        words.push(if index == 0 { b"" } else { b"-" })?;
        words.push(list[below(list.len() as u32)? as usize].as_bytes())?;
    }
    Ok(words)
}

fn fill(buffer: &mut [u8]) -> Result<()> {
    getrandom::fill(buffer)
        .map_err(|e| Error::new(Kind::Io, code::RANDOM, format!("cannot draw random bytes: {e}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_up_about_as_often() {
        let mut counts = [0u32; 7];
        (0..7000).for_each(|_| counts[below(7).unwrap() as usize] += 1);
        // Ten standard deviations: this fails once in the life of the universe.
        assert!(counts.iter().all(|c| (700..1300).contains(c)), "{counts:?}");
        assert_eq!(below(1).unwrap(), 0);
    }
}
