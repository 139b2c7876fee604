//! Lists: items one by one, with pages that are fetched when needed.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::vec;

use assistants_types::openai::{IdOf, Page, SortOrder};
use serde::de::DeserializeOwned;

use crate::auth::secrets::Secrets;
use crate::call::options::{Options, option_setters};
use crate::call::request::Request;
use crate::call::response::{RawResponse, Received};
use crate::error::{Error, MissingCursorError, RepeatedCursorError, Result};
use crate::http::endpoint::Endpoint;

/// A list that has been described but not requested.
///
/// As an iterator it yields all items, and requests a page only when the items of the one before are used up.
/// [`pages`](Self::pages) yields pages, [`send`](Self::send) gets a single one. Options apply to each page, except the
/// deadline: that of an iterator counts from the request for the first page to the end, including the time between pages.
///
/// `T` is an item, `P` a page as the server sends it: [`Page`] unless the provider has pages of its own.
///
/// ```
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
/// # use assistants_blocking::openai::CreateAssistant;
/// # for name in ["Ada", "Bob", "Eve"] {
/// #     client.assistants().create(CreateAssistant::new("scripted").name(name)).send()?;
/// # }
/// for assistant in client.assistants().list().limit(2) {
///     println!("{:?}", assistant?.name);
/// }
///
/// // Each item is a `Result`, and an error ends the list.
/// let names: Vec<_> = client
///     .assistants()
///     .list()
///     .order("asc")
///     .into_iter()
///     .map(|assistant| Ok(assistant?.name.unwrap_or_default()))
///     .collect::<Result<_, assistants_blocking::Error>>()?;
/// assert_eq!(names, ["Ada", "Bob", "Eve"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a list does nothing until it is walked or sent"]
pub struct ListCall<T, P = Page<T>> {
    endpoint: Arc<Endpoint>,
    pub(crate) request: Request,
    pub(crate) options: Options,
    /// The operation returns everything at once, and would return it again if there were another request.
    one_page: bool,
    item: PhantomData<fn() -> (T, P)>,
}

/// A page of a list: its items, and the cursor of the next page. Implemented for the pages of each provider.
pub trait ListPage: DeserializeOwned + sealed::Sealed + 'static {
    /// An item of the list.
    type Item;

    /// The query parameter that takes the cursor.
    #[doc(hidden)]
    const CURSOR: &'static str;

    /// The cursor of the next page; `None` if there is none.
    fn next_cursor(&self) -> Option<String>;

    /// Whether the page reports that more follows but has no cursor.
    #[doc(hidden)]
    fn lacks_cursor(&self) -> bool {
        false
    }

    /// The items.
    fn into_items(self) -> Vec<Self::Item>;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

impl<T> sealed::Sealed for Page<T> {}

impl<T> ListPage for Page<T>
where
    T: DeserializeOwned + 'static,
    for<'a> &'a T: IdOf<T>,
{
    type Item = T;

    const CURSOR: &'static str = "after";

    fn next_cursor(&self) -> Option<String> {
        let last = self.data.last().map(|item| item.as_id().to_owned());
        match self.more() {
            Some(true) => last.or_else(|| self.last_id.clone()),
            Some(false) => None,
            // The server does not report whether there is more, so the list ends with an empty page.
            None => last,
        }
        .filter(|cursor| !cursor.is_empty())
    }

    fn lacks_cursor(&self) -> bool {
        self.more() == Some(true) && self.next_cursor().is_none()
    }

    fn into_items(self) -> Vec<T> {
        self.data
    }
}

impl<T, P> ListCall<T, P> {
    pub(crate) fn new(endpoint: &Arc<Endpoint>, options: &Options, request: Request) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
            request,
            options: options.clone(),
            one_page: false,
            item: PhantomData,
        }
    }

    /// Treats the first page as the whole list.
    pub(crate) fn one_page(mut self) -> Self {
        self.one_page = true;
        self
    }

    /// Sets a parameter of the operation. It replaces an earlier value.
    pub(crate) fn parameter(mut self, name: &str, value: impl Into<String>) -> Self {
        self.request.query.retain(|(other, _)| other != name);
        self.request.query.push((name.to_owned(), value.into()));
        self
    }

    option_setters!();
}

impl<T> ListCall<T> {
    /// The number of items per page. Servers accept 1 to 100; their default is 20.
    pub fn limit(self, items: u32) -> Self {
        self.parameter("limit", items.to_string())
    }

    /// Oldest or newest first; the server's default is newest first.
    pub fn order(self, order: impl Into<SortOrder>) -> Self {
        self.parameter("order", order.into().as_str())
    }

    /// Starts after this item: the cursor for going forward.
    pub fn after(self, id: impl IdOf<T>) -> Self {
        self.parameter("after", id.as_id())
    }

    /// Ends before this item: the cursor for going back.
    pub fn before(self, id: impl IdOf<T>) -> Self {
        self.parameter("before", id.as_id())
    }
}

impl<T, P: DeserializeOwned> ListCall<T, P> {
    /// Gets one page.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # use assistants_blocking::openai::CreateAssistant;
    /// # for name in ["Ada", "Bob", "Eve"] {
    /// #     client.assistants().create(CreateAssistant::new("scripted").name(name)).send()?;
    /// # }
    /// let page = client.assistants().list().limit(2).send()?;
    /// assert_eq!((page.data.len(), page.has_more), (2, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Call::send`](crate::Call::send).
    pub fn send(self) -> Result<P> {
        self.send_raw()?.parse()
    }

    /// Gets one page, unparsed.
    ///
    /// # Errors
    ///
    /// As [`Call::send_raw`](crate::Call::send_raw).
    pub fn send_raw(self) -> Result<RawResponse<P>> {
        let received = self.endpoint.execute(&self.request, &self.options)?;
        Ok(RawResponse::new(received))
    }
}

impl<T: 'static, P: ListPage<Item = T>> ListCall<T, P> {
    /// Iterates over the pages of the list.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # use assistants_blocking::openai::CreateAssistant;
    /// # for name in ["Ada", "Bob", "Eve"] {
    /// #     client.assistants().create(CreateAssistant::new("scripted").name(name)).send()?;
    /// # }
    /// for page in client.assistants().list().limit(2).pages() {
    ///     println!("{} assistants", page?.data.len());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pages(self) -> Pages<T, P> {
        let what = self.request.what();
        let one_page = self.one_page;
        let secrets = self.endpoint.secrets(&self.options);
        let mut requests = PageRequests {
            endpoint: self.endpoint,
            request: self.request,
            options: self.options,
        };
        let fetch = move |cursor: Option<&str>| RawResponse::new(requests.send(P::CURSOR, cursor)?).parse();
        Pages {
            one_page,
            secrets,
            ..Pages::new(what, Box::new(fetch))
        }
    }
}

impl<T: 'static, P: ListPage<Item = T>> IntoIterator for ListCall<T, P> {
    type Item = Result<T>;
    type IntoIter = Items<T, P>;

    fn into_iter(self) -> Items<T, P> {
        Items {
            pages: self.pages(),
            page: Vec::new().into_iter(),
        }
    }
}

impl<T, P> fmt::Debug for ListCall<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListCall")
            .field("request", &self.request.what())
            .field("options", &self.options)
            .finish()
    }
}

/// The requests for the pages of a list.
struct PageRequests {
    endpoint: Arc<Endpoint>,
    request: Request,
    options: Options,
}

impl PageRequests {
    /// Requests the page after `cursor`, or the first one. `parameter` is the query parameter that takes the cursor.
    fn send(&mut self, parameter: &str, cursor: Option<&str>) -> Result<Received> {
        self.options.begin();
        let Some(cursor) = cursor else {
            return self.endpoint.execute(&self.request, &self.options);
        };
        let (mut request, mut options) = (self.request.clone(), self.options.clone());
        // A cursor given by the caller was for the first page.
        let is_cursor = |(name, _): &(String, String)| name == parameter;
        request.query.retain(|one| !is_cursor(one));
        if options.added.query.iter().any(is_cursor) {
            options.add().query.retain(|one| !is_cursor(one));
        }
        request.query.push((parameter.to_owned(), cursor.to_owned()));
        self.endpoint.execute(&request, &options)
    }
}

/// Fetches the page after a cursor, or the first one.
type Fetch<P> = Box<dyn FnMut(Option<&str>) -> Result<P> + Send>;

/// An iterator over the pages of a list. After an error it ends.
#[must_use = "no page is fetched until it is walked"]
pub struct Pages<T, P = Page<T>> {
    what: String,
    fetch: Fetch<P>,
    next: Next,
    one_page: bool,
    /// What errors must not show.
    secrets: Secrets,
    seen: Seen,
    item: PhantomData<fn() -> T>,
}

/// Finds a repeated cursor, even after a detour, while it remembers a single cursor (Brent's method), so that memory does not
/// grow with the list.
#[derive(Default)]
struct Seen {
    cursor: String,
    steps: u64,
    limit: u64,
}

impl Seen {
    /// Takes the next cursor; true if it was seen before.
    fn again(&mut self, cursor: &str) -> bool {
        if self.limit > 0 && self.cursor == cursor {
            return true;
        }
        if self.steps == self.limit {
            cursor.clone_into(&mut self.cursor);
            self.steps = 0;
            self.limit = (self.limit * 2).max(1);
        }
        self.steps += 1;
        false
    }
}

/// What follows the page that was returned last.
enum Next {
    First,
    After(String),
    Done,
}

impl<T, P> Pages<T, P> {
    fn new(what: String, fetch: Fetch<P>) -> Self {
        Self {
            what,
            fetch,
            next: Next::First,
            one_page: false,
            secrets: Secrets::default(),
            seen: Seen::default(),
            item: PhantomData,
        }
    }

    /// The cursor of the next page. A list continues from here if it is passed to [`ListCall::after`], or for Yandex to
    /// [`page_token`](ListCall::page_token). `None` before the first page and after the last.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # use assistants_blocking::openai::CreateAssistant;
    /// # for name in ["Ada", "Bob", "Eve"] {
    /// #     client.assistants().create(CreateAssistant::new("scripted").name(name)).send()?;
    /// # }
    /// let mut pages = client.assistants().list().limit(2).pages();
    /// let first = pages.next().transpose()?;
    /// let cursor = pages.cursor().map(str::to_owned).ok_or("there is only one page")?;
    ///
    /// // Later, in another process:
    /// let rest = client.assistants().list().limit(2).after(&cursor);
    /// assert_eq!(rest.into_iter().count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        match &self.next {
            Next::After(cursor) => Some(cursor),
            Next::First | Next::Done => None,
        }
    }
}

impl<T, P: ListPage<Item = T>> Iterator for Pages<T, P> {
    type Item = Result<P>;

    fn next(&mut self) -> Option<Result<P>> {
        // `Done` remains on every early return, so an error ends the iterator.
        let after = match std::mem::replace(&mut self.next, Next::Done) {
            Next::First => None,
            Next::After(cursor) => Some(cursor),
            Next::Done => return None,
        };
        let page = match (self.fetch)(after.as_deref()) {
            Ok(page) => page,
            Err(error) => return Some(Err(error)),
        };
        if self.one_page {
            return Some(Ok(page));
        }
        if page.lacks_cursor() {
            let what = self.what.clone();
            return Some(Err(MissingCursorError { what }.into()));
        }
        if let Some(cursor) = page.next_cursor() {
            if self.seen.again(&cursor) {
                let error = RepeatedCursorError {
                    what: self.what.clone(),
                    cursor,
                };
                return Some(Err(Error::from(error).redact(&self.secrets)));
            }
            self.next = Next::After(cursor);
        }
        Some(Ok(page))
    }
}

impl<T, P> fmt::Debug for Pages<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("what", &self.what)
            .field("cursor", &self.cursor())
            .finish_non_exhaustive()
    }
}

/// An iterator over the items of a list. After an error it ends.
#[must_use = "no page is fetched until it is walked"]
pub struct Items<T, P = Page<T>> {
    pages: Pages<T, P>,
    page: vec::IntoIter<T>,
}

impl<T, P: ListPage<Item = T>> Iterator for Items<T, P> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(item) = self.page.next() {
                return Some(Ok(item));
            }
            match self.pages.next()? {
                Ok(page) => self.page = page.into_items().into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<T, P> fmt::Debug for Items<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("pages", &self.pages)
            .field("left", &self.page.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assistants_types::openai::Thread;

    /// Iterates over pages given as JSON, and records the requested cursors, the items, and the end.
    fn walk(pages: &[&str]) -> String {
        let log = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let written = Arc::clone(&log);
        let mut left: Vec<String> = pages.iter().rev().map(|&page| page.to_owned()).collect();
        let fetch = move |after: Option<&str>| {
            written
                .lock()
                .unwrap()
                .push_str(&format!("[{}]", after.unwrap_or_default()));
            let page = left.pop().expect("no page is requested after the last one");
            Ok(serde_json::from_str::<Page<Thread>>(&page).unwrap())
        };
        let mut items = Items {
            pages: Pages::new("GET /x".into(), Box::new(fetch)),
            page: Vec::new().into_iter(),
        };
        for item in &mut items {
            let line = match item {
                Ok(thread) => thread.id,
                Err(Error::RepeatedCursor(error)) => format!("!{}", error.cursor),
                Err(error) => error.to_string(),
            };
            log.lock().unwrap().push_str(&line);
        }
        assert!(items.next().is_none(), "the end stays the end");
        log.lock().unwrap().clone()
    }

    #[test]
    fn returns_all_items() {
        let one = r#"{"data":[{"id":"a"},{"id":"b"}],"has_more":true}"#;
        assert_eq!(walk(&[one, r#"{"data":[{"id":"c"}],"has_more":false}"#]), "[]ab[b]c");
        assert_eq!(walk(&[r#"{"data":[],"has_more":false}"#]), "[]");
    }

    #[test]
    fn continues_to_an_empty_page_if_the_server_does_not_report_more() {
        assert_eq!(walk(&[r#"{"data":[{"id":"a"}]}"#, r#"{"data":[]}"#]), "[]a[a]");
    }

    #[test]
    fn a_page_that_reports_more_without_a_cursor_is_an_error() {
        for page in [
            r#"{"data":[],"has_more":true}"#,
            r#"{"data":[],"has_more":true,"last_id":""}"#,
        ] {
            assert_eq!(
                walk(&[page]),
                "[]GET /x: the server reports that more follows a page, but sent no cursor"
            );
        }
    }

    #[test]
    fn a_list_continues_after_an_empty_page_with_a_cursor() {
        let empty = r#"{"data":[],"has_more":true,"last_id":"x"}"#;
        assert_eq!(walk(&[empty, r#"{"data":[{"id":"y"}],"has_more":false}"#]), "[][x]y");
    }

    #[test]
    fn a_repeated_cursor_is_an_error() {
        let page = r#"{"data":[{"id":"a"}],"has_more":true}"#;
        assert_eq!(walk(&[page, page]), "[]a[a]!a");
        let other = r#"{"data":[{"id":"b"}],"has_more":true}"#;
        let walked = walk(&[page, other, page, other, page, other]);
        assert!(walked.starts_with("[]a[a]b[b]a") && walked.contains('!'), "{walked}");
    }
}
