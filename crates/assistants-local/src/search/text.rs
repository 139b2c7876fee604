//! Extracts the text of a file, choosing the method by its name and its first bytes.

use super::unreadable::Unreadable;
use super::{html, pdf};

/// The maximum size of a file that is read for its text, in bytes.
pub(crate) const MAX_SIZE: u64 = 32 * 1024 * 1024;

/// Extensions of formats that are not text. Some of these files could pass as UTF-8 and would be indexed as noise.
const BINARY: &[&str] = &[
    "7z", "avi", "bin", "bmp", "doc", "docx", "epub", "exe", "gif", "gz", "ico", "jpeg", "jpg", "mov", "mp3", "mp4",
    "odt", "ogg", "png", "ppt", "pptx", "rar", "sqlite", "tar", "tiff", "wav", "webp", "xls", "xlsx", "zip",
];

/// Returns whether a file is a PDF, by its name or its first bytes: some files have another name or none.
pub(crate) fn is_pdf(name: &str, bytes: &[u8]) -> bool {
    extension(name) == "pdf" || bytes.starts_with(b"%PDF-")
}

fn extension(name: &str) -> String {
    let end = name.rsplit_once('.').map(|(_, end)| end);
    end.unwrap_or_default().to_ascii_lowercase()
}

/// Extracts the text: of PDF by its own reader, of HTML without the tags, and anything else unchanged if it is UTF-8.
pub(crate) fn text_of(name: &str, bytes: Vec<u8>) -> Result<String, Unreadable> {
    if is_pdf(name, &bytes) {
        return pdf::text_of(&bytes);
    }
    let extension = extension(name);
    if BINARY.contains(&extension.as_str()) {
        return Err(Unreadable::Unsupported(format!(
            "Files of the kind .{extension} cannot be read."
        )));
    }
    let is_text = matches!(
        extension.as_str(),
        "txt"
            | "md"
            | "markdown"
            | "html"
            | "htm"
            | "xhtml"
            | "json"
            | "jsonl"
            | "csv"
            | "tsv"
            | "xml"
            | "yaml"
            | "yml"
    );
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let Some(text) = text else {
        return Err(if is_text {
            Unreadable::Invalid("The file is not text in UTF-8.".to_owned())
        } else {
            Unreadable::Unsupported("Only text in UTF-8 can be read.".to_owned())
        });
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = match extension.as_str() {
        "html" | "htm" | "xhtml" => html::text_of(text),
        _ => text.to_owned(),
    };
    if text.trim().is_empty() {
        return Err(Unreadable::Invalid("The file contains no text.".to_owned()));
    }
    Ok(text)
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
            ("a.docx", &b"PK"[..], true),
            ("a.pdf", b"%PDF-1.7", false),
            ("photo", b"\xff\xd8\xff", true),
            ("a.dat", b"a\0b", true),
            ("a.txt", b"\xff", false),
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
