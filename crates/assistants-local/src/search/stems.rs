//! Reduces words to their stems, so that a search finds every form of a word.
//!
//! A passage has the stems of its language. A query is too short to tell its language, so its words are searched for as each
//! language would have them. Stems of different languages differ, because one would find unrelated words of another.

use std::borrow::Cow;
use std::sync::LazyLock;

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use whatlang::{Detector, Info, Lang};

use super::words::{normal, split};

/// The version of the stems. An index of another version is filled again, so this changes with the stems of any word.
pub(crate) const STEMS: &str = "1";

/// How much of a passage its language is recognized by, in characters.
const SAMPLE: usize = 500;

/// The maximum length of a word that has forms, in bytes.
const MAX_WORD: usize = 64;

/// The languages with Latin letters, beside English. The place of one is part of its stems.
const LATIN: [(Lang, Algorithm); 15] = [
    (Lang::Ces, Algorithm::Czech),
    (Lang::Dan, Algorithm::Danish),
    (Lang::Nld, Algorithm::Dutch),
    (Lang::Fin, Algorithm::Finnish),
    (Lang::Fra, Algorithm::French),
    (Lang::Deu, Algorithm::German),
    (Lang::Hun, Algorithm::Hungarian),
    (Lang::Ita, Algorithm::Italian),
    (Lang::Nob, Algorithm::Norwegian),
    (Lang::Pol, Algorithm::Polish),
    (Lang::Por, Algorithm::Portuguese),
    (Lang::Ron, Algorithm::Romanian),
    (Lang::Spa, Algorithm::Spanish),
    (Lang::Swe, Algorithm::Swedish),
    (Lang::Tur, Algorithm::Turkish),
];

/// The first of the private characters that end the stems of these languages. The index takes them for letters.
const FIRST_MARK: u32 = 0xe000;

/// Returns the stems of the words of a passage, separated by spaces.
pub(crate) fn stems(passage: &str) -> String {
    let language = language(passage);
    let words = normal(passage);
    let mut stems = String::with_capacity(words.len());
    for word in split(&words) {
        if let (Script::Latin, Some(language)) = (script(word), language) {
            push_marked(&mut stems, word, language);
        } else {
            stems.push_str(&stem(word));
        }
        stems.push(' ');
    }
    stems
}

/// Returns the stems that a word has in passages of each language. The word is in lowercase.
pub(crate) fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![stem(word).into_owned()];
    if script(word) == Script::Latin {
        forms.extend((0..LATIN.len()).map(|language| {
            let mut stem = String::new();
            push_marked(&mut stem, word, language);
            stem
        }));
    }
    forms
}

/// Returns the stem of a word, which is English if its letters are Latin.
fn stem(word: &str) -> Cow<'_, str> {
    match script(word) {
        Script::Latin if word.is_ascii() => in_language(word, Algorithm::English),
        Script::Latin => {
            let plain: String = word.nfd().filter(|c| !is_combining_mark(*c)).collect();
            Cow::Owned(in_language(&plain, Algorithm::English).into_owned())
        }
        Script::Cyrillic => Cow::Owned(in_language(&word.replace('ё', "е"), Algorithm::Russian).into_owned()),
        Script::Greek => in_language(word, Algorithm::Greek),
        Script::Other => Cow::Borrowed(word),
    }
}

fn in_language(word: &str, algorithm: Algorithm) -> Cow<'_, str> {
    if word.len() > MAX_WORD {
        return Cow::Borrowed(word);
    }
    Stemmer::new(algorithm).stem(word)
}

/// Appends a stem with the mark of its language. The index removes its accents.
fn push_marked(stems: &mut String, word: &str, language: usize) {
    stems.push_str(&in_language(word, LATIN[language].1));
    stems.extend(
        u32::try_from(language)
            .ok()
            .and_then(|language| char::from_u32(FIRST_MARK + language)),
    );
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
    Greek,
    Other,
}

/// Returns the script of a word, by its first letter.
fn script(word: &str) -> Script {
    match word.chars().find(|c| c.is_alphabetic()) {
        Some('a'..='z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}') => Script::Latin,
        Some('\u{400}'..='\u{52f}') => Script::Cyrillic,
        Some('\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}') => Script::Greek,
        _ => Script::Other,
    }
}

/// Returns the language of a passage with Latin letters; `None` stands for English, also of what is no language, such as code.
fn language(passage: &str) -> Option<usize> {
    static DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
        let languages = LATIN.iter().map(|(language, _)| *language);
        Detector::with_allowlist(languages.chain([Lang::Eng]).collect())
    });
    let end = passage.char_indices().nth(SAMPLE).map_or(passage.len(), |(end, _)| end);
    let found = DETECTOR.detect(&passage[..end]).filter(Info::is_reliable)?;
    LATIN.iter().position(|(language, _)| *language == found.lang())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns whether a search for the word finds the passage.
    fn finds(word: &str, passage: &str) -> bool {
        let plain = |stem: &str| -> String { stem.nfd().filter(|c| !is_combining_mark(*c)).collect() };
        let (stems, forms) = (stems(passage), forms(&normal(word)));
        stems
            .split(' ')
            .any(|stem| forms.iter().any(|form| plain(form) == plain(stem)))
    }

    #[test]
    fn every_form_of_a_word_is_found() {
        for (word, passage) in [
            ("running", "He runs."),
            ("RUNS", "running"),
            ("cafe", "Le café est fermé."),
            ("café", "A cafe."),
            (
                "cafés",
                "The cafe\u{301} is closed, so we went home and had our coffee there.",
            ),
            (
                "resume",
                "His résumé is long, and so is the list of his former employers.",
            ),
            ("собака", "Он гулял с собаками."),
            ("собаками", "Собака лает."),
            ("ёлка", "Елки и палки"),
            ("елка", "ЁЛКУ"),
            ("замки", "За\u{301}мки"),
            ("чей", "Чеи\u{306}"),
            ("дверь", "двери"),
            ("άνθρωπος", "Οι ΑΝΘΡΩΠΟΙ"),
            (
                "haus",
                "In den alten Häusern am Rande der Stadt wohnten früher die Arbeiter der Fabrik.",
            ),
            (
                "Häuser",
                "Ein Haus in der Stadt ist teuer, deshalb wohnen die meisten Leute auf dem Land.",
            ),
            (
                "cheval",
                "Les chevaux du roi étaient dans la cour, et les soldats les regardaient.",
            ),
            (
                "canción",
                "Las canciones de mi abuela eran las más bonitas que he escuchado en la vida.",
            ),
            ("日本語", "日本語"),
            ("mp3", "an MP3"),
            ("2024", "im Jahr 2024"),
            (
                "berlin",
                "In Berlin wohnten früher die Arbeiter der großen Fabrik am Rande der Stadt.",
            ),
        ] {
            assert!(
                finds(word, passage),
                "{word}: {passage} {} {:?}",
                stems(passage),
                forms(word)
            );
        }
    }

    #[test]
    fn other_words_are_not_found() {
        for (word, passage) in [
            ("cat", "A dog."),
            ("собака", "Собор"),
            // The Italian stem of pasta is an English word.
            (
                "pasta",
                "It is a thing of the past, and we do not talk about such things any more.",
            ),
        ] {
            assert!(!finds(word, passage), "{word}: {passage}");
        }
    }

    #[test]
    fn code_is_english() {
        for code in [
            "fn main() { println!(\"{}\", values.len()); }",
            "{\"id\": 1, \"name\": \"x\"}",
            "",
            "1, 2, 3",
        ] {
            assert_eq!(language(code), None, "{code}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_stems(text in "\\PC{0,200}", long in "[а-яα-ωa-zé]{0,200}") {
            for text in [text, long] {
                for word in split(&normal(&text)) {
                    forms(word);
                }
                stems(&text);
            }
        }
    }
}
