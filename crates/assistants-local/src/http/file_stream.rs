//! Streams a file as a response body.

use std::fs;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_stream::Stream;

/// How much of the file is in memory at a time, in bytes.
const PIECE: usize = 128 * 1024;

/// Reads a file as fast as the connection takes it. If the file is shorter than announced, the stream fails, which
/// aborts the response.
#[derive(Debug)]
pub(crate) struct FileBytes {
    file: tokio::fs::File,
    left: u64,
    buffer: Vec<u8>,
}

impl FileBytes {
    pub(crate) fn new(file: fs::File, length: u64) -> Self {
        let mut file = tokio::fs::File::from_std(file);
        file.set_max_buf_size(PIECE);
        Self {
            file,
            left: length,
            buffer: vec![0; PIECE],
        }
    }
}

impl Stream for FileBytes {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let most = usize::try_from(this.left).unwrap_or(PIECE).min(PIECE);
        let mut buffer = ReadBuf::new(&mut this.buffer[..most]);
        let read = ready!(Pin::new(&mut this.file).poll_read(context, &mut buffer));
        let bytes = Bytes::copy_from_slice(buffer.filled());
        Poll::Ready(Some(match read {
            Err(error) => Err(error),
            Ok(()) if bytes.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(()) => {
                this.left -= bytes.len() as u64;
                Ok(bytes)
            }
        }))
    }
}
