//! The words of a query.

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
        assert!(words(" ?! ").is_empty());
    }
}
