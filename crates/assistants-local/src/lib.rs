//! A local server for the Assistants protocol.
//!
//! It implements OpenAI Assistants v2 with files, vector stores, chat completions and responses (under `/v1`) and the AI
//! Assistant API of Yandex AI Studio over REST. Data is kept in one SQLite database or in memory. The server runs inside a
//! program, as in this example, or as the binary `assistants-local`. Programs written for a hosted service only need another
//! base URL.
//!
//! ```
//! use assistants_local::LocalServer;
//!
//! let server = LocalServer::builder().in_memory().start()?;
//! let url = format!("{}/assistants", server.base_url());
//! let request = ureq::post(&url).content_type("application/json");
//! let created = request.send(r#"{"model": "any", "name": "Clerk"}"#)?.into_body().read_to_string()?;
//! assert!(created.contains(r#""id":"asst_"#));
//! let listed = ureq::get(&url).call()?.into_body().read_to_string()?;
//! assert!(listed.contains(r#""name":"Clerk""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Models
//!
//! A [`Model`](model::Model) is a blocking function that receives what a run knows and produces the pieces of an answer. The
//! default, [`Scripted`](model::scripted::Scripted), is not a language model. It follows commands in the user's message
//! (`repeat 3`, `call get_weather {"city":"Paris"}`) or else repeats the message. It is deterministic and needs no network.
//! A [`Catalog`](model::Catalog) answers with the language models of other servers ([`model::upstream`]). A [`Script`] contains
//! the answers to certain prompts, for tests of programs whose prompts are fixed.
//!
//! # Durability
//!
//! - A request is acknowledged after its transaction is on disk. Neither `kill -9` nor a power failure loses an object that a
//!   client has seen.
//! - Files are written, synced and renamed before they are acknowledged. They are kept in a folder beside the database and
//!   are never held in memory as a whole. Any file can be downloaded, whatever its purpose.
//! - A database and its folder are a pair. A server does not start if one of them is missing or belongs to another. Files that
//!   the database does not know, for example because it is an older copy, are moved to `lost+found`, never deleted.
//! - Only the owner has access to the database, its log and the folder.
//! - `assistants-local backup DIR` copies the database and its files as of one moment while the server runs;
//!   `assistants-local restore DIR --database FILE` installs such a copy; `assistants-local check` reports faults of either and
//!   exits with code 1 if there is one. [`maintenance`] has the same functions for programs. Other programs can read the
//!   database while the server runs.
//! - Deleted data is removed: its rows, passages and stored responses are overwritten before the deletion is acknowledged.
//!   Within 5 seconds nothing is left of it in the write-ahead log or the folder, unless removing the words of much indexed text
//!   takes longer (2 seconds for 8 MB). A backup, or another program that reads the database, delays this until it ends.
//!   Deleting a thread also deletes its messages, its runs and the vector store made for its attachments; deleting a file also
//!   deletes its passages and the upload that produced it. The parts of an upload are deleted when it ends. Expired data is
//!   deleted within 30 seconds. Passages that a run has quoted belong to the run.
//!
//! # Runs and streams
//!
//! - A run proceeds whether or not a client follows it. Its events are sent as they happen, in the provider's order. Readers
//!   are independent: a slow one delays neither the run nor other readers. A reader that reads nothing for 30 seconds while
//!   events are pending is disconnected.
//! - A stream ends with the last event of its run or with an `error` event, followed by `done`. This also holds if the run is
//!   cancelled while it is being created, its thread is deleted, the disk is full, the reader is disconnected or the server
//!   stops.
//! - At most [`max_running_runs`](Builder::max_running_runs) runs execute at a time; further runs are `queued`.
//! - Cancelling ends a run at once, whatever its model does. A run expires ten minutes after its creation.
//! - If the events of a run cannot be stored, for example because the disk is full, its streams end with an error, and the run
//!   becomes `failed` as soon as that can be stored. The server tries after 100 ms and doubles the pause up to 5 s.
//! - After a restart, queued runs start and runs that wait for tool outputs keep waiting. Runs that were in progress become
//!   `failed` with the code `server_error`, or `expired` if their time has passed.
//! - A POST with an `Idempotency-Key` is executed once; for the Yandex protocol this includes PATCH. For 24 hours, the same
//!   request with the same key gets the first response, and a different body with the same key gets status 400. A repeated
//!   request for a stream gets all events again, each text in one piece, and then follows the run. A response is stored no
//!   longer than the object it shows.
//! - Every event of a run's stream has an `id`. `GET /v1/threads/{thread_id}/runs/{run_id}/events`, an extension of this
//!   server, streams the events after the one in the header `Last-Event-ID`, or all, and goes on until the run has ended or
//!   requires action. Ids are opaque, and remain valid after a restart. What was missed of a text arrives as one delta, and
//!   joined with the deltas before it gives the whole text. Where a run required action and has continued,
//!   `thread.run.requires_action` is followed by the rest of the run. An id that is not one of the run is rejected with status
//!   400. Text that was not stored because the server was killed, and calls that were being written when the run ended, are
//!   not replayed. An `error` event and `done` have no id, because they are not events of the run.
//! - Chat completions store nothing. They are not replayed for an idempotency key, and their model is stopped as soon as the
//!   connection closes.
//!
//! # Validation and access
//!
//! - Request bodies are checked against the limits of the spec. Error messages that programs match have the hosted service's
//!   wording (`docs/error-texts.md` in the repository lists them).
//! - `null` for an optional member of a request means that it is absent, at any depth and for both protocols, except in updates
//!   of the OpenAI protocol, where it clears the member. Unknown members are ignored; a [`strict`](Builder::strict) server
//!   rejects them.
//! - Without an [`api_key`](Builder::api_key) the server accepts any key or none, but serves only programs of this machine: it
//!   rejects foreign host names, pages of origins other than those of [`allow_origin`](Builder::allow_origin), and bodies that
//!   are neither `application/json` nor, where one is expected, a form. Listening on an address that other machines can reach
//!   requires a key.
//! - What clients can make the server hold or do is bounded by [`Limits`]. At a bound it responds with status 503 and
//!   `retry-after`.
//! - The log (of the crate `log`; the binary prints it as `RUST_LOG` says, by default from `info`) contains the start, rejected
//!   requests, failed runs and limits that were reached. It never contains texts of messages, keys or contents of files.
//!
//! # File search
//!
//! - Files of vector stores are indexed in the background, two at a time: text, HTML without its tags, PDF, DOCX with its
//!   footnotes, and PPTX with its notes. Other formats, such as DOC, and files with a password fail with `unsupported_file`;
//!   damaged files, files without text and files above 32 MiB fail with `invalid_file`. Token counts of chunks are estimates:
//!   words, split after 16 characters.
//! - Text is decoded from UTF-8 and UTF-16, with or without a byte order mark, and from older encodings, such as Windows-1251
//!   and Windows-1252. These are declared by HTML and XML files, and guessed from the letters of other files.
//! - DOCX and PPTX files whose parts to read exceed 64 MiB when decompressed are an `invalid_file`.
//! - The binary reads each PDF file in a separate process, with 512 MiB of memory (on Linux), 30 seconds of CPU time (on Unix)
//!   and 60 seconds in total; a file that needs more is an `invalid_file`. An embedded server reads PDF files without these
//!   limits unless it has a [`pdf_reader`](Builder::pdf_reader): a malicious file can then end the program, again at each
//!   start.
//! - Scanned pages have no text, nor does text in a font without a mapping to Unicode.
//! - Searches match words in any form, ignoring case and accents: *running* finds *runs*, and *собака* finds *собаками*. The
//!   endings of words are removed by the Snowball algorithms, for Czech, Danish, Dutch, English, Finnish, French, German, Greek,
//!   Hungarian, Italian, Norwegian, Polish, Portuguese, Romanian, Russian, Spanish, Swedish and Turkish. The language of a
//!   passage is recognized; a passage in Latin letters whose language is uncertain, such as code, is taken for English, and
//!   Cyrillic letters for Russian. A word of a query matches passages in every language. Synonyms are not known.
//! - The score, from 0 to 1, is the share of the query's words found in a passage, with rare words weighted higher. An expired
//!   vector store keeps its files and cannot be searched.
//! - With an [`embedder`](Builder::embedder), searches also rank passages by the similarity of their vectors to that of the
//!   query, and merge both rankings by reciprocal rank fusion with the weights of `ranking_options.hybrid_search`, 1 and 1 by
//!   default. The score is then the sum of `weight / (60 + rank)`, relative to the greatest possible sum; if one of the weights
//!   is 0, it is the score of the other ranking, for vectors the cosine similarity. If a query has no vector because the
//!   embeddings server fails, the search is by words. A file whose vectors cannot be computed fails with `server_error`.
//!
//! # Code interpreter
//!
//! The server executes no code itself. Without a program for it ([`Builder::code_interpreter`]), a run with the tool
//! `code_interpreter`, from its own list or its assistant's, ends as `failed` with `last_error.code` `unsupported_tool` before a
//! model is called. This applies to both protocols. With one, the run has steps with `logs` and images, and messages with
//! `image_file` parts and `file_path` annotations, as with the hosted service. Variables and files are kept for the thread until
//! its session was idle for an hour, the thread is deleted, or the server stops. Files that code creates are kept until they
//! are deleted, also beyond their thread.
//!
//! # Version 1
//!
//! Clients that send `OpenAI-Beta: assistants=v1` can use what version 1 of the protocol had: `file_ids` of assistants with
//! their operations, and the tool `retrieval`, which searches those files and appears as `retrieval` in run steps. Citations
//! carry the `quote` they refer to, except in stream events. Messages accept up to 10 `file_ids`, which are kept as attachments
//! for `file_search`. Responses, but not stream events, show `file_ids` on messages, and on runs those of the assistant.
//!
//! # Yandex AI Studio
//!
//! Clients of Yandex AI Studio use [`yandex_url`](LocalServer::yandex_url) as the base of all services. Both protocols share
//! their objects: an assistant created over one can be run over the other. Keys are sent as `Api-Key` or `Bearer`. Requests may
//! use lowerCamelCase or `snake_case`; [`yandex_dialect`](Builder::yandex_dialect) selects the form of responses. The events of
//! a run are stored and can be replayed from any index. Assistants, threads, users, search indexes and files are deleted at
//! their `expiresAt`, for both protocols. With `SINCE_LAST_ACTIVE`, a run extends the expiry of everything it uses, a message
//! that of its thread, and an added file that of its index.
//!
//! Chat completions with models named by a URI (`gpt://…`) follow the conventions of Yandex, and `/v1/models` lists the model by
//! its URI if the header `OpenAI-Project` names a folder.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod error;
mod server;

pub mod embeddings;
pub mod maintenance;
pub mod model;

mod clock;
mod code;
mod engine;
/// Properties that hold for any input, for the fuzz targets.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz {
    /// Reads any bytes as a form.
    pub fn form(input: &[u8]) {
        crate::openai::fuzz::form(input);
    }

    /// Reads any bytes as a file to search.
    pub fn file(input: &[u8]) {
        crate::search::fuzz::file(input);
    }

    /// Reads any JSON as the body of a request.
    pub fn request(input: &[u8]) {
        crate::openai::fuzz::request(input);
    }
}
mod http;
mod ids;
mod openai;
mod script;
mod search;
mod storage;
mod yandex;

pub use assistants_types::yandex::Dialect;
pub use code::CodeInterpreter;
pub use error::Error;
pub use http::Limits;
pub use script::{Script, ScriptError};
pub use search::write_pdf_text;
pub use server::{Builder, LocalServer};

/// Runs the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Runs the program of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing.md")]
struct TestingGuide;
