//! Calls: a request, its options, and the type of its response.

pub(crate) mod deadline;
pub(crate) mod download;
pub(crate) mod list;
pub(crate) mod options;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod url;
pub(crate) mod wait;

use std::fmt;
use std::io::Read;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::call::options::{Options, option_setters};
use crate::call::request::Request;
use crate::call::response::{AttachSecrets, RawResponse};
use crate::error::Result;
use crate::http::endpoint::Endpoint;

/// A request that has been described but not sent.
///
/// Nothing happens before [`send`](Self::send), [`send_raw`](Self::send_raw) or
/// [`send_streaming`](Self::send_streaming). Options set here apply to this call only.
///
/// `Kind` determines which setters the call has in addition to those of all calls: those of
/// [`RunKind`](crate::openai::RunKind), or none.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// use std::time::Duration;
/// use assistants_blocking::openai::CreateThread;
///
/// let call = client
///     .threads()
///     .create(CreateThread::default())
///     .timeout(Duration::from_secs(5)) // for each attempt
///     .deadline(Duration::from_secs(20)) // for everything
///     .header("X-Trace", "42")
///     .max_retries(1);
/// let thread = call.send()?;
/// println!("{}", thread.id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a call does nothing until `send`"]
pub struct Call<T, Kind = Plain> {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) request: Request,
    pub(crate) options: Options,
    pub(crate) attach_secrets: AttachSecrets<T>,
    kind: PhantomData<fn() -> Kind>,
}

/// The kind of a [`Call`] that has the setters of all calls only.
#[derive(Debug)]
#[non_exhaustive]
pub struct Plain;

impl<T, Kind> Call<T, Kind> {
    pub(crate) fn new(endpoint: &Arc<Endpoint>, options: &Options, request: Request) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
            request,
            options: options.clone(),
            attach_secrets: |_, _| {},
            kind: PhantomData,
        }
    }

    /// The same call without the setters of its kind.
    pub(crate) fn plain(self) -> Call<T> {
        Call {
            endpoint: self.endpoint,
            request: self.request,
            options: self.options,
            attach_secrets: self.attach_secrets,
            kind: PhantomData,
        }
    }

    /// The same call with these options in place of its own.
    pub(crate) fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    option_setters!();

    /// Sends the request and returns a reader of the response body while it arrives.
    ///
    /// The request is retried until a response begins; later errors are those of the reader.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let assistant = assistants_blocking::openai::CreateAssistant::new("scripted");
    /// # let id = client.assistants().create(assistant).send()?.id;
    /// use std::io::{BufRead as _, BufReader};
    ///
    /// let body = client.assistants().retrieve(&id).send_streaming()?;
    /// for line in BufReader::new(body).lines() {
    ///     println!("{}", line?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send). A failed read is an `io::Error` that contains this crate's [`Error`](crate::Error).
    pub fn send_streaming(self) -> Result<impl Read + Send + 'static> {
        Ok(self.endpoint.open(&self.request, &self.options)?.body)
    }

    /// Sends the request and reads the whole response, but does not parse it.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # use assistants_blocking::openai::CreateThread;
    /// let response = client.threads().create(CreateThread::default()).send_raw()?;
    /// println!("{} {:?} after {:?}", response.status(), response.request_id(), response.elapsed());
    /// let thread = response.parse()?;
    /// println!("{}", thread.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), except [`Error::Decode`](crate::Error::Decode), which only [`RawResponse::parse`] returns.
    pub fn send_raw(self) -> Result<RawResponse<T>> {
        let received = self.endpoint.execute(&self.request, &self.options)?;
        Ok(RawResponse::new(received).attach_secrets(self.attach_secrets))
    }
}

impl<T: DeserializeOwned, Kind> Call<T, Kind> {
    /// Sends the request, with retries if that is safe and sensible, and parses the response.
    ///
    /// # Errors
    ///
    /// - [`Error::Config`](crate::Error::Config): it cannot be sent; no request was made.
    /// - [`Error::Api`](crate::Error::Api): the server responded with a status of 300 or more.
    /// - [`Error::Transport`](crate::Error::Transport), [`Error::Timeout`](crate::Error::Timeout): no complete response.
    /// - [`Error::Decode`](crate::Error::Decode): the response does not match the protocol.
    /// - [`Error::Cancelled`](crate::Error::Cancelled): the token of [`cancel_with`](Self::cancel_with) was cancelled.
    pub fn send(self) -> Result<T> {
        self.send_raw()?.parse()
    }
}

impl<T, Kind> fmt::Debug for Call<T, Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("request", &self.request.what())
            .field("options", &self.options)
            .finish()
    }
}
