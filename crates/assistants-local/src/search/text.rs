//! Extracts the text of a file, choosing the method by its name and its first bytes.

use super::pdf;
use super::unreadable::Unreadable;

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
        "txt" | "md" | "markdown" | "html" | "htm" | "json" | "jsonl" | "csv" | "tsv" | "xml" | "yaml" | "yml"
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
        "html" | "htm" => without_tags(text),
        _ => text.to_owned(),
    };
    if text.trim().is_empty() {
        return Err(Unreadable::Invalid("The file contains no text.".to_owned()));
    }
    Ok(text)
}

/// Removes tags, comments, scripts and styles from an HTML page, and resolves the most common character references.
fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let tag = &rest[start..];
        let is_markup = tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        if !is_markup {
            text.push('<');
            rest = &tag[1..];
            continue;
        }
        let hidden = ["script", "style"].into_iter().find(|name| is_tag(tag, name));
        let end = if tag.starts_with("<!--") {
            tag.find("-->").map(|end| end + 3)
        } else if let Some(name) = hidden {
            end_of(tag, name)
        } else {
            tag.find('>').map(|end| end + 1)
        };
        // Tags affect the layout, so the words on both sides of one are separate.
        text.push(if is_block(tag) { '\n' } else { ' ' });
        rest = end.map_or("", |end| &tag[end..]);
    }
    text.push_str(rest);
    let mut resolved = text;
    for (reference, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        resolved = resolved.replace(reference, character);
    }
    resolved
}

fn is_tag(tag: &str, name: &str) -> bool {
    let after = tag.get(1..=name.len());
    after.is_some_and(|found| found.eq_ignore_ascii_case(name))
        && tag[1 + name.len()..].starts_with(|c: char| c == '>' || c == '/' || c.is_whitespace())
}

/// Returns the position after `</name>`.
fn end_of(text: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find("</") {
        let tag = &text[from + at + 1..];
        if is_tag(tag, name) {
            return Some(from + at + 1 + tag.find('>')? + 1);
        }
        from += at + 2;
    }
    None
}

fn is_block(tag: &str) -> bool {
    const BLOCKS: [&str; 17] = [
        "p", "br", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section",
        "title",
    ];
    // Skips the slash of an end tag, which precedes the name.
    let tag = if tag.starts_with("</") { &tag[1..] } else { tag };
    BLOCKS.into_iter().any(|block| is_tag(tag, block))
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
            (
                "a.html",
                "<p>Tom &amp; <b>Jerry</b></p><script>var x = '<p>';</script>1 < 2<!-- no -->",
                "\nTom &  Jerry \n 1 < 2 ",
            ),
            ("a.htm", "<STYLE type=x>p{}</style>x<br/>y<é", " x\ny<é"),
            ("a.html", "open <b", "open  "),
        ] {
            assert_eq!(text_of(name, bytes.into()).unwrap(), want, "{name}");
        }
    }

    /// Guards against quadratic time: a page like this took hours when each tag searched the rest of the page.
    #[test]
    fn reads_pages_with_many_tags() {
        let page = "<p>a</p>".repeat(500_000);
        let text = text_of("a.html", page.into()).unwrap();
        assert_eq!(text.len(), 3 * 500_000);
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
