use std::cell::Cell;

use miniz_oxide::deflate::compress_to_vec_zlib;

use super::{Budget, Fault, read, text_of};
use crate::search::Unreadable;

/// Made by fpdf2: two pages of compressed text in an encoding of one byte.
const TWO_PAGES: &[u8] = include_bytes!("../../../tests/fixtures/two_pages.pdf");
/// The same, rewritten by qpdf with its objects in streams and a cross-reference stream.
const OBJECT_STREAMS: &[u8] = include_bytes!("../../../tests/fixtures/object_streams.pdf");
/// The same, encrypted by qpdf with an empty password for its readers.
const ENCRYPTED: &[u8] = include_bytes!("../../../tests/fixtures/encrypted.pdf");

const TEXT: &str = "The lighthouse of Skagen was lit in 1858.\nIts lamp stands 46 metres above the sea.\n\n\
                    Visitors find a café and a musée in the keeper's house.\n\n";

/// A file of these objects, numbered from 1. The first is its catalog.
fn file<'o>(objects: impl IntoIterator<Item = &'o [u8]>) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    for (index, object) in objects.into_iter().enumerate() {
        bytes.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
        bytes.extend_from_slice(object);
        bytes.extend_from_slice(b"\nendobj\n");
    }
    bytes.extend_from_slice(b"trailer\n<</Root 1 0 R>>\nstartxref\n0\n%%EOF\n");
    bytes
}

fn stream(members: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("<<{members}/Length {}>>stream\n", bytes.len());
    [head.as_bytes(), bytes, b"\nendstream"].concat()
}

/// A file of one page with that content and a font with these members. Objects from 6 on are `more`.
fn page(font: &str, content: &[u8], more: &[&[u8]]) -> Vec<u8> {
    let font = format!("<</Type/Font {font}>>");
    let content = stream("", content);
    let objects: [&[u8]; 5] = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Resources<</Font<</F 4 0 R>>/XObject<</X 6 0 R>>>>>>",
        b"<</Type/Page/Parent 2 0 R/Contents 5 0 R>>",
        font.as_bytes(),
        &content,
    ];
    file(objects.into_iter().chain(more.iter().copied()))
}

const SIMPLE: &str = "/Subtype/Type1/Encoding/WinAnsiEncoding";

#[track_caller]
fn check(bytes: &[u8], want: &str) {
    assert_eq!(text_of(bytes).as_deref().map(str::trim_end), Ok(want));
}

#[test]
fn reads_files_of_other_programs() {
    assert_eq!(text_of(TWO_PAGES).as_deref(), Ok(TEXT));
    assert_eq!(text_of(OBJECT_STREAMS).as_deref(), Ok(TEXT));
}

#[test]
fn lines_and_words_are_told_apart_by_where_they_stand() {
    for (content, want) in [
        ("BT /F 10 Tf (one) Tj 0 -12 Td (two) Tj T* ET", "one\ntwo"),
        (
            "BT /F 10 Tf 12 TL (one) Tj T* (two) Tj (three) ' 0 0 (four) \" ET",
            "one\ntwo\nthree\nfour",
        ),
        (
            "BT /F 10 Tf (one) Tj 0 -12 TD (two) Tj T* (three) Tj ET",
            "one\ntwo\nthree",
        ),
        // Five units wide each, so "one" ends at 15.
        (
            "BT /F 10 Tf (one) Tj 15 0 Td (half) Tj 25 0 Td (two) Tj ET",
            "onehalf two",
        ),
        ("BT /F 10 Tf [(o) 20 (ne) -300 (two)] TJ ET", "one two"),
        (
            "BT /F 10 Tf 1 0 0 1 50 50 Tm (a) Tj 1 0 0 1 55 50 Tm (b) Tj 1 0 0 1 20 50 Tm (c) Tj ET",
            "ab\nc",
        ),
        // Upwards, as at the edge of a drawing.
        (
            "BT /F 10 Tf 0 1 -1 0 9 0 Tm (up) Tj 0 1 -1 0 9 10 Tm (wards) Tj ET",
            "upwards",
        ),
        ("BT /F 10 Tf (a) Tj ET BT 1 0 0 1 0 -40 Tm (b) Tj ET", "a\nb"),
        ("q BT /F 10 Tf (a) Tj Q (lost: no font) Tj ET", "a"),
        ("BT /F 10 Tf BI /W 1 /H 1 ID (no)Tj EI (a) Tj ET", "a"),
        (
            "BT /F 10 Tf (a\\(b\\)\\101\\\nc (d)) Tj <4142 4> Tj ET % (no) Tj",
            "a(b)Ac (d)AB@",
        ),
        ("BT /F 10 Tf (\\223q\\224 \\200) Tj ET", "“q” €"),
    ] {
        check(&page(SIMPLE, content.as_bytes(), &[]), want);
    }
}

#[test]
fn codes_stand_for_what_their_font_says() {
    let map = b"begincmap 1 begincodespacerange <00> <FF> endcodespacerange \
        2 beginbfchar <41> <041F0440> <42> <D83DDE00> endbfchar \
        2 beginbfrange <43> <45> <0438> <46> <47> [<0432> <00660069>] endbfrange endcmap";
    let map = stream("", map);
    let wide = stream(
        "",
        b"1 beginbfchar <0001> <0416> endbfchar 1 beginbfrange <0100> <01ff> <0430> endbfrange",
    );
    for (font, more, shown, want) in [
        ("/Subtype/Type1/ToUnicode 6 0 R", &map, "(ABCDEFG~)", "Пр😀ийквfi~"),
        (
            "/Subtype/Type0/Encoding/Identity-H/ToUnicode 6 0 R",
            &wide,
            "<0001 0100 0102 0fff>",
            "Жав",
        ),
        ("/Subtype/Type0/Encoding/UniGB-UCS2-H", &map, "<4e2d6587>", "中文"),
        ("/Subtype/TrueType", &map, "(\\351')", "é'"),
        ("/Subtype/Type1", &map, "(\\256n')", "fin’"),
        ("/Subtype/Type1/Encoding/MacRomanEncoding", &map, "(\\216)", "é"),
        (
            "/Subtype/Type1/Encoding<</Differences[65/afii10017/afii10071/eacute/f_i/a.sc/uni20AC/u1F600 97/no-such]>>",
            &map,
            "(ABCDEFGa)",
            "Аёéfia€😀",
        ),
    ] {
        let content = format!("BT /F 10 Tf {shown} Tj ET");
        check(&page(font, content.as_bytes(), &[more]), want);
    }
}

#[test]
fn widths_of_fonts_count() {
    let content = b"BT /F 10 Tf (il) Tj 5 0 Td (l) Tj 5 0 Td (l) Tj ET";
    check(
        &page("/Subtype/Type1/FirstChar 105/Widths[250 0 0 250]", content, &[]),
        "ill l",
    );
    let wide = "/Subtype/Type0/Encoding/UniGB-UCS2-H/DescendantFonts[<</DW 500/W[105[250]108 109 250]>>]";
    let content = b"BT /F 10 Tf <0069006c> Tj 5 0 Td <006c> Tj 5 0 Td <006c0078> Tj 7.5 0 Td <0079> Tj ET";
    check(&page(wide, content, &[]), "ill lxy");
}

#[test]
fn forms_are_part_of_their_page() {
    let form = stream("/Subtype/Form", b"BT /F 10 Tf (form) Tj ET /X Do");
    let content = b"/X Do BT 9 99 Td /F 10 Tf (page) Tj ET";
    let text = text_of(&page(SIMPLE, content, &[&form])).unwrap();
    assert!(text.starts_with("form") && text.trim_end().ends_with("page"), "{text}");
    let picture = stream("/Subtype/Image", b"BT /F 10 Tf (form) Tj ET");
    check(&page(SIMPLE, content, &[&picture]), "page");
}

#[test]
fn streams_are_unpacked() {
    let text = b"BT /F 10 Tf (packed) Tj ET";
    let flate = compress_to_vec_zlib(text, 6);
    let hexadecimal: String = flate.iter().map(|byte| format!("{byte:02X} ")).collect();
    let mut bad_sum = flate.clone();
    *bad_sum.last_mut().unwrap() ^= 1;
    for (filter, bytes) in [
        ("/FlateDecode", &flate[..]),
        ("[/FlateDecode]", &bad_sum),
        ("[6 0 R]", &flate),
        ("[/ASCIIHexDecode/FlateDecode]", format!("{hexadecimal}>").as_bytes()),
        // As Python's base64.a85encode has it.
        ("/A85", b"6<#'\\7NaE>+B2qq-u`U)CLq$*+B3(u78s~>"),
    ] {
        let content = stream(&format!("/Filter{filter}"), bytes);
        let objects: [&[u8]; 6] = [
            b"<</Pages 2 0 R>>",
            b"<</Kids[3 0 R]>>",
            b"<</Resources<</Font<</F 4 0 R>>>>/Contents[5 0 R]>>",
            b"<</Subtype/Type1>>",
            &content,
            b"/FlateDecode",
        ];
        check(&file(objects), "packed");
    }
}

#[test]
fn a_later_object_takes_the_place_of_an_earlier_one() {
    let mut updated = page(SIMPLE, b"BT /F 1 Tf (old) Tj ET", &[]);
    updated.extend_from_slice(b"5 0 obj\n");
    updated.extend_from_slice(&stream("", b"BT /F 1 Tf (new) Tj ET"));
    updated.extend_from_slice(b"\nendobj\nstartxref\n0\n%%EOF");
    check(&updated, "new");
    // What looks like an object inside of a stream is none.
    let inner = stream("", b"5 0 obj <</Length 1>> endobj");
    check(&page(SIMPLE, b"BT /F 1 Tf (kept) Tj ET", &[&inner]), "kept");
    // A length that is wrong does no harm.
    let wrong = page(SIMPLE, b"BT /F 1 Tf (kept) Tj ET", &[]);
    let wrong = String::from_utf8(wrong).unwrap().replace("/Length ", "/Length 1");
    check(wrong.as_bytes(), "kept");
}

fn invalid(bytes: &[u8], what: &str) {
    match text_of(bytes) {
        Err(Unreadable::Invalid(message)) => assert!(message.contains(what), "{message}, not {what}"),
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn says_why_there_is_no_text() {
    invalid(b"", "does not begin like one");
    invalid(b"text", "does not begin like one");
    invalid(b"%PDF-1.7\n%%EOF", "no list of its pages");
    for part in [0.1, 0.5, 0.9] {
        invalid(
            &TWO_PAGES[..(TWO_PAGES.len() as f64 * part) as usize],
            "its end is missing",
        );
    }
    invalid(&page(SIMPLE, b"0 0 9 9 re f", &[]), "There is no text in the PDF.");
    invalid(&file([&b"<</Pages 2 0 R>>"[..], b"<</Kids[]>>"]), "no pages");
    invalid(&file([&b"<</Pages 2 0 R>>"[..], b"<</Kids[2 0 R]>>"]), "no pages");
    let broken = stream("/Filter/FlateDecode", b"no such thing");
    let objects: [&[u8]; 4] = [
        b"<</Pages 2 0 R>>",
        b"<</Kids[3 0 R]>>",
        b"<</Contents 4 0 R>>",
        &broken,
    ];
    invalid(&file(objects), "cannot be unpacked");
    let unsupported = |bytes: &[u8], what: &str| match text_of(bytes) {
        Err(Unreadable::Unsupported(message)) => assert!(message.contains(what), "{message}"),
        other => panic!("{what}: {other:?}"),
    };
    unsupported(ENCRYPTED, "it is encrypted");
    let packed = stream("/Filter/LZWDecode", b"");
    let objects: [&[u8]; 4] = [
        b"<</Pages 2 0 R>>",
        b"<</Kids[3 0 R]>>",
        b"<</Contents 4 0 R>>",
        &packed,
    ];
    unsupported(&file(objects), "'LZWDecode'");
}

fn budget(size: usize) -> Budget {
    Budget(Cell::new(size))
}

/// Zeros, packed to a thousandth: one literal, then copies of 258 bytes, in bits of the fixed code of Deflate.
fn bomb(length: usize) -> Vec<u8> {
    // The last block, fixed codes; the literal 0.
    let mut bits = vec![1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0];
    for _ in 0..length / 258 {
        // Length 258, distance 1.
        bits.extend([1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
    }
    bits.extend([0; 7]);
    let bytes = bits
        .chunks(8)
        .map(|bits| bits.iter().rev().fold(0, |byte, bit| byte * 2 + bit));
    [0x78, 0x9c].into_iter().chain(bytes).collect()
}

#[test]
fn bombs_are_refused() {
    let bomb = stream("/Filter/FlateDecode/Type/ObjStm/N 1/First 9", &bomb(33 * 1024 * 1024));
    assert!(bomb.len() < 300_000, "{}", bomb.len());
    let objects: [&[u8]; 4] = [b"<</Pages 2 0 R>>", b"<</Kids[3 0 R]>>", b"<</Contents 4 0 R>>", &bomb];
    invalid(&file(objects), "more work or memory");
    // Nested deeper than any stack.
    let deep = format!("<</Pages {}", "[".repeat(100_000));
    invalid(&file([deep.as_bytes()]), "no list of its pages");
    let deep = "q [".repeat(100_000);
    invalid(&page(SIMPLE, deep.as_bytes(), &[]), "nested too deeply");
    let tree: Vec<String> = (2..60).map(|number| format!("<</Kids[{} 0 R]>>", number + 1)).collect();
    let tree = tree.iter().map(String::as_bytes);
    invalid(
        &file([&b"<</Pages 2 0 R>>"[..]].into_iter().chain(tree)),
        "nested too deeply",
    );
    let many = format!("[{}]", "0 ".repeat(300_000));
    invalid(&file([many.as_bytes()]), "more work or memory");
    // A text that grows thirtyfold.
    let map = stream(
        "",
        format!("1 beginbfchar <41> <{}> endbfchar", "0042".repeat(90)).as_bytes(),
    );
    let content = format!("BT /F 1 Tf ({}) Tj ET", "A".repeat(1000));
    let grown = text_of(&page("/Subtype/Type1/ToUnicode 6 0 R", content.as_bytes(), &[&map])).unwrap();
    assert_eq!(grown.trim_end().len(), 32_000);
}

#[test]
fn work_that_is_done_again_and_again_is_paid_for() {
    // Each of these is small and asks for as much as 8 levels, or 400 pages, of the same work.
    let form = stream("/Subtype/Form", "/X Do ".repeat(40).as_bytes());
    let forms = page(SIMPLE, b"/X Do", &[&form]);
    let filler = " ".repeat(20_000);
    let content = stream("", format!("BT /F 1 Tf (a) Tj {filler} ET").as_bytes());
    let mut objects: Vec<Vec<u8>> = vec![
        b"<</Pages 2 0 R>>".to_vec(),
        format!(
            "<</Kids[{}]>>",
            (5..405).map(|page| format!("{page} 0 R ")).collect::<String>()
        )
        .into_bytes(),
        content,
        b"<</Subtype/Type1>>".to_vec(),
    ];
    objects.resize(404, b"<</Contents 3 0 R/Resources<</Font<</F 4 0 R>>>>>>".to_vec());
    let pages = file(objects.iter().map(Vec::as_slice));
    // Two thousand objects that all begin at the same place.
    let index: String = (1000..3000).map(|number| format!("{number} 0 ")).collect();
    let packed = format!("{index}{}", "[".to_owned() + &"0 ".repeat(20_000));
    let packed = stream(&format!("/Type/ObjStm/N 2000/First {}", index.len()), packed.as_bytes());
    let kids: String = (1000..3000).map(|number| format!("{number} 0 R ")).collect();
    let kids = format!("<</Kids[{kids}3 0 R]>>");
    let objects: [&[u8]; 4] = [b"<</Pages 2 0 R>>", kids.as_bytes(), b"<</Type/Page>>", &packed];
    let overlapping = file(objects);
    for (bytes, spent) in [(forms, None), (pages, None), (overlapping, Some(1_000_000))] {
        let budget = budget(4_000_000);
        let read = read(&bytes, &budget);
        match spent {
            None => assert_eq!(read, Err(Fault::TooMuch)),
            Some(most) => assert!(read.is_ok() && 4_000_000 - budget.0.get() < most, "{read:?} {budget:?}"),
        }
    }
}

#[test]
fn no_change_of_its_bytes_makes_a_file_dangerous() {
    let map = stream(
        "",
        b"1 beginbfchar <41> <0042> endbfchar 1 beginbfrange <43> <45> <0043> endbfrange",
    );
    let content = b"BT /F 10 Tf 12 TL (ABCDE) Tj [(a) -9 (b)] TJ T* <4142> ' ET /X Do BI /W 1 ID x EI";
    let font = "/Subtype/Type1/ToUnicode 6 0 R/FirstChar 65/Widths[500 500]/Encoding<</Differences[66/eacute]>>";
    let plain = page(font, content, &[&map]);
    assert!(text_of(&plain).is_ok());
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
    for original in [&plain[..], TWO_PAGES, OBJECT_STREAMS] {
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
            match read(&bytes, &budget(10_000_000)) {
                Ok(_) => read_well += 1,
                Err(Fault::TooMuch) => panic!("a change makes the file endless: {}", String::from_utf8_lossy(&bytes)),
                Err(_) => refused += 1,
            }
        }
    }
    // Or the changes would be none.
    assert!(read_well > 100 && refused > 100, "{read_well} {refused}");
}
