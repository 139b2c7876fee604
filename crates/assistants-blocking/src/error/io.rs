//! Errors on their way through an [`io::Error`].
//!
//! Readers can only return an `io::Error`, and HTTP libraries pass it on. Our own error travels inside.

use std::io;

use super::{Error, FileError, StreamError, StreamErrorKind};

impl Error {
    /// Our own error inside an `io::Error`; the `io::Error` itself if there is none.
    pub(crate) fn from_io(error: io::Error) -> Result<Self, io::Error> {
        let error = match error.downcast::<Self>() {
            Ok(ours) => return Ok(ours),
            Err(error) => error,
        };
        error.downcast::<FileError>().map(Self::from)
    }

    /// The error of a failed read: our own if the `io::Error` contains one, otherwise a stream error.
    pub(crate) fn from_stream_read(error: io::Error, line: u64) -> Self {
        Self::from_io(error).unwrap_or_else(|error| StreamError::caused(line, StreamErrorKind::Read, error).into())
    }

    /// The error as a reader must return it; `from_stream_read` gets it back.
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Timeout(_) => io::ErrorKind::TimedOut,
            // `Interrupted` would make a caller's `read_to_end` try again.
            Self::Transport(error) if error.source.kind() != io::ErrorKind::Interrupted => error.source.kind(),
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TimeoutError, TimeoutPhase, TransportError};
    use super::*;
    use std::time::Duration;

    #[test]
    fn survives_the_way_through_an_io_error() {
        let timeout = TimeoutError {
            phase: TimeoutPhase::Idle,
            after: Duration::from_secs(30),
            what: "POST /threads/t/runs".into(),
            request_sent: true,
            request_id: None,
        };
        let io = Error::from(timeout.clone()).into_io();
        assert_eq!(io.kind(), io::ErrorKind::TimedOut);
        let Error::Timeout(back) = Error::from_stream_read(io, 7) else {
            panic!("another error came back")
        };
        assert_eq!(*back, timeout);
        assert_eq!(back.to_string(), "POST /threads/t/runs: the stream was silent for 30s");
        let source = io::Error::from(io::ErrorKind::Interrupted);
        let broken = TransportError {
            method: "GET",
            path: "/x".into(),
            request_sent: true,
            request_id: None,
            source,
        };
        assert_eq!(Error::from(broken).into_io().kind(), io::ErrorKind::Other);
    }
}
