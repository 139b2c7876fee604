//! Bodies of the form `multipart/form-data`, read as they arrive.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use multer::{Field, Multipart};
use serde_json::{Map, Number, Value};
use tokio::runtime::Handle;
use tokio_stream::Stream;

use super::error::ApiError;
use crate::files::{Digest, FileStore, Unfinished};

/// The longest text field, in bytes, and how many fields there may be.
const LONGEST_TEXT: usize = 64 * 1024;
const MOST_FIELDS: usize = 64;

/// A form that is not read yet. Reading blocks, and keeps no more in memory than what arrives at once.
#[derive(Debug)]
pub(super) struct Form {
    multipart: Multipart<'static>,
    runtime: Handle,
}

/// What was in a form: the text fields as JSON members, and the file.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) fields: Value,
    pub(super) file: Unfinished,
    pub(super) file_name: Option<String>,
    /// Tells this form from another one.
    pub(super) digest: String,
}

impl Form {
    /// The form in a body, if the headers say that it is one. Must be called on the runtime.
    pub(super) fn of(headers: &HeaderMap, body: Body) -> Result<Result<Self, Body>, ApiError> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let Some(content_type) = content_type.filter(|value| is_form(value)) else {
            return Ok(Err(body));
        };
        let boundary = multer::parse_boundary(content_type)
            .map_err(|error| ApiError::invalid(format!("The form has no boundary: {error}.")))?;
        let pieces = OneByOne {
            body: body.into_data_stream(),
            resting: false,
        };
        Ok(Ok(Self {
            multipart: Multipart::new(pieces, boundary),
            runtime: Handle::current(),
        }))
    }

    /// Reads everything. The field `part` is the file, of at most `most` bytes, which goes to `store`.
    pub(super) fn receive(mut self, store: &FileStore, part: &str, most: u64) -> Result<Received, ApiError> {
        let received = self.read(store, part, most);
        if received.is_err() {
            // A client that still writes when the connection closes may never see the answer.
            self.drain(most.min(super::server::LARGEST_WASTE as u64));
        }
        received
    }

    fn read(&mut self, store: &FileStore, part: &str, most: u64) -> Result<Received, ApiError> {
        let mut fields = Map::new();
        let mut digest = Digest::default();
        let mut file = None;
        for _ in 0..MOST_FIELDS {
            let Some(mut field) = self.runtime.block_on(self.multipart.next_field()).map_err(broken)? else {
                let Some((file, file_name)) = file else {
                    return Err(missing(part));
                };
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
                    return Err(ApiError::invalid(format!("The form has more than one '{part}'.")).param(part));
                }
                let file_name = field.file_name().map(str::to_owned);
                let unfinished = write(&self.runtime, &mut field, store, part, most)?;
                digest.update(file_name.as_deref().unwrap_or_default().as_bytes());
                digest.update(unfinished.digest().as_bytes());
                file = Some((unfinished, file_name));
            } else {
                let text = read_text(&self.runtime, &mut field, &name)?;
                digest.update(text.as_bytes());
                set(&mut fields, &name, text);
            }
        }
        Err(ApiError::invalid(format!(
            "The form has more than {MOST_FIELDS} fields."
        )))
    }

    fn drain(&mut self, most: u64) {
        let mut left = most;
        while let Ok(Some(mut field)) = self.runtime.block_on(self.multipart.next_field()) {
            while let Ok(Some(chunk)) = self.runtime.block_on(field.chunk()) {
                left = left.saturating_sub(chunk.len() as u64);
                if left == 0 {
                    return;
                }
            }
        }
    }
}

/// A body that rests after each piece.
///
/// multer takes pieces for as long as there are some, which could be the whole file when the network is faster than
/// the disk. It also looks at the stream a second time before it gives up on the first boundary, and then does not see
/// what came with the end of the stream in between. With a rest after each piece, neither happens.
struct OneByOne {
    body: BodyDataStream,
    resting: bool,
}

impl Stream for OneByOne {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.resting) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = Pin::new(&mut this.body).poll_next(context);
        this.resting = matches!(piece, Poll::Ready(Some(_)));
        piece
    }
}

fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("multipart/form-data")
}

fn write(
    runtime: &Handle,
    field: &mut Field<'_>,
    store: &FileStore,
    part: &str,
    most: u64,
) -> Result<Unfinished, ApiError> {
    let mut file = store.create()?;
    while let Some(chunk) = runtime.block_on(field.chunk()).map_err(broken)? {
        if file.length() + chunk.len() as u64 > most {
            let message = format!("'{part}' is larger than {most} bytes.");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
                .param(part)
                .code("file_too_large"));
        }
        file.write(&chunk)?;
    }
    if file.length() == 0 {
        let message = format!("'{part}' is empty, and empty files are not accepted.");
        return Err(ApiError::invalid(message).param(part).code("empty_file"));
    }
    Ok(file)
}

fn read_text(runtime: &Handle, field: &mut Field<'_>, name: &str) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = runtime.block_on(field.chunk()).map_err(broken)? {
        if bytes.len() + chunk.len() > LONGEST_TEXT {
            let message = format!("'{name}' is longer than {LONGEST_TEXT} bytes.");
            return Err(ApiError::invalid(message).param(name));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid(format!("'{name}' is not UTF-8.")).param(name))
}

/// Puts a field among the members; `expires_after[seconds]` is a member of a member. Digits are a number there.
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

fn missing(part: &str) -> ApiError {
    ApiError::invalid(format!("Missing required parameter: '{part}'."))
        .param(part)
        .code("missing_required_parameter")
}

fn broken(error: multer::Error) -> ApiError {
    ApiError::invalid(format!("The form could not be read: {error}."))
}
