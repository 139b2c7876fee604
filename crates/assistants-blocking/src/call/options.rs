//! The options of calls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::CancelToken;
use crate::auth::secrets::Secrets;
use crate::call::deadline::Deadline;
use crate::http::watch::Watch;

/// Options of a call, or defaults for all calls of a client.
///
/// None of them is a parameter of the protocol: they control how a request is sent. An option of a call takes precedence
/// over that of the client. Headers, query parameters and body fields are combined, and those of a call replace those of the
/// client with the same name.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// use std::time::Duration;
/// use assistants_blocking::Options;
/// # use assistants_blocking::openai::CreateThread;
///
/// let defaults = Options::new().timeout(Duration::from_secs(30)).header("X-Team", "blue");
/// let client = client.with_options(defaults);
/// let call = client.threads().create(CreateThread::default());
/// call.timeout(Duration::from_secs(5)).send()?; // 5 seconds, and the header of the client
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Options {
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) max_retries: Option<u32>,
    /// Shared by all calls of a client, and copied only by a call that adds something.
    pub(crate) added: Arc<Additions>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) cancel: Option<CancelToken>,
    /// An idempotency key was set for a client instead of a call.
    pub(crate) shared_key: bool,
    /// Secrets of an earlier request of the same call, which a server may repeat later.
    pub(crate) secrets: Secrets,
}

/// What is added to a request.
#[derive(Clone, Default)]
pub(crate) struct Additions {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body_fields: Vec<(String, Value)>,
    /// The query of the client: for every request of a call, while `query` is for its first one.
    pub(crate) client_query: Vec<(String, String)>,
    pub(crate) client_body_fields: Vec<(String, Value)>,
}

impl Additions {
    /// The fields that are added to a body; a later one replaces an earlier one of its name.
    pub(crate) fn all_body_fields(&self) -> impl Iterator<Item = &(String, Value)> + Clone {
        self.client_body_fields.iter().chain(&self.body_fields)
    }
}

impl Options {
    /// No option set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits one attempt, from connecting to the last byte of the response; of a stream, to the end of its headers.
    /// Default: 10 minutes; 60 seconds for Yandex.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use std::time::Duration;
    ///
    /// client.assistants().list().timeout(Duration::from_secs(5)).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Limits everything that a call does from `send` on: attempts, waits between them, polls, tool rounds, reading a
    /// stream; for a list, all pages from the first request on. Default: no limit.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use std::time::{Duration, Instant};
    /// use assistants_blocking::openai::{CreateAssistant, CreateMessage, CreateThread, CreateThreadAndRun};
    ///
    /// let assistant = client.assistants().create(CreateAssistant::new("scripted")).send()?;
    /// let thread = CreateThread::default().message(CreateMessage::user("sleep 60000")); // a slow model
    /// let params = CreateThreadAndRun::new(&assistant).thread(thread);
    /// let started = Instant::now();
    /// let call = client.threads().create_and_run_poll(params);
    /// let outcome = call.deadline(Duration::from_millis(100)).send();
    /// assert!(outcome.is_err_and(|error| error.is_timeout()));
    /// assert!(started.elapsed() < Duration::from_secs(30));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(Deadline::After(limit));
        self
    }

    /// Limits the silence between two bytes of a stream. Default: 5 minutes.
    #[must_use]
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle_timeout = Some(limit);
        self
    }

    /// The number of attempts that may follow the first. Default: 2; 4 for Yandex.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// Adds a header, which replaces one that the client sends by default. An invalid name or value is an
    /// [`Error::Config`](crate::Error::Config) at `send`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// client.assistants().list().header("X-Trace", "42").send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.add().headers.push((name.into(), value.into()));
        self
    }

    /// Adds a query parameter. One of a call replaces those with the same name of the client or of the method, such as the
    /// limit of a list. A name that is added twice in one place is sent twice.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// client.assistants().list().query("limit", "5").query("debug", "on").send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.add().query.push((name.into(), value.into()));
        self
    }

    /// Adds a field to the JSON body, or replaces the one with the same name. Requests without a body ignore it.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # use assistants_blocking::openai::CreateThread;
    /// let call = client.threads().create(CreateThread::default());
    /// let thread = call.body_field("metadata", serde_json::json!({"order": "4711"})).send()?;
    /// # assert_eq!(thread.metadata.as_ref().and_then(|all| all.get("order")).map(String::as_str), Some("4711"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn body_field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.add().body_fields.push((name.into(), value.into()));
        self
    }

    /// Sends this idempotency key instead of a generated one. A server that supports such keys executes requests with the
    /// same key once. The services of Yandex ignore them; a caller that sets a key declares that its server, such as
    /// `assistants-local`, supports them, and the call is retried as one that is safe to retry.
    ///
    /// A key is for one call. A client with a key ([`with_options`](crate::openai::Client::with_options)) rejects every
    /// call with an [`Error::Config`](crate::Error::Config), and sends nothing.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # use assistants_blocking::openai::CreateThread;
    /// let create = || client.threads().create(CreateThread::default()).idempotency_key("order-4711");
    /// assert_eq!(create().send()?.id, create().send()?.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Cancels the call when the token is cancelled.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::{CancelToken, Error};
    ///
    /// let token = CancelToken::new();
    /// token.cancel(); // usually from another thread
    /// let outcome = client.assistants().list().cancel_with(&token).send();
    /// assert!(matches!(outcome, Err(Error::Cancelled(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn cancel_with(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    /// What is added to requests, to be changed for this call only.
    pub(crate) fn add(&mut self) -> &mut Additions {
        Arc::make_mut(&mut self.added)
    }

    /// Options of a request that another call depends on: its limits, and nothing else.
    pub(crate) fn within(watch: &Watch) -> Self {
        Self {
            cancel: watch.cancel().cloned(),
            deadline: watch.deadline().map(|limit| Deadline::At(Some(limit))),
            ..Self::default()
        }
    }

    /// Only the limits, and nothing that is sent: for a request to a server that the rest was not meant for.
    pub(crate) fn limits(&self) -> Self {
        Self {
            timeout: self.timeout,
            deadline: self.deadline,
            idle_timeout: self.idle_timeout,
            max_retries: self.max_retries,
            cancel: self.cancel.clone(),
            secrets: self.secrets.clone(),
            ..Self::default()
        }
    }

    /// Begins a call that sends several requests: from now on the deadline is a point in time, shared by all of them.
    pub(crate) fn begin(&mut self) {
        self.deadline = self.deadline.map(Deadline::begin);
    }

    /// What can end the call early.
    pub(crate) fn watch(&self) -> Watch {
        Watch::new(self.cancel.clone(), self.deadline.and_then(Deadline::limit))
    }

    /// The options of a request that follows the first one of a call: without what the caller added to that one.
    pub(crate) fn follow_up(&self) -> Self {
        let mut next = self.without_body_fields();
        next.idempotency_key = None;
        for (name, value) in &self.added.query {
            next.secrets.add_named(name, value);
        }
        if !next.added.query.is_empty() {
            next.add().query.clear();
        }
        next
    }

    /// The same options without the fields that the caller added to the body.
    pub(crate) fn without_body_fields(&self) -> Self {
        let mut next = self.clone();
        if !next.added.body_fields.is_empty() {
            next.add().body_fields.clear();
        }
        next
    }

    /// The options of a request that cleans up after a call: it is sent although the token was cancelled and the deadline
    /// has passed, and takes `limit` at most, from now on.
    pub(crate) fn clean_up(&self, limit: Duration) -> Self {
        Self {
            cancel: None,
            deadline: Some(Deadline::After(limit).begin()),
            ..self.follow_up()
        }
    }

    /// The options of a client: these, completed by `defaults`.
    pub(crate) fn over(mut self, defaults: &Self) -> Self {
        let own = std::mem::take(self.add());
        let replaced = |name: &String| own.query.iter().any(|(own, _)| own == name);
        let mut client_query = defaults.added.client_query.clone();
        client_query.retain(|(name, _)| !replaced(name));
        client_query.extend(own.query);
        let headers = defaults.added.headers.iter().cloned().chain(own.headers);
        let body_fields = defaults.added.client_body_fields.iter().cloned().chain(own.body_fields);
        Self {
            timeout: self.timeout.or(defaults.timeout),
            deadline: self.deadline.or(defaults.deadline),
            idle_timeout: self.idle_timeout.or(defaults.idle_timeout),
            max_retries: self.max_retries.or(defaults.max_retries),
            added: Arc::new(Additions {
                headers: headers.collect(),
                query: Vec::new(),
                body_fields: Vec::new(),
                client_query,
                client_body_fields: body_fields.collect(),
            }),
            idempotency_key: None,
            secrets: Secrets::default(),
            shared_key: defaults.shared_key || self.idempotency_key.is_some(),
            cancel: self.cancel.or_else(|| defaults.cancel.clone()),
        }
    }
}

impl fmt::Debug for Options {
    /// Shows the names of headers, query parameters and body fields, but not their values, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn names<V>(pairs: &[(String, V)]) -> Vec<&str> {
            pairs.iter().map(|(name, _)| name.as_str()).collect()
        }
        f.debug_struct("Options")
            .field("timeout", &self.timeout)
            .field("deadline", &self.deadline)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_retries", &self.max_retries)
            .field("headers", &names(&self.added.headers))
            .field("query", &names(&self.added.query))
            .field("body_fields", &names(&self.added.body_fields))
            .field("client_query", &names(&self.added.client_query))
            .field("client_body_fields", &names(&self.added.client_body_fields))
            .field("idempotency_key", &self.idempotency_key)
            .field("cancel", &self.cancel)
            .finish()
    }
}

/// Defines the setters of [`Options`] that a call and the builder of a client have in common. The type has a field `options`.
macro_rules! default_setters {
    () => {
        /// Limits one attempt, from connecting to the last byte of the response; of a stream, to the end of its headers.
        /// Default: 10 minutes; for Yandex 60 seconds, and 180 seconds for chat completions.
        ///
        /// [`Options::timeout`](crate::Options::timeout) has an example.
        pub fn timeout(mut self, limit: std::time::Duration) -> Self {
            self.options = self.options.timeout(limit);
            self
        }

        /// Limits everything that a call does from `send` on: attempts, waits between them, polls, tool rounds, reading a
        /// stream; for a list, all pages from the first request on. Default: no limit.
        ///
        /// [`Options::deadline`](crate::Options::deadline) has an example.
        pub fn deadline(mut self, limit: std::time::Duration) -> Self {
            self.options = self.options.deadline(limit);
            self
        }

        /// Limits the silence between two bytes of a stream. Default: 5 minutes.
        pub fn idle_timeout(mut self, limit: std::time::Duration) -> Self {
            self.options = self.options.idle_timeout(limit);
            self
        }

        /// The number of attempts that may follow the first. Default: 2; 4 for Yandex.
        pub fn max_retries(mut self, retries: u32) -> Self {
            self.options = self.options.max_retries(retries);
            self
        }

        /// Adds a header, which replaces one that the client sends by default. An invalid name or value is an
        /// [`Error::Config`](crate::Error::Config) at `send`.
        ///
        /// [`Options::header`](crate::Options::header) has an example.
        pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.options = self.options.header(name, value);
            self
        }

        /// Adds a query parameter. It replaces those with the same name of the client or of this call, such as the limit of a
        /// list. A name that is added twice is sent twice.
        ///
        /// [`Options::query`](crate::Options::query) has an example.
        pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.options = self.options.query(name, value);
            self
        }
    };
}
pub(crate) use default_setters;

/// Defines the setters of [`Options`] for a kind of call. The type has a field `options`.
macro_rules! option_setters {
    () => {
        $crate::call::options::default_setters!();

        /// Adds a field to the JSON body, or replaces the one with the same name. Requests without a body ignore it.
        ///
        /// [`Options::body_field`](crate::Options::body_field) has an example.
        pub fn body_field(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
            self.options = self.options.body_field(name, value);
            self
        }

        /// Sends this idempotency key instead of a generated one.
        ///
        /// [`Options::idempotency_key`](crate::Options::idempotency_key) has an example.
        pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
            self.options = self.options.idempotency_key(key);
            self
        }

        /// Cancels the call when the token is cancelled, within 50 ms even if it is waiting for the server.
        ///
        /// [`Options::cancel_with`](crate::Options::cancel_with) has an example.
        pub fn cancel_with(mut self, token: &crate::CancelToken) -> Self {
            self.options = self.options.cancel_with(token);
            self
        }
    };
}
pub(crate) use option_setters;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calls_option_wins_and_lists_add_up() {
        let defaults = Options::new()
            .max_retries(5)
            .timeout(Duration::from_secs(1))
            .header("a", "1")
            .query("a", "1")
            .query("b", "1")
            .over(&Options::new());
        let own = Options::new().max_retries(0).header("a", "2");
        let all = own.query("a", "2").query("a", "3").over(&defaults);
        assert_eq!(all.max_retries, Some(0));
        assert_eq!(all.timeout, Some(Duration::from_secs(1)));
        assert_eq!(all.added.headers, [("a".into(), "1".into()), ("a".into(), "2".into())]);
        let query = [("b", "1"), ("a", "2"), ("a", "3")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(
            (&all.added.client_query, &all.added.query),
            (&query.into(), &Vec::new())
        );
    }

    #[test]
    fn calls_share_what_the_client_adds_until_they_add_something() {
        let client = Options::new().header("a", "1").query("b", "1").over(&Options::new());
        let shares = |call: &Options| Arc::ptr_eq(&call.added, &client.added);
        let call = client.clone().timeout(Duration::from_secs(1));
        assert!(shares(&call) && shares(&call.follow_up()));
        let call = call.header("a", "2").query("c", "1");
        assert_eq!((call.added.headers.len(), client.added.headers.len()), (2, 1));
        assert_eq!(call.follow_up().added.query, []);
        assert_eq!(call.follow_up().added.headers, call.added.headers);
    }

    #[test]
    fn debug_shows_no_header_value() {
        let shown = format!("{:?}", Options::new().header("authorization", "Bearer sk-hush"));
        assert!(shown.contains("authorization") && !shown.contains("hush"), "{shown}");
    }
}
