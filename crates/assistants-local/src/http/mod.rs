//! The HTTP layer shared by both protocols: access control, reading requests, writing responses, and limits on memory
//! and concurrency.
//!
//! Nothing here depends on a protocol. A rejected request is a [`Rejection`], which each protocol converts to its own
//! error ([`ErrorResponse`](response::ErrorResponse)).

mod access;
mod base64;
mod body;
mod body_reader;
mod budget;
mod connections;
mod content_type;
mod cors;
pub(crate) mod event_channel;
mod file_stream;
mod form;
mod frontend;
pub(crate) mod idempotency;
mod json_member;
mod json_size;
mod limits;
mod origin;
mod query;
mod rate_limited_log;
mod rejection;
pub(crate) mod response;
mod scripted;
mod unread_body;
mod upload;
mod workers;

pub(crate) use self::body::BufferedBody;
pub(crate) use self::body_reader::BodyReader;
pub(crate) use self::connections::serve;
pub(crate) use self::content_type::has_form;
pub(crate) use self::cors::with_cors;
pub(crate) use self::form::{Form, FormError, Received};
pub(crate) use self::frontend::Frontend;
pub use self::limits::Limits;
pub(crate) use self::limits::{MAX_BODY, check_count};
pub(crate) use self::origin::Origins;
pub(crate) use self::query::query;
pub(crate) use self::rejection::Rejection;
pub(crate) use self::scripted::with_script;
pub(crate) use self::unread_body::with_unread_bodies;
pub(crate) use self::upload::{Member, Upload, UploadError};
