//! Reads `multipart/form-data` bodies as they arrive. No thread blocks on them, and little of them is in memory at a
//! time.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use multer::{Field, Multipart};
use serde_json::{Map, Number, Value};
use tokio_stream::Stream;

use super::content_type::{content_type, has_form};
use super::{BodyReader, Frontend, Rejection};
use crate::storage::StorageError;
use crate::storage::blobs::{Digest, FileStore, Unfinished};

/// The maximum total size of the text fields, in bytes, and the maximum number of fields.
const MAX_TEXT: usize = 64 * 1024;
const MAX_FIELDS: usize = 64;

/// The maximum number of bytes before the first part, and in the headers of a part.
const MAX_HEADERS: usize = 16 * 1024;

/// How much of a file is buffered before it is written, in bytes.
const PIECE: usize = 64 * 1024;

/// What an operation expects of a form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// The name of the file's field.
    pub(crate) file: &'static str,
    /// The maximum size of the file, in bytes.
    pub(crate) most: u64,
}

/// A form that was read: its text fields as a JSON object, and its file.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) fields: Value,
    pub(crate) file: Unfinished,
    pub(crate) file_name: Option<String>,
    /// Identifies the contents of the form, for idempotency keys.
    pub(crate) digest: String,
}

/// Why a form was rejected.
#[derive(Debug)]
pub(crate) enum FormError {
    Rejected(Rejection),
    Storage(StorageError),
    /// The form is malformed, or has too many fields.
    Malformed(String),
    /// A field is malformed, or occurs too often.
    Field {
        name: String,
        message: String,
    },
    /// The form has no file. The text is the name of its field.
    Missing(&'static str),
    /// The file is empty.
    Empty(&'static str),
    /// The file is larger than `most` bytes.
    TooLarge {
        name: &'static str,
        most: u64,
    },
}

impl From<StorageError> for FormError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<multer::Error> for FormError {
    fn from(error: multer::Error) -> Self {
        let error = match error {
            multer::Error::StreamReadFailed(cause) => match cause.downcast::<Rejection>() {
                Ok(rejection) => return Self::Rejected(*rejection),
                Err(cause) => multer::Error::StreamReadFailed(cause),
            },
            error => error,
        };
        Self::Malformed(format!("The form could not be read: {error}."))
    }
}

impl Frontend {
    /// Reads a form and writes its file to `store`.
    pub(crate) async fn read_form(
        &self,
        headers: &HeaderMap,
        body: Body,
        form: Form,
        store: &FileStore,
    ) -> Result<Received, FormError> {
        if !has_form(headers) {
            let message = "The body must be a form: `multipart/form-data`.";
            return Err(FormError::Malformed(message.to_owned()));
        }
        let boundary = multer::parse_boundary(content_type(headers))
            .map_err(|error| FormError::Malformed(format!("The form has no boundary: {error}.")))?;
        let reader = Arc::new(Mutex::new(BodyReader::new(body, self.limits.body_timeout)));
        let ahead = Arc::new(AtomicUsize::new(0));
        let guarded = Guarded {
            reader: Arc::clone(&reader),
            ahead: Arc::clone(&ahead),
            resting: false,
        };
        let form_reader = FormReader {
            multipart: Multipart::new(guarded, boundary),
            ahead,
        };
        let received = form_reader.read(form, store).await;
        if let Err(error) = &received
            && !matches!(error, FormError::Rejected(Rejection::TooSlow))
        {
            // The form was dropped, so this is the only reference.
            let reader =
                Arc::into_inner(reader).map(|reader| reader.into_inner().unwrap_or_else(PoisonError::into_inner));
            if let Some(mut reader) = reader {
                reader.drain().await;
            }
        }
        received
    }
}

/// A form that is being read.
struct FormReader {
    multipart: Multipart<'static>,
    /// See [`Guarded`].
    ahead: Arc<AtomicUsize>,
}

impl FormReader {
    async fn read(mut self, form: Form, store: &FileStore) -> Result<Received, FormError> {
        let part = form.file;
        let (mut fields, mut digest) = (Map::new(), Digest::default());
        let (mut file, mut room) = (None, MAX_TEXT);
        for _ in 0..MAX_FIELDS {
            let Some(mut field) = self.next_field().await? else {
                let (file, file_name) = file.ok_or(FormError::Missing(part))?;
                return Ok(Received {
                    fields: Value::Object(fields),
                    file,
                    file_name,
                    digest: digest.finish(),
                });
            };
            let name = field.name().unwrap_or_default().to_owned();
            digest.update(name.as_bytes());
            if name == part {
                if file.is_some() {
                    return Err(of_field(part, format!("The form has more than one '{part}'.")));
                }
                let file_name = field.file_name().map(str::to_owned);
                let unfinished = self.write(&mut field, form, store).await?;
                digest.update(file_name.as_deref().unwrap_or_default().as_bytes());
                digest.update(unfinished.digest().as_bytes());
                file = Some((unfinished, file_name));
            } else {
                let text = self.read_text(&mut field, &name, room).await?;
                room -= text.len();
                digest.update(text.as_bytes());
                set(&mut fields, &name, text);
            }
        }
        let message = format!("The form has more than {MAX_FIELDS} fields.");
        Err(FormError::Malformed(message))
    }

    async fn next_field(&mut self) -> Result<Option<Field<'static>>, FormError> {
        let field = self.multipart.next_field().await?;
        self.ahead.store(0, Ordering::Relaxed);
        Ok(field)
    }

    async fn chunk(&self, field: &mut Field<'_>) -> Result<Option<Bytes>, FormError> {
        let chunk = field.chunk().await?;
        self.ahead.store(0, Ordering::Relaxed);
        Ok(chunk)
    }

    async fn write(&self, field: &mut Field<'_>, form: Form, store: &FileStore) -> Result<Unfinished, FormError> {
        let (part, most) = (form.file, form.most);
        let store = store.clone();
        let mut file = blocking(move || store.create()).await?;
        let mut gathered = Vec::new();
        while let Some(chunk) = self.chunk(field).await? {
            if file.length() + (gathered.len() + chunk.len()) as u64 > most {
                return Err(FormError::TooLarge { name: part, most });
            }
            gathered.extend_from_slice(&chunk);
            if gathered.len() >= PIECE {
                file = append(file, std::mem::take(&mut gathered)).await?;
            }
        }
        let file = append(file, gathered).await?;
        if file.length() == 0 {
            return Err(FormError::Empty(part));
        }
        Ok(file)
    }

    async fn read_text(&self, field: &mut Field<'_>, name: &str, room: usize) -> Result<String, FormError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(field).await? {
            if bytes.len() + chunk.len() > room {
                let message = format!("'{name}' is too long: the text fields of a form have at most {MAX_TEXT} bytes.");
                return Err(of_field(name, message));
            }
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).map_err(|_| of_field(name, format!("'{name}' is not UTF-8.")))
    }
}

fn of_field(name: &str, message: String) -> FormError {
    FormError::Field {
        name: name.to_owned(),
        message,
    }
}

/// Appends to a file on a thread that may block.
pub(super) async fn append(mut file: Unfinished, bytes: Vec<u8>) -> Result<Unfinished, StorageError> {
    blocking(move || file.write(&bytes).map(|()| file)).await
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StorageError {
            action: "writing an upload".to_owned(),
            source: Some(Box::new(error)),
        }),
    }
}

/// A body as input for multer, with a bound on read-ahead and a pause after each piece.
///
/// multer buffers everything it reads until it finds the first boundary, or the end of a part's headers. `ahead` counts
/// the bytes read since multer last produced something, and bounds that buffer.
///
/// multer also reads as long as the stream is ready, which can buffer the whole file if the network is faster than the
/// disk. And before it reports that the first boundary is missing, it polls the stream a second time and then misses
/// what arrived with the end of the stream in between. Returning `Pending` once after each piece prevents both.
struct Guarded {
    reader: Arc<Mutex<BodyReader>>,
    ahead: Arc<AtomicUsize>,
    resting: bool,
}

impl Stream for Guarded {
    type Item = Result<Bytes, Rejection>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.resting) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.ahead.load(Ordering::Relaxed) > MAX_HEADERS {
            let message = format!("no part begins, or ends its headers, within {MAX_HEADERS} bytes");
            return Poll::Ready(Some(Err(Rejection::Broken(message))));
        }
        let piece = ready!(this.reader.lock().unwrap_or_else(PoisonError::into_inner).poll(context)).transpose();
        if let Some(Ok(piece)) = &piece {
            this.ahead.fetch_add(piece.len(), Ordering::Relaxed);
            this.resting = true;
        }
        Poll::Ready(piece)
    }
}

/// Adds a text field as a JSON member.
///
/// `expires_after[seconds]` becomes the member `seconds` of an object, and there digits become a number.
fn set(fields: &mut Map<String, Value>, name: &str, text: String) {
    let nested = name
        .split_once('[')
        .and_then(|(outer, rest)| Some((outer, rest.strip_suffix(']')?)));
    match nested {
        Some((outer, inner)) => {
            let value = text
                .parse::<i64>()
                .map_or(Value::String(text), |number| Number::from(number).into());
            let member = fields.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(member) = member {
                member.insert(inner.to_owned(), value);
            }
        }
        // Some clients send an object as JSON text.
        None => {
            let object = text
                .starts_with('{')
                .then(|| serde_json::from_str(&text).ok())
                .flatten();
            fields.insert(name.to_owned(), object.unwrap_or(Value::String(text)));
        }
    }
}
