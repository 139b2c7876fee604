//! Streams of bytes, taken apart: lines, server-sent events, JSON objects. What the events mean is the protocols' to say.

pub(crate) mod event_source;
pub(crate) mod json_objects;
pub(crate) mod lines;
pub(crate) mod open;
pub mod sse;
