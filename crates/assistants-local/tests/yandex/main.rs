//! The Yandex protocol as its users see it: plain HTTP in, JSON and lines out.

mod client;
mod expiry;
mod files;
mod objects;
mod refusals;
mod runs;
mod shared;
