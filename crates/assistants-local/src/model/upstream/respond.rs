//! Asks an upstream server in its dialect.

use super::dialect::Dialect;
use super::server::Upstream;
use super::{chat, responses};
use crate::model::{Failure, Finish, ModelRequest, Output};

/// Gives one answer.
pub(in crate::model) fn respond(
    upstream: &Upstream,
    model: &str,
    request: &ModelRequest,
    output: &mut Output<'_>,
) -> Result<Finish, Failure> {
    match upstream.dialect {
        Dialect::Chat => chat::respond(upstream, model, request, output),
        Dialect::Responses => responses::respond(upstream, model, request, output),
    }
}
