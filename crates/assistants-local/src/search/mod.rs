//! Full-text search over files: extracts text, cuts it into passages, and splits queries into words.
//!
//! The index itself belongs to the storage ([`TextIndex`](crate::storage::TextIndex)), because it takes part in its
//! transactions.

mod attributes;
mod chunks;
mod html;
mod pdf;
mod text;
mod unreadable;
mod words;

pub(crate) use self::attributes::{check_filter, passes};
pub(crate) use self::chunks::chunks;
pub(crate) use self::pdf::process::PdfReader;
pub use self::pdf::process::write_pdf_text;
pub(crate) use self::text::{MAX_SIZE as MAX_TEXT, is_pdf, text_of};
pub(crate) use self::unreadable::Unreadable;
pub(crate) use self::words::words;
