//! Lists: the page arguments that all of them take, and the page they answer with.

use super::call::{Answer, Call};
use super::error::ApiError;
use crate::storage::{Kind, List, Listing, Order, Transaction};

/// How many objects a page may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) default: usize,
    pub(super) most: usize,
}

/// Of most lists.
const LIMITS: Limits = Limits { default: 20, most: 100 };

/// A page of the objects of `kind` below `parent`, as the query asks for it. `check` looks whether the list exists.
pub(super) fn page(
    call: &Call,
    kind: Kind,
    parent: Option<&str>,
    tag: Option<&str>,
    check: impl Fn(&dyn Transaction) -> Result<(), ApiError>,
) -> Result<Answer, ApiError> {
    page_of(call, LIMITS, kind, parent, tag, check)
}

/// As [`page`], with other limits.
pub(super) fn page_of(
    call: &Call,
    limits: Limits,
    kind: Kind,
    parent: Option<&str>,
    tag: Option<&str>,
    check: impl Fn(&dyn Transaction) -> Result<(), ApiError>,
) -> Result<Answer, ApiError> {
    let limit = limit(call.query("limit"), limits)?;
    let order = order(call.query("order"))?;
    let listing = call.transact(|transaction| {
        check(transaction)?;
        let cursor = |name: &str| match call.query(name) {
            None | Some("") => Ok(None),
            Some(id) => match transaction.sequence(kind, parent, id)? {
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
    })?;
    Ok(Answer::Json(body(&listing)))
}

fn limit(value: Option<&str>, limits: Limits) -> Result<usize, ApiError> {
    let Limits { default, most } = limits;
    let Some(value) = value else { return Ok(default) };
    let refused = |code, message: String| Err(ApiError::invalid(message).param("limit").code(code));
    match value.parse::<i64>() {
        Ok(limit) => match usize::try_from(limit) {
            Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
            _ if limit < 1 => refused(
                "integer_below_min_value",
                format!("Invalid 'limit': integer below the minimum. Expected a value >= 1, but got {limit} instead."),
            ),
            _ => refused(
                "integer_above_max_value",
                format!(
                    "Invalid 'limit': integer above the maximum. \
                     Expected a value <= {most}, but got {limit} instead."
                ),
            ),
        },
        Err(_) => refused(
            "invalid_type",
            format!("Invalid type for 'limit': expected an integer, but got '{value}' instead."),
        ),
    }
}

fn order(value: Option<&str>) -> Result<Order, ApiError> {
    match value {
        None | Some("desc") => Ok(Order::Descending),
        Some("asc") => Ok(Order::Ascending),
        Some(other) => {
            let message = format!("Invalid value for 'order': '{other}'. Supported values are: 'asc' or 'desc'.");
            Err(ApiError::invalid(message).param("order").code("invalid_value"))
        }
    }
}

/// The stored objects put together as they are, without parsing them.
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
        // Ids are letters, digits and underscores: nothing to escape.
        let id = document.map_or_else(|| "null".to_owned(), |document| format!("\"{}\"", document.id));
        body.push_str(&format!(",\"{name}\":{id}"));
    }
    body.push_str(&format!(",\"has_more\":{}}}", listing.has_more));
    body
}
