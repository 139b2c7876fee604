//! Files.

mod uploads;

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use assistants_types::openai::operations as op;

use super::{Client, File, FileDeleted, FileExpiration, FilePurpose, IdOf, WaitCall};
use crate::call::request::Request;
use crate::error::{Error, FileError, FileErrorKind, Result};
use crate::http::file_source::FileSource;
use crate::http::log;
use crate::http::multipart::Form;
use crate::{Call, ListCall};

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
    /// At `send`: [`Error::File`] if the file is missing, not a regular file, empty, or shrinks while it is sent.
    pub fn upload(&self, file: impl Into<FileSource>, purpose: impl Into<FilePurpose>) -> Call<File, UploadKind> {
        let mut form = Form::new("file", file.into());
        form.set("purpose", &purpose.into().as_str().into());
        let request = Request::new(op::CREATE_FILE.method, op::CREATE_FILE.path, &[]).form(form);
        Call::new(&self.client.endpoint, &self.client.options, request)
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

    /// Downloads one file, into memory, a writer or a path. `GET /files/{file_id}/content`.
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
    pub fn content(&self, file: impl IdOf<File>) -> Call<Content> {
        let operation = op::RETRIEVE_FILE_CONTENT;
        let request = Request::new(operation.method, operation.path, &[file.as_id()]).binary();
        Call::new(&self.client.endpoint, &self.client.options, request)
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

/// The kind of a [`Call`] that uploads a file. No other call has its setters:
///
/// ```compile_fail,E0599
/// let client = assistants_blocking::openai::Client::builder().base_url("http://127.0.0.1:1").build().unwrap();
/// let _ = client.files().retrieve("file-1").file_name("notes.txt");
/// ```
///
/// ```
/// let client = assistants_blocking::openai::Client::builder().base_url("http://127.0.0.1:1").build().unwrap();
/// let _ = client.files().upload("Cargo.toml", "assistants").file_name("notes.txt");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct UploadKind;

impl Call<File, UploadKind> {
    /// The name that an uploaded file gets on the server. Default: that of the [`FileSource`].
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        if let Some(form) = &mut self.request.form {
            form.file_name = Some(name.into());
        }
        self
    }

    /// The media type of an uploaded file. Default: `application/octet-stream`; servers go by the name.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        if let Some(form) = &mut self.request.form {
            form.content_type = Some(media_type.into());
        }
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
        if let Some(form) = &mut self.request.form
            && let Ok(value) = serde_json::to_value(expiration.into())
        {
            form.set("expires_after", &value);
        }
        self
    }

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
        if let Some(form) = &mut self.request.form {
            form.progress = Some(Arc::new(observer));
        }
        self
    }
}

impl ListCall<File> {
    /// Only files of this purpose.
    pub fn purpose(self, purpose: impl Into<FilePurpose>) -> Self {
        self.parameter("purpose", purpose.into().as_str())
    }
}

/// The content of a file: the response to the [`Call`] of [`Files::content`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Content;

impl Call<Content> {
    /// Downloads the file into memory.
    ///
    /// # Errors
    ///
    /// As other calls; [`Error::TooLarge`] above the client's
    /// [`max_body_bytes`](super::ClientBuilder::max_body_bytes).
    pub fn send(self) -> Result<Vec<u8>> {
        Ok(self.send_raw()?.into_bytes())
    }

    /// Downloads the file into a writer as it arrives, and returns its size in bytes.
    ///
    /// Attempts are repeated until the first byte. If the response breaks off later, a part of the file has been written.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// let mut copy = Vec::new(); // or a file, a socket, a hasher
    /// let length = client.files().content(&file).write_to(&mut copy)?;
    /// assert_eq!(length, 12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As other calls; [`Error::File`] when `writer` fails.
    pub fn write_to(self, writer: &mut (impl Write + ?Sized)) -> Result<u64> {
        let mut body = self.send_streaming()?;
        copy(&mut body, writer).map_err(|end| end.into_error("the writer"))
    }

    /// Downloads the file to this path, and returns its size in bytes. An existing file is replaced.
    ///
    /// The content is written to a temporary file in the same folder, which is renamed at the end, so that the path has
    /// either the whole file or what it had before.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// # let folder = std::env::temp_dir().join(format!("assistants-save-to-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let path = folder.join("copy.txt");
    /// let length = client.files().content(&file).save_to(&path)?;
    /// assert_eq!(std::fs::metadata(&path)?.len(), length);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As other calls; [`Error::File`] when the file cannot be written.
    pub fn save_to(self, path: impl AsRef<Path>) -> Result<u64> {
        save(self, path.as_ref())
    }
}

fn save(call: Call<Content>, path: &Path) -> Result<u64> {
    let shown = path.display().to_string();
    let failed = |error| Error::from(FileError::caused(&shown, FileErrorKind::Write, error));
    let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
        return Err(FileError::new(&shown, FileErrorKind::NotAFile, None).into());
    };
    let mut body = call.send_streaming()?;
    let mut partial = name.to_owned();
    partial.push(format!(".{:016x}.part", crate::http::random::number()));
    let partial = path.with_file_name(partial);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&partial)
        .map_err(failed)?;
    let saved = copy(&mut body, &mut file)
        .map_err(|end| end.into_error(&shown))
        .and_then(|length| {
            // On the disk before it has its name, so that not even a power cut leaves half a file under it.
            file.sync_all()
                .and_then(|()| fs::rename(&partial, path))
                .map_err(failed)?;
            Ok(length)
        });
    if saved.is_err()
        && let Err(error) = fs::remove_file(&partial)
    {
        log::warn!("{}: is left behind: {error}", partial.display());
    }
    saved
}

/// Which end of a copy failed.
enum CopyError {
    Reading(io::Error),
    Writing(io::Error),
}

impl CopyError {
    fn into_error(self, name: &str) -> Error {
        match self {
            Self::Reading(error) => Error::from_stream_read(error, 0),
            Self::Writing(error) => FileError::caused(name, FileErrorKind::Write, error).into(),
        }
    }
}

fn copy(reader: &mut impl Read, writer: &mut (impl Write + ?Sized)) -> Result<u64, CopyError> {
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Reading(error)),
        };
        writer.write_all(&buffer[..count]).map_err(CopyError::Writing)?;
        length += count as u64;
    }
    writer.flush().map_err(CopyError::Writing)?;
    Ok(length)
}
