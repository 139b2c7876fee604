//! Uploads that are forms.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::call::options::option_setters;
use crate::error::Result;
use crate::http::multipart::Form;
use crate::http::progress::Progress;
use crate::openai::{File, FileExpiration};
use crate::{Call, Options, RawResponse};

/// An upload that has been described but not sent: of a file, from [`Files::upload`](crate::openai::Files::upload), or of a
/// part of one, from [`Uploads::add_part`](crate::openai::Uploads::add_part).
///
/// Only files have a name, a type and an expiry:
///
/// ```compile_fail,E0599
/// let client = assistants_blocking::openai::Client::builder().base_url("http://127.0.0.1:1").build().unwrap();
/// let _ = client.uploads().add_part("upload_1", "Cargo.toml").file_name("notes.txt");
/// ```
///
/// ```
/// let client = assistants_blocking::openai::Client::builder().base_url("http://127.0.0.1:1").build().unwrap();
/// let _ = client.files().upload("Cargo.toml", "assistants").file_name("notes.txt");
/// ```
#[must_use = "a call does nothing until `send`"]
pub struct UploadCall<T = File> {
    call: Call<T>,
    form: Form,
    options: Options,
}

impl<T> UploadCall<T> {
    pub(super) fn new(call: Call<T>, form: Form) -> Self {
        Self {
            options: call.options.clone(),
            call,
            form,
        }
    }

    /// The same call with these options in place of its own.
    pub(crate) fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    option_setters!();

    /// Calls `observer` with the number of bytes sent and the size of the file. Another attempt starts again from 0.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::FileSource;
    ///
    /// let upload = client.files().upload(FileSource::bytes("notes.txt", "nine to five"), "assistants");
    /// let file = upload.on_progress(|sent, size| println!("{sent} of {size} bytes")).send()?;
    /// # assert_eq!(file.bytes, 12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_progress(mut self, observer: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.form.progress = Some(Progress::new(observer));
        self
    }

    /// Sends the request and reads the whole response, but does not parse it.
    ///
    /// # Errors
    ///
    /// As [`Call::send_raw`]; [`Error::File`](crate::Error::File) if the file cannot be read.
    pub fn send_raw(self) -> Result<RawResponse<T>> {
        let mut call = self.call.with_options(self.options);
        call.request = call.request.form(self.form);
        call.send_raw()
    }
}

impl UploadCall {
    /// The name that an uploaded file gets on the server. Default: that of the [`FileSource`](crate::FileSource).
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.form.file_name = Some(name.into());
        self
    }

    /// The media type of an uploaded file. Default: `application/octet-stream`; servers go by the name.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.form.content_type = Some(media_type.into());
        self
    }

    /// When the server deletes an uploaded file. Default: never, except for files of batches.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::FileSource;
    /// use assistants_blocking::openai::{FileExpiration, FileExpirationAnchor};
    ///
    /// let upload = client.files().upload(FileSource::bytes("notes.txt", "nine to five"), "assistants");
    /// let file = upload.expires_after(FileExpiration::new(FileExpirationAnchor::CreatedAt, 86_400)).send()?;
    /// println!("{:?}", file.expires_at);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn expires_after(mut self, expiration: impl Into<FileExpiration>) -> Self {
        // A word, a number and members that are JSON already always have a JSON form.
        if let Ok(value) = serde_json::to_value(expiration.into()) {
            self.form.set("expires_after", &value);
        }
        self
    }
}

impl<T: DeserializeOwned> UploadCall<T> {
    /// Uploads the file or part, with retries if that is safe and sensible.
    ///
    /// # Errors
    ///
    /// As [`Call::send`]; [`Error::File`](crate::Error::File) if the file cannot be read.
    pub fn send(self) -> Result<T> {
        self.send_raw()?.parse()
    }
}

impl<T> fmt::Debug for UploadCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadCall")
            .field("request", &self.call.request.what())
            .field("form", &self.form)
            .field("options", &self.options)
            .finish()
    }
}
