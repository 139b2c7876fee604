//! Cuts texts into chunks.

use std::ops::Range;

/// The maximum length of a token, in characters.
const TOKEN: usize = 16;

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
}
