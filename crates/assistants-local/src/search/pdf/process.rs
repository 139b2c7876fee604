//! Reading a PDF file in a process of its own.
//!
//! A file can be made so that whoever reads it runs out of memory, which ends the process and cannot be caught, or
//! works for ever. So the server starts a program for each file, that one ends, and the file has failed.
//!
//! The program is called with `pdf-text -- PATH`. It writes the text to its standard output, or else the reason why
//! there is none, which its exit code tells. Its standard input is a pipe that nobody writes into: that it closes says
//! that the server is gone, however it went, and ends the program.

use std::env;
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use super::{LONGEST_TEXT, Unreadable, too_much};
use crate::storage::StorageError;

/// How the program ends when the text is [`Unreadable::Unsupported`].
const UNSUPPORTED: u8 = 20;
/// How the program ends when the text is [`Unreadable::Invalid`].
const INVALID: u8 = 21;
/// How the program ends before it is done.
const ENDED: i32 = 22;

/// How much memory the program may have, in bytes.
#[cfg(target_os = "linux")]
const MEMORY: u64 = 512 * 1024 * 1024;
/// How long a processor may work for the program, in seconds.
#[cfg(unix)]
const WORK: u64 = 30;
/// How long the program may take.
const TIME: Duration = Duration::from_secs(60);

/// The variables of the environment that the program gets: where a system looks for programs and libraries.
const ENVIRONMENT: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "SystemRoot"];

/// The program that reads PDF files.
#[derive(Debug)]
pub(crate) struct PdfReader {
    program: PathBuf,
    input: PipeReader,
    /// Closing it ends every program that was started.
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

    /// Ends the programs at work. What they have read so far is worth nothing.
    pub(crate) fn stop(&self) {
        drop(self.alive.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The text of a file.
    pub(crate) fn text_of(&self, file: &Path) -> Result<Result<String, Unreadable>, StorageError> {
        let failed = |error: io::Error| StorageError {
            action: "reading a PDF in a process of its own".to_owned(),
            source: Some(Box::new(io::Error::new(
                error.kind(),
                format!("{}: {error}", self.program.display()),
            ))),
        };
        let (code, output) = self.run(file).map_err(failed)?;
        let text = String::from_utf8_lossy(&output).into_owned();
        Ok(match code {
            Some(0) if output.len() <= LONGEST_TEXT => Ok(text),
            Some(code) if code == i32::from(UNSUPPORTED) => Err(Unreadable::Unsupported(text)),
            Some(code) if code == i32::from(INVALID) => Err(Unreadable::Invalid(text)),
            // An error of the program, or of whoever called it.
            Some(code @ 1..128) if code != ENDED => {
                return Err(failed(io::Error::other(format!("it ended with code {code}"))));
            }
            // It did not end by itself, or wrote too much.
            _ => Err(too_much()),
        })
    }

    /// How the program ended for a file, and what it wrote, up to one byte more than is allowed.
    fn run(&self, file: &Path) -> io::Result<(Option<i32>, Vec<u8>)> {
        let mut program = Command::new(&self.program)
            .args(["pdf-text", "--"])
            .arg(file)
            // The server's environment holds its API key, and what reads a hostile file must not know it.
            .env_clear()
            .envs(ENVIRONMENT.iter().filter_map(|name| Some((name, env::var_os(name)?))))
            .stdin(self.input.try_clone()?)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut written = Vec::new();
        let output = program.stdout.take().expect("the output was asked for as a pipe");
        let read = output.take(LONGEST_TEXT as u64 + 1).read_to_end(&mut written);
        if read.is_err() || written.len() > LONGEST_TEXT {
            program.kill()?;
        }
        let status = program.wait()?;
        read.map(|_| (status.code(), written))
    }
}

/// Writes the text of a PDF file to the standard output, in a process that limits itself first: what a program does
/// that [`Builder::pdf_reader`](crate::Builder::pdf_reader) is told, when it is called with `pdf-text -- PATH`.
///
/// The process ends when it takes more than 30 seconds of work (on Unix), 512 MiB of memory (on Linux) or 60 seconds in
/// all, and when its standard input ends: the server keeps that open. The code that is returned is the one to end with.
///
/// # Errors
///
/// When the file cannot be read, the limits not be set, or the text not be written.
pub fn write_pdf_text(file: &Path) -> io::Result<ExitCode> {
    limit()?;
    let (gone, is_gone) = mpsc::channel::<()>();
    thread::Builder::new().spawn(move || {
        // Nothing comes but the end, or an error, which is as good.
        drop(io::stdin().read(&mut [0]));
        drop(gone);
    })?;
    thread::Builder::new().spawn(move || {
        if is_gone.recv_timeout(TIME).is_err() {
            // The time is over, or the server gone.
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

/// Limits what this process may take.
#[cfg(unix)]
fn limit() -> io::Result<()> {
    use rlimit::Resource;
    let limit = |resource: Resource, most: u64| {
        let (_, allowed) = resource.get()?;
        let most = most.min(allowed);
        resource.set(most, most)
    };
    limit(Resource::CPU, WORK)?;
    // A process that runs out of memory aborts: that is meant, and nothing to examine later.
    limit(Resource::CORE, 0)?;
    // Elsewhere such a limit is not there, or counts what all processes share.
    #[cfg(target_os = "linux")]
    limit(Resource::AS, MEMORY)?;
    Ok(())
}

/// Here only the time is limited.
#[cfg(not(unix))]
fn limit() -> io::Result<()> {
    Ok(())
}
