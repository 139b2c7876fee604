//! Messages of a thread.

use std::collections::VecDeque;
use std::fmt;
use std::io::Read;

use assistants_types::yandex::operations as op;

use super::client::with_query;
use super::{Client, CreateMessage, IdOf, Message, MessageData};
use crate::Call;
use crate::call::options::{Options, option_setters};
use crate::error::{Error, Result};
use crate::http::incoming::Incoming;
use crate::stream::event_source::Origin;
use crate::stream::json_objects::{Found, JsonStream, unwrap};
use crate::stream::open::open_objects;

/// The messages of one thread. From [`Client::messages`].
///
/// The service neither changes nor deletes messages.
#[derive(Clone, Debug)]
pub struct Messages {
    pub(super) client: Client,
    pub(super) thread: String,
}

impl Messages {
    /// Adds a message to the end of the thread: a text, several parts, or [`MessageData`] with author and labels.
    /// `POST /assistants/v1/messages`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// use assistants_blocking::yandex::MessageData;
    ///
    /// client.messages(&thread).create("How are you?").send()?;
    /// let labelled = MessageData::from("And you?").labels([("source", "cli")]);
    /// let message = client.messages(&thread).create(labelled).send()?;
    /// assert_eq!(message.text(), "And you?");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, message: impl Into<MessageData>) -> Call<Message> {
        let MessageData {
            author,
            labels,
            content,
            extra,
        } = message.into();
        let mut params = CreateMessage::new(&self.thread, content.unwrap_or_default());
        (params.author, params.labels, params.extra) = (author, labels, extra);
        if self.thread.is_empty() {
            return self.client.send(
                op::CREATE_MESSAGE,
                with_query(op::CREATE_MESSAGE, &[], &[("threadId", "")]),
            );
        }
        self.client.call_with(op::CREATE_MESSAGE, &[], &params)
    }

    /// Reads one message. `GET /assistants/v1/messages/{messageId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// # let message = client.messages(&thread).create("How are you?").send()?;
    /// let message = client.messages(&thread).get(&message).send()?;
    /// assert_eq!(message.text(), "How are you?");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "retrieve")]
    pub fn get(&self, message: impl IdOf<Message>) -> Call<Message> {
        self.client
            .query(op::GET_MESSAGE, &[message.as_id()], &[("threadId", &self.thread)])
    }

    /// Lists the messages, newest first. The service streams them all, without pages. `GET /assistants/v1/messages`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let params = assistants_blocking::yandex::CreateThread::new(client.folder_id()).message("Hello");
    /// # let thread = client.threads().create(params).send()?;
    /// for message in client.messages(&thread).list() {
    ///     println!("{}", message?.text());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> MessageListCall {
        let call = self.client.query(op::LIST_MESSAGES, &[], &[("threadId", &self.thread)]);
        MessageListCall {
            options: call.options.clone(),
            call,
        }
    }
}

/// A list of messages that has been described but not requested. As an iterator it yields them as they arrive.
#[must_use = "a list does nothing until it is iterated or sent"]
#[derive(Debug)]
pub struct MessageListCall {
    call: Call<()>,
    options: Options,
}

impl MessageListCall {
    option_setters!();

    /// Sends the request; returns when the response begins.
    ///
    /// # Errors
    ///
    /// As [`Call::send`].
    pub fn send(self) -> Result<MessageStream> {
        let (objects, origin) = open_objects(&self.call.endpoint, &self.call.request, &self.options)?;
        Ok(MessageStream {
            objects: Some(objects),
            waiting: VecDeque::new(),
            origin,
            seen: 0,
        })
    }

    /// Returns the response as it arrives, unparsed.
    ///
    /// # Errors
    ///
    /// As [`Call::send_streaming`].
    pub fn send_streaming(self) -> Result<impl Read + Send + 'static> {
        self.call.with_options(self.options).send_streaming()
    }
}

impl IntoIterator for MessageListCall {
    type Item = Result<Message>;
    type IntoIter = MessageItems;

    fn into_iter(self) -> MessageItems {
        MessageItems(State::Call(Box::new(self)))
    }
}

/// The messages of a thread, as they arrive. After an error it ends.
#[must_use = "nothing is read until it is iterated"]
pub struct MessageStream {
    objects: Option<JsonStream<Incoming>>,
    waiting: VecDeque<Message>,
    origin: Origin,
    seen: u64,
}

impl Iterator for MessageStream {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Result<Message>> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                self.seen += 1;
                return Some(Ok(message));
            }
            let taken = match self.objects.as_mut()?.next_object() {
                Ok(Found::Object(object)) => unwrap(object, &self.origin, |message| self.waiting.push_back(message)),
                Ok(Found::End) => {
                    if let Some(body) = self.objects.take().and_then(JsonStream::into_reader) {
                        body.recycle();
                    }
                    return None;
                }
                Ok(Found::Cut) => Err(self.cut()),
                Err(Error::Transport(error)) => Err(self.origin.truncated(self.seen, Some(error.into_source()))),
                Err(error) => Err(error),
            };
            if let Err(error) = taken {
                self.objects = None;
                return Some(Err(self.origin.error(error)));
            }
        }
    }
}

impl MessageStream {
    /// The error of a stream that ended too early.
    fn cut(&self) -> Error {
        let head = self.objects.as_ref().map_or(&[][..], JsonStream::head);
        let other = (self.seen == 0 && !head.is_empty()).then(|| self.origin.not_a_stream(head));
        other
            .flatten()
            .unwrap_or_else(|| self.origin.truncated(self.seen, None))
    }
}

impl fmt::Debug for MessageStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStream")
            .field("of", &self.origin.what())
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// Iterates over the messages of a thread. After an error it ends.
#[must_use = "nothing is requested until it is iterated"]
#[derive(Debug)]
pub struct MessageItems(State);

#[derive(Debug)]
enum State {
    Call(Box<MessageListCall>),
    Stream(Box<MessageStream>),
    Failed,
}

impl Iterator for MessageItems {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Result<Message>> {
        // `Failed` stays behind where the call cannot be sent.
        self.0 = match std::mem::replace(&mut self.0, State::Failed) {
            State::Call(call) => match call.send() {
                Ok(stream) => State::Stream(Box::new(stream)),
                Err(error) => return Some(Err(error)),
            },
            started => started,
        };
        match &mut self.0 {
            State::Stream(stream) => stream.next(),
            State::Call(_) | State::Failed => None,
        }
    }
}
