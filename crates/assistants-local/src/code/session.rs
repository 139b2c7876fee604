//! A process of the program: a session, in which variables and files are kept between executions.
//!
//! A thread writes to the process and another reads from it, because a pipe can block for as long as the process likes. The
//! thread that uses the session waits for them, for the end of the run and for its time limit at once.

use std::collections::HashSet;
use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::broken::Broken;
use super::collector::Collector;
use super::protocol::{MAX_LINE, PIECE, Piece, Request, Response};
use super::settings::CodeInterpreter;
use crate::model::Stop;
use crate::storage::StorageError;
use crate::storage::blobs::FileStore;

/// The number of lines that wait to be written, and to be processed.
const QUEUED_LINES: usize = 4;

/// How long a process may take to end after its standard input was closed.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// The environment variables that the program inherits. The others of the server include its keys.
const ENVIRONMENT: [&str; 15] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "CONTAINER_HOST",
    "SystemRoot",
    "USERPROFILE",
    "TEMP",
    "LD_LIBRARY_PATH",
];

/// Wakes the thread that uses the session.
#[derive(Debug, Default)]
struct Waker(Mutex<Option<Arc<Stop>>>);

impl Waker {
    fn set(&self, stop: &Arc<Stop>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(stop));
    }

    fn wake(&self) {
        if let Some(stop) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            stop.nudge();
        }
    }
}

/// A process that executes code.
#[derive(Debug)]
pub(super) struct Session {
    process: Child,
    /// Lines for the process. Dropping it closes the standard input of the process.
    requests: Option<SyncSender<String>>,
    /// Lines of the process. Disconnected when its standard output is closed.
    responses: Receiver<Vec<u8>>,
    waker: Arc<Waker>,
    is_ready: bool,
    /// The ids of the files that were sent to the process.
    files: HashSet<String>,
}

impl Session {
    pub(super) fn start(settings: &CodeInterpreter) -> Result<Self, Broken> {
        let failed = |error: io::Error| {
            let program = settings.program.to_string_lossy();
            Broken::CannotStart(format!("{program} cannot be started: {error}"))
        };
        let mut command = Command::new(&settings.program);
        command
            .args(&settings.arguments)
            .env_clear()
            .envs(ENVIRONMENT.iter().filter_map(|name| Some((name, env::var_os(name)?))))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // A group of its own can be ended as a whole, and does not get the signals of the server's terminal.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn().map_err(failed)?;
        let input = process.stdin.take().expect("the input was asked for as a pipe");
        let output = process.stdout.take().expect("the output was asked for as a pipe");
        let waker = Arc::<Waker>::default();
        let (requests, to_write) = sync_channel(QUEUED_LINES);
        let (read, responses) = sync_channel(QUEUED_LINES);
        let session = Self {
            process,
            requests: Some(requests),
            responses,
            waker: Arc::clone(&waker),
            is_ready: false,
            files: HashSet::new(),
        };
        let wakes = Arc::clone(&waker);
        let writer = thread::Builder::new().name("code-input".to_owned());
        let reader = thread::Builder::new().name("code-output".to_owned());
        let started = writer
            .spawn(move || write_lines(input, &to_write, &wakes))
            .and_then(|_| reader.spawn(move || read_lines(output, read, &waker)));
        match started {
            Ok(_) => Ok(session),
            Err(error) => {
                session.end(Instant::now());
                Err(failed(error))
            }
        }
    }

    /// Prepares the session for a run: waits until the process is ready, and sends it the files, by id and name, that it lacks.
    pub(super) fn prepare(
        &mut self,
        files: &[(String, String)],
        store: &FileStore,
        stop: &Arc<Stop>,
        time_limit: Duration,
    ) -> Result<(), Broken> {
        self.waker.set(stop);
        let until = deadline(time_limit);
        if !self.is_ready {
            match self.receive(stop, until) {
                Ok(Response::Ready) => self.is_ready = true,
                Ok(_) => {
                    return Err(Broken::CannotStart(
                        "it did not begin with the line for `ready`".to_owned(),
                    ));
                }
                Err(Broken::TimedOut) => return Err(Broken::CannotStart("it was not ready in time".to_owned())),
                Err(Broken::Ended(fault)) => return Err(Broken::CannotStart(fault.to_owned())),
                Err(broken) => return Err(broken),
            }
        }
        for (id, name) in files {
            if !self.files.contains(id) {
                let (contents, _) = store.read(id)?;
                self.send_file(name, contents, stop, until)?;
                self.files.insert(id.clone());
            }
        }
        Ok(())
    }

    fn send_file(&self, name: &str, mut contents: File, stop: &Stop, until: Instant) -> Result<(), Broken> {
        let mut buffer = Vec::with_capacity(PIECE);
        let mut offset = 0;
        loop {
            buffer.clear();
            let read = (&mut contents).take(PIECE as u64).read_to_end(&mut buffer);
            let read = read.map_err(|error| StorageError {
                action: format!("reading the file {name:?}"),
                source: Some(Box::new(error)),
            })?;
            if read == 0 && offset > 0 {
                return Ok(());
            }
            self.send(&Request::File(Piece::new(name, offset, &buffer)), stop, until)?;
            if read < PIECE {
                return Ok(());
            }
            offset += read as u64;
        }
    }

    /// Executes code, and returns what it wrote. An error leaves what the code wrote before in `collector`.
    pub(super) fn execute(
        &mut self,
        code: &str,
        collector: &mut Collector,
        store: &FileStore,
        stop: &Arc<Stop>,
        time_limit: Duration,
    ) -> Result<(), Broken> {
        let until = deadline(time_limit);
        let time_limit = time_limit.as_secs();
        self.send(&Request::Execute { code, time_limit }, stop, until)?;
        loop {
            match self.receive(stop, until)? {
                Response::Logs { text } => collector.push_logs(&text),
                Response::File(piece) => collector.push_piece(&piece, false, store)?,
                Response::Image(piece) => collector.push_piece(&piece, true, store)?,
                Response::Done => return Ok(()),
                Response::Ready => return Err(Broken::Ended("it sent the line for `ready` again")),
            }
        }
    }

    fn send(&self, request: &Request<'_>, stop: &Stop, until: Instant) -> Result<(), Broken> {
        let mut line = Some(request.to_line());
        wait(stop, until, || {
            let (Some(requests), Some(next)) = (&self.requests, line.take()) else {
                return Some(Err(Broken::Ended("its standard input is closed")));
            };
            match requests.try_send(next) {
                Ok(()) => Some(Ok(())),
                Err(TrySendError::Full(next)) => {
                    line = Some(next);
                    None
                }
                Err(TrySendError::Disconnected(_)) => Some(Err(Broken::Ended("it closed its standard input"))),
            }
        })
    }

    fn receive(&self, stop: &Stop, until: Instant) -> Result<Response, Broken> {
        let line = wait(stop, until, || match self.responses.try_recv() {
            Ok(line) => Some(Ok(line)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(Broken::Ended("it ended"))),
        })?;
        if line.len() > MAX_LINE {
            return Err(Broken::Ended("it sent a line that is too long"));
        }
        serde_json::from_slice(&line).map_err(|_| Broken::Ended("it sent a line that is not of the protocol"))
    }

    /// Asks the process to end.
    pub(super) fn close_input(&mut self) {
        self.requests = None;
    }

    /// Ends the process: it may end by itself until then.
    pub(super) fn end(mut self, until: Instant) {
        self.close_input();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.responses.recv_timeout(left) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        self.kill();
    }

    fn kill(&mut self) {
        // Its children too, while its id is not used again: before it is waited for.
        #[cfg(unix)]
        if let Ok(group) = i32::try_from(self.process.id())
            && let Some(group) = rustix::process::Pid::from_raw(group)
            && let Err(error) = rustix::process::kill_process_group(group, rustix::process::Signal::KILL)
        {
            log::debug!("the processes of a session have ended: {error}");
        }
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            log::warn!("a process of the code interpreter could not be ended: {error}");
        }
    }
}

/// Returns the time after `duration`; far in the future if it cannot be represented.
fn deadline(duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now + FAR)
}

/// Tries until there is a result, the run has ended, or the time has come.
pub(super) fn wait<T>(
    stop: &Stop,
    until: Instant,
    mut attempt: impl FnMut() -> Option<Result<T, Broken>>,
) -> Result<T, Broken> {
    loop {
        let nudges = stop.nudges();
        if stop.is_set() {
            return Err(Broken::Stopped);
        }
        if let Some(result) = attempt() {
            return result;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Broken::TimedOut);
        }
        stop.wait_for_nudge(nudges, left);
    }
}

/// Writes lines until there are no more, or the process does not read them.
fn write_lines(mut input: impl Write, lines: &Receiver<String>, waker: &Waker) {
    while let Ok(line) = lines.recv() {
        // There is room for one more.
        waker.wake();
        if input.write_all(line.as_bytes()).and_then(|()| input.flush()).is_err() {
            break;
        }
    }
}

/// Reads lines until the end, or until one is too long.
fn read_lines(output: impl Read, lines: SyncSender<Vec<u8>>, waker: &Waker) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        let read = (&mut output).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line);
        let is_last = !matches!(read, Ok(1..)) || line.len() > MAX_LINE;
        if !line.is_empty() && lines.send(line).is_err() {
            break;
        }
        if is_last {
            break;
        }
        waker.wake();
    }
    drop(lines);
    waker.wake();
}
