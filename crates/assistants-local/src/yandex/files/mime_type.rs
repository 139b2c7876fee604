//! Detects the media type of a file from its contents.

use std::io::Read;

use crate::storage::StorageError;

/// How much of a file is read at a time, in bytes. Signatures are looked for in the first piece.
const PIECE: usize = 64 * 1024;

const KNOWN: [(&[u8], &str); 6] = [
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
];

/// Returns the media type of a file.
pub(crate) fn of(mut file: impl Read) -> Result<&'static str, StorageError> {
    let mut piece = Vec::with_capacity(PIECE);
    let mut read = |piece: &mut Vec<u8>| {
        let room = PIECE - piece.len();
        let read = file.by_ref().take(room as u64).read_to_end(piece);
        read.map_err(|error| StorageError {
            action: "reading a file".to_owned(),
            source: Some(Box::new(error)),
        })
    };
    read(&mut piece)?;
    if let Some((_, known)) = KNOWN.iter().find(|(magic, _)| piece.starts_with(magic)) {
        return Ok(known);
    }
    let text = if is_html(&piece) { "text/html" } else { "text/plain" };
    loop {
        // An incomplete character continues in the next piece.
        let cut = match std::str::from_utf8(&piece) {
            Ok(_) => piece.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Ok("application/octet-stream"),
        };
        if piece.contains(&0) {
            return Ok("application/octet-stream");
        }
        piece.drain(..cut);
        if read(&mut piece)? == 0 {
            return Ok(if piece.is_empty() {
                text
            } else {
                "application/octet-stream"
            });
        }
    }
}

fn is_html(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|is| is.eq_ignore_ascii_case(with));
    begins(b"<!doctype") || begins(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: impl AsRef<[u8]>, want: &str) {
        assert_eq!(of(bytes.as_ref()).unwrap(), want);
    }

    #[test]
    fn sees_what_bytes_are() {
        check("plain words", "text/plain");
        check("привет, мир", "text/plain");
        check("", "text/plain");
        check("\n<!DOCTYPE html><p>", "text/html");
        check("<HTML>привет", "text/html");
        check("<html>", "text/html");
        check("%PDF-1.7", "application/pdf");
        check(b"\0\x01", "application/octet-stream");
    }

    #[test]
    fn looks_at_every_byte() {
        // Characters of two bytes, one of which spans two pieces.
        let long = format!("a{}", "п".repeat(PIECE));
        check(&long, "text/plain");
        for end in ["\0".as_bytes(), b"\xff", b"\xd0"] {
            check([long.as_bytes(), end].concat(), "application/octet-stream");
        }
    }
}
