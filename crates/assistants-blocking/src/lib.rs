//! Blocking client for the Assistants protocol: no async runtime, lists as iterators, streams line by line.
//!
//! A program of a few lines, against the local server (see the `assistants-local` crate) or any other that speaks the
//! protocol:
//!
//! ```
//! use assistants_blocking::openai::{Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, StreamEvent};
//! # let server = assistants_local::LocalServer::builder().start()?;
//! # let url = server.base_url();
//!
//! let client = Client::builder().base_url(url).api_key("any").build()?; // or Client::from_env()?
//! let assistant = client.assistants().create(CreateAssistant::new("scripted").instructions("Be brief.")).send()?;
//! let thread = client.threads().create(CreateThread::default()).send()?;
//! client.messages(&thread).create(CreateMessage::user("Hello")).send()?;
//! let mut stream = client.runs(&thread).stream(CreateRun::new(&assistant)).send()?;
//! for event in &mut stream {
//!     if let StreamEvent::MessageDelta(delta) = event? {
//!         print!("{}", delta.text());
//!     }
//! }
//! let finished = stream.finish()?.completed()?;
//! assert!(finished.text().contains("Hello"));
//! for assistant in client.assistants().list().limit(100) {
//!     println!("{}", assistant?.id);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module or type | what it is |
//! | --- | --- |
//! | [`openai`] | the client for OpenAI Assistants v2: handles, run streams, pollers; models and chat completions |
//! | [`chat`] | chat completions: their types, and their streams |
//! | [`yandex`] | the client for Yandex AI Studio: the same, and search indexes, users, credentials |
//! | [`Call`], [`ListCall`] | what every method returns: a request with its options, sent by `send` |
//! | [`Options`] | the options of a call, or defaults for all calls of a client |
//! | [`FileSource`] | where the bytes of an upload come from: a path, bytes, a reader |
//! | [`Tools`] | functions of your program that a model may call |
//! | [`CancelToken`] | ends a blocked call from another thread |
//! | [`BearerToken`] | what a token provider gives; see [`openai::ClientBuilder::token_provider`] |
//! | [`Error`] | everything that can go wrong |
//! | [`sse`] | the reader of event streams, usable on any bytes |
//! | [`guide`] | how to do common things, chapter by chapter; also for those who come from Python |
//!
//! # Features
//!
//! | feature | what it does |
//! | --- | --- |
//! | `rustls` (default) | TLS by rustls, the web's root certificates compiled in |
//! | `platform-verifier` | rustls with the certificates of the operating system |
//! | `native-tls` | TLS by the operating system's library and certificates; takes the place of rustls where both are on |
//! | `schemars` | `Tools::typed`, `FunctionTool::of`, `ResponseFormat::of`: schemas from Rust types |
//! | `gzip` | asks for compressed answers; a proxy that compresses a stream holds its events back |
//!
//! # The log
//!
//! Through the `log` crate: one debug line for each attempt (method, path, attempt, status, duration, request id), bodies
//! and a short list of harmless headers at trace.
//!
//! # Secrets
//!
//! The key or token of a call, and what the caller gives in a header or query parameter whose name contains `auth`, `key`,
//! `token`, `secret`, `password`, `credential`, `cookie` or `signature`, is replaced by `***` wherever a server repeats it:
//! in the texts and fields of every [`Error`], in their causes, in `Debug` output and in the log. Values shorter than seven
//! bytes are not replaced. What a server sent is shown with its control characters escaped, so that it cannot act on a
//! terminal; a line of the log is always one line. [`RawResponse`] and the objects of the protocol hold what the server
//! sent, unchanged.
//!
//! Neither credentials nor the caller's own query parameters follow a redirect to another origin, and the body of a
//! request is not sent there at all: that is an [`Error::Api`] with the status of the redirect.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

pub mod chat;
pub mod guide;
pub mod openai;
pub mod yandex;

mod call;
mod cancel;
mod error;
mod options;
mod pager;
mod response;
mod secret;
mod source;
mod tools;

mod http;

mod authorization;
mod builder;
mod endpoint;
mod multipart;
mod path;
mod request;
mod retry;
mod token;
mod transport;

mod event_source;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod lines;
pub mod sse;

pub use call::{Call, Plain};
pub use cancel::CancelToken;
pub use endpoint::Retry;
pub use error::{
    ApiError, BatchUploadError, DecodeError, Error, FileError, FileErrorKind, MissingCursorError, NotAStreamError,
    OperationFailedError, RepeatedCursorError, Result, StreamError, StreamErrorKind, StreamTruncatedError,
    TimeoutError, TimeoutPhase, TokenError, TooLargeError, ToolError, TransportError,
};
pub use options::Options;
pub use pager::{Items, ListCall, ListPage, Pages};
pub use response::{RateLimit, RateLimits, RawResponse};
pub use secret::ApiKey;
pub use source::FileSource;
pub use token::BearerToken;
pub use tools::{OnToolError, Tools};

/// Compiles the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
