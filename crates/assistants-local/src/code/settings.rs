//! The program that executes code, and its limits.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

/// How long code may run by default.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// How long a session is kept without being used: an hour, as with the hosted service.
const IDLE_LIMIT: Duration = Duration::from_secs(60 * 60);

/// The default number of sessions.
const MAX_SESSIONS: usize = 16;

/// The program that executes the code of the tool `code_interpreter`, for
/// [`Builder::code_interpreter`](crate::Builder::code_interpreter).
///
/// The program is started once per thread, with standard input and output as pipes, and has to speak the protocol of
/// `docs/code-interpreter.md` in the repository. It decides in which language and how isolated code is executed: the server
/// isolates nothing. It gets a few environment variables, and none that contains a key: `PATH`, `HOME`, `USER`, `LANG`,
/// `TMPDIR`, `XDG_RUNTIME_DIR`, those of Docker and Podman, and those that Windows needs.
#[derive(Clone, Debug)]
pub struct CodeInterpreter {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) time_limit: Duration,
    pub(super) idle_limit: Duration,
    pub(super) max_sessions: usize,
}

impl CodeInterpreter {
    /// Names the program, which is looked up in `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            time_limit: TIME_LIMIT,
            idle_limit: IDLE_LIMIT,
            max_sessions: MAX_SESSIONS,
        }
    }

    /// Adds arguments of the program.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let arguments = arguments.into_iter();
        self.arguments
            .extend(arguments.map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets how long code may run; the session of code that runs longer is ended. The default is 120 seconds. Starting the
    /// program, with the files that it gets, may take as long again.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Sets how long a session is kept after code was executed in it. The default is one hour, as with the hosted service.
    #[must_use]
    pub fn idle_limit(mut self, limit: Duration) -> Self {
        self.idle_limit = limit;
        self
    }

    /// Sets how many sessions exist at a time. The default is 16; 0 counts as 1. If there are as many, the one that was not
    /// used for the longest time is ended, and if code is executed in all of them, a run waits.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions.max(1);
        self
    }
}
