//! Files.

mod upload_call;
mod uploads;

use assistants_types::openai::operations as op;

use super::{Client, DownloadCall, File, FileDeleted, FilePurpose, IdOf, WaitCall};
use crate::call::request::Request;
use crate::http::file_source::FileSource;
use crate::http::multipart::Form;
use crate::{Call, ListCall};

pub use upload_call::UploadCall;
pub use uploads::{PartsUpload, Uploads};

/// The files of the project. From [`Client::files`].
///
/// See also the chapter [Files](crate::guide::files).
#[derive(Clone, Debug)]
pub struct Files {
    pub(super) client: Client,
}

impl Files {
    /// Uploads a file: a path, or anything else that converts to a [`FileSource`]. It is read while it is sent.
    ///
    /// `POST /files`. Carries an idempotency key, so that a retry does not store the file twice on servers that support
    /// such keys. A retry opens the file again.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use assistants_blocking::FileSource;
    ///
    /// let notes = FileSource::bytes("notes.txt", "The tests run with `cargo test`.");
    /// let file = client.files().upload(notes, "assistants").send()?;
    /// assert_eq!((file.filename.as_str(), file.bytes), ("notes.txt", 32));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// At `send`: [`Error::File`](crate::Error::File) if the file is missing, not a regular file, empty, or shrinks while it
    /// is sent.
    pub fn upload(&self, file: impl Into<FileSource>, purpose: impl Into<FilePurpose>) -> UploadCall {
        let mut form = Form::new("file", file.into());
        form.set("purpose", &purpose.into().as_str().into());
        UploadCall::new(self.client.call(op::CREATE_FILE, &[]), form)
    }

    /// Reads one file, without its content. `GET /files/{file_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// let found = client.files().retrieve(&file).send()?;
    /// assert_eq!((found.filename.as_str(), found.bytes), ("notes.txt", 12));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get")]
    pub fn retrieve(&self, file: impl IdOf<File>) -> Call<File> {
        self.client.call(op::RETRIEVE_FILE, &[file.as_id()])
    }

    /// Lists files, newest first by default. `GET /files`. A page has up to 10,000 files.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// for file in client.files().list().purpose("assistants") {
    ///     let file = file?;
    ///     println!("{} {} {}", file.id, file.bytes, file.filename);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<File> {
        self.client.list(op::LIST_FILES, &[])
    }

    /// Deletes one file, and removes it from all vector stores. `DELETE /files/{file_id}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// assert!(client.files().delete(&file).send()?.deleted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, file: impl IdOf<File>) -> Call<FileDeleted> {
        self.client.call(op::DELETE_FILE, &[file.as_id()])
    }

    /// Downloads one file, into memory, into a writer or to a path. `GET /files/{file_id}/content`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// let bytes = client.files().content(&file).send()?;
    /// assert_eq!(bytes, b"nine to five");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn content(&self, file: impl IdOf<File>) -> DownloadCall {
        let operation = op::RETRIEVE_FILE_CONTENT;
        let request = Request::new(operation.method, operation.path, &[file.as_id()]).binary();
        DownloadCall::of(&self.client.endpoint, &self.client.options, request)
    }

    /// Waits until the server has processed a file. Most servers have done so when `upload` returns.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// let file = client.files().wait_for_processing(&file).send()?;
    /// println!("{}", file.status);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait_for_processing(&self, file: impl IdOf<File>) -> WaitCall<File> {
        let files = self.clone();
        WaitCall::of(file.as_id().to_owned(), self.retrieve(file), move |file| {
            files.retrieve(file)
        })
    }
}

impl ListCall<File> {
    /// Only files of this purpose.
    pub fn purpose(self, purpose: impl Into<FilePurpose>) -> Self {
        self.parameter("purpose", purpose.into().as_str())
    }
}
