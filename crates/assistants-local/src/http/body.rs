//! Bodies that are held in memory as a whole: JSON.

use axum::body::{Body, Bytes};

use super::budget::Held;
use super::json_size::{JsonSize, MOST_VALUES};
use super::{Front, Pieces, Rejection};

/// A body up to this length does not wait for the budget, neither when it is read nor when it is parsed, in bytes. The
/// limit on connections bounds what all of them take, and that on handlers what is parsed at once.
const SMALL: usize = 16 * 1024;

/// A body, and the share of the budget that it takes until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    /// Never looked at: dropping it gives the share back.
    _held: Held,
}

impl Front {
    /// Reads a JSON body of at most `most` bytes.
    pub(crate) async fn read_body(&self, body: Body, most: usize) -> Result<HeldBody, Rejection> {
        let mut pieces = Pieces::new(body, self.limits.body_time);
        let (mut bytes, mut held) = (Vec::new(), Held::default());
        let read = self.fill(&mut pieces, &mut bytes, &mut held, most).await;
        if let Err(rejection) = read {
            drop(bytes);
            held.clear();
            if rejection.status().is_client_error() {
                pieces.waste().await;
            }
            return Err(rejection);
        }
        Ok(HeldBody {
            bytes: bytes.into(),
            _held: held,
        })
    }

    async fn fill(
        &self,
        pieces: &mut Pieces,
        bytes: &mut Vec<u8>,
        held: &mut Held,
        most: usize,
    ) -> Result<(), Rejection> {
        let mut size = JsonSize::default();
        while let Some(piece) = pieces.next().await? {
            if bytes.len() + piece.len() > most {
                return Err(Rejection::TooLarge(most));
            }
            size.add(&piece);
            if size.values() > MOST_VALUES {
                return Err(Rejection::TooManyValues(MOST_VALUES));
            }
            if bytes.len() + piece.len() > SMALL {
                // A vector that grows has twice the room for a moment.
                self.budget.enlarge(held, 2 * (bytes.len() + piece.len())).await?;
            }
            bytes.extend_from_slice(&piece);
        }
        if size.memory() > 3 * SMALL {
            self.budget.enlarge(held, size.memory()).await?;
        }
        Ok(())
    }
}
