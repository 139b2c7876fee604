//! Search over files: extracts text, cuts it into passages, splits queries into words, and merges what was found by words and
//! by vectors.
//!
//! The indexes themselves belong to the storage (`storage/text_index.rs`, `storage/vector_index.rs`), because they take part in
//! its transactions.

mod attributes;
mod chunks;
mod encoding;
mod fusion;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod html;
mod lines;
mod office;
mod pdf;
mod stems;
mod text;
mod unreadable;
mod vector;
mod words;

pub(crate) use self::attributes::{check_filter, passes};
pub(crate) use self::chunks::chunks;
pub(crate) use self::fusion::{Weights, fuse};
pub(crate) use self::pdf::process::PdfReader;
pub use self::pdf::process::write_pdf_text;
pub(crate) use self::stems::{STEMS, forms, stems};
pub(crate) use self::text::{MAX_SIZE as MAX_TEXT, is_pdf, text_of};
pub(crate) use self::unreadable::Unreadable;
pub(crate) use self::vector::Vector;
pub(crate) use self::words::words;
