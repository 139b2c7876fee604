//! Tests of the Yandex protocol from outside: plain HTTP in, JSON and lines out.

mod client;
mod expiry;
mod files;
mod objects;
mod refusals;
mod runs;
mod script;
mod shared;
