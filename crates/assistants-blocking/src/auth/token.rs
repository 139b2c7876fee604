//! Tokens that are fetched, cached, and renewed in time.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::auth::api_key::ApiKey;
use crate::auth::authorization::{Authorize, Secret};
use crate::error::{Error, Result, TimeoutPhase, TokenError, TransportError};
use crate::http::log;
use crate::http::watch::{SLICE, Watch};

/// How long a token is used before another one is fetched, even if it is valid for longer, as Yandex recommends.
const USED_FOR: Duration = Duration::from_secs(60 * 60);

/// A token is renewed this long before it expires, or in the last quarter of its lifetime if that is shorter.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// The wait after a failed renewal while the current token is still valid.
const LATER: Duration = Duration::from_secs(60);

/// A token from a provider; see [`ClientBuilder::token_provider`](crate::openai::ClientBuilder::token_provider).
///
/// `Debug` shows nothing of the token.
///
/// ```
/// use std::time::Duration;
/// use assistants_blocking::BearerToken;
///
/// let token = BearerToken::new("hush").expires_in(Duration::from_secs(3600));
/// assert!(!format!("{token:?}").contains("hush"));
/// ```
#[derive(Clone)]
pub struct BearerToken {
    text: String,
    received: Instant,
    lifetime: Option<Duration>,
}

impl BearerToken {
    /// A token of unknown lifetime: it is used for an hour, or until the server rejects it.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self {
            text: token.into(),
            received: Instant::now(),
            lifetime: None,
        }
    }

    /// Sets how long it is valid from now on.
    #[must_use]
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.received = Instant::now();
        self.lifetime = Some(lifetime);
        self
    }

    /// When it expires, by the clock of this machine; a time in the past is now.
    #[must_use]
    pub fn expires_at(self, end: SystemTime) -> Self {
        let lifetime = end.duration_since(SystemTime::now());
        self.expires_in(lifetime.unwrap_or_default())
    }
}

impl From<String> for BearerToken {
    fn from(token: String) -> Self {
        Self::new(token)
    }
}

impl From<&str> for BearerToken {
    fn from(token: &str) -> Self {
        Self::new(token)
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// A callback of the user that returns tokens.
#[derive(Clone)]
pub(crate) struct Provider(Arc<dyn Fn() -> Result<BearerToken> + Send + Sync>);

impl Provider {
    pub(crate) fn new<E>(provide: impl Fn() -> Result<BearerToken, E> + Send + Sync + 'static) -> Self
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let failed = |error: E| -> Error {
            let source: Box<dyn StdError + Send + Sync> = error.into();
            TokenError { source: source.into() }.into()
        };
        Self(Arc::new(move || provide().map_err(failed)))
    }
}

impl Source for Provider {
    fn fetch(&self, _: &Watch) -> Result<Token> {
        let given = (self.0)()?;
        Ok(Token {
            key: ApiKey::named("the token of the token provider", given.text)?,
            fetched: given.received,
            lifetime: given.lifetime,
        })
    }

    fn origin(&self) -> &'static str {
        "it was sent a token of the token provider"
    }
}

/// A token as its source returned it.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) key: ApiKey,
    pub(crate) fetched: Instant,
    /// How long it is valid, if the source says so.
    pub(crate) lifetime: Option<Duration>,
}

impl Token {
    pub(crate) fn new(key: ApiKey, lifetime: Option<Duration>) -> Self {
        Self {
            key,
            fetched: Instant::now(),
            lifetime,
        }
    }

    /// When the next one is to be fetched.
    fn due(&self) -> Instant {
        let lasts = self.lifetime.map(|lifetime| lifetime - MARGIN.min(lifetime / 4));
        self.fetched + lasts.map_or(USED_FOR, |lasts| lasts.min(USED_FOR))
    }

    fn is_alive(&self, now: Instant) -> bool {
        // Not `fetched + lifetime`: the sum may be out of the range of an `Instant`.
        self.lifetime
            .is_none_or(|lifetime| now.saturating_duration_since(self.fetched) < lifetime)
    }
}

/// Where tokens come from.
pub(crate) trait Source: Send + Sync {
    /// Fetches a token; `watch` is that of the call that needs it.
    fn fetch(&self, watch: &Watch) -> Result<Token>;

    /// Where the token is from, for the message of a rejection.
    fn origin(&self) -> &'static str;
}

/// Caches the token of a source and renews it: one thread fetches, the others wait for it or use a token that is still valid.
pub(crate) struct TokenCache<S> {
    source: S,
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Default)]
struct State {
    held: Option<CachedToken>,
    /// A thread is fetching a token.
    fetching: bool,
    /// The number of fetches that have begun.
    fetches: u64,
    /// The last failed fetch, for the threads that waited for it.
    failed: Option<(u64, Error)>,
}

struct CachedToken {
    token: Token,
    due: Instant,
    refused: bool,
}

impl CachedToken {
    fn is_usable(&self, now: Instant) -> bool {
        !self.refused && self.token.is_alive(now)
    }
}

impl From<Token> for CachedToken {
    fn from(token: Token) -> Self {
        Self {
            due: token.due(),
            token,
            refused: false,
        }
    }
}

impl<S: Source> TokenCache<S> {
    pub(crate) fn new(source: S, first: Option<Token>) -> Self {
        Self {
            source,
            state: Mutex::new(State {
                held: first.map(CachedToken::from),
                ..State::default()
            }),
            done: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, watch: &Watch) -> Result<ApiKey> {
        let mut waited_for = None;
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if let Some(held) = state.held.as_ref().filter(|held| held.is_usable(now))
                && (now < held.due || state.fetching)
            {
                return Ok(held.token.key.clone());
            }
            if !state.fetching {
                // A thread that waited for a failed fetch does not try again: a hundred threads would do so in turn.
                if let (Some(fetch), Some((failed, error))) = (waited_for, &state.failed)
                    && fetch == *failed
                    && let Some(error) = copy(error)
                {
                    return Err(error);
                }
                break;
            }
            waited_for = Some(state.fetches);
            watch.check(|| "waiting for a token".to_owned())?;
            let woken = self.done.wait_timeout(state, SLICE);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.fetching = true;
        state.fetches += 1;
        let fetch = state.fetches;
        drop(state);
        let guard = FetchGuard(self);
        let outcome = self.source.fetch(watch);
        let mut state = self.lock();
        let key = match outcome {
            Ok(token) => {
                let key = token.key.clone();
                state.held = Some(token.into());
                Ok(key)
            }
            Err(error) => {
                let now = Instant::now();
                if let Some(held) = state.held.as_mut().filter(|held| held.is_usable(now)) {
                    log::debug!("the token was not renewed; continuing with the current one: {error}");
                    held.due = now + LATER;
                    Ok(held.token.key.clone())
                } else {
                    state.failed = copy(&error).map(|error| (fetch, error));
                    Err(error)
                }
            }
        };
        drop(state);
        drop(guard);
        key
    }
}

/// Ends a fetch, even if it panics.
struct FetchGuard<'c, S: Source>(&'c TokenCache<S>);

impl<S: Source> Drop for FetchGuard<'_, S> {
    fn drop(&mut self) {
        self.0.lock().fetching = false;
        self.0.done.notify_all();
    }
}

impl<S: Source> Authorize for TokenCache<S> {
    fn secret(&self, watch: &Watch) -> Result<Option<Secret>> {
        self.key(watch).map(Secret::bearer).map(Some)
    }

    fn held(&self) -> Option<ApiKey> {
        self.lock().held.as_ref().map(|held| held.token.key.clone())
    }

    fn refused(&self, sent: &Secret) -> bool {
        if let Some(held) = self.lock().held.as_mut().filter(|held| held.token.key == sent.key) {
            held.refused = true;
        }
        // If another thread has already renewed it, the next attempt sends the new one.
        true
    }

    fn origin(&self) -> Option<&'static str> {
        Some(self.source.origin())
    }
}

/// The same error for another thread; `None` for one that concerns only the call it happened to.
fn copy(error: &Error) -> Option<Error> {
    match error {
        Error::Api(error) => Some((**error).clone().into()),
        Error::Timeout(error) if error.phase != TimeoutPhase::Deadline => Some((**error).clone().into()),
        Error::Transport(error) => Some(
            TransportError {
                method: error.method,
                path: error.path.clone(),
                request_sent: error.request_sent,
                request_id: None,
                source: std::io::Error::new(error.source.kind(), error.source.to_string()),
            }
            .into(),
        ),
        Error::Token(error) => Some((**error).clone().into()),
        Error::Config(text) => Some(Error::config(text.clone())),
        Error::Unsupported(text) => Some(Error::unsupported(text.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    /// Hands out `t1.1`, `t1.2` and so on, or fails where `lifetime` is an error.
    struct Numbered {
        fetches: AtomicU32,
        lifetime: Result<Duration, &'static str>,
        /// Holds a fetch up until everybody has come.
        barrier: Option<Barrier>,
    }

    impl Source for Arc<Numbered> {
        fn fetch(&self, _: &Watch) -> Result<Token> {
            let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(barrier) = &self.barrier {
                barrier.wait();
            }
            match self.lifetime {
                Ok(lifetime) => Ok(Token::new(ApiKey::new(format!("t1.{number}")).unwrap(), Some(lifetime))),
                Err(message) => Err(Error::config(message)),
            }
        }

        fn origin(&self) -> &'static str {
            "test"
        }
    }

    fn numbered(lifetime: Result<Duration, &'static str>, barrier: Option<Barrier>) -> Arc<Numbered> {
        Arc::new(Numbered {
            fetches: AtomicU32::new(0),
            lifetime,
            barrier,
        })
    }

    fn secret(cached: &impl Authorize) -> Result<Secret> {
        Ok(cached.secret(&Watch::default())?.unwrap())
    }

    const HOURS: Result<Duration, &str> = Ok(Duration::from_secs(12 * 60 * 60));

    #[test]
    fn a_token_is_due_after_an_hour_or_before_its_end() {
        let due = |lifetime: Option<u64>| {
            let token = Token::new(ApiKey::new("t").unwrap(), lifetime.map(Duration::from_secs));
            (token.due() - token.fetched).as_secs()
        };
        assert_eq!(due(None), 3600);
        assert_eq!(due(Some(12 * 3600)), 3600);
        assert_eq!(due(Some(3600)), 3300);
        assert_eq!(due(Some(600)), 450);
        assert_eq!(due(Some(0)), 0);
    }

    #[test]
    fn a_token_expires_by_the_clock() {
        let hour = Duration::from_secs(3600);
        let lifetime = |end| BearerToken::new("t").expires_at(end).lifetime.unwrap();
        assert_eq!(lifetime(SystemTime::now() - hour), Duration::ZERO);
        let left = lifetime(SystemTime::now() + hour);
        assert!(left <= hour && left > hour / 2, "{left:?}");
    }

    #[test]
    fn a_token_may_live_longer_than_the_clock_can_tell() {
        let source = numbered(Ok(Duration::MAX), None);
        let cached = TokenCache::new(Arc::clone(&source), None);
        for _ in 0..2 {
            assert_eq!(secret(&cached).unwrap().key.expose(), "t1.1");
        }
    }

    #[test]
    fn many_threads_fetch_once() {
        const THREADS: usize = 16;
        // All but the one that fetches are there when the fetch goes on.
        let source = numbered(HOURS, Some(Barrier::new(THREADS)));
        let cached = TokenCache::new(Arc::clone(&source), None);
        thread::scope(|scope| {
            for _ in 0..THREADS - 1 {
                scope.spawn(|| {
                    while source.fetches.load(Ordering::SeqCst) == 0 {
                        thread::yield_now();
                    }
                    let barrier = source.barrier.as_ref().unwrap();
                    let waiting = scope.spawn(|| secret(&cached).unwrap());
                    barrier.wait();
                    assert_eq!(waiting.join().unwrap().key.expose(), "t1.1");
                });
            }
            assert_eq!(secret(&cached).unwrap().key.expose(), "t1.1");
        });
        assert_eq!(source.fetches.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_refused_token_is_renewed_once() {
        let source = numbered(HOURS, None);
        let cached = TokenCache::new(Arc::clone(&source), None);
        let first = secret(&cached).unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    assert!(cached.refused(&first));
                    assert_eq!(secret(&cached).unwrap().key.expose(), "t1.2");
                });
            }
        });
        assert_eq!(source.fetches.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_token_near_its_end_is_renewed_and_a_good_one_outlives_a_failed_renewal() {
        let hour = Duration::from_secs(3600);
        let aged = |age| Token {
            key: ApiKey::new("t1.old").unwrap(),
            fetched: Instant::now().checked_sub(age).unwrap(),
            lifetime: Some(2 * hour),
        };
        let near = hour + Duration::from_secs(1);
        let cached = TokenCache::new(numbered(HOURS, None), Some(aged(near)));
        assert_eq!(secret(&cached).unwrap().key.expose(), "t1.1");

        let broken = numbered(Err("out of order"), None);
        let cached = TokenCache::new(Arc::clone(&broken), Some(aged(near)));
        for _ in 0..3 {
            assert_eq!(secret(&cached).unwrap().key.expose(), "t1.old");
        }
        assert_eq!(broken.fetches.load(Ordering::SeqCst), 1, "not at every request");
        let cached = TokenCache::new(broken, Some(aged(3 * hour)));
        assert_eq!(secret(&cached).unwrap_err().to_string(), "out of order");
    }

    #[test]
    fn a_waiting_thread_can_be_cancelled() {
        let source = numbered(HOURS, Some(Barrier::new(2)));
        let cached = TokenCache::new(Arc::clone(&source), None);
        thread::scope(|scope| {
            scope.spawn(|| secret(&cached).unwrap());
            while source.fetches.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            let token = crate::CancelToken::new();
            token.cancel();
            let error = cached.secret(&Watch::new(Some(token), None)).unwrap_err();
            assert!(matches!(error, Error::Cancelled(_)), "{error}");
            source.barrier.as_ref().unwrap().wait();
        });
    }
}
