//! Waiting for objects that the server works on: runs, files, vector stores.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::File;
use crate::call::options::option_setters;
use crate::call::wait::{Polled, Wait};
use crate::error::Result;
use crate::{Call, Options};

/// An object that the server works on for a while.
pub(super) trait Pollable: DeserializeOwned {
    /// Its name in error messages.
    const NOUN: &'static str;

    /// The default limit on the whole wait.
    const POLL_TIMEOUT: Duration = Duration::from_secs(30 * 60);

    fn id(&self) -> &str;

    fn status(&self) -> &str;

    /// Whether waiting longer changes nothing.
    fn is_done(&self) -> bool;
}

/// Whether a status is final. Where a server sends no status there is nothing to wait for.
pub(super) fn is_final(status: &str, last: &[&str]) -> bool {
    status.is_empty() || last.contains(&status)
}

impl Pollable for File {
    const NOUN: &'static str = "file";

    fn id(&self) -> &str {
        &self.id
    }

    fn status(&self) -> &str {
        self.status.as_str()
    }

    fn is_done(&self) -> bool {
        is_final(self.status(), &["processed", "error"])
    }
}

/// Makes the first request, with these options; more requests may have to be sent before it.
type First<T> = Box<dyn FnOnce(&Options) -> Result<Call<T>> + Send>;

/// Makes the request that reads an object again.
type Poll<T> = Box<dyn Fn(&T) -> Call<T> + Send>;

/// A call that waits until the server has processed an object.
///
/// It returns the object in whatever state it ended, even if that is a failure: check its `status`.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
/// # let file = client.files().upload(notes, "assistants").send()?;
/// # let store = assistants_blocking::openai::CreateVectorStore::default().file_id(&file.id);
/// # let store = client.vector_stores().create_and_poll(store).send()?;
/// use std::time::Duration;
/// use assistants_blocking::openai::CreateVectorStoreFile;
///
/// let call = client.vector_store_files(&store).create_and_poll(CreateVectorStoreFile::new(&file));
/// let indexed = call.poll_timeout(Duration::from_secs(120)).send()?;
/// println!("{} {:?}", indexed.status, indexed.last_error);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is polled until `send`"]
pub struct WaitCall<T> {
    first: First<T>,
    poll: Poll<T>,
    /// The id of the object, if it is known before the first response.
    id: Option<String>,
    options: Options,
    poll_interval: Option<Duration>,
    poll_timeout: Duration,
}

#[allow(private_bounds, reason = "only types of this crate can be waited for")]
impl<T: Pollable + 'static> WaitCall<T> {
    /// Waits for the object that `retrieve` reads first, and `poll` from then on.
    pub(super) fn of(id: String, retrieve: Call<T>, poll: impl Fn(&T) -> Call<T> + Send + 'static) -> Self {
        let options = retrieve.options.clone();
        let first = move |options: &Options| Ok(retrieve.with_options(options.follow_up()));
        Self::starting_with(&options, first, poll).about(id)
    }

    /// Waits for the object in the response to `call`.
    pub(super) fn after(call: Call<T>, poll: impl Fn(&T) -> Call<T> + Send + 'static) -> Self {
        let options = call.options.clone();
        let first = move |options: &Options| Ok(call.with_options(options.clone()));
        Self::starting_with(&options, first, poll)
    }

    /// Waits for the object in the response to the call that `first` makes with the options of the wait.
    pub(super) fn starting_with(
        options: &Options,
        first: impl FnOnce(&Options) -> Result<Call<T>> + Send + 'static,
        poll: impl Fn(&T) -> Call<T> + Send + 'static,
    ) -> Self {
        Self {
            first: Box::new(first),
            poll: Box::new(poll),
            id: None,
            options: options.clone(),
            poll_interval: None,
            poll_timeout: T::POLL_TIMEOUT,
        }
    }

    /// Accepts no response about another object.
    pub(super) fn about(mut self, id: String) -> Self {
        self.id = Some(id);
        self
    }
}

impl<T> WaitCall<T> {
    /// The same call with these options in place of its own.
    pub(crate) fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    option_setters!();

    /// The wait between two polls. Default: what the last `openai-poll-after-ms` header says, from 20 ms to a minute;
    /// without one, 50 ms at first, growing to 1 second.
    #[doc(alias = "interval")]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = Some(interval);
        self
    }

    /// Limits the whole wait; the last poll is made when the limit is reached. Default: 30 minutes; for a run
    /// 15 minutes, since runs expire on the server after 10.
    pub fn poll_timeout(mut self, limit: Duration) -> Self {
        self.poll_timeout = limit;
        self
    }
}

#[allow(private_bounds, reason = "only types of this crate can be waited for")]
impl<T: Pollable> WaitCall<T> {
    /// Waits, and returns the object.
    ///
    /// A status newer than this crate counts as still running; a file or vector store without a status is not waited for.
    ///
    /// # Errors
    ///
    /// As [`Call::send`]; [`Error::Timeout`](crate::Error::Timeout) naming the last status when it is not done in time,
    /// [`Error::Decode`](crate::Error::Decode) when the server responds with another object.
    pub fn send(mut self) -> Result<T> {
        self.options.begin();
        let wait = Wait::new(&self.options, self.poll_interval, self.poll_timeout);
        let (mut first, mut seen) = (Some(self.first), None);
        wait.until(|| {
            let call = match (first.take(), &seen) {
                (None, Some(seen)) => (self.poll)(seen).with_options(self.options.follow_up()),
                (Some(first), _) => first(&self.options)?,
                (None, None) => unreachable!("a poll that failed is the last"),
            };
            let what = call.request.what();
            let response = call.send_raw()?;
            let object: T = response.parse()?;
            response.check_id(self.id.get_or_insert_with(|| object.id().to_owned()), object.id())?;
            if object.is_done() {
                return Ok(Polled::Done(object));
            }
            let state = format!("{what}: the {} is `{}`", T::NOUN, object.status());
            seen = Some(object);
            Ok(Polled::running(&response, &state))
        })
    }
}

impl<T> fmt::Debug for WaitCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitCall")
            .field("id", &self.id)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
