//! A blocking client for the Assistants protocol: OpenAI Assistants v2 and compatible services (Azure, self-hosted
//! servers), Yandex AI Studio, and the chat completions of both. It is built on `ureq` and needs no async runtime: calls
//! block the calling thread, lists and streams are iterators, and any wait can be cancelled from another thread.
//!
//! ```
//! use assistants_blocking::openai::{Client, CreateAssistant, CreateMessage, CreateRun, CreateThread};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = assistants_local::LocalServer::builder().start()?;
//! # let url = server.base_url();
//! let client = Client::builder().base_url(url).api_key("any").build()?; // or Client::from_env()?
//! let assistant = CreateAssistant::new("scripted").instructions("Be brief.");
//! let assistant = client.assistants().create(assistant).send()?;
//! let thread = client.threads().create(CreateThread::default()).send()?;
//! client.messages(&thread).create(CreateMessage::user("Hello")).send()?;
//!
//! let mut stream = client.runs(&thread).stream(CreateRun::new(&assistant)).send()?;
//! while let Some(text) = stream.next_text() {
//!     print!("{}", text?);
//! }
//! let finished = stream.finish()?.completed()?;
//! assert_eq!(finished.text(), "Hello");
//!
//! for message in client.messages(&thread).list() {
//!     let message = message?;
//!     println!("{}: {}", message.role, message.text());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Here `url` is the address of a local server that runs inside the program (the crate `assistants-local`). The default
//! base URL is that of `api.openai.com`, which still serves files, vector stores, models and chat completions; the hosted
//! Assistants API was shut down on 2026-08-26.
//!
//! # Where to go from here
//!
//! The [guide] has chapters on requests and lists, errors and retries, timeouts, streaming, tools, files, testing, Azure,
//! proxies and Yandex, and one for users of [openai-python](guide::openai_python).
//!
//! | module | contents |
//! | --- | --- |
//! | [`openai`] | the client for OpenAI Assistants v2, Azure and compatible servers: assistants, threads, messages, runs, files, vector stores, models, chat completions, responses, embeddings |
//! | [`chat`] | chat completions: their types and their streams |
//! | [`responses`] | the Responses API, without storage at the provider: its types and its streams |
//! | [`embeddings`] | embeddings: their types |
//! | [`yandex`] | the client for Yandex AI Studio: assistants, threads, runs, search indexes, files, users, chat completions |
//! | [`sse`] | a reader of server-sent events, for any source of bytes |
//! | [`guide`] | the guide |
//!
//! Both clients share these types:
//!
//! | type | purpose |
//! | --- | --- |
//! | [`Call`], [`ListCall`] | a request, or the request for a list, that has been described but not sent |
//! | [`Options`] | options of a call, or defaults of a client: timeouts, retries, headers |
//! | [`RawResponse`] | a response before it is parsed: status, headers, request id, rate limits |
//! | [`Error`] | everything that can go wrong |
//! | [`CancelToken`] | ends blocked calls from another thread |
//! | [`Tools`] | functions of your program that a model may call |
//! | [`FileSource`] | the contents of an upload: a path, bytes or a reader |
//! | [`BearerToken`] | what a token provider returns |
//! | [`TlsBackend`] | the TLS library of a client |
//!
//! # Features
//!
//! Without any features the client supports only plain `http`, and has 58 crates in total.
//!
//! | feature | effect | dependencies |
//! | --- | --- | --- |
//! | `rustls` (default) | TLS by rustls, with the web's root certificates compiled in | 12 crates, `ring` and `webpki-roots` among them |
//! | `platform-verifier` | [`TlsBackend::PlatformVerifier`]: rustls with the certificates of the operating system | `rustls`, and `rustls-platform-verifier` |
//! | `native-tls` | [`TlsBackend::NativeTls`]: the TLS library and the certificates of the operating system; the default without `rustls` | `native-tls`, which needs the headers of OpenSSL on Linux |
//! | `schemars` | schemas from Rust types: `Tools::typed`, `FunctionTool::of`, `ResponseFormat::of` | `schemars` and 3 more crates |
//! | `gzip` | requests compressed responses; a proxy that compresses a stream delays its events | `flate2`, in pure Rust |
//!
//! # Logging
//!
//! The client logs through the crate `log`: one line per attempt at `debug` (method, path, attempt, status, duration,
//! request id), and bodies and a fixed list of headers at `trace`.
//!
//! # Secrets
//!
//! The key or token of a call, and the values of headers and query parameters whose names contain `auth`, `key`, `token`,
//! `secret`, `password`, `credential`, `cookie` or `signature`, are replaced by `***` wherever a server repeats them: in
//! the messages and fields of every [`Error`], in its sources, in `Debug` output and in the log. Values shorter than seven
//! bytes are not replaced. Control characters sent by a server are escaped in errors and in the log, so that they cannot
//! control a terminal or add lines to the log. [`RawResponse`] and the objects of the protocol contain what the server
//! sent, unchanged.
//!
//! On a redirect to another origin, neither credentials nor the caller's own query parameters are sent. A request body is
//! never sent to another origin: such a redirect is an [`Error::Api`] with its status.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used)]

pub mod chat;
pub mod embeddings;
pub mod guide;
pub mod openai;
pub mod responses;
pub mod yandex;

mod auth;
mod call;
mod cancel;
mod error;
mod http;
mod stream;
mod tool_rounds;
mod tools;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use auth::api_key::ApiKey;
pub use auth::token::BearerToken;
pub use call::list::{Items, ListCall, ListPage, Pages};
pub use call::options::Options;
pub use call::response::{RateLimit, RateLimits, RawResponse};
pub use call::{Call, Plain};
pub use cancel::CancelToken;
pub use error::{
    ApiError, BatchUploadError, DecodeError, Error, FileError, FileErrorKind, MissingCursorError, NotAStreamError,
    OperationFailedError, RepeatedCursorError, Result, StreamError, StreamErrorKind, StreamTruncatedError,
    TimeoutError, TimeoutPhase, TokenError, TooLargeError, ToolError, TransportError,
};
pub use http::file_source::FileSource;
pub use http::retry::Retry;
pub use http::tls::TlsBackend;
pub use stream::sse;
pub use tools::{OnToolError, Tools};

/// Compiles the programs in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
