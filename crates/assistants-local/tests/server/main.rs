//! The server as its users see it: plain HTTP in, JSON and events out.

mod backup;
mod binary;
mod chat;
mod chat_yandex;
mod client;
mod data;
mod files;
mod idempotency;
mod kills;
mod legacy;
mod lists;
mod live_runs;
mod objects;
mod refusals;
mod run_events;
mod runs;
