//! One call against one fault.

use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use assistants_blocking::{Error, Retry, TimeoutPhase};
use test_peer::{Nobody, Peer, Request, Response, Scheme, Step};

use crate::calls::{Call, Clients, Good, Provider};
use crate::faults::{self, Fault, Origins, Stage};

/// `timeout`, `idle_timeout` and `connect_timeout` of every call.
pub(crate) const LIMIT: Duration = Duration::from_secs(2);
/// `deadline` of every call.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);
/// Tolerance for delays on a busy machine.
const LATE: Duration = Duration::from_secs(10);
/// How often a call is repeated that was late without having reached a limit.
const TRIES: usize = 4;

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Outcome {
    pub(crate) seen: String,
    /// How often the affected request was made.
    pub(crate) attempts: usize,
    pub(crate) time: String,
    pub(crate) memory: &'static str,
    /// Why the outcome is unacceptable, if it is.
    pub(crate) failure: Option<String>,
}

/// Counts what a call logs about its attempts.
#[derive(Clone, Default)]
pub(crate) struct Observer(Arc<Mutex<Seen>>);

#[derive(Clone, Copy, Default)]
struct Seen {
    retries: usize,
    /// Number of attempts that reached a limit.
    limits: u32,
    waits: Duration,
}

impl Observer {
    pub(crate) fn note(&self, retry: &Retry<'_>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retries += 1;
        seen.limits += u32::from(retry.cause.is_timeout());
        seen.waits += retry.wait;
    }

    fn seen(&self) -> Seen {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the cell, repeatedly if the machine was too busy.
pub(crate) fn run(fault: &'static Fault, call: &'static Call) -> Outcome {
    let mut outcome = try_once(fault, call);
    for _ in 1..TRIES {
        let late = !fault.stalls && outcome.time != AT_ONCE;
        if !late {
            break;
        }
        outcome = try_once(fault, call);
    }
    outcome
}

const AT_ONCE: &str = "at once";

fn try_once(fault: &'static Fault, call: &'static Call) -> Outcome {
    let observer = Observer::default();
    let servers = Servers::start(fault, call);
    let clients = Clients::new(&servers.url, &observer);
    let start = Instant::now();
    let mut result = None;
    let memory = allocation_counter::measure(|| {
        result = panic::catch_unwind(AssertUnwindSafe(|| (call.make)(&clients))).ok();
    });
    let took = start.elapsed();
    let Some(result) = result else {
        return Outcome::failed("panic".into());
    };
    let seen = observer.seen();
    // If the body of an error response does not arrive in time, the error is still that response: only the time shows
    // that a limit was reached.
    let held = if fault.stalls && matches!(result, Err(Error::Api(_))) {
        whole_limits(took.saturating_sub(seen.waits))
    } else {
        0
    };
    let (time, limit) = time(&result, &seen, held);
    if took > limit + LATE {
        return Outcome::failed(format!("hang: {took:?} for {time}"));
    }
    let Some(memory) = bound(memory.bytes_max) else {
        return Outcome::failed(format!("unbounded memory: {} bytes", memory.bytes_max));
    };
    let words = match describe(&result, fault, call) {
        Ok(words) => words,
        Err(failure) => return Outcome::failed(failure),
    };
    let attempts = servers.attempts.load(Ordering::SeqCst).max(seen.retries + 1);
    if let Some(failure) = servers.end(&clients, fault, call) {
        return Outcome::failed(failure);
    }
    Outcome {
        seen: words,
        attempts,
        time,
        memory,
        failure: None,
    }
}

impl Outcome {
    fn failed(failure: String) -> Self {
        Self {
            seen: String::new(),
            attempts: 0,
            time: AT_ONCE.into(),
            memory: "",
            failure: Some(failure),
        }
    }
}

fn whole_limits(time: Duration) -> u32 {
    (time.as_millis() / LIMIT.as_millis()).try_into().unwrap_or(u32::MAX)
}

/// The number of limits that the call reached, at least `held`, and the longest time that it may have taken.
fn time(result: &Result<String, Error>, seen: &Seen, held: u32) -> (String, Duration) {
    let last = match result {
        Err(Error::Timeout(error)) if error.phase == TimeoutPhase::Deadline => return ("`deadline`".into(), DEADLINE),
        Err(error) => u32::from(error.is_timeout()),
        Ok(_) => 0,
    };
    let limits = held.max(seen.limits + last);
    let time = match limits {
        0 => AT_ONCE.into(),
        1 => "1 limit".into(),
        more => format!("{more} limits"),
    };
    (time, LIMIT * limits + seen.waits)
}

/// The upper bound of the memory that the call used at once; `None` above the highest one.
fn bound(bytes: u64) -> Option<&'static str> {
    match bytes {
        0..=0xf_ffff => Some("1 MiB"),
        0x10_0000..=0x3f_ffff => Some("4 MiB"),
        _ => None,
    }
}

/// The result as text for the table; an error if the outcome is unacceptable.
fn describe(result: &Result<String, Error>, fault: &Fault, call: &Call) -> Result<String, String> {
    let error = match result {
        Ok(value) if value == call.want => return Ok("the result".into()),
        Ok(value) => {
            // The contents of a file are arbitrary bytes, and chunks of a chat are not numbered: loss cannot be detected.
            let blind = call.name == if fault.needs_stream { "chat stream" } else { "download" };
            return match fault.alters {
                Some(what) if blind => Ok(format!("{what}, indistinguishable from a result")),
                _ => Err(format!("silent: {value:?} instead of {:?}", call.want)),
            };
        }
        Err(error) => error,
    };
    let shown = format!("{error} {error:?}");
    if shown.contains("hush") || error.to_string().chars().any(char::is_control) {
        return Err(format!("shows what it must not: {shown}"));
    }
    let sent = |sent| if sent { "sent" } else { "not sent" };
    let kind = match error {
        Error::Api(error) => match error.status {
            Some(status) => format!("`Api`, status {status}"),
            None => "`Api`, from the stream".into(),
        },
        Error::Transport(error) => format!("`Transport`, {}", sent(error.request_sent)),
        Error::Timeout(error) => format!("`Timeout` (`{:?}`), {}", error.phase, sent(error.request_sent)),
        Error::Decode(_) => "`Decode`".into(),
        Error::StreamTruncated(error) => {
            let plural = if error.events == 1 { "" } else { "s" };
            format!("`StreamTruncated` after {} event{plural}", error.events)
        }
        Error::Stream(_) => "`Stream`".into(),
        Error::NotAStream(_) => "`NotAStream`".into(),
        Error::TooLarge(_) => "`TooLarge`".into(),
        Error::Config(_) => "`Config`".into(),
        Error::Unsupported(_) => "`Unsupported`".into(),
        other => return Err(format!("an error that does not belong here: {other:?}")),
    };
    let retryable = if error.is_retryable() { ", retryable" } else { "" };
    Ok(kind + retryable)
}

/// The server of a cell, and the target of some redirects.
struct Servers {
    url: String,
    /// Reserves the address for faults without a server.
    _nobody: Nobody,
    peer: Option<Peer>,
    other: Option<Peer>,
    state: Arc<State>,
    attempts: Arc<AtomicUsize>,
}

/// What the server has recorded about requests.
#[derive(Default)]
struct State {
    /// Number of requests, by method and path.
    turns: Mutex<HashMap<String, usize>>,
    /// The correct response to the last affected request, which is served at the target of a redirect.
    moved: Mutex<Option<Good>>,
    /// Number of requests that match those affected.
    like_victim: AtomicUsize,
    /// The fault has ended.
    healed: AtomicBool,
}

impl Servers {
    fn start(fault: &'static Fault, call: &'static Call) -> Self {
        let state = Arc::new(State::default());
        let attempts = Arc::new(AtomicUsize::new(0));
        let mut other = None;
        let peer = match fault.stage {
            Stage::Nobody => None,
            Stage::PlainForTls | Stage::Untrusted => {
                let scheme = if matches!(fault.stage, Stage::Untrusted) {
                    Scheme::Https
                } else {
                    Scheme::Http
                };
                Some(Peer::start(scheme, |listener| {
                    loop {
                        drop(listener.accept().handshake());
                    }
                }))
            }
            Stage::Connection(meet) => Some(Peer::start(Scheme::Http, move |listener| {
                loop {
                    meet(listener.accept());
                }
            })),
            Stage::Response(play) => {
                let kept = Arc::clone(&state);
                let foreign = Peer::serve(move |request| {
                    // A late request of another cell, whose server previously had this port.
                    if request.target != "/moved" {
                        return vec![Step::Close];
                    }
                    let secret = ["authorization", "x-folder-id"]
                        .iter()
                        .find_map(|name| request.header(name));
                    assert!(secret.is_none(), "a secret for another server: {}", request.text());
                    vec![kept.moved()]
                });
                let elsewhere = foreign.url("/moved");
                other = Some(foreign);
                let (state, attempts) = (Arc::clone(&state), Arc::clone(&attempts));
                Some(Peer::serve(move |request| {
                    state.respond(request, (fault, call), play, &elsewhere, &attempts)
                }))
            }
        };
        let nobody = Nobody::new();
        let url = match (&peer, &fault.stage) {
            (None, _) => format!("http://{}", nobody.address()),
            (Some(peer), Stage::PlainForTls | Stage::Untrusted) => format!("https://{}", peer.address()),
            (Some(peer), _) => peer.url(""),
        };
        Self {
            url,
            _nobody: nobody,
            peer,
            other,
            state,
            attempts,
        }
    }

    /// Checks that the clients work again after the fault has ended and that the servers saw only expected requests;
    /// returns the failure, if any.
    fn end(self, clients: &Clients, fault: &Fault, call: &Call) -> Option<String> {
        self.state.healed.store(true, Ordering::SeqCst);
        let mut failure = None;
        if matches!(fault.stage, Stage::Response(_)) {
            let after = match call.provider {
                Provider::OpenAi => clients
                    .openai
                    .threads()
                    .retrieve("thread_1")
                    .send()
                    .map(|thread| thread.id),
                Provider::Yandex => clients.yandex.threads().get("th_1").send().map(|thread| thread.id),
            };
            failure = after.err().map(|error| format!("the next call fails: {error:?}"));
        }
        for peer in [self.peer, self.other].into_iter().flatten() {
            if panic::catch_unwind(AssertUnwindSafe(|| drop(peer))).is_err() {
                failure = Some("a request that must not be, or a response taken without a bound".into());
            }
        }
        failure
    }
}

impl State {
    fn moved(&self) -> Step {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        faults::right(moved.as_ref().expect("a redirect came first")).into()
    }

    fn respond(
        &self,
        request: &Request,
        (fault, call): (&Fault, &Call),
        play: fn(&Good, &Origins) -> Vec<Step>,
        other: &str,
        attempts: &AtomicUsize,
    ) -> Vec<Step> {
        let own = format!("http://{}", request.header("host").unwrap_or_default());
        match request.target.as_str() {
            "/moved" => return vec![self.moved()],
            "/circle" => return vec![Response::redirect("307 Temporary Redirect", "/circle").into()],
            _ => {}
        }
        let key = request.line().split('?').next().unwrap_or_default().to_owned();
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(key).or_default();
        let good = Good::response(request, *turn);
        *turn += 1;
        drop(turns);
        let (line, before) = call.victim;
        if self.healed.load(Ordering::SeqCst)
            || !(request.line() + " ").starts_with(line)
            || self.like_victim.fetch_add(1, Ordering::SeqCst) < before
            || (attempts.fetch_add(1, Ordering::SeqCst) > 0 && fault.once)
        {
            return vec![faults::right(&good).into()];
        }
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(good.clone());
        let origins = Origins {
            own: format!("{own}/moved"),
            circle: format!("{own}/circle"),
            other: other.to_owned(),
        };
        play(&good, &origins)
    }
}
