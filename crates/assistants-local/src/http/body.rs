//! Reading request bodies that are held in memory as a whole: JSON.

use axum::body::{Body, Bytes};

use super::budget::MemoryPermit;
use super::json_size::{JsonSize, MAX_VALUES};
use super::{BodyReader, Frontend, Rejection};

/// The largest body, in bytes, that is read and parsed without waiting for the budget. The memory used by such bodies
/// is bounded by the limits on connections and handlers.
const SMALL: usize = 16 * 1024;

/// A body that is being read.
#[derive(Debug, Default)]
pub(super) struct PartialBody {
    bytes: Vec<u8>,
    size: JsonSize,
    permit: MemoryPermit,
}

/// A complete body together with its share of the memory budget, which is released on drop.
#[derive(Debug, Default)]
pub(crate) struct BufferedBody {
    pub(crate) bytes: Bytes,
    /// Only held for its `Drop`.
    _permit: MemoryPermit,
}

impl BufferedBody {
    /// Returns the JSON of the body. An empty body counts as `{}`.
    pub(crate) fn json(&self) -> &[u8] {
        if self.bytes.trim_ascii().is_empty() {
            b"{}"
        } else {
            &self.bytes
        }
    }
}

impl Frontend {
    /// Reads a JSON body of at most `most` bytes.
    pub(crate) async fn read_body(&self, body: Body, most: usize) -> Result<BufferedBody, Rejection> {
        let mut reader = BodyReader::new(body, self.limits.body_timeout);
        match self.gather(&mut reader, most).await {
            Ok(body) => Ok(body),
            Err(rejection) => {
                // The bytes and their share of the budget are released by now.
                if rejection.status().is_client_error() {
                    reader.drain().await;
                }
                Err(rejection)
            }
        }
    }

    async fn gather(&self, reader: &mut BodyReader, most: usize) -> Result<BufferedBody, Rejection> {
        let mut gathered = PartialBody::default();
        while let Some(piece) = reader.next().await? {
            self.add(&mut gathered, &piece, most).await?;
        }
        self.finish(gathered).await
    }

    /// Adds a piece to a JSON body of at most `most` bytes.
    pub(super) async fn add(&self, gathered: &mut PartialBody, piece: &[u8], most: usize) -> Result<(), Rejection> {
        let PartialBody { bytes, size, permit } = gathered;
        if bytes.len() + piece.len() > most {
            return Err(Rejection::TooLarge(most));
        }
        size.add(piece);
        if size.values() > MAX_VALUES {
            return Err(Rejection::TooManyValues(MAX_VALUES));
        }
        if bytes.len() + piece.len() > SMALL {
            // While a vector grows, the old and the new allocation exist at the same time.
            self.budget.enlarge(permit, 2 * (bytes.len() + piece.len())).await?;
        }
        bytes.extend_from_slice(piece);
        Ok(())
    }

    /// Returns the body once the budget has room for what it needs when it is parsed.
    pub(super) async fn finish(&self, gathered: PartialBody) -> Result<BufferedBody, Rejection> {
        let PartialBody {
            bytes,
            size,
            mut permit,
        } = gathered;
        if size.memory() > 3 * SMALL {
            self.budget.enlarge(&mut permit, size.memory()).await?;
        }
        Ok(BufferedBody {
            bytes: bytes.into(),
            _permit: permit,
        })
    }
}
