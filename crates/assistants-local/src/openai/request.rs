//! One request as its handler sees it.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use assistants_types::openai::{Run, StreamEvent};
use axum::body::Body;
use axum::http::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::chat::ChatAnswer;
use super::error::ApiError;
use super::runs::events::EventStream;
use super::runs::includes_content;
use crate::engine::{Engine, Refusal, Since};
use crate::http::idempotency::{Repeat, digest};
use crate::http::{HeldBody, Received};
use crate::openai::request_schema::Schemas;
use crate::storage::document::{Stored, to_json};
use crate::storage::{Document, Kind, Transaction};

/// A request, read and let in.
#[derive(Debug)]
pub(crate) struct Call {
    pub(super) engine: Arc<Engine>,
    pub(super) schemas: Arc<Schemas>,
    /// Whether the client speaks version 1 of the protocol.
    pub(super) legacy: bool,
    /// Method and path, for messages and as the scope of idempotency keys.
    pub(super) place: String,
    pub(super) path: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: HeldBody,
    /// A form instead of a body, until a handler takes it.
    pub(super) form: Mutex<Option<Received>>,
}

/// What a handler answers with status 200.
#[derive(Debug)]
pub(crate) enum Answer {
    Json(String),
    /// A run, which clients that wait for it will ask for again.
    Run(String),
    /// Server-sent events.
    Events(Body),
    /// The answer of a chat completion, which is being written.
    Chat(ChatAnswer),
    /// The bytes of a file.
    File {
        file: File,
        length: u64,
    },
}

impl Answer {
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::Json(serde_json::to_string(value).expect("an object of the protocol has a JSON form"))
    }
}

/// What became of a request that is to be done once.
#[derive(Debug)]
pub(crate) enum Once<T> {
    /// It was done now.
    Done(T),
    /// It was done before, and this was the answer.
    Before(String),
}

impl Call {
    /// An id of the path.
    pub(crate) fn id(&self, name: &str) -> &str {
        let (_, id) = self
            .path
            .iter()
            .find(|(known, _)| known == name)
            .expect("handlers ask for the ids that their operation's path names");
        id
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body, checked against the schema of that name. No body, and null, count as `{}`.
    pub(crate) fn body<T: DeserializeOwned>(&self, schema: &str) -> Result<T, ApiError> {
        self.body_after(schema, |_| Ok(()))
    }

    /// As [`body`](Self::body), after `put_right` has seen to it.
    pub(crate) fn body_after<T: DeserializeOwned>(
        &self,
        schema: &str,
        put_right: impl FnOnce(&mut Value) -> Result<(), ApiError>,
    ) -> Result<T, ApiError> {
        let bytes: &[u8] = if self.body.bytes.trim_ascii().is_empty() {
            b"{}"
        } else {
            &self.body.bytes
        };
        let unreadable =
            |error| ApiError::invalid(format!("We could not parse the JSON body of your request: {error}."));
        let mut body: Value = serde_json::from_slice(bytes).map_err(unreadable)?;
        if body.is_null() {
            body = Value::Object(Map::new());
        }
        put_right(&mut body)?;
        self.checked(schema, body)
    }

    /// A value that came in the body, checked against the schema of that name. An optional member that is null is absent.
    pub(crate) fn checked<T: DeserializeOwned>(&self, schema: &str, body: Value) -> Result<T, ApiError> {
        checked(&self.schemas, schema, body)
    }

    /// The form in the body, of operations that take one.
    pub(super) fn form(&self) -> Result<Received, ApiError> {
        let form = self.form.lock().unwrap_or_else(PoisonError::into_inner).take();
        form.ok_or_else(|| ApiError::invalid("The body must be a form: `multipart/form-data`."))
    }

    /// Runs `work` in a transaction.
    pub(crate) fn transact<T>(&self, work: impl FnMut(&dyn Transaction) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.engine.storage.transact(work)
    }

    /// Runs `work`, which only reads, on one state of the storage.
    pub(crate) fn read<T>(&self, work: impl FnMut(&dyn Transaction) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.engine.storage.read(work)
    }

    /// Runs `work` in a transaction, unless a request with the same idempotency key has done it before. `work` returns
    /// the answer to keep, and what the caller needs.
    pub(crate) fn once<T>(
        &self,
        work: impl FnMut(&dyn Transaction) -> Result<(String, T), ApiError>,
    ) -> Result<Once<T>, ApiError> {
        self.once_for(&digest(&self.body.bytes), work)
    }

    /// What tells this request from others, where `request` tells the body from others.
    pub(super) fn repeat(&self, request: String) -> Result<Repeat<'_>, ApiError> {
        Ok(Repeat::new(&self.headers, &self.place, request)?)
    }

    /// As [`once`](Self::once), where `request` tells the body from others.
    fn once_for<T>(
        &self,
        request: &str,
        mut work: impl FnMut(&dyn Transaction) -> Result<(String, T), ApiError>,
    ) -> Result<Once<T>, ApiError> {
        let repeat = self.repeat(request.to_owned())?;
        self.transact(|transaction| {
            if let Some(answer) = repeat.kept(transaction)? {
                return Ok(Once::Before(answer));
            }
            let (answer, done) = work(transaction)?;
            repeat.keep(transaction, &answer)?;
            Ok(Once::Done(done))
        })
        .inspect(|_| self.engine.index_soon())
    }

    /// Does `work` once, and answers with the object that it returns.
    pub(crate) fn object<T: Stored>(
        &self,
        work: impl FnMut(&dyn Transaction) -> Result<T, ApiError>,
    ) -> Result<Answer, ApiError> {
        self.object_once(&digest(&self.body.bytes), work)
    }

    /// As [`object`](Self::object), where `request` tells the body from others.
    pub(crate) fn object_once<T: Stored>(
        &self,
        request: &str,
        mut work: impl FnMut(&dyn Transaction) -> Result<T, ApiError>,
    ) -> Result<Answer, ApiError> {
        let once = self.once_for(request, |transaction| {
            let json = to_json(&work(transaction)?);
            Ok((json.clone(), json))
        })?;
        Ok(Answer::Json(match once {
            Once::Done(json) | Once::Before(json) => json,
        }))
    }

    /// Does `work` once, then starts or goes on with the run that it returns. The events that it returns, and all that
    /// follow, are the answer if `streamed`; else the answer is the run. A repeated request gets the events since
    /// `since` told again.
    pub(crate) fn run(
        &self,
        streamed: bool,
        since: Since<'_>,
        mut work: impl FnMut(&dyn Transaction) -> Result<(Run, Vec<StreamEvent>), ApiError>,
    ) -> Result<Answer, ApiError> {
        let content = includes_content(self)?;
        let once = self.once(|transaction| {
            let (run, events) = work(transaction)?;
            Ok((to_json(&run), (run, events)))
        })?;
        match once {
            Once::Done((run, events)) => {
                let json = if streamed { String::new() } else { to_json(&run) };
                self.engine.watch_deadline(&run);
                let follower = self.engine.launch(&run, &events, streamed);
                Ok(match follower {
                    Some(follower) => Answer::Events(EventStream::body(follower, content, self.legacy)),
                    None => Answer::Run(json),
                })
            }
            Once::Before(json) if !streamed => Ok(Answer::Run(json)),
            Once::Before(json) => {
                let run: Run = serde_json::from_str(&json)
                    .map_err(|error| ApiError::invalid(format!("The kept answer is damaged: {error}.")))?;
                let follower = self.engine.catch_up(&run, since)?;
                Ok(Answer::Events(EventStream::body(follower, content, self.legacy)))
            }
        }
    }

    /// The stored object of that id below `parent`, as it goes over the wire.
    pub(crate) fn stored(&self, kind: Kind, id: &str, parent: Option<&str>) -> Result<Answer, ApiError> {
        let document = self.read(|transaction| find(transaction, kind, id, parent))?;
        Ok(if kind == Kind::Run {
            Answer::Run(document.body)
        } else {
            Answer::Json(document.body)
        })
    }
}

/// As [`Call::checked`].
pub(super) fn checked<T: DeserializeOwned>(schemas: &Schemas, schema: &str, mut body: Value) -> Result<T, ApiError> {
    schemas.drop_nulls(schema, &mut body);
    schemas.check(schema, &body)?;
    serde_json::from_value(body)
        .map_err(|error| ApiError::invalid(format!("The body is not what was expected: {error}.")))
}

/// The document of that id, if it is there and below `parent`.
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

/// 404 unless there is such a thread.
pub(crate) fn require_thread(transaction: &dyn Transaction, thread_id: &str) -> Result<(), ApiError> {
    match transaction.get(Kind::Thread, thread_id)? {
        Some(_) => Ok(()),
        None => Err(Refusal::not_found(Kind::Thread, thread_id).into()),
    }
}
