//! Starting and stopping.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use assistants_types::yandex::Dialect;
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::error::Error;
use crate::http::{self, Front, Limits, Origins};
use crate::ids;
use crate::model::Model;
use crate::model::scripted::Scripted;
use crate::openai;
use crate::search::PdfReader;
use crate::storage::blobs::FileStore;
use crate::storage::sqlite::Sqlite;
use crate::storage::{Storage, pair};
use crate::yandex;

/// How long a run may take, as the provider has it.
const RUN_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// How many runs are running at a time.
const MAX_RUNNING_RUNS: usize = 256;

/// How long a stop waits for models to return, and then for connections to close.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// A running server. It stops when it is dropped.
///
/// Stopping fails running runs. The streams of other runs, which the next server on the same database takes up, end with an
/// `error` event.
#[derive(Debug)]
pub struct LocalServer {
    address: SocketAddr,
    model_name: String,
    engine: Arc<Engine>,
    /// Dropping it tells the server's thread to stop.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LocalServer {
    /// Describes a server: in memory, with the scripted model, on a free port of `127.0.0.1`, without a key.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The base URL for clients of the OpenAI protocol, such as `http://127.0.0.1:8787/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The base URL for clients of the Yandex protocol, such as `http://127.0.0.1:8787`: of all its services.
    #[must_use]
    pub fn yandex_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The name of the model that answers.
    #[must_use]
    pub fn model_name(&self) -> &str {
        &self.model_name
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        // The engine first: its streams end, so that their connections can close.
        self.engine.stop(STOP_PATIENCE);
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the server's thread panicked");
        }
    }
}

/// A server that is not started yet.
#[must_use = "a server does nothing until `start`"]
pub struct Builder {
    database: Option<PathBuf>,
    model: Arc<dyn Model>,
    api_key: Option<String>,
    bind: String,
    run_lifetime: Duration,
    max_running_runs: usize,
    yandex_dialect: Dialect,
    strict: bool,
    pdf_reader: Option<PathBuf>,
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
            api_key: None,
            bind: "127.0.0.1:0".to_owned(),
            run_lifetime: RUN_LIFETIME,
            max_running_runs: MAX_RUNNING_RUNS,
            yandex_dialect: Dialect::default(),
            strict: false,
            pdf_reader: None,
            allowed_origins: Vec::new(),
            limits: Limits::default(),
        }
    }
}

impl Builder {
    /// Keeps everything in this SQLite file, and the bytes of files in a folder beside it that has its name and
    /// `.files`. Both are created if they are missing. One server at a time can use them.
    pub fn database(mut self, path: impl Into<PathBuf>) -> Self {
        self.database = Some(path.into());
        self
    }

    /// Keeps everything in memory until the server stops, and the bytes of files in a temporary folder. The default.
    pub fn in_memory(mut self) -> Self {
        self.database = None;
        self
    }

    /// Answers with this model. Default: [`Scripted`].
    pub fn model(mut self, model: impl Model) -> Self {
        self.model = Arc::new(model);
        self
    }

    /// Lets in only requests with this key: in `Authorization`, as `Bearer` or `Api-Key`, or in `api-key`. White space around
    /// the key, such as the line break at the end of a file, is not part of it. Default: every key, and none, is let in.
    ///
    /// Without a key the server is for the programs of this machine. So that web pages, which a browser of this machine
    /// runs, cannot use it, it then refuses requests with the status 403 that name another host than `localhost`, an
    /// address of this machine or the one of [`bind`](Self::bind), or that come from a page of another origin, and with
    /// the status 415 those with a body that is not `application/json` (or a form, where one is taken).
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Listens on this address: a host and a port, with port 0 for a free one. Default: `127.0.0.1:0`.
    ///
    /// An address that is not loopback needs an [`api_key`](Self::api_key).
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = address.into();
        self
    }

    /// Lets web pages of this origin use the server, such as `http://localhost:3000`: it then answers what browsers ask
    /// before they send their requests (CORS). Can be called several times. `*` means all origins, and needs an
    /// [`api_key`](Self::api_key). Default: no page may.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed_origins.push(origin.into());
        self
    }

    /// How much the server takes on at once, and how long it waits for its clients.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a run may take from its creation until it expires. Default: 10 minutes, as the provider has it.
    pub fn run_lifetime(mut self, lifetime: Duration) -> Self {
        self.run_lifetime = lifetime;
        self
    }

    /// How many runs are running at a time, each on a thread of its own; and likewise how many chat completions. Others wait
    /// in the order in which they were created: as `queued`, with the first events of their streams sent. They can be
    /// cancelled and expire like others. 0 counts as 1. Default: 256.
    ///
    /// A run that waits for outputs of functions does not count. It goes to the end of the queue when it gets them.
    pub fn max_running_runs(mut self, runs: usize) -> Self {
        self.max_running_runs = runs;
        self
    }

    /// How answers of the Yandex protocol are spelled. Requests may come in either spelling, whatever this says.
    ///
    /// Default: lowerCamelCase without defaults, as the provider documents it. [`Dialect::SnakeCase`] is what its
    /// service for assistants, threads and runs answered: `snake_case`, with defaults written out.
    pub fn yandex_dialect(mut self, dialect: Dialect) -> Self {
        self.yandex_dialect = dialect;
        self
    }

    /// Refuses requests with members in their bodies that the protocol does not know, at any depth, as the providers do:
    /// OpenAI with the code `unknown_parameter`, Yandex with `INVALID_ARGUMENT`. This finds misspelled names.
    ///
    /// Default: `false`. Such members are ignored, since clients send members that are newer than this server.
    /// Parameters of the query and headers are never refused.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Reads PDF files by starting this program for each, as `program pdf-text -- PATH`: the binary `assistants-local`, or
    /// one that then calls [`write_pdf_text`](crate::write_pdf_text) and ends with its code. A program must end when its
    /// standard input does: the server waits for it when it stops. Default: PDF files are read in this process.
    ///
    /// Set this when files come from people you do not trust. A file can be made so that reading it runs out of memory,
    /// which ends the process that does it, or takes very long. If that is the server's own, the next start takes up the
    /// file again, with the same result, until the database is opened by a server that has such a program.
    pub fn pdf_reader(mut self, program: impl Into<PathBuf>) -> Self {
        self.pdf_reader = Some(program.into());
        self
    }

    /// Starts the server and returns once it listens.
    ///
    /// Runs that an earlier server left in the database are taken up: queued ones start, those that were at work end as
    /// failed, and those whose time is over end as expired.
    ///
    /// # Errors
    ///
    /// [`Error::Bind`] when the address cannot be listened on, [`Error::KeyNeeded`] when it is not loopback and there
    /// is no key, [`Error::EmptyKey`] for a key without a character, [`Error::Origin`] for what is no origin,
    /// [`Error::Storage`] when the database cannot be
    /// used, [`Error::System`] when the operating system gives no random bytes, no thread or no pipe.
    pub fn start(self) -> Result<LocalServer, Error> {
        let Self {
            database,
            model,
            api_key,
            bind,
            run_lifetime,
            max_running_runs,
            yandex_dialect,
            strict,
            pdf_reader,
            allowed_origins,
            limits,
        } = self;
        // No header can end in white space, so no request could ever bring such a key.
        let api_key = api_key.as_deref().map(str::trim);
        if api_key == Some("") {
            return Err(Error::EmptyKey);
        }
        let origins = Origins::parse(&allowed_origins, api_key.is_some()).map_err(|origin| Error::Origin { origin })?;
        ids::check_randomness().map_err(|error| Error::System {
            action: "asking for random bytes",
            source: io::Error::other(error),
        })?;
        let listener = listen(&bind, api_key.is_some())?;
        let address = listener.local_addr().map_err(|source| Error::Bind {
            address: bind.clone(),
            source,
        })?;
        let (storage, files): (Box<dyn Storage>, _) = match &database {
            Some(path) => {
                let (storage, files) = pair::open(path)?;
                (Box::new(storage), files)
            }
            None => (Box::new(Sqlite::in_memory()?), FileStore::temporary()?),
        };
        let pdf_reader = pdf_reader.map(PdfReader::new).transpose();
        let pdf_reader = pdf_reader.map_err(|source| Error::System {
            action: "making a pipe",
            source,
        })?;
        let model_name = model.name().to_owned();
        let engine = Engine::start(storage, files, pdf_reader, model, run_lifetime, max_running_runs)?;
        let front = Front::new(api_key, origins, &bind, limits);
        let guard = if api_key.is_some() {
            "an API key"
        } else {
            "no API key: this machine only"
        };
        match &database {
            Some(path) => log::info!("listening on {address}, database {}, {guard}", path.display()),
            None => log::info!("listening on {address}, everything in memory, {guard}"),
        }
        match serve(Arc::clone(&engine), front, yandex_dialect, strict, listener) {
            Ok((stop, thread)) => Ok(LocalServer {
                address,
                model_name,
                engine,
                stop: Some(stop),
                thread: Some(thread),
            }),
            Err(source) => {
                engine.stop(STOP_PATIENCE);
                Err(Error::System {
                    action: "starting the server's threads",
                    source,
                })
            }
        }
    }
}

fn listen(bind: &str, has_key: bool) -> Result<TcpListener, Error> {
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
    Ok(listener)
}

fn serve(
    engine: Arc<Engine>,
    front: Arc<Front>,
    yandex_dialect: Dialect,
    strict: bool,
    listener: TcpListener,
) -> io::Result<(oneshot::Sender<()>, JoinHandle<()>)> {
    // Two threads for connections are plenty: requests are worked on elsewhere.
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("assistants-local")
        .enable_io()
        .enable_time()
        .build()?;
    let guard = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    drop(guard);
    let router = openai::router(Arc::clone(&engine), Arc::clone(&front), strict);
    let router = yandex::in_front_of(router, engine, Arc::clone(&front), yandex_dialect, strict);
    let router = http::with_cors(router, Arc::clone(&front));
    let (stop, stopped) = oneshot::channel();
    let work = move || {
        run(&runtime, listener, router, front.limits.clone(), stopped);
        runtime.shutdown_timeout(STOP_PATIENCE);
    };
    Ok((
        stop,
        thread::Builder::new().name("assistants-local".to_owned()).spawn(work)?,
    ))
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
            // An error means that the sender was dropped, which is how a server is told to stop.
            drop(stopped.await);
            drop(closing);
        };
        let serving = tokio::spawn(async move { http::serve(listener, router, &limits, until).await });
        drop(closed.await);
        match tokio::time::timeout(STOP_PATIENCE, serving).await {
            Ok(Ok(())) => {}
            Ok(Err(panicked)) => log::error!("serving ended: {panicked}"),
            Err(_) => log::warn!("connections are left open: they did not end in time"),
        }
    });
}
