//! Extracts the text of Office documents: DOCX and PPTX, which are XML files in a zip archive (ECMA-376).
//!
//! The documents are untrusted. Nothing is decompressed beyond [`MAX_XML`], each part is read as a stream of tags and text,
//! and entities that a document defines are not expanded.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Cursor, Read};

use memchr::memmem;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, Event};
use zip::ZipArchive;

use super::Unreadable;
use super::lines::{Gap, Lines};

/// The maximum size of the parts that are read, decompressed, in bytes.
const MAX_XML: u64 = 64 * 1024 * 1024;

/// The maximum length of the extracted text, in bytes.
const MAX_TEXT: usize = 32 * 1024 * 1024;

/// The maximum number of files in an archive, which are all listed in memory.
const MAX_FILES: usize = 50_000;

/// Extracts the text of a document. That of footnotes follows the text they belong to, and that of notes the slides.
pub(super) fn text_of(bytes: &[u8]) -> Result<String, Unreadable> {
    read(bytes, MAX_XML)
}

fn read(bytes: &[u8], max_xml: u64) -> Result<String, Unreadable> {
    // The old binary formats are compound files, and so are encrypted documents of the new ones.
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        let message = "The document cannot be read: it is encrypted, or in a format older than Office 2007.";
        return Err(Unreadable::Unsupported(message.to_owned()));
    }
    // Each file has an entry with this signature in the archive's directory.
    if memmem::find_iter(bytes, b"PK\x01\x02").count() > MAX_FILES {
        return Err(too_much());
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let parts = parts(archive.file_names().filter_map(|name| Some(name.ok()?.into_owned())));
    if parts.is_empty() {
        let message = "The archive contains no document that can be read.";
        return Err(Unreadable::Unsupported(message.to_owned()));
    }
    let (mut left, mut lines) = (max_xml, Lines::default());
    for part in parts {
        let xml = archive.by_name(&part).map_err(damaged)?;
        let mut xml = BufReader::new(xml.take(left));
        let read = read_part(&mut xml, &mut lines);
        left = xml.get_ref().limit();
        if left == 0 || lines.len() > MAX_TEXT {
            return Err(too_much());
        }
        read.map_err(damaged)?;
        lines.separate(Gap::Paragraph);
    }
    Ok(lines.into_text())
}

/// Returns the names of the parts with text, in the order of reading.
fn parts(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut parts: Vec<(usize, usize, String)> = Vec::new();
    for name in names {
        let Some(path) = name.strip_suffix(".xml") else {
            continue;
        };
        // Some programs number the main part of a text, and all number slides.
        let known = [
            "word/document",
            "word/footnotes",
            "word/endnotes",
            "ppt/slides/slide",
            "ppt/notesSlides/notesSlide",
        ];
        let found = known.iter().enumerate().find_map(|(kind, known)| {
            let number = path.strip_prefix(known)?;
            let number = if number.is_empty() { 0 } else { number.parse().ok()? };
            Some((kind, number))
        });
        if let Some((kind, number)) = found {
            parts.push((kind, number, name));
        }
    }
    parts.sort();
    parts.into_iter().map(|(.., name)| name).collect()
}

/// Reads a part of a document. Texts and presentations have the same names for what matters here: `t` is a piece of text
/// within a paragraph `p`, and `tc` and `tr` are the cells and rows of tables.
fn read_part(xml: &mut impl BufRead, lines: &mut Lines) -> Result<(), quick_xml::Error> {
    let mut reader = Reader::from_reader(xml);
    reader.config_mut().expand_empty_elements = true;
    let mut part = Part {
        lines,
        is_text: false,
        hidden: 0,
        cells: 0,
    };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer)? {
            Event::Start(tag) => part.start(tag.local_name().as_ref()),
            Event::End(tag) => part.end(tag.local_name().as_ref()),
            Event::Text(text) => part.push(&text),
            Event::CData(text) => part.push(&text),
            Event::GeneralRef(reference) => part.push_reference(&reference)?,
            Event::Eof => return Ok(()),
            _ => {}
        }
        if part.lines.len() > MAX_TEXT {
            return Ok(());
        }
    }
}

struct Part<'a> {
    lines: &'a mut Lines,
    /// Whether a piece of text is open.
    is_text: bool,
    /// The number of open elements whose text is not part of the document.
    hidden: usize,
    /// The number of open cells of tables.
    cells: usize,
}

impl Part<'_> {
    fn start(&mut self, name: &str) {
        match name {
            "t" => self.is_text = true,
            "tab" if self.hidden == 0 => self.lines.separate(Gap::Cell),
            "br" | "cr" => self.lines.separate(Gap::Line),
            "noBreakHyphen" => self.lines.push('-'),
            "tc" => self.cells += 1,
            _ if is_hidden(name) => self.hidden += 1,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "t" => self.is_text = false,
            "p" if self.cells > 0 => self.lines.separate(Gap::Space),
            "p" | "tr" => self.lines.separate(Gap::Line),
            "tc" => {
                self.cells = self.cells.saturating_sub(1);
                self.lines.separate(Gap::Cell);
            }
            _ if is_hidden(name) => self.hidden = self.hidden.saturating_sub(1),
            _ => {}
        }
    }

    fn push(&mut self, text: &str) {
        if self.is_text && self.hidden == 0 {
            text.chars().for_each(|character| self.lines.push(character));
        }
    }

    fn push_reference(&mut self, reference: &BytesRef<'_>) -> Result<(), quick_xml::Error> {
        if let Some(character) = reference.resolve_char_ref()? {
            self.push(character.encode_utf8(&mut [0; 4]));
        } else if let Some(text) = resolve_xml_entity(reference) {
            self.push(text);
        }
        Ok(())
    }
}

/// Returns whether the contents of an element are not text of the document: what readers that do not know a drawing show in
/// its place, text that was moved elsewhere, and the positions of tabs. Deleted text is not a `t`.
fn is_hidden(name: &str) -> bool {
    matches!(name, "Fallback" | "moveFrom" | "tabs")
}

/// Reads bytes as a part of a document.
#[cfg(any(test, fuzzing))]
pub(super) fn xml_text(xml: &[u8]) -> Result<String, Unreadable> {
    let mut lines = Lines::default();
    read_part(&mut &*xml, &mut lines).map_err(damaged)?;
    Ok(lines.into_text())
}

fn damaged(what: impl Display) -> Unreadable {
    Unreadable::Invalid(format!("The document is damaged: {what}."))
}

fn too_much() -> Unreadable {
    Unreadable::Invalid("Reading the document requires more memory than is allowed.".to_owned())
}

#[cfg(test)]
mod tests;
