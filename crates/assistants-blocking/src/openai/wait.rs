//! Waiting for objects that the server works on: files, vector stores.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::File;
use crate::call::options::option_setters;
use crate::call::wait::{Polled, Wait};
use crate::error::Result;
use crate::{Call, Options};

/// Something that a server works on for a while.
pub(super) trait Pollable: DeserializeOwned {
    /// What messages call it.
    const NOUN: &'static str;

    fn id(&self) -> &str;

    fn status(&self) -> &str;

    /// The statuses after which nothing changes.
    const FINAL: &'static [&'static str];

    /// Whether waiting longer changes nothing. Where a server gives no status there is nothing to wait for.
    fn is_done(&self) -> bool {
        let status = self.status();
        status.is_empty() || Self::FINAL.contains(&status)
    }
}

impl Pollable for File {
    const NOUN: &'static str = "file";
    const FINAL: &'static [&'static str] = &["processed", "error"];

    fn id(&self) -> &str {
        &self.id
    }

    fn status(&self) -> &str {
        self.status.as_str()
    }
}

/// Makes the request for the object of that id.
type Retrieve<T> = Box<dyn Fn(&str) -> Call<T> + Send>;

/// Makes the request that makes the object; it may have to do more before, with these options.
type First<T> = Box<dyn FnOnce(&Options) -> Result<Call<T>> + Send>;

/// A call that waits until the server is done with an object.
///
/// The object is handed out in whatever state it ended, also when that is a failure: look at its `status`.
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
    first: Option<First<T>>,
    /// What is waited for, where it is known before the first response.
    id: Option<String>,
    retrieve: Retrieve<T>,
    pub(crate) options: Options,
    poll_interval: Option<Duration>,
    poll_timeout: Duration,
}

impl<T> WaitCall<T> {
    /// Waits for the object of that id, which `retrieve` reads.
    pub(super) fn of(options: &Options, id: String, retrieve: impl Fn(&str) -> Call<T> + Send + 'static) -> Self {
        Self {
            first: None,
            id: Some(id),
            retrieve: Box::new(retrieve),
            options: options.clone(),
            poll_interval: None,
            poll_timeout: Duration::from_secs(30 * 60),
        }
    }

    /// Waits for the object that `first` responds with.
    pub(super) fn after(
        options: &Options,
        first: impl FnOnce(&Options) -> Result<Call<T>> + Send + 'static,
        retrieve: impl Fn(&str) -> Call<T> + Send + 'static,
    ) -> Self {
        Self {
            first: Some(Box::new(first)),
            id: None,
            ..Self::of(options, String::new(), retrieve)
        }
    }

    option_setters!();

    /// The wait between two polls. Default: what the last `openai-poll-after-ms` header says, from 20 ms to a minute;
    /// without one, 50 ms at first, growing to 1 second.
    #[doc(alias = "interval")]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = Some(interval);
        self
    }

    /// Limits the whole wait; the last poll is made when the limit is reached. Default: 30 minutes.
    pub fn poll_timeout(mut self, limit: Duration) -> Self {
        self.poll_timeout = limit;
        self
    }
}

#[allow(
    private_bounds,
    reason = "what can be waited for is ours to say; nobody implements it"
)]
impl<T: Pollable> WaitCall<T> {
    /// Waits, and hands out the object.
    ///
    /// A status newer than this crate counts as still running; an object without a status is not waited for.
    ///
    /// # Errors
    ///
    /// As [`Call::send`]; [`Error::Timeout`](crate::Error::Timeout) naming the last status when it is not done in time,
    /// [`Error::Decode`](crate::Error::Decode) when the server responds with another object.
    pub fn send(mut self) -> Result<T> {
        self.options.begin();
        let mut first = self.first.take();
        Wait::new(&self.options, self.poll_interval, self.poll_timeout).until(|| {
            let call = match first.take() {
                Some(first) => {
                    let mut call = first(&self.options)?;
                    call.options = self.options.clone();
                    call
                }
                None => {
                    let mut call = (self.retrieve)(self.id.as_deref().unwrap_or_default());
                    call.options = self.options.follow_up();
                    call
                }
            };
            let what = call.request.what();
            let response = call.send_raw()?;
            let object = response.parse()?;
            match &self.id {
                Some(id) => response.check_id(id, object.id())?,
                None => self.id = Some(object.id().to_owned()),
            }
            if object.is_done() {
                return Ok(Polled::Done(object));
            }
            let state = format!("{what}: the {} is `{}`", T::NOUN, object.status());
            Ok(Polled::running(&response, &state))
        })
    }
}

impl<T> fmt::Debug for WaitCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitCall")
            .field("first", &self.first.is_some())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
