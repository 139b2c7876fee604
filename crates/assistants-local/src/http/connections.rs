//! Accepts connections and closes those that are idle or stalled.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use super::Limits;
use super::rate_limited_log::RateLimitedLog;

/// How many connections beyond the limit receive a 503 response. Connections beyond these are closed without a
/// response.
const MAX_SURPLUS: usize = 64;

/// The maximum size of a request head, and of the read and write buffers, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// How long to wait after a failed `accept`. The cause is nearly always a lack of file descriptors, so an immediate
/// retry would fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connection over which a request arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    /// The limit on connections is exceeded, and this one only receives a 503 response.
    pub(crate) is_surplus: bool,
}

/// Serves `router` on `listener` until `stopped` completes, then waits for the requests in progress.
pub(crate) async fn serve(listener: TcpListener, router: Router, limits: &Limits, stopped: impl Future<Output = ()>) {
    let most = most_connections(limits.connections);
    let (permits, surplus) = (Arc::new(Semaphore::new(most)), Arc::new(Semaphore::new(MAX_SURPLUS)));
    let graceful = GracefulShutdown::new();
    let mut stopped = pin!(stopped);
    let (refused, failed) = (RateLimitedLog::default(), RateLimitedLog::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stopped => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Errors caused by a client's own connection are not the server's and need no pause.
                if !is_of_client(&error) {
                    failed.warn(|| format!("could not accept a connection: {error}"));
                    sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        let (permit, is_surplus) = match Arc::clone(&permits).try_acquire_owned() {
            Ok(permit) => (permit, false),
            Err(_) => {
                refused
                    .warn(|| format!("the limit of {most} connections is reached: rejecting {peer} with status 503"));
                match Arc::clone(&surplus).try_acquire_owned() {
                    Ok(permit) => (permit, true),
                    Err(_) => continue,
                }
            }
        };
        let connection = Connection { peer, is_surplus };
        spawn(stream, connection, permit, &router, limits, &graceful);
    }
    drop(listener);
    graceful.shutdown().await;
}

fn spawn(
    stream: TcpStream,
    connection: Connection,
    permit: OwnedSemaphorePermit,
    router: &Router,
    limits: &Limits,
    graceful: &GracefulShutdown,
) {
    // Events are small. Nagle's algorithm would delay each until the previous one is acknowledged.
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("{}: {error}", connection.peer);
    }
    let inner = TowerToHyperService::new(router.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection);
        inner.call(request)
    });
    let head_timeout = if connection.is_surplus {
        limits.head_timeout.min(Duration::from_secs(5))
    } else {
        limits.head_timeout
    };
    let stream = WriteTimeout {
        stream,
        time: limits.write_timeout,
        until: None,
    };
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .keep_alive(!connection.is_surplus)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let serving = graceful.watch(serving);
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            log::debug!("the connection from {} ended: {error}", connection.peer);
        }
        drop(permit);
    });
}

/// Returns `wanted`, or less if the limit on open files requires it: each connection may need a second descriptor for a
/// file, and the database needs some as well.
fn most_connections(wanted: usize) -> usize {
    #[cfg(unix)]
    let room = rlimit::Resource::NOFILE.get_soft().map_or(usize::MAX, |files| {
        usize::try_from(files.saturating_sub(64) / 2).unwrap_or(usize::MAX)
    });
    #[cfg(not(unix))]
    let room = usize::MAX;
    if room < wanted {
        log::info!("serving at most {room} connections at a time: the limit on open files allows no more");
    }
    wanted.min(room).clamp(1, Semaphore::MAX_PERMITS)
}

fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// A stream that fails if its peer reads nothing for too long.
struct WriteTimeout {
    stream: TcpStream,
    time: Duration,
    /// The time at which the write fails. `Some` while a write is pending.
    until: Option<Pin<Box<Sleep>>>,
}

impl WriteTimeout {
    fn watch(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let time = self.time;
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(time)));
        ready!(until.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read its response",
        )))
    }
}

impl AsyncRead for WriteTimeout {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for WriteTimeout {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.watch(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
