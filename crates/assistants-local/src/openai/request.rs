//! A request as its handler sees it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::response::ApiResponse;
use crate::engine::{Engine, EngineError};
use crate::http::idempotency::{Idempotency, digest};
use crate::http::{BufferedBody, Received};
use crate::openai::request_schema::Schemas;
use crate::storage::object::{Stored, to_json};
use crate::storage::{Document, Kind, Transaction};

/// A request that was read and admitted.
#[derive(Debug)]
pub(crate) struct Call {
    pub(super) engine: Arc<Engine>,
    pub(super) schemas: Arc<Schemas>,
    /// Whether the client uses version 1 of the protocol.
    pub(super) legacy: bool,
    /// The method and path, for messages and as the scope of idempotency keys.
    pub(super) target: String,
    pub(super) path: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: BufferedBody,
    /// The form, if the body is one, until a handler takes it.
    pub(super) form: Mutex<Option<Received>>,
}

impl Call {
    /// Returns an id from the path.
    pub(crate) fn id(&self, name: &str) -> &str {
        let (_, id) = self
            .path
            .iter()
            .find(|(known, _)| known == name)
            .expect("handlers ask for the ids that their operation's path names");
        id
    }

    /// Returns a query parameter. If it occurs several times, the last one counts.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Parses the body, and checks it against the schema with this name. A missing body and `null` count as `{}`.
    pub(crate) fn body<T: DeserializeOwned>(&self, schema: &str) -> Result<T, ApiError> {
        self.body_with(schema, |_| Ok(()))
    }

    /// Like [`body`](Self::body), but lets a function modify the body before it is checked.
    pub(crate) fn body_with<T: DeserializeOwned>(
        &self,
        schema: &str,
        normalize: impl FnOnce(&mut Value) -> Result<(), ApiError>,
    ) -> Result<T, ApiError> {
        let unreadable =
            |error| ApiError::invalid(format!("We could not parse the JSON body of your request: {error}."));
        let mut body: Value = serde_json::from_slice(self.body.json()).map_err(unreadable)?;
        if body.is_null() {
            body = Value::Object(Map::new());
        }
        normalize(&mut body)?;
        self.checked(schema, body)
    }

    /// Checks a part of the body against the schema with this name, and parses it. `null` for an optional member means
    /// that it is absent.
    pub(crate) fn checked<T: DeserializeOwned>(&self, schema: &str, body: Value) -> Result<T, ApiError> {
        checked(&self.schemas, schema, body)
    }

    /// Returns the form, for operations that accept one.
    pub(super) fn form(&self) -> Result<Received, ApiError> {
        let form = self.form.lock().unwrap_or_else(PoisonError::into_inner).take();
        form.ok_or_else(|| ApiError::invalid("The body must be a form: `multipart/form-data`."))
    }

    /// Runs `work` in a transaction.
    pub(crate) fn transact<T>(&self, work: impl FnMut(&dyn Transaction) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.engine.storage.transact(work)
    }

    /// Runs `work`, which only reads, on a consistent state of the storage.
    pub(crate) fn read<T>(&self, work: impl FnMut(&dyn Transaction) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.engine.storage.read(work)
    }

    /// Runs `work` in a transaction, unless it was done for an earlier request with the same idempotency key. `work`
    /// returns the response and a value for the caller.
    ///
    /// Returns the response, and the value if `work` was run.
    pub(crate) fn once<T>(
        &self,
        work: impl FnMut(&dyn Transaction) -> Result<(String, T), ApiError>,
    ) -> Result<(String, Option<T>), ApiError> {
        self.once_for(digest(&self.body.bytes), work)
    }

    /// Like [`once`](Self::once), where `request` is a digest of the body.
    fn once_for<T>(
        &self,
        request: String,
        work: impl FnMut(&dyn Transaction) -> Result<(String, T), ApiError>,
    ) -> Result<(String, Option<T>), ApiError> {
        let idempotency = self.idempotency(request)?;
        let done = idempotency.once(&*self.engine.storage, work);
        done.inspect(|_| self.engine.index_soon())
    }

    /// Returns the idempotency of this request, where `request` is a digest of the body.
    pub(super) fn idempotency(&self, request: String) -> Result<Idempotency<'_>, ApiError> {
        Ok(Idempotency::new(&self.headers, &self.target, request)?)
    }

    /// Does `work` once, and responds with the object that it returns.
    pub(crate) fn object<T: Stored>(
        &self,
        work: impl FnMut(&dyn Transaction) -> Result<T, ApiError>,
    ) -> Result<ApiResponse, ApiError> {
        self.object_once(digest(&self.body.bytes), work)
    }

    /// Like [`object`](Self::object), where `request` is a digest of the body.
    pub(crate) fn object_once<T: Stored>(
        &self,
        request: String,
        mut work: impl FnMut(&dyn Transaction) -> Result<T, ApiError>,
    ) -> Result<ApiResponse, ApiError> {
        let (json, _) = self.once_for(request, |transaction| Ok((to_json(&work(transaction)?), ())))?;
        Ok(ApiResponse::Json(json))
    }

    /// Returns the stored object with this id below `parent`.
    pub(crate) fn stored(&self, kind: Kind, id: &str, parent: Option<&str>) -> Result<ApiResponse, ApiError> {
        let document = self.read(|transaction| find(transaction, kind, id, parent))?;
        Ok(if kind == Kind::Run {
            ApiResponse::Run(document.body)
        } else {
            ApiResponse::Json(document.body)
        })
    }
}

/// Like [`Call::checked`].
pub(super) fn checked<T: DeserializeOwned>(schemas: &Schemas, schema: &str, mut body: Value) -> Result<T, ApiError> {
    schemas.drop_nulls(schema, &mut body);
    schemas.check(schema, &body)?;
    serde_json::from_value(body).map_err(|error| ApiError::invalid(format!("The body is not valid: {error}.")))
}

/// Returns the document with this id if it exists and is below `parent`.
pub(crate) fn find(
    transaction: &dyn Transaction,
    kind: Kind,
    id: &str,
    parent: Option<&str>,
) -> Result<Document, ApiError> {
    if kind != Kind::RunStep
        && let Some(thread_id) = parent
    {
        require_thread(transaction, thread_id)?;
    }
    transaction
        .get(kind, id)?
        .filter(|document| document.parent.as_deref() == parent)
        .ok_or_else(|| ApiError::not_found(kind, id))
}

/// Fails with status 404 unless the thread exists.
pub(crate) fn require_thread(transaction: &dyn Transaction, thread_id: &str) -> Result<(), ApiError> {
    match transaction.get(Kind::Thread, thread_id)? {
        Some(_) => Ok(()),
        None => Err(EngineError::not_found(Kind::Thread, thread_id).into()),
    }
}
