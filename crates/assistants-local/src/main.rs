//! The program `assistants-local`: serves one database at one address, and maintains databases.

use std::error::Error;
use std::future::poll_fn;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::task::Poll;

use assistants_local::{Dialect, LocalServer, Script};
use clap::{Args, Parser, Subcommand, ValueEnum};

mod cli;

use cli::code::CodeOptions;
use cli::config_file::ConfigOption;
use cli::embeddings::EmbeddingOptions;
use cli::try_upstream::TryUpstream;
use cli::upstream::UpstreamOptions;
use cli::{maintenance, scripted_code};

/// Local server for the Assistants protocols of OpenAI and Yandex AI Studio.
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
    /// Logs to standard error: startup, rejected requests, failed runs, and limits that were reached. `RUST_LOG` sets the
    /// level: `warn`, `info` (the default), `debug` (each request) or `off`. Texts of messages, keys and contents of files are
    /// never logged.
    Serve(Serve),
    /// Copies the database and its files to a folder. The server can keep running.
    Backup(maintenance::Backup),
    /// Checks the database and its files for faults, and exits with code 1 if there is one. The server can keep running.
    Check(maintenance::Check),
    /// Installs a backup, so that a server can be started on it.
    Restore(maintenance::Restore),
    /// Sends five small requests to each upstream server, and prints what it can do and which flags it needs.
    TryUpstream(TryUpstream),
    /// Writes the text of a PDF file to standard output, within limits. The server runs this for each file; the process
    /// ends when its standard input closes, so that it does not outlive the server.
    #[command(hide = true)]
    PdfText { file: PathBuf },
    /// Follows commands in place of code: a program for `--code-interpreter`, for tests without a sandbox.
    #[command(hide = true)]
    ScriptedCode,
}

#[derive(Args)]
struct Serve {
    /// Host and port to listen on; port 0 selects a free one. An address that is not loopback requires an API key.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_LISTEN",
        default_value = "127.0.0.1:8787",
        value_name = "ADDRESS"
    )]
    listen: String,

    /// SQLite database file; created if it does not exist.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_DATABASE",
        default_value = "assistants.db",
        value_name = "FILE"
    )]
    database: PathBuf,

    /// Keeps all data in memory; it is lost when the server stops.
    #[arg(long, env = "ASSISTANTS_LOCAL_IN_MEMORY")]
    in_memory: bool,

    /// Key that clients must send as `Authorization: Bearer KEY`. Prefer the environment variable: other users of the machine
    /// can see the command line. Without this option, any key is accepted.
    #[arg(long, env = "ASSISTANTS_LOCAL_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,

    /// Maximum number of runs in progress, and of chat completions. Others are queued.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_MAX_RUNNING_RUNS",
        default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..),
        value_name = "COUNT"
    )]
    max_running_runs: u32,

    /// Origin whose web pages may use the server, such as `http://localhost:3000`. Can be repeated; separate origins with
    /// commas in the environment variable. Without an API key, pages of other origins are rejected.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_ALLOW_ORIGIN",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    allow_origin: Vec<String>,

    /// Spelling of field names in responses of the Yandex protocol: `camel` as the provider documents it, or `snake` as its
    /// service responded, with explicit default values. Requests can use either.
    #[arg(
        long,
        env = "ASSISTANTS_LOCAL_YANDEX_NAMES",
        value_enum,
        default_value = "camel",
        value_name = "SPELLING"
    )]
    yandex_names: Names,

    /// Rejects requests with unknown members, as the providers do. Without this option they are ignored.
    #[arg(long, env = "ASSISTANTS_LOCAL_STRICT")]
    strict: bool,

    /// File with the answers to certain prompts and the responses to certain requests, for tests: `docs/testing.md` in the
    /// repository describes it. All other prompts go to the models.
    #[arg(long, env = "ASSISTANTS_LOCAL_SCRIPT", value_name = "FILE")]
    script: Option<PathBuf>,

    #[command(flatten)]
    models: UpstreamOptions,

    #[command(flatten)]
    config: ConfigOption,

    #[command(flatten)]
    embeddings: EmbeddingOptions,

    #[command(flatten)]
    code: CodeOptions,
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
            .field("script", &self.script)
            .field("models", &self.models)
            .field("config", &self.config)
            .field("embeddings", &self.embeddings)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

fn main() -> ExitCode {
    let ended = match Command::parse().verb {
        Verb::Serve(options) => serve(options).map(|()| ExitCode::SUCCESS),
        Verb::Backup(backup) => backup.run(),
        Verb::Check(check) => check.run(),
        Verb::Restore(restore) => restore.run(),
        Verb::TryUpstream(options) => options.run(),
        // Starts no log: a malicious file could fill it.
        Verb::ScriptedCode => scripted_code::run().map_err(Into::into),
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
    // Signal handlers are installed before the server reports that it is ready.
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
    let mut models =
        "model: scripted, which repeats the question; --upstream names a server with language models".to_owned();
    let file = options.config.read()?;
    if let Some(interpreter) = options.code.code_interpreter(&file)? {
        builder = builder.code_interpreter(interpreter);
    }
    if let Some(catalog) = options.models.catalog(file.upstreams, file.models)? {
        let upstreams = catalog
            .upstreams()
            .iter()
            .map(|upstream| format!("{} at {}", upstream.name(), upstream.url()));
        models = format!("models of {}", upstreams.collect::<Vec<_>>().join(", "));
        builder = builder.model(catalog);
    }
    if let Some(embedder) = options.embeddings.embedder(file.embeddings)? {
        models.push_str(&format!("; embeddings of {} at {}", embedder.model(), embedder.url()));
        builder = builder.embedder(embedder);
    }
    if let Some(script) = options.script.or(file.script) {
        builder = builder.script(Script::from_file(&script)?);
        models.push_str(&format!("; script: {}", script.display()));
    }
    for origin in options.allow_origin {
        builder = builder.allow_origin(origin);
    }
    if let Some(key) = options.api_key {
        builder = builder.api_key(key);
    }
    let server = builder.start()?;
    let mut output = io::stdout().lock();
    writeln!(output, "assistants-local listens on {} ({models})", server.base_url(),)?;
    output.flush()?;
    drop(output);
    runtime.block_on(stopped);
    drop(server);
    Ok(())
}

/// Logs to standard error, each line with its time in UTC. Without `RUST_LOG`, messages of this crate from `info` on
/// are logged, and none of libraries, because those can contain the data that they process.
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

/// Raises the soft limit on open files to the hard limit, because each connection is an open file.
fn allow_many_files() {
    #[cfg(unix)]
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        log::debug!("the limit on open files stays as it is: {error}");
    }
}

/// Completes when the program is asked to stop.
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

/// Completes when the program is asked to stop.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(poll_fn(move |context| interrupt.poll_recv(context).map(|_| ())))
}
