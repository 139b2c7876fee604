//! The sources of uploads.

use std::fmt;
use std::fs;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{FileError, FileErrorKind};

/// The bytes of a file to upload, and its name. They are read while they are sent, and not held in memory.
///
/// A path is opened again for each attempt. Cheap to clone.
///
/// ```
/// use assistants_blocking::FileSource;
///
/// let file = FileSource::path("report.pdf"); // also: "report.pdf".into()
/// let text = FileSource::bytes("notes.txt", "some text");
/// let piped = FileSource::reader("log.txt", 11, std::io::Cursor::new("hello world"));
/// # let _all = [file, text, piped];
/// ```
#[derive(Clone)]
pub struct FileSource {
    name: String,
    bytes: Bytes,
    /// Only this part: its offset and its length.
    range: Option<(u64, u64)>,
}

#[derive(Clone)]
enum Bytes {
    Path(PathBuf),
    Memory(Arc<[u8]>),
    Reader { length: u64, reader: Arc<Mutex<OneShot>> },
    Reopen { length: u64, open: Arc<Opener> },
}

type Opener = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

/// A reader and the number of bytes that were read from it.
struct OneShot {
    reader: Box<dyn Read + Send>,
    read: u64,
}

impl FileSource {
    /// The file at this path, named by its last component.
    pub fn path(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Self::new(name, Bytes::Path(path.to_owned()))
    }

    /// These bytes, under this name.
    pub fn bytes(name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self::new(name, Bytes::Memory(bytes.as_ref().into()))
    }

    /// The bytes of this reader, under this name. It must yield `length` bytes; further bytes are not read.
    ///
    /// A reader can be read only once: if an attempt fails after it has read from it, the call fails too. With
    /// [`reopen`](Self::reopen) it can be retried.
    pub fn reader(name: impl Into<String>, length: u64, reader: impl Read + Send + 'static) -> Self {
        let reader = OneShot {
            reader: Box::new(reader),
            read: 0,
        };
        let reader = Arc::new(Mutex::new(reader));
        Self::new(name, Bytes::Reader { length, reader })
    }

    /// The bytes of the readers that `open` returns, under this name: `length` bytes, the same each time.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::openai::Client::builder().base_url(server.base_url()).build()?;
    /// use std::fs::File;
    /// use assistants_blocking::FileSource;
    ///
    /// // A part of a file, which can be opened again for a retry.
    /// let open = || {
    ///     use std::io::{Seek as _, SeekFrom};
    ///     let mut file = File::open("Cargo.toml")?;
    ///     file.seek(SeekFrom::Start(10))?;
    ///     Ok(file)
    /// };
    /// let file = client.files().upload(FileSource::reopen("part.toml", 100, open), "assistants").send()?;
    /// assert_eq!(file.bytes, 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reopen<R: Read + Send + 'static>(
        name: impl Into<String>,
        length: u64,
        open: impl Fn() -> io::Result<R> + Send + Sync + 'static,
    ) -> Self {
        let open = move || open().map(|reader| Box::new(reader) as Box<dyn Read + Send>);
        let open = Arc::new(open);
        Self::new(name, Bytes::Reopen { length, open })
    }

    fn new(name: impl Into<String>, bytes: Bytes) -> Self {
        Self {
            name: name.into(),
            bytes,
            range: None,
        }
    }

    /// The name that the file has on the server, unless the call sets another.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name in errors: the whole path if there is one.
    fn place(&self) -> String {
        match &self.bytes {
            Bytes::Path(path) => path.display().to_string(),
            _ => self.name.clone(),
        }
    }

    /// Only `length` bytes from `offset` on.
    pub(crate) fn part(&self, offset: u64, length: u64) -> Self {
        Self {
            range: Some((offset, length)),
            ..self.clone()
        }
    }

    /// The number of bytes to send.
    ///
    /// # Errors
    ///
    /// For a file that is missing, not a file, or empty.
    pub(crate) fn length(&self) -> Result<u64, FileError> {
        let fault = |kind| Err(FileError::new(self.place(), kind, None));
        if let Some((_, length)) = self.range {
            return Ok(length);
        }
        let length = match &self.bytes {
            Bytes::Path(path) => match fs::metadata(path) {
                Ok(found) if found.is_file() => found.len(),
                Ok(_) => return fault(FileErrorKind::NotAFile),
                Err(error) => return Err(FileError::caused(self.place(), FileErrorKind::Read, error)),
            },
            Bytes::Memory(bytes) => bytes.len() as u64,
            Bytes::Reader { length, .. } | Bytes::Reopen { length, .. } => *length,
        };
        if length == 0 {
            return fault(FileErrorKind::Empty);
        }
        Ok(length)
    }

    /// Whether it can be opened: a reader that has been read from cannot.
    pub(crate) fn is_whole(&self) -> bool {
        match &self.bytes {
            Bytes::Reader { reader, .. } => lock(reader).read == self.range.map_or(0, |(offset, _)| offset),
            Bytes::Path(_) | Bytes::Memory(_) | Bytes::Reopen { .. } => true,
        }
    }

    /// Opens it at its first byte; the reader fails if there are fewer than `length`. Errors hold a [`FileError`].
    pub(crate) fn open(&self, length: u64) -> io::Result<impl Read + '_> {
        let offset = self.range.map_or(0, |(offset, _)| offset);
        let failed = |error| FileError::caused(self.place(), FileErrorKind::Read, error).into_io();
        let reader: Box<dyn Read + '_> = match &self.bytes {
            Bytes::Path(path) => {
                let mut file = fs::File::open(path).map_err(failed)?;
                file.seek(SeekFrom::Start(offset)).map_err(failed)?;
                Box::new(file)
            }
            Bytes::Memory(bytes) => {
                let mut cursor = Cursor::new(&bytes[..]);
                cursor.set_position(offset);
                Box::new(cursor)
            }
            Bytes::Reader { reader, .. } => {
                if lock(reader).read != offset {
                    return Err(FileError::new(self.place(), FileErrorKind::UsedUp, None).into_io());
                }
                Box::new(Shared(reader))
            }
            Bytes::Reopen { open, .. } => {
                let mut reader = open().map_err(failed)?;
                io::copy(&mut (&mut reader).take(offset), &mut io::sink()).map_err(failed)?;
                reader
            }
        };
        Ok(ExactLength {
            reader,
            source: self,
            length,
            read: 0,
        })
    }
}

fn lock(reader: &Mutex<OneShot>) -> std::sync::MutexGuard<'_, OneShot> {
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Continues to read a reader that can be read once.
struct Shared<'a>(&'a Mutex<OneShot>);

impl Read for Shared<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut once = lock(self.0);
        let count = once.reader.read(into)?;
        once.read += count as u64;
        Ok(count)
    }
}

/// Reads as many bytes as were announced, and fails if there are fewer.
struct ExactLength<'a, R> {
    reader: R,
    source: &'a FileSource,
    length: u64,
    read: u64,
}

impl<R: Read> Read for ExactLength<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.length - self.read;
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let fault = |kind, source| FileError::new(self.source.place(), kind, source).into_io();
        match self.reader.read(&mut into[..most]) {
            Ok(0) => {
                let (expected, found) = (self.length, self.read);
                Err(fault(FileErrorKind::Shrunk { expected, found }, None))
            }
            Ok(count) => {
                self.read += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(fault(FileErrorKind::Read, Some(error))),
        }
    }
}

impl From<&str> for FileSource {
    /// The file at this path.
    fn from(path: &str) -> Self {
        Self::path(path)
    }
}

impl From<&String> for FileSource {
    /// The file at this path.
    fn from(path: &String) -> Self {
        Self::path(path)
    }
}

impl From<&Path> for FileSource {
    fn from(path: &Path) -> Self {
        Self::path(path)
    }
}

impl From<&PathBuf> for FileSource {
    fn from(path: &PathBuf) -> Self {
        Self::path(path)
    }
}

impl From<PathBuf> for FileSource {
    fn from(path: PathBuf) -> Self {
        Self::path(path)
    }
}

impl fmt::Debug for FileSource {
    /// Shows where the bytes are from, but none of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSource")
            .field("name", &self.place())
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn read(source: &FileSource) -> Result<String, Error> {
        let length = source.length()?;
        let mut text = String::new();
        let mut reader = source.open(length).map_err(|error| Error::from_stream_read(error, 0))?;
        reader
            .read_to_string(&mut text)
            .map_err(|error| Error::from_stream_read(error, 0))?;
        Ok(text)
    }

    fn kind(source: &FileSource) -> FileErrorKind {
        match read(source) {
            Err(Error::File(error)) => error.kind,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_what_it_was_given_and_its_parts() {
        let path = std::env::temp_dir().join(format!("source-{}.txt", std::process::id()));
        fs::write(&path, "hello world").unwrap();
        for source in [
            FileSource::path(&path),
            FileSource::bytes("a.txt", "hello world"),
            FileSource::reopen("a.txt", 11, || Ok(Cursor::new("hello world"))),
        ] {
            assert_eq!(read(&source).unwrap(), "hello world");
            assert_eq!(read(&source).unwrap(), "hello world", "{source:?} again");
            assert_eq!(read(&source.part(6, 3)).unwrap(), "wor", "{source:?}");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(
            FileSource::from(&path).name(),
            path.file_name().unwrap().to_str().unwrap()
        );
    }

    #[test]
    fn a_reader_is_read_once_in_order() {
        let source = FileSource::reader("a", 11, Cursor::new("hello world and more"));
        assert_eq!(read(&source.part(0, 6)).unwrap(), "hello ");
        assert_eq!(read(&source.part(6, 5)).unwrap(), "world");
        assert_eq!(kind(&source), FileErrorKind::UsedUp);
    }

    #[test]
    fn names_what_is_wrong() {
        assert_eq!(kind(&"/no/such/file".into()), FileErrorKind::NotFound);
        assert_eq!(kind(&std::env::temp_dir().into()), FileErrorKind::NotAFile);
        assert_eq!(kind(&FileSource::bytes("a", "")), FileErrorKind::Empty);
        let short = FileSource::reader("a", 5, Cursor::new("abc"));
        assert_eq!(kind(&short), FileErrorKind::Shrunk { expected: 5, found: 3 });
        let broken = FileSource::reopen("a", 5, || Err::<Cursor<&str>, _>(io::Error::other("no")));
        assert_eq!(kind(&broken), FileErrorKind::Read);
        let message = read(&"/no/such/file".into()).unwrap_err().to_string();
        assert_eq!(message, "/no/such/file: there is no such file");
    }
}
