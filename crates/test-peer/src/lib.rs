//! A TCP peer for tests of HTTP clients: it does what a script says, right or wrong.
//!
//! A [`Peer`] listens on a free port of 127.0.0.1 and runs its script on a thread of its own. There are three ways to
//! write one:
//!
//! | script | for |
//! | --- | --- |
//! | [`Peer::start`]: a closure over [`Listener`] and [`Connection`] | tests that work hand in hand with the peer |
//! | [`Peer::play`]: a list of [`Step`]s | one exchange after the other, as data |
//! | [`Peer::serve`]: a function from a [`Request`] to [`Step`]s | clients that decide themselves what they ask for |
//!
//! The peer fails loudly: a request that the script did not expect is a panic, and [`Peer::finish`] or the drop of the
//! peer raises it in the test. Every wait on a connection has a bound: reading a head, a body or a chunk takes at most
//! [`PATIENCE`], and so does sending; a head has at most 64 KiB and a body 64 MiB. Waiting for the next connection has
//! none of its own: it ends with the peer, which ends its script when it is dropped, wherever that is, and for which
//! [`Peer::finish`] waits no longer than [`PATIENCE`]. Nothing sleeps: a stall ends by a [`Gate`] or with the connection.

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

/// Longer than any step takes on a busy machine: what lasts this long hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);
