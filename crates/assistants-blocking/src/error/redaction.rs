//! Removes secrets from errors.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::source::{clean_io, clean_source};
use super::{ApiError, Error};
use crate::auth::secrets::Secrets;

impl Error {
    /// Removes the secrets of the call. Every error made from a server's data passes through here on its way to the caller,
    /// the log and observers.
    ///
    /// A cause is kept as it is unless it shows a secret or a control character; then its redacted text replaces it.
    pub(crate) fn redact(mut self, secrets: &Secrets) -> Self {
        let clean = |text: &mut String| secrets.clean(text);
        let clean_box = |text: &mut Box<str>| {
            let shown = secrets.redact(text);
            if *shown != **text {
                *text = shown.into();
            }
        };
        self.request_id_mut().into_iter().flatten().for_each(clean);
        match &mut self {
            Self::Api(error) => error.redact(secrets),
            Self::Transport(error) => {
                clean(&mut error.path);
                clean_io(&mut error.source, secrets);
            }
            Self::Timeout(error) => clean(&mut error.what),
            Self::Decode(error) => error.redact(secrets),
            Self::StreamTruncated(error) => {
                clean(&mut error.what);
                error.source.iter_mut().for_each(|source| clean_io(source, secrets));
            }
            Self::NotAStream(error) => {
                clean(&mut error.what);
                clean(&mut error.excerpt);
                error.content_type.iter_mut().for_each(clean);
            }
            Self::Stream(error) => {
                let source = error.source.as_mut();
                source.into_iter().for_each(|source| clean_source(source, secrets));
            }
            Self::TooLarge(error) => clean(&mut error.what),
            Self::RepeatedCursor(error) => {
                clean(&mut error.what);
                clean(&mut error.cursor);
            }
            Self::MissingCursor(error) => clean(&mut error.what),
            Self::Cancelled(text) | Self::Config(text) | Self::Unsupported(text) => clean_box(text),
            Self::RunFailed(run) => clean_object(&mut **run, secrets),
            Self::YandexRunFailed(run) => clean_object(&mut **run, secrets),
            Self::Operation(error) => {
                clean(&mut error.id);
                clean(&mut error.fault);
            }
            Self::Tool(error) => clean(&mut error.name),
            // The program's own words, or an error that has passed through here before.
            Self::Token(_) | Self::File(_) | Self::BatchUpload(_) => {}
        }
        self
    }

    /// The request id, in errors that can have one of their own.
    fn request_id_mut(&mut self) -> Option<&mut Option<String>> {
        Some(match self {
            Self::Api(error) => &mut error.request_id,
            Self::Transport(error) => &mut error.request_id,
            Self::Timeout(error) => &mut error.request_id,
            Self::Decode(error) => &mut error.request_id,
            Self::StreamTruncated(error) => &mut error.request_id,
            Self::NotAStream(error) => &mut error.request_id,
            Self::Stream(error) => &mut error.request_id,
            Self::TooLarge(error) => &mut error.request_id,
            _ => return None,
        })
    }

    /// The error of a response: sets the request id unless the error has one, and removes the secrets of the call.
    pub(crate) fn of_response(mut self, id: Option<&str>, secrets: &Secrets) -> Self {
        if let Some(known @ None) = self.request_id_mut() {
            *known = id.map(str::to_owned);
        }
        self.redact(secrets)
    }
}

impl ApiError {
    fn redact(&mut self, secrets: &Secrets) {
        let named = [&mut self.type_, &mut self.code, &mut self.param];
        let given = [&mut self.message, &mut self.body, &mut self.path];
        given
            .into_iter()
            .chain(named.into_iter().flatten())
            .for_each(|text| secrets.clean(text));
    }
}

/// Redacts the texts of an object that a server sent.
fn clean_object<T: Serialize + DeserializeOwned>(object: &mut T, secrets: &Secrets) {
    let Ok(mut json) = serde_json::to_value(&*object) else {
        return;
    };
    if !secrets.clean_json(&mut json) {
        return;
    }
    // Every text of an object may be any text, so what was written can also be read.
    if let Ok(clean) = serde_json::from_value::<T>(Value::take(&mut json)) {
        *object = clean;
    }
}
