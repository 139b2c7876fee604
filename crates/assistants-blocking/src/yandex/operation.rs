//! Long-running operations. The module is not called `operations` because that is the table of operations, which comes
//! with the types.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use assistants_types::yandex::{self as types, ProtoMessage, operations as op};

use crate::Call;
use crate::auth::secrets::Secrets;
use crate::call::options::{Options, option_setters};
use crate::call::response::RawResponse;
use crate::call::wait::{Polled, Wait};
use crate::error::{Error, OperationFailedError, Result};
use crate::yandex::{Client, IdOf, OperationError};

/// The operations of the cloud. From [`Client::operations`].
#[derive(Clone, Debug)]
pub struct Operations {
    pub(crate) client: Client,
}

impl Operations {
    /// Reads one operation. `GET /operations/{operationId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// use assistants_blocking::yandex::CreateSearchIndex;
    ///
    /// let index = CreateSearchIndex::new(client.folder_id()).file_id(&file);
    /// let operation = client.search_indexes().create(index).send()?;
    /// println!("{}", client.operations().get(operation.id()).send()?.done);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "retrieve")]
    pub fn get(&self, operation: impl IdOf<types::Operation>) -> Call<types::Operation> {
        self.client.call(op::GET_OPERATION, &[operation.as_id()])
    }

    /// Cancels an operation, as far as the service can. `GET /operations/{operationId}:cancel`.
    pub fn cancel(&self, operation: impl IdOf<types::Operation>) -> Call<types::Operation> {
        self.client.call(op::CANCEL_OPERATION, &[operation.as_id()])
    }

    /// A handle for an operation with the result `T`, given a response of the service.
    #[must_use]
    pub fn of<T: ProtoMessage>(&self, operation: types::Operation) -> Operation<T> {
        Operation {
            client: self.client.clone(),
            secrets: self.client.endpoint(op::GET_OPERATION).secrets(&self.client.options),
            state: operation,
            makes: PhantomData,
        }
    }
}

/// A call whose response is an operation with the result `T`.
#[must_use = "a call does nothing until `send`"]
pub struct OperationCall<T> {
    client: Client,
    call: Call<types::Operation>,
    options: Options,
    makes: PhantomData<fn() -> T>,
}

impl<T: ProtoMessage> OperationCall<T> {
    pub(crate) fn new(client: &Client, call: Call<types::Operation>) -> Self {
        Self {
            client: client.clone(),
            options: call.options.clone(),
            call,
            makes: PhantomData,
        }
    }

    option_setters!();

    /// Starts the operation, which continues in the background.
    ///
    /// # Errors
    ///
    /// As [`Call::send`].
    pub fn send(self) -> Result<Operation<T>> {
        let client = self.client.clone();
        let response = self.send_raw()?;
        Ok(Operation {
            client,
            secrets: response.secrets().clone(),
            state: response.parse()?,
            makes: PhantomData,
        })
    }

    /// Starts the operation; the response is not parsed.
    ///
    /// # Errors
    ///
    /// As [`Call::send_raw`].
    pub fn send_raw(self) -> Result<RawResponse<types::Operation>> {
        self.call.with_options(self.options).send_raw()
    }
}

impl<T> fmt::Debug for OperationCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationCall")
            .field("call", &self.call)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A long-running operation with the result `T`, in the state seen last.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
/// use assistants_blocking::yandex::CreateSearchIndex;
///
/// let file = client.files().upload("Opening hours: 9 to 5.").send()?;
/// let index = CreateSearchIndex::new(client.folder_id()).file_id(&file);
/// let index = client.search_indexes().create(index).send()?;
/// println!("{}", index.wait().on_progress(|seen| println!("{}", seen.description)).send()?.id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Operation<T> {
    client: Client,
    /// Secrets that its errors must not show.
    secrets: Secrets,
    state: types::Operation,
    makes: PhantomData<fn() -> T>,
}

impl<T: ProtoMessage> Operation<T> {
    /// The id of the operation.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.state.id
    }

    /// The operation in the state seen last.
    #[must_use]
    pub fn state(&self) -> &types::Operation {
        &self.state
    }

    /// Its result; `None` while it is running.
    ///
    /// # Errors
    ///
    /// [`Error::Operation`] if it failed, or has a result of another type.
    #[must_use]
    pub fn result(&self) -> Option<Result<T>> {
        Some(result(&self.state)?.map_err(|error| error.redact(&self.secrets)))
    }

    /// Reads the operation again.
    ///
    /// # Errors
    ///
    /// As [`Call::send`]; a failure of the operation itself is in [`result`](Self::result).
    pub fn poll(&mut self) -> Result<&types::Operation> {
        let call = self.client.operations().get(&self.state.id);
        let response = call.with_options(self.options()).send_raw()?;
        let seen = response.parse()?;
        response.check_id(&self.state.id, &seen.id)?;
        self.secrets = response.secrets().clone();
        self.state = seen;
        Ok(&self.state)
    }

    /// Waits until the operation is done.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let file = client.files().upload("The office opens at nine.").send()?;
    /// use assistants_blocking::yandex::CreateSearchIndex;
    ///
    /// let index = CreateSearchIndex::new(client.folder_id()).file_id(&file);
    /// let index = client.search_indexes().create(index).send()?.wait().send()?;
    /// println!("{}", index.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&self) -> OperationWait<'_, T> {
        OperationWait {
            operation: self,
            options: self.options(),
            poll_interval: None,
            poll_timeout: Duration::from_secs(3600),
            on_progress: None,
        }
    }

    /// The options of further requests: those of the client, with the secrets of the earlier ones.
    fn options(&self) -> Options {
        Options {
            secrets: self.secrets.clone(),
            ..self.client.options.clone()
        }
    }

    /// Cancels the operation, as far as the service can.
    pub fn cancel(&self) -> Call<types::Operation> {
        self.client.operations().cancel(&self.state.id)
    }
}

impl<T> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

fn result<T: ProtoMessage>(operation: &types::Operation) -> Option<Result<T>> {
    let fault = |error: OperationError| {
        let (code, fault) = match &error {
            OperationError::Failed(status) => (status.code, status.message.clone()),
            OperationError::Response(cause) => (0, format!("{error}: {cause}")),
            _ => (0, error.to_string()),
        };
        Error::from(OperationFailedError::new(&operation.id, code, fault))
    };
    Some(operation.result()?.map_err(fault))
}

/// Called with what each poll returns.
type Observer<'o> = Box<dyn FnMut(&types::Operation) + 'o>;

/// A call that waits until an operation is done. From [`Operation::wait`].
#[must_use = "nothing is polled until `send`"]
pub struct OperationWait<'o, T> {
    operation: &'o Operation<T>,
    options: Options,
    poll_interval: Option<Duration>,
    poll_timeout: Duration,
    on_progress: Option<Observer<'o>>,
}

impl<'o, T: ProtoMessage> OperationWait<'o, T> {
    option_setters!();

    /// The wait between two polls. Default: 50 ms at first, growing to 1 second.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = Some(interval);
        self
    }

    /// Limits the whole wait; the last poll is made when the limit is reached. Default: an hour.
    pub fn poll_timeout(mut self, limit: Duration) -> Self {
        self.poll_timeout = limit;
        self
    }

    /// Calls `observer` with what each poll returns.
    pub fn on_progress(mut self, observer: impl FnMut(&types::Operation) + 'o) -> Self {
        self.on_progress = Some(Box::new(observer));
        self
    }

    /// Waits until the operation is done, and returns its result.
    ///
    /// # Errors
    ///
    /// As [`Call::send`]; [`Error::Operation`] when the operation fails, [`Error::Timeout`] when it is not done in time,
    /// [`Error::Decode`] when the server responds with another operation.
    pub fn send(mut self) -> Result<T> {
        if let Some(done) = self.operation.result() {
            return done;
        }
        let (id, operations) = (self.operation.id(), self.operation.client.operations());
        self.options.begin();
        Wait::new(&self.options, self.poll_interval, self.poll_timeout).until(|| {
            let response = operations.get(id).with_options(self.options.clone()).send_raw()?;
            let seen = response.parse()?;
            response.check_id(id, &seen.id)?;
            if let Some(observer) = &mut self.on_progress {
                observer(&seen);
            }
            match result(&seen) {
                Some(done) => done.map(Polled::Done).map_err(|error| response.error(error)),
                None => Ok(Polled::running(&response, &format!("operation {id}"))),
            }
        })
    }
}

impl<T> fmt::Debug for OperationWait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationWait")
            .field("operation", &self.operation)
            .field("poll_interval", &self.poll_interval)
            .field("poll_timeout", &self.poll_timeout)
            .finish_non_exhaustive()
    }
}
