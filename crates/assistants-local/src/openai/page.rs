//! Lists: their query parameters, and the pages that they return.

use super::error::ApiError;
use super::request_schema::Violation;
use super::{ApiResponse, Call};
use crate::storage::object::file_key;
use crate::storage::{Document, Kind, List, Listing, Order, StorageError, Transaction};

/// The number of objects in a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) default: usize,
    pub(super) most: usize,
}

/// The limits of most lists.
const LIMITS: Limits = Limits { default: 20, most: 100 };

/// Returns a page of the objects of `kind` below `parent`, selected by the query. `check` fails if the list does not
/// exist.
pub(super) fn page(
    call: &Call,
    kind: Kind,
    parent: Option<&str>,
    tag: Option<&str>,
    check: impl Fn(&dyn Transaction) -> Result<(), ApiError>,
) -> Result<ApiResponse, ApiError> {
    page_of(call, LIMITS, kind, parent, tag, check)
}

/// Like [`page`], with `show` applied to each object.
pub(super) fn page_shown(
    call: &Call,
    kind: Kind,
    parent: Option<&str>,
    show: impl Fn(&mut Document) -> Result<(), StorageError>,
    check: impl Fn(&dyn Transaction) -> Result<(), ApiError>,
) -> Result<ApiResponse, ApiError> {
    let mut listing = listing(call, LIMITS, kind, parent, None, check)?;
    listing.documents.iter_mut().try_for_each(show)?;
    Ok(ApiResponse::Json(body(&listing)))
}

/// Like [`page`], with other limits.
pub(super) fn page_of(
    call: &Call,
    limits: Limits,
    kind: Kind,
    parent: Option<&str>,
    tag: Option<&str>,
    check: impl Fn(&dyn Transaction) -> Result<(), ApiError>,
) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::Json(body(&listing(
        call, limits, kind, parent, tag, check,
    )?)))
}

fn listing(
    call: &Call,
    limits: Limits,
    kind: Kind,
    parent: Option<&str>,
    tag: Option<&str>,
    check: impl Fn(&dyn Transaction) -> Result<(), ApiError>,
) -> Result<Listing, ApiError> {
    let limit = limit(call.query("limit"), limits)?;
    let order = order(call.query("order"))?;
    call.read(|transaction| {
        check(transaction)?;
        let cursor = |name: &str| match call.query(name) {
            None | Some("") => Ok(None),
            Some(id) => match transaction.sequence(kind, parent, &key(kind, parent, id))? {
                Some(sequence) => Ok(Some(sequence)),
                None => {
                    let message = format!(
                        "Invalid '{name}': there is no {} with id '{id}' in the list.",
                        kind.noun()
                    );
                    Err(ApiError::invalid(message).param(name))
                }
            },
        };
        let (after, before) = (cursor("after")?, cursor("before")?);
        Ok(transaction.list(&List {
            kind,
            parent,
            tag,
            order,
            after,
            before,
            limit,
        })?)
    })
}

/// Returns a page of the given objects, which are ordered from oldest to newest, selected by the query.
pub(super) fn page_from(call: &Call, mut documents: Vec<Document>) -> Result<ApiResponse, ApiError> {
    let limit = limit(call.query("limit"), LIMITS)?;
    if order(call.query("order"))? == Order::Descending {
        documents.reverse();
    }
    let position = |name: &str| match call.query(name) {
        None | Some("") => Ok(None),
        Some(id) => match documents.iter().position(|document| wire_id(document) == id) {
            Some(position) => Ok(Some(position)),
            None => {
                let message = format!("Invalid '{name}': there is no file with id '{id}' in the list.");
                Err(ApiError::invalid(message).param(name))
            }
        },
    };
    let (after, before) = (position("after")?, position("before")?);
    let end = before.unwrap_or(documents.len());
    let start = match (after, before) {
        (Some(after), _) => after + 1,
        // Without `after`, the page ends at the object before the cursor.
        (None, Some(before)) => before.saturating_sub(limit),
        (None, None) => 0,
    };
    let mut part: Vec<Document> = documents.drain(start.min(end)..end).collect();
    let has_more = part.len() > limit || (after.is_none() && before.is_some() && start > 0);
    part.truncate(limit);
    Ok(ApiResponse::Json(body(&Listing {
        documents: part,
        has_more,
    })))
}

/// Returns the id under which an object is stored whose id in the protocol is `id`.
fn key(kind: Kind, parent: Option<&str>, id: &str) -> String {
    match (kind, parent) {
        (Kind::VectorStoreFile, Some(store_id)) => file_key(store_id, id),
        _ => id.to_owned(),
    }
}

/// Returns the id of an object in the protocol.
fn wire_id(document: &Document) -> &str {
    document.id.rsplit('/').next().unwrap_or_default()
}

fn limit(value: Option<&str>, limits: Limits) -> Result<usize, ApiError> {
    let Limits { default, most } = limits;
    let Some(value) = value else { return Ok(default) };
    match Violation::outside("limit", value, 1, i64::try_from(most).unwrap_or(i64::MAX)) {
        Some(violation) => Err(violation.into()),
        None => Ok(value.parse().unwrap_or(default)),
    }
}

fn order(value: Option<&str>) -> Result<Order, ApiError> {
    match value {
        None | Some("desc") => Ok(Order::Descending),
        Some("asc") => Ok(Order::Ascending),
        Some(other) => Err(Violation::invalid_value("order", other, ["asc", "desc"]).into()),
    }
}

/// Assembles the body of a list from the stored objects, without parsing them.
fn body(listing: &Listing) -> String {
    let documents = &listing.documents;
    let length: usize = documents.iter().map(|document| document.body.len() + 1).sum();
    let mut body = String::with_capacity(length + 160);
    body.push_str(r#"{"object":"list","data":["#);
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(&document.body);
    }
    body.push(']');
    for (name, document) in [("first_id", documents.first()), ("last_id", documents.last())] {
        // Ids consist of letters, digits, hyphens and underscores, so nothing needs to be escaped.
        let id = document.map_or_else(|| "null".to_owned(), |document| format!("\"{}\"", wire_id(document)));
        body.push_str(&format!(",\"{name}\":{id}"));
    }
    body.push_str(&format!(",\"has_more\":{}}}", listing.has_more));
    body
}
