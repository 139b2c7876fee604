//! A local server for the Assistants protocols: OpenAI Assistants v2, files, vector stores and chat completions under
//! `/v1`, and the AI Assistant API of Yandex AI Studio over REST; kept in one SQLite file or in memory, answered by a
//! model of your choice. It runs inside a program, as here, or as the binary `assistants-local`. Programs written for a
//! hosted service only need another base URL.
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
//! # What answers
//!
//! A [`Model`](model::Model) is a blocking function from what a run knows to pieces of an answer. The default,
//! [`Scripted`](model::scripted::Scripted), is no language model: it does what the user's message says (`repeat 3`,
//! `call get_weather {"city":"Paris"}`), or repeats the message, always in the same way and without a network.
//!
//! # What to rely on
//!
//! - What was answered is stored: a commit is on the disk before its answer leaves, so neither `kill -9` nor a power cut
//!   takes back an object that a client has seen.
//! - A run goes on whether anybody follows it or not. Its events come as they happen, in the provider's order. Each reader
//!   reads at its own pace; a slow one holds up neither the run nor other readers. One that reads nothing for 30 seconds
//!   although there are events is cut off.
//! - Every stream ends with the last event of its run or with an `error` event, and then `done`: also when the run is
//!   cancelled while it is created, its thread is deleted, the disk is full, the reader is cut off or the server stops.
//! - At most [`max_running_runs`](Builder::max_running_runs) runs are running at a time; others are `queued`.
//! - A run that is cancelled has ended at once, whatever its model does. A run expires ten minutes after its creation.
//! - A run whose events cannot be stored, because the disk is full for example, ends its streams with an error at once, and
//!   is `failed` as soon as that can be stored: it is tried after 100 ms, then after twice as long each time, up to 5 s.
//! - After a restart, queued runs start, runs that wait for outputs of functions go on waiting, and runs that were at
//!   work end as `failed` with `server_error`, or as `expired` when their time is over.
//! - A POST with an `Idempotency-Key` is done once; over the protocol of Yandex a PATCH too. The same
//!   request with the same key gets the first one's answer for 24 hours; another body with the same key gets status 400.
//!   A repeated request for a stream gets the events told again, each text in one piece, and then follows the run.
//!   An answer is kept no longer than the object that it shows.
//! - What is deleted is gone: its rows, passages and kept answers are overwritten when the deletion is acknowledged, and
//!   5 seconds later nothing of it is left in the database's log or in the folder of files, unless so much text is indexed
//!   that taking the words out of the index takes longer (2 seconds for 8 MB). A program that reads the database
//!   meanwhile, or a backup, delays that until it ends. With a thread its messages and runs are deleted, and the
//!   vector store that was made for its attachments; with a file its passages, and the upload that it came from; the parts
//!   of an upload when it ends. What expires is deleted within 30 seconds, without a request. Passages that a run has
//!   quoted belong to the run.
//! - Nobody else on the machine can read the database, its log and the folder: their rights are those of the owner alone.
//! - A database and its folder belong together. A server does not start on a database whose folder is missing or belongs
//!   to another one, or on a folder whose database is missing. Files that the database does not know, because it is an
//!   older copy, are moved to `lost+found` in the folder and never deleted.
//! - `assistants-local backup DIR` copies the database and its files, of one moment, while the server works;
//!   `assistants-local restore DIR --database FILE` puts such a copy elsewhere, and `assistants-local check` says what is
//!   wrong with either and ends with code 1 if something is. [`maintenance`] has the same for programs. Other programs
//!   can read the database while it is served.
//! - Bodies are checked against the limits of the spec. Errors have the hosted service's words where programs match them
//!   (`docs/error-texts.md` of the repository lists them).
//! - `null` for an optional member of a request is the same as leaving it out, at any depth and over both protocols,
//!   except in updates of the OpenAI protocol, where it clears. Members that the protocol does not know are ignored; a
//!   [`strict`](Builder::strict) server refuses them.
//! - Without an [`api_key`](Builder::api_key) every key is let in, and none, but only programs of this machine: no foreign
//!   host names, no pages of other origins than those of [`allow_origin`](Builder::allow_origin), and bodies only as
//!   `application/json` or, where one is taken, as a form. An address that other machines can reach needs a key.
//! - What clients send has bounds ([`Limits`]); at one of them the server answers with status 503 and `retry-after`.
//! - The log (of the crate `log`; the binary prints it as `RUST_LOG` says, `info` by default) has the start, refused
//!   requests, failed runs and limits that are reached, and never a text, a file or a key.
//!
//! Chat completions store nothing: they are not repeated from an idempotency key, and their model is stopped as soon as
//! their connection closes.
//!
//! - Files stand in a folder beside the database, written and renamed before they are acknowledged, and go through
//!   memory in pieces. Any file can be downloaded, whatever its purpose.
//! - Files of vector stores are indexed in the background, two at a time: text in UTF-8, HTML without its tags,
//!   the text of PDF. Other kinds and PDFs that need a password fail as `unsupported_file`; damaged files, those without
//!   text and those above 32 MiB as `invalid_file`. A token of a chunk is an estimate: what stands between white space, in
//!   pieces of at most 16 characters.
//! - The binary reads each PDF in a process of its own, with 512 MiB of memory (on Linux), 30 seconds of work (on Unix)
//!   and 60 seconds in all; one that needs more is `invalid_file`. A server inside a program reads PDFs without these
//!   limits, and a file made for it can end the program, at every start again, unless it is told a
//!   [`pdf_reader`](Builder::pdf_reader).
//! - Scanned pages have no text, and neither have texts in fonts that do not say what their codes stand for.
//! - A search goes by words, without case, accents and English endings; it knows no synonyms. A score from 0 to 1 says
//!   how many of the query's words a passage has, rare ones counting more. A vector store that expires keeps its files
//!   and cannot be searched.
//!
//! # What it does not do
//!
//! It runs no code. Assistants, threads and messages may name the tool `code_interpreter`, as data; a run that has it
//! among its tools, its own or else its assistant's, ends as `failed` with `last_error.code` `unsupported_tool` before
//! any model is asked, over either protocol. Give such a run tools of its own without it.
//!
//! Clients that send `OpenAI-Beta: assistants=v1` get what version 1 of the protocol had: `file_ids` of assistants, the
//! operations on them, and the tool `retrieval`, which searches those files and shows its steps as `retrieval`.
//! Citations carry the `quote` that they stand for, though not in the events of streams. Messages take `file_ids` too, at most 10, and keep them as attachments for `file_search`; answers, though not the
//! events of streams, show them on messages, and on runs those that the assistant has.
//!
//! # Yandex
//!
//! Clients of Yandex AI Studio take [`yandex_url`](LocalServer::yandex_url) as the base of all its services. Both
//! protocols see the same objects: an assistant made over one of them can be run over the other. Keys come as `Api-Key`
//! or `Bearer`. Requests may be spelled in lowerCamelCase or in `snake_case`; [`yandex_dialect`](Builder::yandex_dialect)
//! chooses how answers are. The events of a run are kept and told again from any of them. Assistants, threads, users,
//! search indexes and files go at their `expiresAt`, for both protocols; with `SINCE_LAST_ACTIVE` a run moves that of
//! all that it works with, a message that of its thread, and files that are added that of their index.
//!
//! Chats with models named by a URI (`gpt://…`) are answered as Yandex answers them, and `/v1/models` lists the model by
//! its URI where `OpenAI-Project` names a folder.
//!
//! # Modules
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`maintenance`] | backups, and checks of what is stored |
//! | [`model`] | the trait for models and what it is made of |
//! | [`model::scripted`] | the model that does what it is told |
//!
//! Inside: `http` lets requests in and reads them; `openai` and `yandex` hold the routes, one file per resource; `engine` what happens to runs, whichever
//! protocol asks; `files` the bytes of files, `search` the way from files to passages that are found;
//! `storage` the documents and their transactions; `stream` the way of events to a connection; `validate` the limits.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod error;
mod server;

pub mod maintenance;
pub mod model;

mod engine;
mod files;
/// What holds for any body of a request, for the fuzz targets.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz {
    /// Any bytes as a form.
    pub fn form(input: &[u8]) {
        crate::openai::fuzz::form(input);
    }

    /// Any JSON as the body of a request.
    pub fn request(input: &[u8]) {
        crate::openai::fuzz::request(input);
    }
}
mod http;
mod ids;
mod object;
mod openai;
mod repeat;
mod search;
mod storage;
mod stream;
mod validate;
mod yandex;

pub use assistants_types::yandex::Dialect;
pub use error::Error;
pub use http::Limits;
pub use search::write_pdf_text;
pub use server::{Builder, LocalServer};

/// Runs the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
