//! The peer and the ways to script it.

use std::any::Any;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use socket2::{Domain, Socket, Type};

use crate::PATIENCE;
use crate::connection::{Connection, Listener, Shared, Stopped};
use crate::request::Request;
use crate::step::{self, Step};
use crate::tls::self_signed;

/// The transport of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there are no more")]
pub enum Scheme {
    /// Unencrypted.
    Http,
    /// Over TLS, with the peer's own certificate.
    Https,
}

/// Both, for tests that apply to either.
pub const SCHEMES: [Scheme; 2] = [Scheme::Http, Scheme::Https];

/// A running script.
#[derive(Debug)]
pub struct Peer {
    scheme: Scheme,
    address: SocketAddr,
    certificate: Option<String>,
    shared: Arc<Shared>,
    /// Disconnected, without ever sending a value, when the script has ended.
    ended: Receiver<()>,
    /// `None` once the script has been waited for.
    thread: Option<JoinHandle<()>>,
    /// Whether the script serves until it is stopped.
    serves: bool,
}

impl Peer {
    /// Runs `script` with a listener on a free port of 127.0.0.1.
    pub fn start(scheme: Scheme, script: impl FnOnce(&Listener) + Send + 'static) -> Self {
        Self::run(scheme, false, script)
    }

    /// Plays `steps` one after the other, over as many connections as they need; http only.
    #[must_use]
    pub fn play(steps: Vec<Step>) -> Self {
        Self::run(Scheme::Http, false, move |listener| {
            let mut open = None;
            for step in steps {
                open = match step {
                    Step::Expect(line) => Some(expect(&line, open, listener)),
                    other => open.and_then(|connection| step::play([other], connection)),
                };
            }
        })
    }

    /// Responds to every request with the steps that `respond` returns for it, on any number of connections at a time, until
    /// the peer is finished or dropped; http only. `respond` panics on an unexpected request.
    pub fn serve(respond: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::run(Scheme::Http, true, move |listener| {
            let failures = Failures::default();
            thread::scope(|scope| {
                // A scope waits for its threads even when it panics: they end because the peer is stopping.
                while let Some(connection) = failures.caught(|| listener.accept()) {
                    let (respond, failures) = (&respond, &failures);
                    scope.spawn(move || failures.caught(|| serve(connection, respond)));
                }
            });
            failures.raise();
        })
    }

    fn run(scheme: Scheme, serves: bool, script: impl FnOnce(&Listener) + Send + 'static) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let (tls, certificate) = match scheme {
            Scheme::Http => (None, None),
            Scheme::Https => {
                let (config, pem) = self_signed();
                (Some(config), Some(pem))
            }
        };
        let shared = Arc::new(Shared::default());
        let listener = Listener {
            socket,
            tls,
            shared: Arc::clone(&shared),
        };
        let (end, ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            let _end = end;
            script(&listener);
        });
        Self {
            scheme,
            address,
            certificate,
            shared,
            ended,
            thread: Some(thread),
            serves,
        }
    }

    /// The address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path that begins with `/`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        format!("{scheme}://{}{path}", self.address)
    }

    /// The certificate to trust, in PEM form.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// The requests so far, in the order in which they were read.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests()
    }

    /// Waits for the end of the script, or stops one that serves, and returns the requests that were read.
    #[allow(clippy::must_use_candidate, reason = "most tests only wait")]
    pub fn finish(mut self) -> Vec<Request> {
        // The sender is never used, only dropped, so the only other outcome is a timeout.
        let ended = self.serves || self.ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Disconnected);
        if let Some(panic) = self.stop() {
            panic::resume_unwind(panic);
        }
        assert!(ended, "the script waits for something that the client does not do");
        self.requests()
    }

    /// Ends the script at any point, and returns its failure.
    fn stop(&mut self) -> Option<Panic> {
        let thread = self.thread.take()?;
        self.shared.stop();
        if !thread.is_finished() {
            // Wakes a script that is waiting for a connection. If none is, the connection ends with the listener.
            drop(TcpStream::connect(self.address));
        }
        thread.join().err().filter(|panic| !panic.is::<Stopped>())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(panic) = self.stop()
            && !thread::panicking()
        {
            panic::resume_unwind(panic);
        }
    }
}

/// An address of 127.0.0.1 that refuses connections, even while other tests look for free ports: the port is taken, but
/// nothing listens on it.
#[derive(Debug)]
pub struct Nobody {
    address: SocketAddr,
    _socket: Socket,
}

impl Nobody {
    /// Takes a free port.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it has a side effect")]
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        Self {
            address: address.as_socket().expect("an address of IPv4"),
            _socket: socket,
        }
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

type Panic = Box<dyn Any + Send>;

/// The panic of a script's threads, if any.
#[derive(Default)]
struct Failures(Mutex<Option<Panic>>);

impl Failures {
    /// Runs `work`; `None` if it panicked.
    fn caught<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let panic = match panic::catch_unwind(panic::AssertUnwindSafe(work)) {
            Ok(value) => return Some(value),
            Err(panic) => panic,
        };
        if !panic.is::<Stopped>() {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(panic);
        }
        None
    }

    fn raise(self) {
        if let Some(panic) = self.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            panic::resume_unwind(panic);
        }
    }
}

/// The next request on the open connection, or else on the next one.
fn expect(line: &str, open: Option<Connection>, listener: &Listener) -> Connection {
    let mut open = open;
    loop {
        let mut connection = open.take().unwrap_or_else(|| listener.accept());
        if let Some(request) = connection.next_request() {
            assert!(request.line().starts_with(line), "not {line}, but {}", request.text());
            return connection;
        }
    }
}

fn serve(connection: Connection, respond: impl Fn(&Request) -> Vec<Step>) {
    let mut connection = connection;
    while let Some(request) = connection.next_request() {
        let Some(open) = step::play(respond(&request), connection) else {
            return;
        };
        connection = open;
    }
}
