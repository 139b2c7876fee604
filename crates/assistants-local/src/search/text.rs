//! Extracts the text of a file, choosing the method by its name and its first bytes.

use super::unreadable::Unreadable;
use super::{encoding, html, office, pdf};

/// The maximum size of a file that is read for its text, in bytes.
pub(crate) const MAX_SIZE: u64 = 32 * 1024 * 1024;

/// Extensions of formats that are not text. Some of these files could pass as UTF-8 and would be indexed as noise.
const BINARY: &[&str] = &[
    "7z", "avi", "bin", "bmp", "doc", "epub", "exe", "gif", "gz", "ico", "jpeg", "jpg", "mov", "mp3", "mp4", "odt",
    "ogg", "png", "ppt", "rar", "sqlite", "tar", "tiff", "wav", "webp", "xls", "xlsx", "zip",
];

/// Returns whether a file is a PDF, by its name or its first bytes: some files have another name or none.
pub(crate) fn is_pdf(name: &str, bytes: &[u8]) -> bool {
    extension(name) == "pdf" || bytes.starts_with(b"%PDF-")
}

fn extension(name: &str) -> String {
    let end = name.rsplit_once('.').map(|(_, end)| end);
    end.unwrap_or_default().to_ascii_lowercase()
}

/// Extracts the text: of PDF, Office documents and HTML by their own readers, and of anything else by decoding it.
pub(crate) fn text_of(name: &str, bytes: Vec<u8>) -> Result<String, Unreadable> {
    if is_pdf(name, &bytes) {
        return pdf::text_of(&bytes);
    }
    let extension = extension(name);
    let extension = extension.as_str();
    if BINARY.contains(&extension) {
        return Err(Unreadable::Unsupported(format!(
            "Files of the kind .{extension} cannot be read."
        )));
    }
    let is_office = matches!(extension, "docx" | "docm" | "dotx" | "pptx" | "pptm" | "ppsx");
    let text = if is_office || bytes.starts_with(b"PK\x03\x04") {
        office::text_of(&bytes)?
    } else {
        decoded(extension, bytes)?
    };
    if text.trim().is_empty() {
        return Err(Unreadable::Invalid("The file contains no text.".to_owned()));
    }
    Ok(text)
}

/// Decodes a text file; the tags of HTML are left out.
fn decoded(extension: &str, bytes: Vec<u8>) -> Result<String, Unreadable> {
    let is_html = matches!(extension, "html" | "htm" | "xhtml");
    let is_text = matches!(
        extension,
        "txt" | "md" | "markdown" | "json" | "jsonl" | "csv" | "tsv" | "xml" | "yaml" | "yml"
    );
    match encoding::decode(bytes, is_html || extension == "xml") {
        Some(page) if is_html => Ok(html::text_of(&page)),
        Some(text) => Ok(text),
        None if is_html || is_text => Err(Unreadable::Invalid("The file is not text.".to_owned())),
        None => {
            let message = "Only text, HTML, PDF, DOCX and PPTX can be read.";
            Err(Unreadable::Unsupported(message.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_text_of_every_kind() {
        for (name, bytes, want) in [
            ("a.txt", "plain", "plain"),
            ("A.MD", "# Head", "# Head"),
            ("a.json", "{\"a\": 1}", "{\"a\": 1}"),
            ("a.csv", "\u{feff}a,b\n1,2", "a,b\n1,2"),
            ("a.py", "# Привет\nprint()", "# Привет\nprint()"),
            ("main.rs", "fn main() {}", "fn main() {}"),
            ("Makefile", "all:", "all:"),
            ("a.html", "<p>Tom &amp; <b>Jerry", "Tom & Jerry"),
            ("A.HTM", "<style>p{}</style>x<br/>y", "x\ny"),
        ] {
            assert_eq!(text_of(name, bytes.into()).unwrap(), want, "{name}");
        }
    }

    #[test]
    fn reports_why_there_is_no_text() {
        for (name, bytes, unsupported) in [
            ("a.doc", &b"\xd0\xcf\x11\xe0"[..], true),
            ("a.docx", b"\xd0\xcf\x11\xe0", true),
            ("a.docx", b"PK", false),
            ("a.zip", b"PK\x03\x04", true),
            ("archive", b"PK\x03\x04", false),
            ("a.pdf", b"%PDF-1.7", false),
            ("photo", b"\xff\xd8\xff\xe0\0\x10JFIF\0", true),
            ("a.dat", b"a\0b", true),
            ("a.txt", b"\xff\0", false),
            ("a.json", b"a\0", false),
            ("a.txt", b" \n", false),
            ("a.html", b"<p></p>", false),
        ] {
            match text_of(name, bytes.to_vec()) {
                Err(Unreadable::Unsupported(_)) => assert!(unsupported, "{name}"),
                Err(Unreadable::Invalid(_)) => assert!(!unsupported, "{name}"),
                Ok(text) => panic!("{name}: {text}"),
            }
        }
    }
}
