//! PDF files from `tests/fixtures`, and broken ones.

use super::{read, text_of, too_much};
use crate::search::Unreadable;

/// Written by fpdf2: two pages of compressed text in a single-byte encoding.
const TWO_PAGES: &[u8] = include_bytes!("../../../tests/fixtures/two_pages.pdf");
/// The same file, rewritten by qpdf with object streams and a cross-reference stream.
const OBJECT_STREAMS: &[u8] = include_bytes!("../../../tests/fixtures/object_streams.pdf");
/// The same file, encrypted by qpdf with an empty user password.
const ENCRYPTED: &[u8] = include_bytes!("../../../tests/fixtures/encrypted.pdf");
/// The same file, encrypted by qpdf with a user password.
const LOCKED: &[u8] = include_bytes!("../../../tests/fixtures/locked.pdf");

const TEXT: &str = "\nThe lighthouse of Skagen was lit in 1858.\nIts lamp stands 46 metres above the sea.\n\n\
                    Visitors find a café and a musée in the keeper's house.\n";

/// Builds a file of these objects, numbered from 1. The first is the catalog.
fn file<'o>(objects: impl IntoIterator<Item = &'o str>) -> Vec<u8> {
    let mut bytes = "%PDF-1.7\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (index, object) in objects.into_iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", bytes.len()));
        bytes.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let (start, size) = (bytes.len(), table.len() / 20);
    let trailer = format!("trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
    format!("{bytes}xref\n0 {size}\n{table}{trailer}").into_bytes()
}

/// Builds a file with one page for each of these content streams.
fn pages(contents: &[&str]) -> Vec<u8> {
    let numbers: String = (0..contents.len())
        .map(|page| format!("{} 0 R ", 4 + 2 * page))
        .collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!(
            "<</Type/Pages/Resources<</Font<</F 3 0 R>>>>/Count {}/Kids[{numbers}]>>",
            contents.len()
        ),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
    ];
    for content in contents {
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/Contents {} 0 R>>",
            objects.len() + 2
        ));
        objects.push(format!("<</Length {}>>stream\n{content}\nendstream", content.len()));
    }
    file(objects.iter().map(String::as_str))
}

#[test]
fn reads_files_of_other_programs() {
    for bytes in [TWO_PAGES, OBJECT_STREAMS, ENCRYPTED] {
        assert_eq!(text_of(bytes).as_deref(), Ok(TEXT));
    }
}

#[test]
fn a_page_that_cannot_be_read_does_not_take_the_others_with_it() {
    let bytes = pages(&[
        "BT /F 9 Tf (one) Tj ET",
        "BT Tf (lost: no font) Tj ET",
        "BT /F 9 Tf (three) Tj ET",
    ]);
    assert_eq!(text_of(&bytes).as_deref(), Ok("one\nthree\n"));
}

#[test]
fn what_is_left_of_a_file_is_read() {
    let bytes = pages(&["BT /F 9 Tf (one) Tj ET", "BT /F 9 Tf (two) Tj ET"]);
    let cut = bytes.windows(5).position(|window| window == b"(two)").unwrap();
    assert_eq!(text_of(&bytes[..cut]).as_deref(), Ok("one\n"));
}

#[test]
fn a_text_has_a_longest_length() {
    assert_eq!(read(TWO_PAGES, TEXT.len()).as_deref(), Ok(TEXT));
    assert_eq!(read(TWO_PAGES, TEXT.len() - 1), Err(too_much()));
}

#[track_caller]
fn refused(bytes: &[u8], is_unsupported: bool, what: &str) {
    let (message, unsupported) = match text_of(bytes) {
        Err(Unreadable::Unsupported(message)) => (message, true),
        Err(Unreadable::Invalid(message)) => (message, false),
        Ok(text) => panic!("{what}: there are {} bytes of text", text.len()),
    };
    assert!(message.contains(what), "{message}, not {what}");
    assert_eq!(unsupported, is_unsupported, "{message}");
}

#[test]
fn reports_why_there_is_no_text() {
    refused(b"", false, "damaged: couldn't parse input");
    refused(b"text", false, "damaged: couldn't parse input");
    refused(
        b"%PDF-1.7\n%%EOF",
        false,
        "damaged: failed parsing cross reference table",
    );
    for part in 1..6 {
        refused(&TWO_PAGES[..TWO_PAGES.len() * part / 10], false, "damaged: ");
    }
    refused(&pages(&["0 0 9 9 re f"]), false, "The PDF contains no text.");
    refused(
        &file(["<</Pages 2 0 R>>", "<</Kids[2 0 R]>>"]),
        false,
        "The PDF contains no text.",
    );
    refused(&pages(&["BT Tf (lost: no font) Tj ET"]), false, "damaged: syntax error");
    refused(LOCKED, true, "it is encrypted");
}

#[test]
fn no_change_of_its_bytes_lets_a_panic_out() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        // xorshift
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap() % below
    };
    let telling = b"()<>[]/%0123456789-.RobjstreamEI \n\0\xff\\#";
    let (mut read_well, mut refused) = (0, 0);
    for original in [TWO_PAGES, OBJECT_STREAMS] {
        for _ in 0..700 {
            let mut bytes = original.to_vec();
            for _ in 0..=next(6) {
                let at = next(bytes.len());
                match next(4) {
                    0 => bytes[at] = u8::try_from(next(256)).unwrap(),
                    1 => bytes[at] = telling[next(telling.len())],
                    2 => {
                        let end = (at + next(30)).min(bytes.len());
                        let part = bytes[at..end].to_vec();
                        let to = next(bytes.len());
                        bytes.splice(to..to, part);
                    }
                    _ => drop(bytes.drain(at..(at + next(20)).min(bytes.len() - 1).max(at))),
                }
            }
            match text_of(&bytes) {
                Ok(_) => read_well += 1,
                Err(_) => refused += 1,
            }
        }
    }
    // Guards the test itself: mutations must neither all be harmless nor all be fatal.
    assert!(read_well > 100 && refused > 100, "{read_well} {refused}");
}
