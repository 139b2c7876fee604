//! Full-text search over files: extracts text, cuts it into passages, and splits queries into words.
//!
//! The index itself is behind the trait [`TextIndex`], which each storage implements, because it takes part in the
//! storage's transactions.

mod attributes;
mod pdf;
mod text;

use std::ops::Range;

use crate::storage::StorageError;

pub(crate) use self::attributes::{check_filter, passes};
pub(crate) use self::pdf::process::PdfReader;
pub use self::pdf::process::write_pdf_text;
pub(crate) use self::text::{MAX_SIZE as MAX_TEXT, Unreadable, is_pdf, text_of};

/// The maximum length of a token, in characters.
const TOKEN: usize = 16;

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

/// An index that finds passages by their words, as part of a storage transaction.
///
/// A passage belongs to a document of the storage, its owner, and is deleted with it.
pub(crate) trait TextIndex {
    /// Adds the passages of a document, in order, to a collection.
    fn add_passages(&self, collection: &str, owner: &str, passages: &[&str]) -> Result<(), StorageError>;

    /// Removes the passages of a document.
    fn remove_passages(&self, owner: &str) -> Result<(), StorageError>;

    /// Removes all passages of a collection.
    fn remove_collection(&self, collection: &str) -> Result<(), StorageError>;

    /// Returns the passages of a document, in order.
    fn passages(&self, owner: &str) -> Result<Vec<String>, StorageError>;

    /// Returns the passages of a collection that contain at least one of the words, best first.
    ///
    /// The score is the share of the words that a passage contains, with rare words weighted higher than common ones,
    /// times a factor from 0.9 to 1 that grows with the frequency of the words relative to the length of the passage.
    /// It lies between 0 and 1, and near 1 if all words occur.
    fn find(&self, find: &IndexQuery<'_>) -> Result<Vec<IndexHit>, StorageError>;
}

/// The parameters of [`TextIndex::find`].
pub(crate) struct IndexQuery<'a> {
    pub(crate) collection: &'a str,
    pub(crate) words: &'a [String],
    /// Restricts the result to passages of owners for which this returns `true`.
    pub(crate) accept: &'a dyn Fn(&str) -> bool,
    pub(crate) least_score: f64,
    pub(crate) limit: usize,
}

/// A passage in the result of a search.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IndexHit {
    pub(crate) owner: String,
    /// The position among its owner's passages, from 0.
    pub(crate) position: i64,
    pub(crate) text: String,
    pub(crate) score: f64,
}

/// Returns the distinct words of a query in lowercase, without stop words unless the query consists of them.
pub(crate) fn words(query: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for word in query
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        let word = word.to_lowercase();
        if !all.contains(&word) {
            all.push(word);
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

/// Cuts a text into chunks of at most `size` tokens, with `overlap` tokens shared between neighbours.
///
/// Tokens are estimated: each is a word, delimited by white space, or a piece of one with at most 16 characters. A
/// chunk begins and ends with a token and keeps the white space in between.
pub(crate) fn chunks(text: &str, size: usize, overlap: usize) -> Vec<&str> {
    let tokens = tokens(text);
    let step = size.saturating_sub(overlap).max(1);
    let mut chunks = Vec::new();
    let mut first = 0;
    while first < tokens.len() {
        let last = (first + size.max(1)).min(tokens.len()) - 1;
        chunks.push(&text[tokens[first].start..tokens[last].end]);
        if last + 1 == tokens.len() {
            break;
        }
        first += step;
    }
    chunks
}

fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut tokens: Vec<Range<usize>> = Vec::new();
    let mut length = 0;
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        if character.is_whitespace() {
            length = 0;
        } else if length == 0 || length == TOKEN {
            tokens.push(at..end);
            length = 1;
        } else if let Some(token) = tokens.last_mut() {
            token.end = end;
            length += 1;
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_have_the_size_and_overlap_asked_for() {
        for (text, size, overlap, want) in [
            ("", 2, 0, &[][..]),
            (" \n ", 2, 0, &[]),
            (" one ", 2, 0, &["one"]),
            ("a b c d e", 2, 0, &["a b", "c d", "e"]),
            ("a b c d e", 3, 1, &["a b c", "c d e"]),
            ("a b\n\nc  d e", 4, 2, &["a b\n\nc  d", "c  d e"]),
            ("a b c", 3, 1, &["a b c"]),
            ("0123456789abcdefXYZ é", 1, 0, &["0123456789abcdef", "XYZ", "é"]),
        ] {
            assert_eq!(chunks(text, size, overlap), want, "{text:?} {size} {overlap}");
        }
    }

    #[test]
    fn words_that_say_nothing_are_left_out() {
        assert_eq!(words("How do I run the tests?"), ["run", "tests"]);
        assert_eq!(words("to be or not to be"), ["not"]);
        assert_eq!(words("Who is it?"), ["who", "is", "it"]);
        assert_eq!(words("Run run RUN"), ["run"]);
        assert_eq!(words("как ЗАПУСТИТЬ \"тесты\""), ["запустить", "тесты"]);
        assert!(words(" ?! ").is_empty());
    }
}
