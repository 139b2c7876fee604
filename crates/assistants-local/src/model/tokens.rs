//! Numbers of tokens, estimated.
//!
//! Each model has a tokenizer of its own, and most upstream servers do not say which. The estimate is the number of words
//! and punctuation marks, with long words counted by their length: for English prose it is within about a fifth of what the
//! tokenizers of OpenAI's models count, for other languages and for code it errs upwards.

use super::request::{CompletedCall, ModelMessage};

/// What a message costs beside its text: its role and the marks around it.
const PER_MESSAGE: u64 = 4;

/// What an image costs, at the detail level that most models use.
const PER_IMAGE: u64 = 765;

/// Estimates the number of tokens of a text.
pub(crate) fn of_text(text: &str) -> u64 {
    let mut tokens = 0;
    let mut word = 0;
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            word += 1;
            continue;
        }
        tokens += of_word(word);
        word = 0;
        if character.is_whitespace() {
            continue;
        }
        if character.is_alphabetic() && character.len_utf8() < 3 {
            // Scripts such as Cyrillic and Greek: about one token for two letters.
            word += 2;
        } else {
            // Punctuation, and scripts that are written without spaces.
            tokens += 1;
        }
    }
    tokens + of_word(word)
}

/// A word of up to six letters is one token; longer ones are split about every four letters.
fn of_word(letters: u64) -> u64 {
    match letters {
        0 => 0,
        1..=6 => 1,
        _ => letters.div_ceil(4),
    }
}

/// Estimates the number of tokens of a message, with its calls and their outputs.
pub(crate) fn of_message(message: &ModelMessage) -> u64 {
    let images = u64::try_from(message.images.len()).unwrap_or(u64::MAX);
    let calls: u64 = message.calls.iter().map(of_call).sum();
    PER_MESSAGE + of_text(&message.text) + calls + images.saturating_mul(PER_IMAGE)
}

fn of_call(call: &CompletedCall) -> u64 {
    2 * PER_MESSAGE + of_text(&call.name) + of_text(&call.arguments) + of_text(&call.output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_near_what_tokenizers_count() {
        // The second number is the count of OpenAI's o200k_base.
        for (text, counted) in [
            ("", 0),
            ("Hello, world!", 4),
            ("The quick brown fox jumps over the lazy dog.", 10),
            ("Antidisestablishmentarianism is a long word.", 12),
            ("fn main() { println!(\"{}\", 1 + 2); }", 16),
        ] {
            let estimate = of_text(text);
            let (low, high) = (counted * 2 / 3, counted * 3 / 2 + 1);
            assert!((low..=high).contains(&estimate), "{text:?}: {estimate}, not {counted}");
        }
    }

    #[test]
    fn every_script_costs_something() {
        for text in ["Съешь ещё этих мягких булок", "日本語の文章です", "😀😀", "---"]
        {
            assert!(of_text(text) >= 2, "{text}");
        }
    }
}
