//! Reading request bodies that are held in memory as a whole: JSON.

use axum::body::{Body, Bytes};

use super::budget::Held;
use super::json_size::{JsonSize, MOST_VALUES};
use super::{Front, Pieces, Rejection};

/// The largest body, in bytes, that is read and parsed without waiting for the budget. The memory used by such bodies
/// is bounded by the limits on connections and handlers.
const SMALL: usize = 16 * 1024;

/// A body that is being read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    bytes: Vec<u8>,
    size: JsonSize,
    held: Held,
}

/// A complete body together with its share of the memory budget, which is released on drop.
#[derive(Debug, Default)]
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    /// Only held for its `Drop`.
    _held: Held,
}

impl Front {
    /// Reads a JSON body of at most `most` bytes.
    pub(crate) async fn read_body(&self, body: Body, most: usize) -> Result<HeldBody, Rejection> {
        let mut pieces = Pieces::new(body, self.limits.body_time);
        match self.gather(&mut pieces, most).await {
            Ok(body) => Ok(body),
            Err(rejection) => {
                // The bytes and their share of the budget are released by now.
                if rejection.status().is_client_error() {
                    pieces.waste().await;
                }
                Err(rejection)
            }
        }
    }

    async fn gather(&self, pieces: &mut Pieces, most: usize) -> Result<HeldBody, Rejection> {
        let mut gathered = Gathered::default();
        while let Some(piece) = pieces.next().await? {
            self.add(&mut gathered, &piece, most).await?;
        }
        self.finish(gathered).await
    }

    /// Adds a piece to a JSON body of at most `most` bytes.
    pub(super) async fn add(&self, gathered: &mut Gathered, piece: &[u8], most: usize) -> Result<(), Rejection> {
        let Gathered { bytes, size, held } = gathered;
        if bytes.len() + piece.len() > most {
            return Err(Rejection::TooLarge(most));
        }
        size.add(piece);
        if size.values() > MOST_VALUES {
            return Err(Rejection::TooManyValues(MOST_VALUES));
        }
        if bytes.len() + piece.len() > SMALL {
            // While a vector grows, the old and the new allocation exist at the same time.
            self.budget.enlarge(held, 2 * (bytes.len() + piece.len())).await?;
        }
        bytes.extend_from_slice(piece);
        Ok(())
    }

    /// Returns the body once the budget has room for what it needs when it is parsed.
    pub(super) async fn finish(&self, gathered: Gathered) -> Result<HeldBody, Rejection> {
        let Gathered { bytes, size, mut held } = gathered;
        if size.memory() > 3 * SMALL {
            self.budget.enlarge(&mut held, size.memory()).await?;
        }
        Ok(HeldBody {
            bytes: bytes.into(),
            _held: held,
        })
    }
}
