//! Tests of the reader of Office documents.

use std::io::Write;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, text) in parts {
        archive.start_file(*name, options).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn docx(body: &str) -> Vec<u8> {
    let document = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE w:document [<!ENTITY e "&lt;">]>
        <w:document xmlns:w="w"><w:body>{body}</w:body></w:document>"#
    );
    archive(&[("[Content_Types].xml", "<Types/>"), ("word/document.xml", &document)])
}

fn p(text: &str) -> String {
    format!(
        "<w:p><w:pPr><w:tabs><w:tab w:pos='1'/></w:tabs></w:pPr><w:r><w:t xml:space='preserve'>{text}</w:t></w:r></w:p>\n"
    )
}

#[test]
fn documents_become_lines_of_text() {
    let cell = |text: &str| format!("<w:tc><w:tcPr/>{}</w:tc>", p(text));
    let table = format!(
        "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl>",
        cell("k"),
        cell("v"),
        cell(&format!("1</w:t></w:r></w:p>{}<w:p><w:r><w:t>", p("2"))),
        cell("3"),
    );
    for (body, want) in [
        (p("Title") + &p("Первый &amp; second&#33; &#x416;") + "<w:p/>" + &p("end"), "Title\nПервый & second! Ж\nend"),
        ("<w:p><w:r><w:t>a</w:t></w:r><w:r><w:t> b</w:t><w:tab/><w:t>c</w:t><w:br/><w:t>d</w:t></w:r></w:p>".to_owned(), "a b\tc\nd"),
        ("<w:p><w:r><w:t>e<w:noBreakHyphen/></w:t></w:r><w:r><w:t><![CDATA[<f>]]>&e;&nbsp;</w:t></w:r></w:p>".to_owned(), "e-<f>"),
        (p("a") + &table + &p("b"), "a\nk\tv\n1 2\t3\nb"),
        (
            "<w:p><w:r><w:instrText>PAGE</w:instrText><w:delText>gone</w:delText></w:r><w:moveFrom><w:r><w:t>old</w:t></w:r>\
             </w:moveFrom><mc:AlternateContent><mc:Choice><w:r><w:t>box</w:t></w:r></mc:Choice><mc:Fallback><w:r><w:t>box</w:t>\
             </w:r></mc:Fallback></mc:AlternateContent></w:p>".to_owned(),
            "box",
        ),
        (String::new(), ""),
    ] {
        assert_eq!(text_of(&docx(&body)).as_deref(), Ok(want), "{body}");
    }
}

#[test]
fn parts_are_read_in_their_order() {
    let slide = |text: &str| format!("<p:sld><a:p><a:r><a:t>{text}</a:t></a:r></a:p><a:p><a:t>.</a:t></a:p></p:sld>");
    let (one, two, ten) = (slide("one"), slide("two"), slide("ten"));
    let slides = archive(&[
        ("ppt/slides/slide10.xml", &ten),
        ("ppt/notesSlides/notesSlide1.xml", "<a:t>note</a:t>"),
        ("ppt/slides/slide2.xml", &two),
        ("ppt/slides/_rels/slide1.xml.rels", "<a:t>x</a:t>"),
        ("ppt/slideLayouts/slideLayout1.xml", "<a:t>x</a:t>"),
        ("ppt/slides/slide1.xml", &one),
    ]);
    assert_eq!(text_of(&slides).unwrap(), "one\n.\n\ntwo\n.\n\nten\n.\n\nnote");
    let text = archive(&[
        ("word/endnotes.xml", "<w:t>3</w:t>"),
        ("word/footnotes.xml", "<w:t>2</w:t>"),
        ("word/document2.xml", "<w:t>1</w:t>"),
        ("word/comments.xml", "<w:t>x</w:t>"),
    ]);
    assert_eq!(text_of(&text).unwrap(), "1\n\n2\n\n3");
}

fn refused(bytes: &[u8], is_unsupported: bool, want: &str) {
    let (unsupported, message) = match text_of(bytes) {
        Err(Unreadable::Unsupported(message)) => (true, message),
        Err(Unreadable::Invalid(message)) => (false, message),
        Ok(text) => panic!("it was read: {text:.50}"),
    };
    assert!(message.starts_with(want), "{message}");
    assert_eq!(unsupported, is_unsupported, "{message}");
}

#[test]
fn reports_why_there_is_no_text() {
    let whole = docx(&p("text"));
    refused(b"PK\x03\x04", false, "The document is damaged: ");
    refused(b"PK", false, "The document is damaged: ");
    refused(&whole[..whole.len() - 30], false, "The document is damaged: ");
    refused(&whole[..whole.len() / 2], false, "The document is damaged: ");
    refused(&docx("<w:p></w:r>"), false, "The document is damaged: ");
    refused(&docx("<w:t>&#x110000;</w:t>"), false, "The document is damaged: ");
    refused(
        &archive(&[("word/styles.xml", "<w:t>x</w:t>")]),
        true,
        "The archive contains no document",
    );
    refused(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        true,
        "The document cannot be read: it is encrypted",
    );
    let entries = b"PK\x01\x02".repeat(MAX_FILES + 1);
    refused(&entries, false, "Reading the document requires more memory");
    assert!(read(&whole, 1_000).is_ok());
    assert_eq!(read(&whole, 100), Err(too_much()));
    // 10 MB in 10 kB, at one place or in many.
    let bomb = docx(&" ".repeat(10_000_000));
    assert!(bomb.len() < 20_000);
    assert_eq!(read(&bomb, 1_000_000), Err(too_much()));
    let piece = " ".repeat(100_000);
    let names: Vec<String> = (0..20).map(|number| format!("ppt/slides/slide{number}.xml")).collect();
    let parts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), piece.as_str())).collect();
    assert_eq!(read(&archive(&parts), 1_000_000), Err(too_much()));
}

#[test]
fn deep_nesting_is_read() {
    let deep = [
        "<w:p>".repeat(100_000),
        "<w:t>x</w:t>".to_owned(),
        "</w:p>".repeat(100_000),
    ]
    .concat();
    assert_eq!(text_of(&docx(&deep)).unwrap(), "x");
}

#[test]
fn no_change_of_its_bytes_lets_a_panic_out() {
    let whole = docx(&p("text"));
    for at in 0..whole.len() {
        for value in [0, 0x7f, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            drop(text_of(&changed));
        }
        drop(text_of(&whole[..at]));
    }
}
