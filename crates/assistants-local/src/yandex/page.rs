//! Lists and their query parameters.

use super::error::ApiError;
use super::request::Call;
use crate::storage::{Document, Kind, List, Order, Transaction};

const DEFAULT_SIZE: usize = 100;
const MAX_SIZE: usize = 1000;

/// A page of documents, and the token of the next one, which is empty if there is none.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) documents: Vec<Document>,
    pub(super) next: String,
}

/// Returns the page of a folder that the query selects, newest first. The folder is a query parameter as well.
pub(super) fn of_folder(call: &Call, transaction: &dyn Transaction, kind: Kind) -> Result<Page, ApiError> {
    let folder = call.required("folderId")?;
    let (after, limit) = (after(call, kind)?, size(call)?);
    let listing = transaction.in_folder(kind, folder, after, limit)?;
    Ok(Page {
        documents: listing.documents,
        next: listing.next.map(|next| token(kind, next)).unwrap_or_default(),
    })
}

/// Returns the page of objects below `parent` that the query selects, newest first.
pub(super) fn below(call: &Call, transaction: &dyn Transaction, kind: Kind, parent: &str) -> Result<Page, ApiError> {
    let listing = transaction.list(&List {
        kind,
        parent: Some(parent),
        tag: None,
        order: Order::Descending,
        after: after(call, kind)?,
        before: None,
        limit: size(call)?,
    })?;
    let last = listing.documents.last().filter(|_| listing.has_more);
    let next = match last {
        Some(last) => transaction.sequence(kind, Some(parent), &last.id)?,
        None => None,
    };
    Ok(Page {
        documents: listing.documents,
        next: next.map(|next| token(kind, next)).unwrap_or_default(),
    })
}

fn size(call: &Call) -> Result<usize, ApiError> {
    let Some(text) = call.query("pageSize") else {
        return Ok(DEFAULT_SIZE);
    };
    match text.parse() {
        Ok(0) => Ok(DEFAULT_SIZE),
        Ok(size @ 1..=MAX_SIZE) => Ok(size),
        _ => Err(ApiError::invalid(format!(
            "`pageSize` must be from 0 to {MAX_SIZE}, not '{text}'."
        ))),
    }
}

fn after(call: &Call, kind: Kind) -> Result<Option<i64>, ApiError> {
    let Some(text) = call.query("pageToken") else {
        return Ok(None);
    };
    match read_token(kind, text) {
        Some(sequence) => Ok(Some(sequence)),
        None => Err(ApiError::invalid("The `pageToken` does not belong to this list.")),
    }
}

/// Encodes a position in the lists of a kind, in a form that does not invite clients to parse it.
fn token(kind: Kind, sequence: i64) -> String {
    format!("{}@{sequence}", kind.as_str())
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn read_token(kind: Kind, token: &str) -> Option<i64> {
    let digits = token.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let text = String::from_utf8(digits.collect::<Option<_>>()?).ok()?;
    let (name, sequence) = text.split_once('@')?;
    sequence.parse().ok().filter(|_| name == kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_of_its_list() {
        let given = token(Kind::User, 42);
        assert_eq!(read_token(Kind::User, &given), Some(42));
        assert_eq!(read_token(Kind::Thread, &given), None);
        for wrong in ["", "0", "zz", "+f", "é", "7573657240"] {
            assert_eq!(read_token(Kind::User, wrong), None, "{wrong}");
        }
    }
}
