//! Extracts the text of PDF files.
//!
//! The files are untrusted, and no PDF parser bounds its use of time and memory. That is left to [`process`].

pub(crate) mod process;

use std::panic::catch_unwind;

use lopdf::xref::XrefRecovery;
use lopdf::{Document, Error, LoadOptions};

use super::Unreadable;

/// The maximum length of the extracted text, in bytes.
const MAX_TEXT: usize = 32 * 1024 * 1024;

/// The maximum size of a decompressed stream, in bytes.
const MAX_PART: usize = 64 * 1024 * 1024;

/// How many pages are read at a time. Each call to the library builds the list of all pages again, so one page at a
/// time would take quadratic time.
const PAGES: usize = 100;

/// Extracts the text of a PDF file, page by page. Pages that cannot be read are skipped, and a truncated file yields
/// the text of what is left.
pub(crate) fn text_of(bytes: &[u8]) -> Result<String, Unreadable> {
    // Malformed input can violate an assumption of the library. Such a panic means no more than that the file is
    // damaged, and no state is shared with the code that panicked.
    catch_unwind(|| read(bytes, MAX_TEXT)).unwrap_or_else(|_| Err(damaged("it is inconsistent")))
}

fn read(bytes: &[u8], longest: usize) -> Result<String, Unreadable> {
    let options = LoadOptions::with_max_decompressed_size(MAX_PART);
    let document = Document::load_mem_with_options(bytes, options).map_err(|error| match error {
        Error::InvalidPassword | Error::Decryption(_) | Error::UnsupportedSecurityHandler(_) => encrypted(),
        error => damaged(error),
    })?;
    // The library removes the entry if the empty password was the right one.
    if document.trailer.has(b"Encrypt") {
        return Err(encrypted());
    }
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    let (mut text, mut unread) = (String::new(), None);
    for pages in pages.chunks(PAGES) {
        for part in document.extract_text_chunks_with_limit(pages, MAX_PART) {
            match part {
                Ok(part) => text.push_str(&part),
                Err(error) => unread = Some(error),
            }
            if text.len() > longest {
                return Err(too_much());
            }
        }
    }
    if !text.trim().is_empty() {
        return Ok(text);
    }
    if let Some(error) = unread {
        return Err(damaged(error));
    }
    if document.xref_recovery == Some(XrefRecovery::Reconstructed) {
        return Err(damaged("its object table is broken, and no text was found without it"));
    }
    let message = "The PDF contains no text. Scanned pages require text recognition first.";
    Err(Unreadable::Invalid(message.to_owned()))
}

fn encrypted() -> Unreadable {
    Unreadable::Unsupported("The PDF cannot be read: it is encrypted.".to_owned())
}

fn damaged(what: impl std::fmt::Display) -> Unreadable {
    Unreadable::Invalid(format!("The PDF is damaged: {what}."))
}

fn too_much() -> Unreadable {
    Unreadable::Invalid("Reading the PDF requires more time or memory than is allowed.".to_owned())
}

#[cfg(test)]
mod tests;
