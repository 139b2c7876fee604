//! The OpenAI Assistants protocol, version 2, under `/v1`, and under `/openai` for clients of Azure.
//!
//! There is one file or folder per resource, and one line in [`routes`] for each operation of the spec. Handlers are
//! blocking functions from a [`Call`] to an [`ApiResponse`]. What all requests have in common (access, limits, headers, the
//! format of errors) is in [`router`](mod@router).
//!
//! Bodies are checked against the spec before a handler sees them. `null` for an optional member means that it is
//! absent, except in updates, where it clears the member. Members that the spec does not know are ignored, or rejected
//! by a [strict](crate::Builder::strict) server.
//!
//! A POST with an `Idempotency-Key` is executed once: within a day, the same request with the same key gets the first
//! response. Chat completions, responses, embeddings and searches are exempt, because they change nothing.
//!
//! Clients that send `OpenAI-Beta: assistants=v1` can also use what version 2 has removed; see [`v1`].

pub(crate) mod request_schema;

mod answer;
mod assistants;
mod chat;
mod embeddings;
mod error;
mod files;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod messages;
mod model_uri;
mod models;
mod page;
mod request;
mod response;
mod responses;
mod router;
mod routes;
mod runs;
mod threads;
mod v1;
mod vector_stores;

pub(crate) use self::error::scripted_error_body;
pub(crate) use self::router::RESPONSE_HEADERS;
pub(crate) use self::routes::router;

use self::error::ApiError;
use self::request::Call;
use self::response::ApiResponse;
