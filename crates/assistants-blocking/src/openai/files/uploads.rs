//! Files that are uploaded in parts.

use std::fmt;

use assistants_types::openai::operations as op;

use crate::call::options::option_setters;
use crate::error::{Error, Result};
use crate::http::file_source::FileSource;
use crate::http::multipart::Form;
use crate::http::progress::Progress;
use crate::openai::{Client, CompleteUpload, CreateUpload, File, FilePurpose, IdOf, Upload, UploadCall, UploadPart};
use crate::{Call, Options};

/// The size of a part, and the largest that the protocol allows: 64 MiB.
const PART_BYTES: u64 = 64 * 1024 * 1024;

/// Uploads of files that are too large for one request or one attempt. From [`Client::uploads`].
#[derive(Clone, Debug)]
pub struct Uploads {
    pub(crate) client: Client,
}

impl Uploads {
    /// Starts an upload, which expires after an hour. `POST /uploads`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::FileSource;
    /// use assistants_blocking::openai::{CompleteUpload, CreateUpload};
    ///
    /// let parts = ["nine to ", "five"];
    /// let params = CreateUpload::new("notes.txt", "assistants", 12, "text/plain");
    /// let upload = client.uploads().create(params).send()?;
    /// let mut ids = Vec::new();
    /// for part in parts {
    ///     let part = FileSource::bytes("part", part);
    ///     ids.push(client.uploads().add_part(&upload, part).send()?.id);
    /// }
    /// let upload = client.uploads().complete(&upload, CompleteUpload::new(ids)).send()?;
    /// println!("{:?}", upload.file.map(|file| file.id));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, params: CreateUpload) -> Call<Upload> {
        self.client.call_with(op::CREATE_UPLOAD, &[], &params)
    }

    /// Adds a part of at most 64 MB; parts may be sent in parallel and in any order.
    ///
    /// `POST /uploads/{upload_id}/parts`.
    pub fn add_part(&self, upload: impl IdOf<Upload>, data: impl Into<FileSource>) -> UploadCall<UploadPart> {
        let call = self.client.call(op::ADD_UPLOAD_PART, &[upload.as_id()]);
        UploadCall::new(call, Form::new("data", data.into()))
    }

    /// Joins the parts in the order of these ids. `POST /uploads/{upload_id}/complete`.
    pub fn complete(&self, upload: impl IdOf<Upload>, params: CompleteUpload) -> Call<Upload> {
        self.client.call_with(op::COMPLETE_UPLOAD, &[upload.as_id()], &params)
    }

    /// Cancels an upload. `POST /uploads/{upload_id}/cancel`.
    pub fn cancel(&self, upload: impl IdOf<Upload>) -> Call<Upload> {
        self.client.call(op::CANCEL_UPLOAD, &[upload.as_id()])
    }

    /// Uploads a file in parts, each a request of its own with retries of its own.
    ///
    /// If it fails, calling [`send`](PartsUpload::send) again continues with the missing part.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// let mut upload = client.uploads().upload_in_parts("Cargo.toml", "assistants").part_bytes(100);
    /// let file = upload.send()?;
    /// assert_eq!(file.filename, "Cargo.toml");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn upload_in_parts(&self, file: impl Into<FileSource>, purpose: impl Into<FilePurpose>) -> PartsUpload {
        let source = file.into();
        PartsUpload {
            uploads: self.clone(),
            file_name: source.name().to_owned(),
            source,
            purpose: purpose.into(),
            media_type: "application/octet-stream".to_owned(),
            part_bytes: PART_BYTES,
            progress: None,
            state: State::default(),
            options: self.client.options.clone(),
        }
    }
}

/// A file that is uploaded in parts. From [`Uploads::upload_in_parts`].
///
/// Options apply to each request.
#[must_use = "nothing is uploaded until `send`"]
pub struct PartsUpload {
    uploads: Uploads,
    source: FileSource,
    file_name: String,
    purpose: FilePurpose,
    media_type: String,
    part_bytes: u64,
    progress: Option<Progress>,
    state: State,
    options: Options,
}

/// The progress of an upload.
#[derive(Debug, Default)]
struct State {
    upload_id: Option<String>,
    part_ids: Vec<String>,
}

impl PartsUpload {
    option_setters!();

    /// The name of the file. Default: that of the source.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = name.into();
        self
    }

    /// The media type of the file. Default: `application/octet-stream`.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = media_type.into();
        self
    }

    /// The size of each part but the last, in bytes; at least 1. Default: 64 MiB, which is the most that servers take.
    pub fn part_bytes(mut self, bytes: u64) -> Self {
        self.part_bytes = bytes.max(1);
        self
    }

    /// Calls `observer` with the number of bytes sent and the size of the file. A part that is sent again starts from its
    /// beginning.
    pub fn on_progress(mut self, observer: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.progress = Some(Progress::new(observer));
        self
    }

    /// Continues an earlier upload that has these parts already, each of the size of
    /// [`part_bytes`](Self::part_bytes).
    pub fn resume(mut self, upload: impl IdOf<Upload>, part_ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.state = State {
            upload_id: Some(upload.into_id()),
            part_ids: part_ids.into_iter().map(Into::into).collect(),
        };
        self
    }

    /// The id of the upload, once it has started.
    #[must_use]
    pub fn upload_id(&self) -> Option<&str> {
        self.state.upload_id.as_deref()
    }

    /// The parts that the server has, in order.
    #[must_use]
    pub fn part_ids(&self) -> &[String] {
        &self.state.part_ids
    }

    /// Sends the missing parts and joins them. It can be called again after an error.
    ///
    /// # Errors
    ///
    /// As [`Files::upload`](crate::openai::Files::upload); [`Error::Api`] when the upload has expired, which takes an hour.
    pub fn send(&mut self) -> Result<File> {
        // Each request is one of its own. The deadline is that of this `send`: there may be another one.
        let mut options = Options {
            idempotency_key: None,
            ..self.options.clone()
        };
        options.begin();
        let length = self.source.length()?;
        let upload_id = match &self.state.upload_id {
            Some(id) => id.clone(),
            None => {
                let bytes = i64::try_from(length).unwrap_or(i64::MAX);
                let params = CreateUpload::new(&*self.file_name, self.purpose.clone(), bytes, &*self.media_type);
                let call = self.uploads.create(params).with_options(options.clone());
                self.state.upload_id.insert(call.send()?.id).clone()
            }
        };
        loop {
            let sent = (self.state.part_ids.len() as u64).saturating_mul(self.part_bytes);
            if sent >= length {
                break;
            }
            let part = self.source.part(sent, self.part_bytes.min(length - sent));
            let mut call = self.uploads.add_part(&upload_id, part);
            if let Some(progress) = self.progress.clone() {
                call = call.on_progress(move |of_part, _| progress.report(sent + of_part, length));
            }
            let call = call.with_options(options.without_body_fields());
            self.state.part_ids.push(call.send()?.id);
        }
        let params = CompleteUpload::new(&self.state.part_ids);
        let call = self.uploads.complete(&upload_id, params);
        let what = call.request.what();
        let upload = call.with_options(options.without_body_fields()).send()?;
        upload
            .file
            .ok_or_else(|| Error::unsupported(format!("{what}: the response does not name the file")))
    }
}

impl fmt::Debug for PartsUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartsUpload")
            .field("source", &self.source)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
