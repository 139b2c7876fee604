//! What is the same for every request, whatever its protocol: connections, attempts, retries, the log.

pub(crate) mod attempts;
pub(crate) mod builder;
pub(crate) mod config;
pub(crate) mod connector;
pub(crate) mod conventions;
pub(crate) mod date;
pub(crate) mod endpoint;
pub(crate) mod file_source;
pub(crate) mod head;
pub(crate) mod incoming;
pub(crate) mod log;
pub(crate) mod multipart;
pub(crate) mod outgoing;
pub(crate) mod progress;
pub(crate) mod proxy;
pub(crate) mod random;
pub(crate) mod redirect;
pub(crate) mod retry;
pub(crate) mod retry_hints;
pub(crate) mod span;
pub(crate) mod tls;
pub(crate) mod transport;
pub(crate) mod watch;

#[cfg(test)]
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tests;
