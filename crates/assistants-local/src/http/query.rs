//! Query parameters.

use axum::extract::Query;
use axum::http::Uri;

use super::{Rejection, check_count};

/// The maximum number of query parameters.
const MAX_PARAMETERS: usize = 256;

/// Parses the query of a request.
pub(crate) fn query(uri: &Uri) -> Result<Vec<(String, String)>, Rejection> {
    let Query(query) = Query::<Vec<_>>::try_from_uri(uri).map_err(|error| Rejection::Query(error.to_string()))?;
    check_count("query", query.len(), MAX_PARAMETERS)?;
    Ok(query)
}
