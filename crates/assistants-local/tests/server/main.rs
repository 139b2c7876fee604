//! Tests of the server from outside: plain HTTP in, JSON and events out.

mod access;
mod backup;
mod binary;
mod chat;
mod chat_yandex;
mod client;
mod data;
mod embeddings;
mod error_texts;
mod files;
mod idempotency;
mod kills;
mod legacy;
mod limits;
mod lists;
mod live_runs;
mod members;
mod nulls;
mod objects;
mod raw;
mod refusals;
mod responses;
mod run_events;
mod runs;
mod script;
mod strict;
