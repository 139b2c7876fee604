//! The peer's side of connections.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use crate::PATIENCE;
use crate::gate::Gate;
use crate::request::Request;

/// How often a blocked operation checks whether the peer has been dropped.
const SLICE: Duration = Duration::from_millis(20);
const LONGEST_HEAD: usize = 64 << 10;
const LONGEST_BODY: usize = 64 << 20;

/// The payload with which a script's thread is unwound when its peer is dropped. It is not a failure.
pub(crate) struct Stopped;

/// State shared by a peer and its connections.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    stopping: AtomicBool,
    requests: Mutex<Vec<Request>>,
}

impl Shared {
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Leaves the script if the peer has been dropped, without a panic message.
    pub(crate) fn check(&self) {
        if self.is_stopping() {
            panic::resume_unwind(Box::new(Stopped));
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, request: &Request) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(request.clone());
    }
}

/// Accepts the connections of a script.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) shared: Arc<Shared>,
}

impl Listener {
    /// Accepts the next connection; over TLS, the handshake takes place at the first read.
    #[must_use]
    pub fn accept(&self) -> Connection {
        let stream = self.accept_tcp();
        let shared = Arc::clone(&self.shared);
        match &self.tls {
            None => Connection::new(Wire::Plain(stream), shared),
            Some(config) => Connection::new(Wire::tls(stream, Arc::clone(config)), shared),
        }
    }

    /// Accepts the next connection, without TLS.
    #[must_use]
    pub fn accept_tcp(&self) -> TcpStream {
        let (stream, _) = self.socket.accept().expect("accept a connection");
        // The peer connects to itself to end this wait.
        self.shared.check();
        stream.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
        stream.set_nodelay(true).expect("switch Nagle's algorithm off");
        stream
    }

    /// Starts TLS on a connection that was plain so far, as in a proxy's tunnel.
    #[must_use]
    pub fn secure(&self, stream: TcpStream) -> Connection {
        let config = Arc::clone(self.tls.as_ref().expect("an https peer"));
        Connection::new(Wire::tls(stream, config), Arc::clone(&self.shared))
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn tls(stream: TcpStream, config: Arc<ServerConfig>) -> Self {
        let session = ServerConnection::new(config).expect("a valid configuration");
        Self::Tls(Box::new(StreamOwned::new(session, stream)))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }

    fn io(&mut self) -> &mut dyn ReadWrite {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.as_mut(),
        }
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// The peer's side of a connection. Methods panic if the client does not do what is expected; those named `try_` do not.
pub struct Connection {
    wire: Wire,
    shared: Arc<Shared>,
    /// Bytes that have been read and belong to the next request.
    ahead: Vec<u8>,
}

impl From<TcpStream> for Connection {
    fn from(stream: TcpStream) -> Self {
        Self::new(Wire::Plain(stream), Arc::default())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(self.wire.tcp()).finish()
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl Connection {
    fn new(wire: Wire, shared: Arc<Shared>) -> Self {
        let tcp = wire.tcp();
        tcp.set_read_timeout(Some(SLICE)).expect("set a timeout");
        tcp.set_write_timeout(Some(SLICE)).expect("set a timeout");
        Self {
            wire,
            shared,
            ahead: Vec::new(),
        }
    }

    /// Repeats an operation as long as it times out, but not beyond `limit`, so that a client that sends or reads slowly has
    /// no more time than one that does nothing.
    fn patiently<T>(
        &mut self,
        limit: Instant,
        mut operation: impl FnMut(&mut dyn ReadWrite) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            if Instant::now() >= limit {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match operation(self.wire.io()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => self.shared.check(),
                other => {
                    if other.is_err() {
                        self.shared.check();
                    }
                    return other;
                }
            }
        }
    }

    /// Reads more data from the client into `ahead`; `Ok(0)` at the end.
    fn fill(&mut self, limit: Instant) -> io::Result<usize> {
        let mut buffer = [0; 8 << 10];
        let read = self.patiently(limit, |wire| wire.read(&mut buffer))?;
        self.ahead.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    /// Reads until `ahead` has `count` bytes, and takes them.
    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        assert!(count <= LONGEST_BODY, "a body of {count} bytes");
        let limit = Instant::now() + PATIENCE;
        while self.ahead.len() < count {
            if self.fill(limit)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.ahead.split_off(count);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    /// Takes everything up to and including `end`.
    fn take_until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        let limit = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.ahead[searched..]
                .windows(end.len())
                .position(|window| window == end)
            {
                return self.take(searched + at + end.len());
            }
            searched = self.ahead.len().saturating_sub(end.len() - 1);
            assert!(searched < LONGEST_HEAD, "a head without an end");
            if self.fill(limit)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The socket below TLS.
    #[must_use]
    pub fn into_tcp(self) -> TcpStream {
        assert!(self.ahead.is_empty(), "nothing is lost by leaving TLS");
        self.wire.tcp().try_clone().expect("a second handle")
    }

    /// Performs the TLS handshake.
    ///
    /// # Errors
    ///
    /// If the client disconnects, or does not trust the certificate.
    pub fn handshake(&mut self) -> io::Result<()> {
        self.patiently(Instant::now() + PATIENCE, |wire| wire.read(&mut []).map(|_| ()))
    }

    /// Reads the head of a request and leaves its body.
    pub fn head(&mut self) -> String {
        let head = self.take_until(b"\r\n\r\n").expect("a request");
        String::from_utf8(head).expect("a request head in utf-8")
    }

    /// Reads a complete request and returns it as text.
    pub fn request(&mut self) -> String {
        self.read_request().text()
    }

    /// Reads a complete request.
    pub fn read_request(&mut self) -> Request {
        self.next_request().expect("a request")
    }

    /// Reads the next request; `None` if the client closes the connection instead.
    pub fn next_request(&mut self) -> Option<Request> {
        if self.ahead.is_empty() {
            match self.fill(Instant::now() + PATIENCE) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if is_timeout(&error) => panic!("the client sends no request: {error}"),
                Err(_) => return None,
            }
        }
        let mut request = Request::parse(self.head());
        request.body = if request.is_chunked() {
            self.chunks()
        } else {
            let length = request.length().unwrap_or(0);
            self.take(length).expect("the body of the request")
        };
        self.shared.record(&request);
        Some(request)
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.take_until(b"\r\n").expect("the size of a chunk");
            let line = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(line.trim_end(), 16).expect("the size of a chunk");
            let chunk = self.take(size + 2).expect("a chunk");
            if size == 0 {
                return body;
            }
            body.extend_from_slice(&chunk[..size]);
            assert!(body.len() <= LONGEST_BODY, "a body without an end");
        }
    }

    /// Sends `bytes` as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("send to the client");
    }

    /// Sends `bytes` as they are.
    ///
    /// # Errors
    ///
    /// If the client closes the connection, or reads nothing for [`PATIENCE`].
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut rest = bytes.as_ref();
        let limit = Instant::now() + PATIENCE;
        self.shared.check();
        while !rest.is_empty() {
            let sent = self.patiently(limit, |wire| wire.write(rest))?;
            rest = &rest[sent..];
        }
        self.patiently(limit, |wire| wire.flush())
    }

    /// Sends a complete response with the given header lines.
    pub fn answer(&mut self, status: &str, headers: &[&str], body: &str) {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        self.send(format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ));
    }

    /// Starts a response with a chunked body.
    pub fn begin_stream(&mut self) {
        self.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    }

    /// Sends one chunk.
    pub fn chunk(&mut self, text: &str) {
        self.send(format!("{:x}\r\n{text}\r\n", text.len()));
    }

    /// Ends the chunked body.
    pub fn end_stream(&mut self) {
        self.send("0\r\n\r\n");
    }

    /// Waits until the client has closed the connection; anything it still sends is discarded.
    pub fn wait_for_close(&mut self) {
        assert!(self.closes_within(PATIENCE), "the client keeps the connection");
    }

    /// Whether the client closes the connection within `limit`; anything it sends meanwhile is discarded.
    #[must_use]
    pub fn closes_within(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut rest = [0; 1 << 10];
        let slice = limit.clamp(Duration::from_millis(1), SLICE);
        self.wire.tcp().set_read_timeout(Some(slice)).expect("set a timeout");
        let closes = loop {
            match self.patiently(end, |wire| wire.read(&mut rest)) {
                Ok(0) => break true,
                Ok(_) if Instant::now() < end => {}
                Ok(_) => break false,
                // Closed without `close_notify`, or by a reset, which also counts. Only silence does not.
                Err(error) => break !is_timeout(&error),
            }
        };
        self.wire.tcp().set_read_timeout(Some(SLICE)).expect("set a timeout");
        closes
    }

    /// Sends nothing until `gate` is open; returns `false` if the client closes the connection first.
    #[must_use]
    pub fn stalls_until(&mut self, gate: &Gate) -> bool {
        let limit = Instant::now() + PATIENCE;
        while !gate.is_open() {
            assert!(Instant::now() < limit, "the gate stays shut");
            if self.closes_within(Duration::from_millis(2)) {
                return false;
            }
        }
        true
    }

    /// Closes the connection.
    pub fn close(self) {
        // The client may have closed it already.
        drop(self.wire.tcp().shutdown(Shutdown::Both));
    }

    /// Aborts the connection: the client's next read or write fails with a reset.
    pub fn reset(self) {
        SockRef::from(self.wire.tcp())
            .set_linger(Some(Duration::ZERO))
            .expect("set how the connection ends");
    }
}
