//! The words of texts and queries.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The maximum number of words of a query; further ones are ignored.
const MAX_TERMS: usize = 32;

/// English and Russian words that are too common to select anything.
const STOP_WORDS: &[&str] = &[
    "a",
    "about",
    "an",
    "and",
    "are",
    "as",
    "at",
    "be",
    "by",
    "can",
    "could",
    "did",
    "do",
    "does",
    "for",
    "from",
    "had",
    "has",
    "have",
    "how",
    "i",
    "in",
    "is",
    "it",
    "its",
    "me",
    "my",
    "of",
    "on",
    "or",
    "our",
    "should",
    "that",
    "the",
    "their",
    "there",
    "these",
    "they",
    "this",
    "to",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "you",
    "your",
    "а",
    "в",
    "где",
    "для",
    "и",
    "из",
    "как",
    "когда",
    "кто",
    "на",
    "не",
    "о",
    "по",
    "с",
    "что",
    "это",
    "я",
];

/// Returns a text in lowercase, with accents as part of their letters where Unicode has such a letter, and otherwise without.
pub(super) fn normal(text: &str) -> String {
    let lower = text.to_lowercase();
    if is_nfc_quick(lower.chars()) == IsNormalized::Yes {
        return lower;
    }
    lower.nfc().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).collect()
}

/// Splits a text into its words, which consist of letters and digits.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// Returns the distinct words of a query in lowercase, without stop words unless the query consists of them.
pub(crate) fn words(query: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for word in split(&normal(query)) {
        if all.iter().all(|other| other != word) {
            all.push(word.to_owned());
        }
    }
    let telling: Vec<String> = all
        .iter()
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
        .cloned()
        .collect();
    let mut words = if telling.is_empty() { all } else { telling };
    words.truncate(MAX_TERMS);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_say_nothing_are_left_out() {
        assert_eq!(words("How do I run the tests?"), ["run", "tests"]);
        assert_eq!(words("to be or not to be"), ["not"]);
        assert_eq!(words("Who is it?"), ["who", "is", "it"]);
        assert_eq!(words("Run run RUN"), ["run"]);
        assert_eq!(words("как ЗАПУСТИТЬ \"тесты\""), ["запустить", "тесты"]);
        assert_eq!(words("cafe\u{301} за\u{301}мок"), ["café", "замок"]);
        assert!(words(" ?! ").is_empty());
    }
}
