//! A request as its handler sees it.

use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use assistants_types::yandex::{Dialect, ProtoMessage};
use axum::body::Bytes;
use axum::http::HeaderMap;
use tokio_stream::Stream;

use super::error::{ApiError, Code};
use crate::engine::Engine;
use crate::http::BufferedBody;
use crate::http::idempotency::{Idempotency, digest};
use crate::storage::Transaction;
use crate::storage::blobs::Unfinished;

/// A request that was read and admitted.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) engine: Arc<Engine>,
    /// The spelling of responses.
    pub(super) dialect: Dialect,
    /// Whether unknown members of bodies are rejected.
    pub(super) strict: bool,
    /// The origin by which the client has reached the server, such as `http://127.0.0.1:8787`.
    pub(super) origin: String,
    /// The method and path, for the log and as the scope of idempotency keys.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) path: Vec<(&'static str, String)>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: BufferedBody,
    /// The file from the body, until a handler takes it.
    pub(super) content: Mutex<Option<Unfinished>>,
    /// A digest of that file.
    pub(super) content_digest: Option<String>,
}

/// A stream of lines.
pub(super) type Lines = Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>>;

/// A response with status 200.
pub(super) enum ApiResponse {
    Json(String),
    /// JSON objects, one per line.
    Lines(Lines),
    /// The contents of a file.
    File {
        file: File,
        length: u64,
        mime_type: String,
    },
}

impl fmt::Debug for ApiResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Json(json) => json,
            Self::Lines(_) => "lines",
            Self::File { .. } => "a file",
        })
    }
}

impl Call {
    /// Returns an id from the path.
    pub(super) fn id(&self, name: &str) -> &str {
        let (_, id) = self
            .path
            .iter()
            .find(|(known, _)| *known == name)
            .expect("handlers ask for the ids that their operation's path names");
        id
    }

    /// Returns a query parameter. `name` is in lowerCamelCase; requests can also use `snake_case`. An empty value
    /// counts as none.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let snake = snake_case(name);
        let given = self
            .query
            .iter()
            .rev()
            .find(|(known, _)| known == name || *known == snake);
        given.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns a required query parameter.
    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.query(name)
            .ok_or_else(|| ApiError::invalid(format!("The query parameter `{name}` is required.")))
    }

    /// Parses the body, in either spelling. A missing body counts as `{}`.
    pub(super) fn body<T: ProtoMessage>(&self) -> Result<T, ApiError> {
        let bytes = self.body.json();
        let unexpected = |error| ApiError::invalid(format!("The body is not valid: {error}."));
        if self.strict
            && let Some(member) = T::unknown_member(&serde_json::from_slice(bytes).map_err(unexpected)?)
        {
            // The wording of the JSON parser of protocol buffers.
            return Err(ApiError::invalid(format!("proto: unknown field \"{member}\"")));
        }
        let message: T = serde_json::from_slice(bytes).map_err(unexpected)?;
        match message.conflict() {
            Some(conflict) => Err(ApiError::invalid(format!("The body contradicts itself: {conflict}."))),
            None => Ok(message),
        }
    }

    /// Returns the file from the body.
    pub(super) fn content(&self) -> Unfinished {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content
            .take()
            .expect("the one operation whose body has a file takes it once")
    }

    /// Runs `work` in a transaction.
    pub(super) fn transact<T>(&self, work: impl FnMut(&dyn Transaction) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.engine.storage.transact(work)
    }

    /// Runs `work`, which only reads, on a consistent state of the storage.
    pub(super) fn read<T>(&self, work: impl FnMut(&dyn Transaction) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.engine.storage.read(work)
    }

    /// Runs `work` in a transaction, and responds with the message that it returns. `work` also returns a value for the
    /// caller.
    ///
    /// A repeated request with the same idempotency key gets the first response. `work` is then not run, and the value
    /// is `None`.
    pub(super) fn once<M: ProtoMessage, T>(
        &self,
        mut work: impl FnMut(&dyn Transaction) -> Result<(M, T), ApiError>,
    ) -> Result<(ApiResponse, Option<T>), ApiError> {
        let content = self.content_digest.as_deref().unwrap_or_default();
        let digest = digest(&self.body.bytes) + content;
        let idempotency = Idempotency::new(&self.headers, &self.target, digest)?;
        let (json, value) = idempotency.once(&*self.engine.storage, |transaction| {
            let (message, value) = work(transaction)?;
            Ok::<_, ApiError>((to_json(self.dialect, &message)?, value))
        })?;
        Ok((ApiResponse::Json(json), value))
    }

    /// Like [`once`](Self::once), without a value for the caller.
    pub(super) fn respond_once<M: ProtoMessage>(
        &self,
        mut work: impl FnMut(&dyn Transaction) -> Result<M, ApiError>,
    ) -> Result<ApiResponse, ApiError> {
        let (response, _) = self.once(|transaction| Ok((work(transaction)?, ())))?;
        Ok(response)
    }

    /// Creates a response from a message.
    pub(super) fn respond<T: ProtoMessage>(&self, message: &T) -> Result<ApiResponse, ApiError> {
        Ok(ApiResponse::Json(to_json(self.dialect, message)?))
    }
}

/// Serializes a message.
pub(super) fn to_json<T: ProtoMessage>(dialect: Dialect, message: &T) -> Result<String, ApiError> {
    match dialect.to_value(message) {
        Ok(value) => Ok(value.to_string()),
        Err(error) => Err(ApiError::new(
            Code::Internal,
            format!("The response cannot be serialized: {error}."),
        )),
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn respells_names() {
        assert_eq!(snake_case("eventsStartIdx"), "events_start_idx");
        assert_eq!(snake_case("url"), "url");
    }
}
