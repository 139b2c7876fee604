//! Scripts as data.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use crate::connection::Connection;
use crate::gate::Gate;
use crate::response::Response;

/// An action of a peer on a connection. If the client closes the connection, its remaining steps are skipped.
#[derive(Clone, Debug)]
pub enum Step {
    /// Takes the next request, whose method and target must begin with this text, as in `GET /v1/models`. Only in
    /// [`Peer::play`](crate::Peer::play): it accepts a new connection if none is open.
    Expect(Cow<'static, str>),
    /// Sends bytes as they are.
    Send(Vec<u8>),
    /// Sends bytes in pieces of these sizes, starting over at the end of the list.
    Split(Vec<u8>, Vec<usize>),
    /// Sends byte by byte, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Sends the bytes repeatedly until the client closes the connection. A client that accepts more than this many bytes is
    /// unbounded, and the peer panics.
    Endless(Vec<u8>, usize),
    /// Sends nothing until the gate is open; without a gate, until the client closes the connection.
    Stall(Option<Gate>),
    /// Closes the connection properly.
    Close,
    /// Aborts the connection: the client gets a reset.
    Reset,
}

impl From<Response> for Step {
    fn from(response: Response) -> Self {
        Self::Send(response.bytes())
    }
}

/// Plays steps other than `Expect`; `None` when the connection has ended.
pub(crate) fn play(steps: impl IntoIterator<Item = Step>, connection: Connection) -> Option<Connection> {
    let mut connection = connection;
    for step in steps {
        match step {
            Step::Close => {
                connection.close();
                return None;
            }
            Step::Reset => {
                connection.reset();
                return None;
            }
            other => send(&other, &mut connection).ok()?,
        }
    }
    Some(connection)
}

fn send(step: &Step, connection: &mut Connection) -> io::Result<()> {
    match step {
        Step::Send(bytes) => connection.try_send(bytes),
        Step::Split(bytes, sizes) => {
            let mut rest = bytes.as_slice();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, left) = rest.split_at(rest.len().min((*size).max(1)));
                connection.try_send(piece)?;
                rest = left;
            }
            Ok(())
        }
        Step::Drip(bytes, pause) => {
            for byte in bytes {
                connection.try_send([*byte])?;
                if connection.closes_within(*pause) {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
            Ok(())
        }
        Step::Endless(bytes, limit) => {
            let mut sent = 0;
            loop {
                connection.try_send(bytes)?;
                sent += bytes.len();
                assert!(sent <= *limit, "the client took {sent} bytes and wants more");
            }
        }
        Step::Stall(Some(gate)) => {
            if connection.stalls_until(gate) {
                Ok(())
            } else {
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
        Step::Stall(None) => {
            connection.wait_for_close();
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Step::Expect(_) | Step::Close | Step::Reset => unreachable!("played by the caller"),
    }
}
