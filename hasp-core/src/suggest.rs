//! "Did you mean": one measure of what is near, for the names of all sorts of things.

use crate::error::Error;

/// How much of a word is compared: it may be of any length.
const LENGTH: usize = 64;

/// The word that was probably meant (Damerau-Levenshtein distance, at most a third of its length).
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: String = word.chars().take(LENGTH).collect();
    let scored = words.into_iter().map(|w| (strsim::damerau_levenshtein(&word, w), w));
    let (distance, near) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= (near.chars().count() / 3).max(1)).then_some(near)
}

/// The hint that names it, if there is one.
pub fn hint<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, words).map(|near| crate::hint!("did you mean '{near}'?"))
}

impl Error {
    /// The same with "did you mean", if one of the words is near.
    #[must_use]
    pub fn suggest<'a>(self, word: &str, words: impl IntoIterator<Item = &'a str>) -> Error {
        match hint(word, words) {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_named_and_nothing_else() {
        let words = ["test", "deploy", "a"];
        assert_eq!(nearest("tset", words), Some("test"));
        assert_eq!(nearest("deplyo", words), Some("deploy"));
        assert_eq!(nearest("release", words), None);
        assert_eq!(nearest("x", []), None);
        assert_eq!(nearest(&"x".repeat(10_000), words), None);
    }
}
