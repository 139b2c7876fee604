//! The program `assistants-local`: a server on one address and one database, until it is stopped.

use std::error::Error;
use std::future::poll_fn;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::task::Poll;

use assistants_local::{Dialect, LocalServer};
use clap::{Args, Parser, Subcommand, ValueEnum};

mod commands;

/// Local server for the Assistants protocols of OpenAI and of Yandex AI Studio.
#[derive(Debug, Parser)]
#[command(version)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serves until SIGINT or SIGTERM.
    ///
    /// Logs to the standard error: the start, refused keys and pages, failed runs, limits that are reached. `RUST_LOG` changes
    /// how much: `warn`, `info` (the default), `debug` (each request), or `off`. Texts, files and keys are never logged.
    Serve(Serve),
    /// Copies the database and its files to a folder, also while a server uses them.
    Backup(commands::Backup),
    /// Looks for what is wrong with the database and its files, also while a server uses them. Ends with code 1 if
    /// something is.
    Check(commands::Check),
    /// Puts a backup where a server can be started on it.
    Restore(commands::Restore),
    /// Writes the text of a PDF file to the standard output, within limits. The server starts this for each file, and
    /// keeps the standard input open as long as it lives.
    #[command(hide = true)]
    PdfText { file: PathBuf },
}

#[derive(Args)]
struct Serve {
    /// Host and port to listen on; port 0 takes a free one. An address that is not loopback needs an API key.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_LISTEN",
        default_value = "127.0.0.1:8787",
        value_name = "ADDRESS"
    )]
    listen: String,

    /// SQLite file that keeps everything; created if it is missing.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_DATABASE",
        default_value = "assistants.db",
        value_name = "FILE"
    )]
    database: PathBuf,

    /// Keeps everything in memory, and nothing after the end.
    #[arg(long, env = "ASSISTANTS_LOCAL_IN_MEMORY")]
    in_memory: bool,

    /// Key that clients must send as `Authorization: Bearer KEY`. Other users of the machine can see the command line:
    /// prefer the environment. Without a key, every key is let in.
    #[arg(long, env = "ASSISTANTS_LOCAL_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,

    /// How many runs are running at a time, and how many chat completions. Others wait in a queue.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_MAX_RUNNING_RUNS",
        default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..),
        value_name = "COUNT"
    )]
    max_running_runs: u32,

    /// Origin whose web pages may use the server, such as `http://localhost:3000`; can be given several times, in the
    /// environment with commas. Without an API key, pages of other origins are refused.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_ALLOW_ORIGIN",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    allow_origin: Vec<String>,

    /// How answers of the Yandex protocol are spelled: as the provider documents it, or as its service answered, with
    /// defaults written out. Requests may come in either spelling.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_YANDEX_NAMES",
        value_enum,
        default_value = "camel",
        value_name = "SPELLING"
    )]
    yandex_names: Names,

    /// Refuses requests with members that the protocol does not know, as the providers do. Without it such members are
    /// ignored.
    #[arg(long, env = "ASSISTANTS_LOCAL_STRICT")]
    strict: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Names {
    /// `folderId`
    Camel,
    /// `folder_id`
    Snake,
}

impl std::fmt::Debug for Serve {
    /// Shows everything but the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Serve")
            .field("listen", &self.listen)
            .field("database", &self.database)
            .field("in_memory", &self.in_memory)
            .field("max_running_runs", &self.max_running_runs)
            .field("allow_origin", &self.allow_origin)
            .field("yandex_names", &self.yandex_names)
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}

fn main() -> ExitCode {
    let ended = match Command::parse().verb {
        Verb::Serve(options) => serve(options).map(|()| ExitCode::SUCCESS),
        Verb::Backup(backup) => backup.run(),
        Verb::Check(check) => check.run(),
        Verb::Restore(restore) => restore.run(),
        // Without a log: a file could fill it.
        Verb::PdfText { file } => assistants_local::write_pdf_text(&file).map_err(Into::into),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                message.push_str(&format!(": {error}"));
                cause = error.source();
            }
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: Serve) -> Result<(), Box<dyn Error>> {
    start_log();
    allow_many_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Signals are caught before anybody can read that the server is ready.
    let stopped = runtime.block_on(async { stop_signal() })?;
    let dialect = match options.yandex_names {
        Names::Camel => Dialect::CamelCase,
        Names::Snake => Dialect::SnakeCase,
    };
    let mut builder = LocalServer::builder()
        .bind(options.listen)
        .max_running_runs(usize::try_from(options.max_running_runs).unwrap_or(usize::MAX))
        .yandex_dialect(dialect)
        .strict(options.strict)
        .pdf_reader(std::env::current_exe()?);
    builder = if options.in_memory {
        builder.in_memory()
    } else {
        builder.database(options.database)
    };
    for origin in options.allow_origin {
        builder = builder.allow_origin(origin);
    }
    if let Some(key) = options.api_key {
        builder = builder.api_key(key);
    }
    let server = builder.start()?;
    let mut output = io::stdout().lock();
    writeln!(
        output,
        "assistants-local listens on {} (model: {})",
        server.base_url(),
        server.model_name()
    )?;
    output.flush()?;
    drop(output);
    runtime.block_on(stopped);
    drop(server);
    Ok(())
}

/// Logs to the standard error, each line with its time in UTC. Without `RUST_LOG`, what this server has to say from
/// `info` on; what its libraries say may hold what they read.
fn start_log() {
    let filter = env_logger::Env::default().default_filter_or("assistants_local=info");
    let mut builder = env_logger::Builder::from_env(filter);
    builder.format(|output, record| {
        let now = time::OffsetDateTime::now_utc();
        let (date, clock) = (now.date(), now.time());
        let (level, target, message) = (record.level(), record.target(), record.args());
        writeln!(
            output,
            "{date}T{:02}:{:02}:{:02}.{:03}Z {level:5} {target}: {message}",
            clock.hour(),
            clock.minute(),
            clock.second(),
            clock.millisecond()
        )
    });
    builder.init();
}

/// Raises the limit on open files as far as it goes without asking anybody: each connection is one.
fn allow_many_files() {
    #[cfg(unix)]
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        log::debug!("the limit on open files stays as it is: {error}");
    }
}

/// Ends when the program is asked to stop.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(poll_fn(move |context| {
        let asked = interrupt.poll_recv(context).is_ready() || terminate.poll_recv(context).is_ready();
        if asked { Poll::Ready(()) } else { Poll::Pending }
    }))
}

/// Ends when the program is asked to stop.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(poll_fn(move |context| interrupt.poll_recv(context).map(|_| ())))
}
