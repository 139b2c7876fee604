//! Starts and stops a server.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use assistants_types::yandex::Dialect;
use axum::http::StatusCode;
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;

use crate::code::{CodeInterpreter, Sessions};
use crate::embeddings::Embedder;
use crate::engine::{Engine, Services};
use crate::error::Error;
use crate::http::{self, Frontend, Limits, Origins};
use crate::ids;
use crate::model::Model;
use crate::model::scripted::Scripted;
use crate::openai;
use crate::script::{RequestRule, Script};
use crate::search::PdfReader;
use crate::storage::blobs::FileStore;
use crate::storage::sqlite::Sqlite;
use crate::storage::{Storage, pair};
use crate::yandex;

/// The lifetime of a run, as the provider documents it.
const RUN_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The default number of concurrent runs.
const MAX_RUNNING_RUNS: usize = 256;

/// How long stopping waits for models to return, and then for connections to close.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A running server. It stops when it is dropped.
///
/// Stopping fails the runs that are in progress. Queued runs and runs that wait for tool outputs are continued by the
/// next server on the same database; their streams end with an `error` event.
#[derive(Debug)]
pub struct LocalServer {
    address: SocketAddr,
    model_name: String,
    engine: Arc<Engine>,
    /// Dropping it stops the server's thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LocalServer {
    /// Creates a builder. By default the server keeps its data in memory, uses the scripted model, listens on a free
    /// port of `127.0.0.1` and has no API key.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Returns the base URL for clients of the OpenAI protocol, such as `http://127.0.0.1:8787/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the base URL for clients of the Yandex protocol, such as `http://127.0.0.1:8787`. It is the same for all
    /// services.
    #[must_use]
    pub fn yandex_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the name of the model.
    #[must_use]
    pub fn model_name(&self) -> &str {
        &self.model_name
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        // The engine stops first: this ends its streams, so that their connections can close.
        self.engine.stop(STOP_TIMEOUT);
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the server's thread panicked");
        }
    }
}

/// A server that has been configured but not started.
#[must_use = "a server does nothing until `start`"]
pub struct Builder {
    database: Option<PathBuf>,
    model: Arc<dyn Model>,
    embedder: Option<Embedder>,
    api_key: Option<String>,
    bind: String,
    run_lifetime: Duration,
    max_running_runs: usize,
    yandex_dialect: Dialect,
    strict: bool,
    script: Script,
    pdf_reader: Option<PathBuf>,
    code_interpreter: Option<CodeInterpreter>,
    allowed_origins: Vec<String>,
    limits: Limits,
}

impl fmt::Debug for Builder {
    /// Shows everything but the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Builder")
            .field("database", &self.database)
            .field("model", &self.model.name())
            .field("embedder", &self.embedder)
            .field("bind", &self.bind)
            .field("run_lifetime", &self.run_lifetime)
            .field("max_running_runs", &self.max_running_runs)
            .finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            database: None,
            model: Arc::new(Scripted),
            embedder: None,
            api_key: None,
            bind: "127.0.0.1:0".to_owned(),
            run_lifetime: RUN_LIFETIME,
            max_running_runs: MAX_RUNNING_RUNS,
            yandex_dialect: Dialect::default(),
            strict: false,
            script: Script::default(),
            pdf_reader: None,
            code_interpreter: None,
            allowed_origins: Vec::new(),
            limits: Limits::default(),
        }
    }
}

impl Builder {
    /// Keeps all objects in this SQLite file, and the contents of files in a folder beside it with the same name and
    /// the extension `.files`. Both are created if they are missing. Only one server at a time can use them.
    pub fn database(mut self, path: impl Into<PathBuf>) -> Self {
        self.database = Some(path.into());
        self
    }

    /// Keeps all objects in memory until the server stops, and the contents of files in a temporary folder. This is the
    /// default.
    pub fn in_memory(mut self) -> Self {
        self.database = None;
        self
    }

    /// Uses this model. The default is [`Scripted`].
    pub fn model(mut self, model: impl Model) -> Self {
        self.model = Arc::new(model);
        self
    }

    /// Searches files by meaning as well as by words, with vectors of this model, and passes requests for embeddings on to its
    /// server. By default files are searched by words only, and requests for embeddings fail.
    ///
    /// Files are indexed with their vectors. Vector stores that have none yet, or those of another model, are searched by words
    /// until the server has computed theirs in the background.
    pub fn embedder(mut self, embedder: Embedder) -> Self {
        self.embedder = Some(embedder);
        self
    }

    /// Requires this key in every request: in `Authorization`, as `Bearer` or `Api-Key`, or in `api-key`.
    ///
    /// White space around the key, such as the line break at the end of a file, is ignored. By default no key is
    /// required.
    ///
    /// Without a key the server serves only programs on this machine, and no web pages in a browser on this machine. It
    /// rejects requests whose `Host` is not `localhost`, an address of this machine or the address of
    /// [`bind`](Self::bind) (status 403), requests from pages of another origin (403), and bodies that are not
    /// `application/json` or, where one is expected, a form (415).
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Listens on this address: a host and a port. Port 0 selects a free one. The default is `127.0.0.1:0`.
    ///
    /// An address that is not loopback requires an [`api_key`](Self::api_key).
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = address.into();
        self
    }

    /// Allows web pages of this origin, such as `http://localhost:3000`, to use the server (CORS).
    ///
    /// Can be called several times. `*` allows all origins, and requires an [`api_key`](Self::api_key). By default no
    /// page is allowed.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed_origins.push(origin.into());
        self
    }

    /// Sets the limits on what the server does concurrently and on how long it waits for its clients.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long a run may take from its creation until it expires. The default is 10 minutes, as for the hosted
    /// service.
    pub fn run_lifetime(mut self, lifetime: Duration) -> Self {
        self.run_lifetime = lifetime;
        self
    }

    /// Sets how many runs execute at a time, each on its own thread, and also how many chat completions. The default is
    /// 256; 0 counts as 1.
    ///
    /// Further runs wait in the order of their creation. They are `queued`, the first events of their streams are sent,
    /// and they can be cancelled and expire like others. A run that waits for tool outputs does not count; it goes to
    /// the end of the queue when it receives them.
    pub fn max_running_runs(mut self, runs: usize) -> Self {
        self.max_running_runs = runs;
        self
    }

    /// Sets the spelling of responses of the Yandex protocol. Requests can always use either spelling.
    ///
    /// The default is lowerCamelCase without default values, as the provider documents it. [`Dialect::SnakeCase`] is
    /// `snake_case` with default values written out, as its service for assistants, threads and runs responded.
    pub fn yandex_dialect(mut self, dialect: Dialect) -> Self {
        self.yandex_dialect = dialect;
        self
    }

    /// Rejects requests with unknown members in their bodies, at any depth, as the providers do: OpenAI with the code
    /// `unknown_parameter`, Yandex with `INVALID_ARGUMENT`. This finds misspelled names.
    ///
    /// The default is `false`: unknown members are ignored, because clients may send members that are newer than this
    /// server. Unknown query parameters and headers are always ignored.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Follows a script: it contains the answers to certain prompts, and the responses to certain requests. All other prompts
    /// go to the [`model`](Self::model). By default there is no script.
    ///
    /// How often each rule has applied is counted from the start of the server.
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// Reads each PDF file in a separate process, started as `program pdf-text -- PATH`. By default PDF files are read
    /// in this process.
    ///
    /// `program` is the binary `assistants-local`, or one that calls [`write_pdf_text`](crate::write_pdf_text) and
    /// exits with the code that it returns. It must exit when its standard input is closed: a server that stops waits
    /// for it.
    ///
    /// Set this if files come from people you do not trust. A malicious file can make its reader run out of memory,
    /// which aborts the process, or take very long. If that process is the server itself, the next start indexes the
    /// file again with the same result, until a server with a PDF reader opens the database.
    pub fn pdf_reader(mut self, program: impl Into<PathBuf>) -> Self {
        self.pdf_reader = Some(program.into());
        self
    }

    /// Executes the code of the tool `code_interpreter` with this program. By default no code is executed, and runs with the
    /// tool fail with the code `unsupported_tool`.
    ///
    /// The code is written by a language model, which people and documents can talk into anything. The program has to
    /// isolate it; see `docs/code-interpreter.md` in the repository.
    pub fn code_interpreter(mut self, program: CodeInterpreter) -> Self {
        self.code_interpreter = Some(program);
        self
    }

    /// Starts the server, and returns once it listens.
    ///
    /// Runs that an earlier server left in the database are resumed: queued ones start, those that were in progress end
    /// as failed, and those whose time has passed end as expired.
    ///
    /// # Errors
    ///
    /// - [`Error::Bind`] if the address cannot be listened on.
    /// - [`Error::KeyNeeded`] if it is not loopback and there is no key.
    /// - [`Error::EmptyKey`] if the key is empty or consists of white space.
    /// - [`Error::Origin`] if an allowed origin is not an origin.
    /// - [`Error::Storage`] if the database cannot be used.
    /// - [`Error::System`] if the operating system does not provide random bytes, a thread or a pipe.
    pub fn start(self) -> Result<LocalServer, Error> {
        // Header values cannot begin or end with white space, so no request could send such a key.
        let api_key = self.api_key.as_deref().map(str::trim);
        if api_key == Some("") {
            return Err(Error::EmptyKey);
        }
        let origins = Origins::parse(&self.allowed_origins, api_key.is_some());
        let origins = origins.map_err(|origin| Error::Origin { origin })?;
        ids::check_randomness().map_err(|error| Error::System {
            action: "obtaining random bytes",
            source: io::Error::other(error),
        })?;
        let (listener, address) = listen(&self.bind, api_key.is_some())?;
        let (storage, files) = open_storage(self.database.as_deref())?;
        let pdf_reader = self.pdf_reader.map(PdfReader::new).transpose();
        let pdf_reader = pdf_reader.map_err(|source| Error::System {
            action: "creating a pipe",
            source,
        })?;
        let model_name = self.model.name().to_owned();
        let (model, requests) = self.script.apply_to(self.model);
        let services = Services {
            model,
            pdf_reader,
            code: self.code_interpreter.map(Sessions::new),
            embedder: self.embedder,
        };
        let engine = Engine::start(storage, files, services, self.run_lifetime, self.max_running_runs)?;
        let frontend = Frontend::new(api_key, origins, &self.bind, self.limits);
        log_start(address, self.database.as_deref(), api_key.is_some());
        match serve(
            Arc::clone(&engine),
            frontend,
            self.yandex_dialect,
            self.strict,
            requests,
            listener,
        ) {
            Ok((stop, thread)) => Ok(LocalServer {
                address,
                model_name,
                engine,
                stop: Some(stop),
                thread: Some(thread),
            }),
            Err(source) => {
                engine.stop(STOP_TIMEOUT);
                Err(Error::System {
                    action: "starting the server's threads",
                    source,
                })
            }
        }
    }
}

/// Opens the database with its files, or creates both for the lifetime of the server.
fn open_storage(database: Option<&Path>) -> Result<(Box<dyn Storage>, FileStore), Error> {
    match database {
        Some(path) => {
            let (storage, files) = pair::open(path)?;
            Ok((Box::new(storage), files))
        }
        None => Ok((Box::new(Sqlite::in_memory()?), FileStore::temporary()?)),
    }
}

fn log_start(address: SocketAddr, database: Option<&Path>, has_key: bool) {
    let access = if has_key {
        "an API key"
    } else {
        "no API key: this machine only"
    };
    match database {
        Some(path) => log::info!("listening on {address}, database {}, {access}", path.display()),
        None => log::info!("listening on {address}, everything in memory, {access}"),
    }
}

fn listen(bind: &str, has_key: bool) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Bind {
        address: bind.to_owned(),
        source,
    };
    let addresses: Vec<SocketAddr> = bind.to_socket_addrs().map_err(failed)?.collect();
    if !has_key && let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback()) {
        return Err(Error::KeyNeeded { address: *open });
    }
    let listener = TcpListener::bind(&addresses[..]).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

fn serve(
    engine: Arc<Engine>,
    frontend: Arc<Frontend>,
    yandex_dialect: Dialect,
    strict: bool,
    scripted: Vec<RequestRule>,
    listener: TcpListener,
) -> io::Result<(oneshot::Sender<()>, JoinHandle<()>)> {
    // Two threads suffice for connections: they only move bytes, and handlers run on threads of their own.
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("assistants-local")
        .enable_io()
        .enable_time()
        .build()?;
    let guard = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    drop(guard);
    let router = openai::router(Arc::clone(&engine), Arc::clone(&frontend), strict);
    let router = yandex::in_front_of(router, engine, Arc::clone(&frontend), yandex_dialect, strict);
    let router = if scripted.is_empty() {
        router
    } else {
        http::with_script(router, scripted, Arc::clone(&frontend), scripted_error_body)
    };
    let headers = [openai::RESPONSE_HEADERS, yandex::RESPONSE_HEADERS].concat();
    let router = http::with_unread_bodies(http::with_cors(router, Arc::clone(&frontend), &headers));
    let (stop, stopped) = oneshot::channel();
    let work = move || {
        run(&runtime, listener, router, frontend.limits.clone(), stopped);
        runtime.shutdown_timeout(STOP_TIMEOUT);
    };
    Ok((
        stop,
        thread::Builder::new().name("assistants-local".to_owned()).spawn(work)?,
    ))
}

/// Returns the body of an error in the format of the path's protocol.
fn scripted_error_body(path: &str, status: StatusCode) -> String {
    if yandex::has_path(path) {
        yandex::scripted_error_body(status)
    } else {
        openai::scripted_error_body(status)
    }
}

fn run(
    runtime: &Runtime,
    listener: tokio::net::TcpListener,
    router: axum::Router,
    limits: Limits,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let (closing, closed) = oneshot::channel::<()>();
        let until = async {
            // The sender sends nothing. Dropping it, which is an error here, stops the server.
            drop(stopped.await);
            drop(closing);
        };
        let serving = tokio::spawn(async move { http::serve(listener, router, &limits, until).await });
        drop(closed.await);
        match tokio::time::timeout(STOP_TIMEOUT, serving).await {
            Ok(Ok(())) => {}
            Ok(Err(panicked)) => log::error!("the task that accepts connections panicked: {panicked}"),
            Err(_) => log::warn!("some connections did not end in time and were left open"),
        }
    });
}
