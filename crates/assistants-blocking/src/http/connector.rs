//! Connections whose waits can be ended.
//!
//! The chain of connectors, outermost first: [`ConnectTimer`] marks the time spent on connecting; inside it, a CONNECT proxy
//! if there is one ([`ViaProxy`]), otherwise a socket of our own ([`Dial`]), then TLS by ureq's
//! connectors. The sockets are at the bottom, below TLS and below a proxy's tunnel, so that every wait passes through
//! them. At the top, above TLS, [`Duplex`] looks for a response while the request is still being sent.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Error, ProxyProtocol};

use super::watch;
use crate::call::url::is_loopback;

/// The whole chain. Of two TLS connectors, the one that is configured takes effect. Without any, the transport rejects `https`.
pub(crate) fn chain() -> impl Connector {
    let chain = ().chain(ViaProxy::default()).chain(Dial);
    #[cfg(feature = "rustls")]
    let chain = chain.chain(ureq::unversioned::transport::RustlsConnector::default());
    #[cfg(feature = "native-tls")]
    let chain = chain.chain(ureq::unversioned::transport::NativeTlsConnector::default());
    ConnectTimer(chain)
}

/// Marks the time in the inner connectors as spent on connecting: it has a limit of its own, and what is sent meanwhile is not
/// part of a request.
#[derive(Debug)]
struct ConnectTimer<C>(C);

impl<C: Connector> Connector for ConnectTimer<C> {
    type Out = Duplex<C::Out>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<Self::Out>, Error> {
        let _connecting = watch::connecting();
        Ok(self.0.connect(details, chained)?.map(Duplex::new))
    }
}

/// ureq's CONNECT proxy, except that loopback is reached without it.
///
/// A proxy cannot reach a server on this machine under that name, and what is meant for this machine must not leave it. Go
/// and browsers have the same exception.
#[derive(Debug, Default)]
struct ViaProxy(ConnectProxyConnector);

impl<In: Transport> Connector<In> for ViaProxy {
    type Out = Either<In, Box<dyn Transport>>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let proxy = details.config.proxy().filter(|proxy| !proxy.is_no_proxy(details.uri));
        match proxy {
            Some(_) if is_loopback(details.uri.host().unwrap_or_default()) => Ok(chained.map(Either::A)),
            // ureq would connect directly, which is not what a user who configured a proxy wants.
            Some(proxy) if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => {
                let message =
                    "the proxy of the environment is a SOCKS proxy; only http and https proxies are supported";
                Err(io::Error::new(io::ErrorKind::Unsupported, message).into())
            }
            _ => self.0.connect(details, chained),
        }
    }
}

/// Does not look up names, because ureq asks for every request, even if a pooled connection serves it. [`Dial`] does so.
#[derive(Debug)]
pub(crate) struct DeferredLookup;

impl Resolver for DeferredLookup {
    fn resolve(&self, _: &Uri, _: &ureq::config::Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Opens a TCP connection, unless there is a proxy's tunnel.
#[derive(Debug)]
struct Dial;

impl<In: Transport> Connector<In> for Dial {
    type Out = Either<In, Socket>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        if let Some(tunnel) = chained {
            return Ok(Some(Either::A(tunnel)));
        }
        let host = details.uri.host().unwrap_or_default();
        let stream = dial(host.trim_matches(['[', ']']), port(details.uri))?;
        stream.set_nodelay(details.config.no_delay())?;
        // Set once: a call waits in as many slices as it needs.
        stream.set_read_timeout(Some(watch::SLICE))?;
        stream.set_write_timeout(Some(watch::SLICE))?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(Socket {
            stream,
            buffers,
            pending: Vec::new(),
        })))
    }
}

/// The port, or the one its scheme implies.
fn port(uri: &Uri) -> u16 {
    uri.port_u16()
        .unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

/// Looks up a name and connects, on a thread of its own.
///
/// Neither can be interrupted, so a call that ends early leaves that thread behind. It ends when its time to connect has passed,
/// or when the system's resolver gives up.
fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let since = Instant::now();
    watch::check(since)?;
    let time = watch::connect_remaining();
    let (send, receive) = mpsc::sync_channel(1);
    let target = host.to_owned();
    thread::Builder::new()
        .name("assistants-connect".to_owned())
        .spawn(move || {
            // If the call has ended meanwhile, there is no receiver, and the connection is closed when it is dropped.
            drop(send.send(lookup_and_connect(&target, port, time)));
        })?;
    let result = loop {
        match receive.recv_timeout(watch::SLICE) {
            Ok(result) => break result,
            Err(RecvTimeoutError::Timeout) => watch::check(since)?,
            Err(RecvTimeoutError::Disconnected) => break Err(io::Error::other("the connecting thread ended early")),
        }
    };
    // A limit that was reached in the other thread is reported as that limit.
    let host = host.to_owned();
    result.or_else(|source| {
        watch::check(since)?;
        Err(io::Error::new(source.kind(), DialError { host, port, source }))
    })
}

fn lookup_and_connect(host: &str, port: u16, time: Option<Duration>) -> io::Result<TcpStream> {
    let start = Instant::now();
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (index, address) in addresses.iter().enumerate() {
        let attempt = match time {
            None => TcpStream::connect(address),
            Some(time) => {
                let left = time.saturating_sub(start.elapsed());
                // Each address but the last gets half of the time that is left, so that a dead one does not use all of it.
                let share = if index + 1 == addresses.len() { left } else { left / 2 };
                if share.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                TcpStream::connect_timeout(address, share)
            }
        };
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// A connection that failed.
#[derive(Debug)]
struct DialError {
    host: String,
    port: u16,
    source: io::Error,
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection to {}:{}", self.host, self.port)
    }
}

impl StdError for DialError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

/// A connection whose server may respond before it has the whole request, for example that the body is too large.
///
/// ureq reads nothing before everything is sent, which then fails or blocks. So this looks for such a response after each
/// large write, after one that had to wait, and after one that failed. If there is one, the rest of the request is dropped
/// instead of being sent, and ureq finds the response in its buffer.
#[derive(Debug)]
struct Duplex<T> {
    connection: T,
    /// A response that ends the request early has arrived; the connection serves no other request.
    responded: bool,
    /// The input buffer has bytes that ureq does not know of.
    unseen: bool,
}

impl<T: Transport> Duplex<T> {
    /// A write of this size is worth a system call to look for a response. Requests without a large body have none.
    const LARGE: usize = 16 * 1024;

    fn new(connection: T) -> Self {
        Self {
            connection,
            responded: false,
            unseen: false,
        }
    }

    /// Reads what has arrived, without waiting. True if it is a response that ends the request: after a failure any response,
    /// otherwise a rejection.
    fn has_response(&mut self, failed: bool, timeout: NextTimeout) -> bool {
        let _peeking = watch::peek(failed);
        loop {
            if let Some(status) = final_status(self.connection.buffers().input()) {
                return failed || status >= 400;
            }
            if !matches!(self.connection.await_input(timeout), Ok(true)) {
                return false;
            }
            self.unseen = true;
        }
    }
}

impl<T: Transport> Transport for Duplex<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.connection.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.responded {
            return Ok(());
        }
        let sent = self.connection.transmit_output(amount, timeout);
        let failed = sent.is_err() && !watch::is_stopped();
        let look = failed || (sent.is_ok() && (amount >= Self::LARGE || watch::is_blocked()));
        if look && self.has_response(failed, timeout) {
            self.responded = true;
            watch::drop_output();
            return Ok(());
        }
        sent
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if mem::take(&mut self.unseen) {
            return Ok(true);
        }
        self.connection.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        !self.responded && self.connection.is_open()
    }

    fn is_tls(&self) -> bool {
        self.connection.is_tls()
    }
}

/// The status of the response that these bytes begin with, after any number of informational ones.
fn final_status(bytes: &[u8]) -> Option<u16> {
    let mut rest = bytes;
    loop {
        let line = rest.strip_prefix(b"HTTP/1.")?;
        let status = std::str::from_utf8(line.get(2..5)?).ok()?.parse().ok()?;
        if status >= 200 {
            return Some(status);
        }
        let end = memchr::memmem::find(rest, b"\r\n\r\n")?;
        rest = &rest[end + 4..];
    }
}

/// A TCP connection whose waits end with the call of the thread. ureq's own timeouts are not set and not used.
struct Socket {
    stream: TcpStream,
    buffers: LazyBuffers,
    /// Output that was accepted although the peer does not: it has sent something that must be read first.
    pending: Vec<u8>,
}

impl Socket {
    /// Repeats `io` over slices of waiting until it succeeds, fails, or the call of this thread ends.
    fn wait<T>(mut io: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let since = Instant::now();
        loop {
            watch::check(since)?;
            match io() {
                Err(error) if is_pause(&error) => {}
                result => return result,
            }
        }
    }
    /// Sends what is pending and then `output`. If the peer accepts nothing but has sent something, the rest becomes pending,
    /// and the caller must read the input first.
    fn send(stream: &TcpStream, pending: &mut Vec<u8>, output: &[u8]) -> io::Result<()> {
        const MOST_PENDING: usize = 1024 * 1024;
        let queued = mem::take(pending);
        let mut left = [queued.as_slice(), output];
        let mut since = Instant::now();
        while let Some(piece) = left.iter_mut().find(|piece| !piece.is_empty()) {
            watch::check(since)?;
            match (&mut &*stream).write(piece) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    watch::bytes_sent();
                    *piece = &piece[count..];
                    since = Instant::now();
                }
                Err(error) if is_pause(&error) => {
                    let small = left[0].len() + left[1].len() <= MOST_PENDING;
                    if small && !is_quiet(stream)? {
                        *pending = left.concat();
                        watch::blocked();
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether there is nothing to read: unexpected bytes make a connection useless, and so does its end.
fn is_quiet(stream: &TcpStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let quiet = matches!(stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    stream.set_nonblocking(false)?;
    Ok(quiet)
}

/// Whether a wait has reached the end of its slice: Unix reports `WouldBlock`, Windows `TimedOut`; a signal interrupts.
fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        if watch::drops_output() {
            return Ok(());
        }
        let output = &self.buffers.output()[..amount];
        Ok(Self::send(&self.stream, &mut self.pending, output)?)
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        if watch::is_peeking() {
            self.stream.set_nonblocking(true)?;
            let count = (&self.stream).read(self.buffers.input_append_buf());
            self.stream.set_nonblocking(false)?;
            let count = count?;
            self.buffers.input_appended(count);
            return Ok(count > 0);
        }
        if !self.pending.is_empty() && is_quiet(&self.stream)? {
            Self::send(&self.stream, &mut self.pending, &[])?;
        }
        let input = self.buffers.input_append_buf();
        let mut stream = &self.stream;
        let count = Self::wait(|| stream.read(input))?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.pending.is_empty() && is_quiet(&self.stream).unwrap_or(false)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("peer", &self.stream.peer_addr().ok())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn informational_responses_do_not_end_a_request() {
        let refused = "HTTP/1.1 413 Content Too Large\r\n";
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        for (bytes, want) in [
            (refused.to_owned(), Some(413)),
            (hints.repeat(2) + refused, Some(413)),
            ("HTTP/1.0 200 OK".to_owned(), Some(200)),
            (hints.to_owned(), None),
            (hints[..40].to_owned(), None),
            (refused[..11].to_owned(), None),
            ("nonsense".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(final_status(bytes.as_bytes()), want, "{bytes}");
        }
    }
}
