//! Reads a PDF file in a separate process.
//!
//! A malicious file can make its reader run out of memory, which aborts the process and cannot be caught, or run
//! forever. The server therefore starts a program for each file. If that program is killed, only the file has failed.
//!
//! The program is called with `pdf-text -- PATH`. It writes the text to standard output, or the reason why there is
//! none; its exit code says which. Its standard input is a pipe that nobody writes to. When the pipe closes, the server
//! has ended, for whatever reason, and the program exits.

use std::env;
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use super::{MAX_TEXT, Unreadable, too_much};
use crate::storage::StorageError;

/// The exit code for [`Unreadable::Unsupported`].
const UNSUPPORTED: u8 = 20;
/// The exit code for [`Unreadable::Invalid`].
const INVALID: u8 = 21;
/// The exit code of a program that was interrupted: its time has run out, or the server has ended.
const ENDED: i32 = 22;

/// The memory limit of the program, in bytes.
#[cfg(target_os = "linux")]
const MEMORY: u64 = 512 * 1024 * 1024;
/// The CPU time limit of the program, in seconds.
#[cfg(unix)]
const WORK: u64 = 30;
/// The limit on the program's total time.
const TIME: Duration = Duration::from_secs(60);

/// The environment variables that the program inherits: where the system looks for programs and libraries.
const ENVIRONMENT: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "SystemRoot"];

/// Starts the program that reads PDF files.
#[derive(Debug)]
pub(crate) struct PdfReader {
    program: PathBuf,
    input: PipeReader,
    /// Closing it ends all running programs.
    alive: Mutex<Option<PipeWriter>>,
}

impl PdfReader {
    pub(crate) fn new(program: PathBuf) -> io::Result<Self> {
        let (input, alive) = io::pipe()?;
        Ok(Self {
            program,
            input,
            alive: Mutex::new(Some(alive)),
        })
    }

    /// Ends the running programs. Their output is discarded.
    pub(crate) fn stop(&self) {
        drop(self.alive.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Extracts the text of a file. The outer error means that the program failed, the inner one that the file has no
    /// text.
    pub(crate) fn text_of(&self, file: &Path) -> Result<Result<String, Unreadable>, StorageError> {
        let failed = |error: io::Error| StorageError {
            action: "reading a PDF in a separate process".to_owned(),
            source: Some(Box::new(io::Error::new(
                error.kind(),
                format!("{}: {error}", self.program.display()),
            ))),
        };
        let (code, output) = self.run(file).map_err(failed)?;
        let text = String::from_utf8_lossy(&output).into_owned();
        Ok(match code {
            Some(0) if output.len() <= MAX_TEXT => Ok(text),
            Some(code) if code == i32::from(UNSUPPORTED) => Err(Unreadable::Unsupported(text)),
            Some(code) if code == i32::from(INVALID) => Err(Unreadable::Invalid(text)),
            // The program failed, or was called wrongly.
            Some(code @ 1..128) if code != ENDED => {
                return Err(failed(io::Error::other(format!("it ended with code {code}"))));
            }
            // It was killed by a limit, or wrote too much.
            _ => Err(too_much()),
        })
    }

    /// Runs the program on a file, and returns its exit code and its output. The output is cut off one byte beyond the
    /// limit; the code is `None` if a signal ended the program.
    fn run(&self, file: &Path) -> io::Result<(Option<i32>, Vec<u8>)> {
        let mut program = Command::new(&self.program)
            .args(["pdf-text", "--"])
            .arg(file)
            // The environment of the server contains its API key, which must not be accessible to a process that parses
            // untrusted input.
            .env_clear()
            .envs(ENVIRONMENT.iter().filter_map(|name| Some((name, env::var_os(name)?))))
            .stdin(self.input.try_clone()?)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut written = Vec::new();
        let output = program.stdout.take().expect("the output was asked for as a pipe");
        let read = output.take(MAX_TEXT as u64 + 1).read_to_end(&mut written);
        if read.is_err() || written.len() > MAX_TEXT {
            program.kill()?;
        }
        let status = program.wait()?;
        read.map(|_| (status.code(), written))
    }
}

/// Extracts the text of a PDF file, writes it to standard output, and returns the exit code of the process.
///
/// For programs given to [`Builder::pdf_reader`](crate::Builder::pdf_reader), which are called with `pdf-text -- PATH`.
/// It limits the process first, to 30 seconds of CPU time (on Unix), 512 MiB of memory (on Linux) and 60 seconds in
/// total. It also ends the process when standard input is closed, which means that the server has ended.
///
/// # Errors
///
/// If the file cannot be read, the limits cannot be set, or the text cannot be written.
pub fn write_pdf_text(file: &Path) -> io::Result<ExitCode> {
    limit()?;
    let (gone, is_gone) = mpsc::channel::<()>();
    thread::Builder::new().spawn(move || {
        // Nothing is ever sent. End of file and an error both mean that the server has ended.
        drop(io::stdin().read(&mut [0]));
        drop(gone);
    })?;
    thread::Builder::new().spawn(move || {
        if is_gone.recv_timeout(TIME).is_err() {
            // The time has run out, or the server has ended.
            process::exit(ENDED);
        }
    })?;
    let (code, output) = match super::text_of(&fs::read(file)?) {
        Ok(text) => (0, text),
        Err(Unreadable::Unsupported(message)) => (UNSUPPORTED, message),
        Err(Unreadable::Invalid(message)) => (INVALID, message),
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(output.as_bytes())?;
    stdout.flush()?;
    Ok(ExitCode::from(code))
}

/// Sets the resource limits of this process.
#[cfg(unix)]
fn limit() -> io::Result<()> {
    use rlimit::Resource;
    let limit = |resource: Resource, most: u64| {
        let (_, allowed) = resource.get()?;
        let most = most.min(allowed);
        resource.set(most, most)
    };
    limit(Resource::CPU, WORK)?;
    // Running out of memory aborts the process. That is expected and needs no core dump.
    limit(Resource::CORE, 0)?;
    // Other systems lack this limit, or count memory that processes share.
    #[cfg(target_os = "linux")]
    limit(Resource::AS, MEMORY)?;
    Ok(())
}

/// Only the total time is limited on this platform.
#[cfg(not(unix))]
fn limit() -> io::Result<()> {
    Ok(())
}
