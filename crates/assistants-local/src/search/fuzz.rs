//! Properties that hold for the contents of any file, as a function shared by the fuzz target and the property test.

use super::text::{is_pdf, text_of};
use super::{chunks, office};

/// Checks that reading any bytes as a file gives text or a reason, and that passages of the text have stems.
///
/// The first byte of the input chooses the kind of file.
pub(crate) fn file(input: &[u8]) {
    let [kind, bytes @ ..] = input else { return };
    let names = ["a.txt", "a.html", "a.xml", "a.docx", "a"];
    let name = names.get(usize::from(*kind));
    let text = match name {
        // PDF files are read in a process of their own.
        Some(name) if is_pdf(name, bytes) => return,
        Some(name) => text_of(name, bytes.to_vec()),
        None => office::xml_text(bytes),
    };
    let Ok(text) = text else { return };
    // Each byte is at most one character of three bytes, and between two of them is at most a blank line.
    assert!(bytes.starts_with(b"PK") || text.len() <= 5 * bytes.len(), "{text}");
    for passage in chunks(&text, 100, 50) {
        super::stems(passage);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_file_is_read_or_rejected(
            kind in 0..6_u8,
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            markup in "(<(/?(p|b|pre|w:t|w:p|w:tc|template|script|img alt=)|!--|!\\[CDATA\\[|\\?xml|!DOCTYPE)[ >]?|[a-яé&;#<>0-9 ]){0,40}",
        ) {
            super::file(&[&[kind][..], &bytes].concat());
            super::file(&[&[kind][..], markup.as_bytes()].concat());
        }
    }
}
