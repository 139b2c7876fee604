//! What an error may show of what a server sent.

use std::error::Error as StdError;
use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::text::is_printable;
use super::{ApiError, Error, Source};
use crate::auth::secret::Secrets;

impl Error {
    /// The same without the secrets of the call that it is the error of. Every error that is made of what a server sent
    /// goes through here on its way to the caller, to the log and to observers.
    ///
    /// A cause is kept as it is unless its text shows a secret or a control character; then the text stands for it.
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
            Self::Decode(error) => {
                clean(&mut error.what);
                clean(&mut error.path);
                clean(&mut error.excerpt);
                clean_source(&mut error.source, secrets);
            }
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
            // The program's own words, or an error that went through here before.
            Self::Token(_) | Self::File(_) | Self::BatchUpload(_) => {}
        }
        self
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

fn clean_io(source: &mut io::Error, secrets: &Secrets) {
    if let Some(text) = shown(source, secrets) {
        *source = io::Error::new(source.kind(), text);
    }
}

fn clean_source(source: &mut Source, secrets: &Secrets) {
    if let Some(text) = shown(&**source, secrets) {
        *source = text.into();
    }
}

/// What stands for a cause, with its own causes, that must not be shown as it is.
fn shown(source: &(dyn StdError + 'static), secrets: &Secrets) -> Option<String> {
    let mut debug = format!("{source:?}");
    let mut text = source.to_string();
    let mut cause = source.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        debug += &format!("{error:?}");
        cause = error.source();
    }
    let printable = secrets.redact(&text) == text && secrets.redact(&debug) == debug && is_printable(&text);
    (!printable).then(|| super::text::Printable(&secrets.redact(&text)).to_string())
}

/// Redacts the texts of an object that a server sent.
fn clean_object<T: Serialize + DeserializeOwned>(object: &mut T, secrets: &Secrets) {
    let Ok(mut json) = serde_json::to_value(&*object) else {
        return;
    };
    if !secrets.clean_json(&mut json) {
        return;
    }
    // Every text of an object may be another one, so that what was written is also read.
    if let Ok(clean) = serde_json::from_value::<T>(Value::take(&mut json)) {
        *object = clean;
    }
}
