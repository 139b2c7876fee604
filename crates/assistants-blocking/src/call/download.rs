//! Downloads of files, of either protocol.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use crate::call::options::{Options, option_setters};
use crate::call::request::Request;
use crate::call::response::RawResponse;
use crate::error::{Error, FileError, FileErrorKind, Result};
use crate::http::endpoint::Endpoint;
use crate::http::log;
use crate::http::random;

/// The request for a content: its server, the request itself, and its options.
pub(crate) type Located = (Arc<Endpoint>, Request, Options);

/// Makes the request for a content from the options of the call; another request may have to be sent before it.
type Locate = Box<dyn FnOnce(Options) -> Result<Located> + Send + Sync>;

/// A download of a file that has been described but not sent. From [`openai::Files::content`](crate::openai::Files::content)
/// and [`yandex::Files::download`](crate::yandex::Files::download).
///
/// A download from Yandex takes two requests. Options apply to both; headers, query parameters and body fields only to the
/// first one, which asks for the URL of the content.
#[must_use = "a call does nothing until `send`"]
pub struct DownloadCall {
    locate: Locate,
    /// The request for the content or for its URL, in messages.
    what: String,
    options: Options,
}

impl DownloadCall {
    /// A download by one request.
    pub(crate) fn of(endpoint: &Arc<Endpoint>, options: &Options, request: Request) -> Self {
        let (endpoint, what) = (Arc::clone(endpoint), request.what());
        Self::located_by(what, options, move |options| Ok((endpoint, request, options)))
    }

    /// A download by the request that `locate` makes.
    pub(crate) fn located_by(
        what: String,
        options: &Options,
        locate: impl FnOnce(Options) -> Result<Located> + Send + Sync + 'static,
    ) -> Self {
        Self {
            locate: Box::new(locate),
            what,
            options: options.clone(),
        }
    }

    option_setters!();

    /// Downloads the file into memory.
    ///
    /// # Errors
    ///
    /// As [`Call::send`](crate::Call::send); [`Error::TooLarge`] above the client's limit on bodies.
    pub fn send(self) -> Result<Vec<u8>> {
        Ok(self.send_raw()?.into_bytes())
    }

    /// Downloads the file into memory, and returns it with the status and headers of the response.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_raw(self) -> Result<RawResponse<[u8]>> {
        let (endpoint, request, options) = self.locate()?;
        Ok(RawResponse::new(endpoint.execute(&request, &options)?))
    }

    /// Returns a reader of the content while it arrives.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// # let notes = assistants_blocking::FileSource::bytes("notes.txt", "nine to five");
    /// # let file = client.files().upload(notes, "assistants").send()?;
    /// use std::io::Read as _;
    ///
    /// let mut start = Vec::new();
    /// client.files().content(&file).send_streaming()?.take(4).read_to_end(&mut start)?;
    /// assert_eq!(start, b"nine");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Call::send_streaming`](crate::Call::send_streaming).
    pub fn send_streaming(self) -> Result<impl Read + Send + 'static> {
        let (endpoint, request, options) = self.locate()?;
        Ok(endpoint.open(&request, &options)?.body)
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
        copy(&mut self.send_streaming()?, writer).map_err(|end| end.into_error("the writer"))
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

    fn locate(mut self) -> Result<Located> {
        self.options.begin();
        (self.locate)(self.options)
    }
}

impl fmt::Debug for DownloadCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadCall")
            .field("request", &self.what)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn save(call: DownloadCall, path: &Path) -> Result<u64> {
    let shown = path.display().to_string();
    let failed = |error| Error::from(FileError::caused(&shown, FileErrorKind::Write, error));
    let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
        return Err(FileError::new(&shown, FileErrorKind::NotAFile, None).into());
    };
    let mut body = call.send_streaming()?;
    let mut partial = name.to_owned();
    partial.push(format!(".{:016x}.part", random::number()));
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
        log::warn!("{}: cannot be removed: {error}", partial.display());
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
