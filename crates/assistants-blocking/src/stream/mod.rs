//! Parsers of streams: lines, server-sent events, JSON objects. The meaning of the events is defined by the protocols.

mod buffer;
pub(crate) mod event_source;
pub(crate) mod json_objects;
mod json_scanner;
pub(crate) mod lines;
pub(crate) mod open;
pub mod sse;
