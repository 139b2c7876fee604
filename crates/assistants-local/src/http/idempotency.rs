//! Idempotency keys: a request that a client sends several times with the same key is executed once.

use axum::http::HeaderMap;

use super::Rejection;
use crate::clock::now;
use crate::storage::{RESPONSES_KEPT, Storage, StorageError, StoredResponse, Transaction};

/// The maximum length of an idempotency key, in bytes.
const MAX_KEY: usize = 255;

/// Identifies a request by its idempotency key. A request without a key is always executed.
#[derive(Debug)]
pub(crate) struct Idempotency<'a> {
    key: Option<&'a str>,
    scope: &'a str,
    request: String,
}

impl<'a> Idempotency<'a> {
    /// `scope` is the method and path, `request` a digest of the body.
    ///
    /// Fails if the key is too long or not visible ASCII. An empty key counts as none.
    pub(crate) fn new(headers: &'a HeaderMap, scope: &'a str, request: String) -> Result<Self, Rejection> {
        let key = match headers.get("idempotency-key").map(|key| key.to_str()) {
            None | Some(Ok("")) => None,
            Some(Ok(key)) if key.len() <= MAX_KEY => Some(key),
            Some(_) => return Err(Rejection::IdempotencyKey(MAX_KEY)),
        };
        Ok(Self { key, scope, request })
    }

    /// Runs `work` in a transaction, unless the response to an earlier request with the same key is stored. `work` returns
    /// the response and a value for the caller.
    ///
    /// Returns the response, and the value if `work` was run.
    pub(crate) fn once<T, E: From<Rejection> + From<StorageError>>(
        &self,
        storage: &dyn Storage,
        mut work: impl FnMut(&dyn Transaction) -> Result<(String, T), E>,
    ) -> Result<(String, Option<T>), E> {
        storage.transact(|transaction| {
            if let Some(response) = self.stored_response::<E>(transaction)? {
                return Ok((response, None));
            }
            let (response, value) = work(transaction)?;
            self.store_response(transaction, &response)?;
            Ok((response, Some(value)))
        })
    }

    /// Returns whether a response is stored for this key, whatever the body of its request was.
    pub(crate) fn is_known(&self, transaction: &dyn Transaction) -> Result<bool, StorageError> {
        Ok(self.stored(transaction)?.is_some())
    }

    /// Returns the response to the first request with this key.
    ///
    /// Fails with [`Rejection::IdempotencyKeyReused`] if the body of that request was different.
    pub(crate) fn stored_response<E: From<Rejection> + From<StorageError>>(
        &self,
        transaction: &dyn Transaction,
    ) -> Result<Option<String>, E> {
        match (self.stored(transaction)?, self.key) {
            (Some(stored), Some(key)) if stored.request != self.request => {
                Err(Rejection::IdempotencyKeyReused(key.to_owned()).into())
            }
            (stored, _) => Ok(stored.map(|stored| stored.body)),
        }
    }

    /// Stores the response for repetitions of this request.
    pub(crate) fn store_response(&self, transaction: &dyn Transaction, response: &str) -> Result<(), StorageError> {
        let Some(key) = self.key else { return Ok(()) };
        let now = now().unix_timestamp();
        let stored = StoredResponse {
            request: self.request.clone(),
            body: response.to_owned(),
        };
        transaction.store_response(key, self.scope, &stored, now)
    }

    fn stored(&self, transaction: &dyn Transaction) -> Result<Option<StoredResponse>, StorageError> {
        let Some(key) = self.key else { return Ok(None) };
        let since = now().unix_timestamp() - RESPONSES_KEPT;
        transaction.stored_response(key, self.scope, since)
    }
}

/// Returns a digest by which a key reused for a different body is detected: 128-bit FNV-1a.
///
/// A cryptographic hash is not needed: a client that constructs a collision only receives an earlier response of its
/// own.
pub(crate) fn digest(body: &[u8]) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = body
        .iter()
        .fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_fnv() {
        assert_eq!(digest(b""), "6c62272e07bb014262b821756295c58d");
        assert_eq!(digest(b"a"), "d228cb696f1a8caf78912b704e4a8964");
    }
}
