//! A TCP server that does what a test's script says: answers, stalls, trickles, cuts.
//!
//! The script runs on a thread of its own and accepts connections as it wants them. It fails loudly: a panic in it
//! comes out of [`Peer::finish`], and a client that stays away for ten seconds is one.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Longer than anything here takes; for a test that would otherwise hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The two ways to speak HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

pub(crate) const SCHEMES: [Scheme; 2] = [Scheme::Http, Scheme::Https];

/// A running script.
pub(crate) struct Peer {
    scheme: Scheme,
    address: SocketAddr,
    certificate: Option<String>,
    thread: JoinHandle<()>,
}

impl Peer {
    /// Starts `script` with a listener on a free port of 127.0.0.1.
    pub(crate) fn start(scheme: Scheme, script: impl FnOnce(&Listener) + Send + 'static) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let (tls, certificate) = match scheme {
            Scheme::Http => (None, None),
            Scheme::Https => {
                let (config, pem) = self_signed();
                (Some(config), Some(pem))
            }
        };
        let listener = Listener { socket, tls };
        let thread = thread::spawn(move || script(&listener));
        Self {
            scheme,
            address,
            certificate,
            thread,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        format!("{scheme}://{}{path}", self.address)
    }

    /// The certificate to trust, in PEM form.
    pub(crate) fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Waits for the end of the script.
    pub(crate) fn finish(self) {
        if let Err(panic) = self.thread.join() {
            panic::resume_unwind(panic);
        }
    }
}

/// A self-signed certificate for 127.0.0.1 and example.test, which no name server knows.
fn self_signed() -> (Arc<ServerConfig>, String) {
    let names = ["127.0.0.1".to_owned(), "example.test".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate for plain names");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("certificate and key belong together");
    (Arc::new(config), made.cert.pem())
}

/// Where the script gets its connections.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

impl Listener {
    /// The next connection; over TLS the handshake comes with the first read.
    pub(crate) fn accept(&self) -> Connection {
        let stream = self.accept_tcp();
        match &self.tls {
            None => stream.into(),
            Some(config) => Connection::with_tls(stream, Arc::clone(config)),
        }
    }

    /// The next connection without its TLS.
    pub(crate) fn accept_tcp(&self) -> TcpStream {
        let (stream, _) = self.socket.accept().expect("accept a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
        stream.set_nodelay(true).expect("switch Nagle's algorithm off");
        stream
    }

    /// TLS over what was plain so far, as behind a proxy's tunnel.
    pub(crate) fn secure(&self, stream: TcpStream) -> Connection {
        Connection::with_tls(stream, Arc::clone(self.tls.as_ref().expect("an https peer")))
    }
}

trait Wire: Read + Write + Send {
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Wire for StreamOwned<ServerConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }
}

/// The server's side of a connection.
pub(crate) struct Connection(Box<dyn Wire>);

impl From<TcpStream> for Connection {
    fn from(stream: TcpStream) -> Self {
        Self(Box::new(stream))
    }
}

impl Connection {
    fn with_tls(stream: TcpStream, config: Arc<ServerConfig>) -> Self {
        let session = ServerConnection::new(config).expect("a valid configuration");
        Self(Box::new(StreamOwned::new(session, stream)))
    }

    /// What is below TLS.
    pub(crate) fn into_tcp(self) -> TcpStream {
        self.0.tcp().try_clone().expect("a second handle")
    }

    /// Begins the handshake of TLS and reports how it went.
    pub(crate) fn handshake(&mut self) -> io::Result<()> {
        self.0.read(&mut []).map(|_| ())
    }

    /// Reads the head of a request and leaves its body.
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("a request");
            head.push(byte[0]);
        }
        String::from_utf8(head).expect("a request head in utf-8")
    }

    /// Reads a request up to its end and gives it back as text.
    pub(crate) fn request(&mut self) -> String {
        let mut request = self.head();
        let length = request
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.0.read_exact(&mut body).expect("the body of the request");
        request += &String::from_utf8_lossy(&body);
        request
    }

    /// Sends `bytes` as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0
            .write_all(bytes.as_ref())
            .and_then(|()| self.0.flush())
            .expect("send to the client");
    }

    /// Sends a whole answer with the given header lines.
    pub(crate) fn answer(&mut self, status: &str, headers: &[&str], body: &str) {
        let mut answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
        for header in headers {
            write!(answer, "{header}\r\n").expect("a String takes everything");
        }
        self.send(answer + "\r\n" + body);
    }

    /// Begins an answer whose body comes in chunks.
    pub(crate) fn begin_stream(&mut self) {
        self.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    }

    /// Sends one chunk.
    pub(crate) fn chunk(&mut self, text: &str) {
        self.send(format!("{:x}\r\n{text}\r\n", text.len()));
    }

    /// Ends the body that comes in chunks.
    pub(crate) fn end_stream(&mut self) {
        self.send("0\r\n\r\n");
    }

    /// Waits until the client has closed the connection; what it still sends is lost.
    pub(crate) fn wait_for_close(&mut self) {
        let mut rest = [0; 1024];
        loop {
            match self.0.read(&mut rest) {
                Ok(0) => return,
                Ok(_) => {}
                // Without TLS's own goodbye, or by a reset: also closed. Only silence is not.
                Err(error) if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return,
                Err(error) => panic!("the client keeps the connection: {error}"),
            }
        }
    }

    /// Closes the connection.
    pub(crate) fn close(self) {
        self.0.tcp().shutdown(Shutdown::Both).expect("close the connection");
    }
}
