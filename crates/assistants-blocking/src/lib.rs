//! Blocking client for the Assistants protocol.

#![forbid(unsafe_code)]
// The layers that call the crate-internal functions are being added on top.
#![allow(dead_code, reason = "the callers of some internals are not written yet")]

mod cancel;
mod error;
mod lines;
mod path;
mod retry;
mod secret;
pub mod sse;
mod transport;

pub use cancel::CancelToken;
pub use error::{
    ApiError, DecodeError, Error, RepeatedCursorError, Result, StreamError, StreamErrorKind, StreamTruncatedError,
    TimeoutError, TimeoutPhase, TooLargeError, ToolError, TransportError,
};
pub use secret::ApiKey;
