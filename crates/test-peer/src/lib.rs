//! A scripted TCP peer for tests of HTTP clients, which can also misbehave.
//!
//! A [`Peer`] listens on a free port of 127.0.0.1 and runs its script on a separate thread. There are three ways to
//! write one:
//!
//! | script | for |
//! | --- | --- |
//! | [`Peer::start`]: a closure over [`Listener`] and [`Connection`] | tests that interact with the peer |
//! | [`Peer::play`]: a list of [`Step`]s | a fixed sequence of exchanges, as data |
//! | [`Peer::serve`]: a function from a [`Request`] to [`Step`]s | clients that choose their requests |
//!
//! The peer fails loudly: an unexpected request is a panic, which [`Peer::finish`] or dropping the peer propagates to the
//! test. Every wait on a connection is bounded: reading a head, a body or a chunk takes at most [`PATIENCE`], and so does
//! sending; a head has at most 64 KiB and a body 64 MiB. Waiting for the next connection is not bounded itself; it ends
//! with the peer. Dropping the peer ends its script at any point, and [`Peer::finish`] waits for the script for at most
//! [`PATIENCE`]. Nothing sleeps: a stall ends with a [`Gate`] or with the connection.

#![allow(clippy::missing_panics_doc, reason = "a test double reports everything by a panic")]

mod connection;
mod gate;
mod peer;
mod request;
mod response;
mod step;
mod tls;

use std::time::Duration;

pub use connection::{Connection, Listener};
pub use gate::Gate;
pub use peer::{Nobody, Peer, SCHEMES, Scheme};
pub use request::Request;
pub use response::{Response, gzip};
pub use step::Step;

/// Longer than any step takes on a busy machine; anything that lasts this long is considered to hang.
pub const PATIENCE: Duration = Duration::from_secs(30);
