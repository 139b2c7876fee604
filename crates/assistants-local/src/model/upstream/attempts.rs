//! The attempts of one request to an upstream server: what is changed and waited for between them.

use assistants_blocking::Error;

use super::flags::Flags;
use super::server::Upstream;
use super::{failure, overflow};
use crate::model::{Failure, ModelRequest, Output};

/// A prompt of fewer tokens is not checked for having been cut: estimates of short prompts are too uncertain.
const LEAST_CHECKED: u64 = 2_000;

/// A request, and how it is sent.
pub(super) struct Attempts<'a> {
    pub(super) upstream: &'a Upstream,
    pub(super) model: &'a str,
    pub(super) request: ModelRequest,
    pub(super) flags: Flags,
    /// The flags of earlier attempts. A server that contradicts itself must not be asked with the same flags again.
    tried: Vec<Flags>,
    repeats: u32,
    shortened: bool,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(upstream: &'a Upstream, model: &'a str, request: &ModelRequest) -> Self {
        let flags = upstream.flags(model);
        let mut request = request.clone();
        if let Some(most) = flags.context_tokens {
            request.fit(room(most, &request));
        }
        Self {
            upstream,
            model,
            request,
            flags,
            tried: Vec::new(),
            repeats: 0,
            shortened: false,
        }
    }

    /// Prepares the next attempt after one that failed before anything was said.
    ///
    /// # Errors
    ///
    /// The failure of the run, if another attempt cannot help.
    pub(super) fn next(&mut self, error: &Error, output: &Output<'_>) -> Result<(), Failure> {
        if let Error::Api(api) = error {
            let text = format!("{} {}", api.message, api.body);
            if let Some(overflow) = overflow::read(&text) {
                return if self.shorten(overflow.context_tokens) {
                    Ok(())
                } else {
                    Err(too_long(error))
                };
            }
            let is_rejection = matches!(failure::status(api), Some(400 | 422));
            if is_rejection && let Some(flag) = self.learn(&text) {
                log::info!(
                    "the upstream server '{}' rejected a request for {:?}: the flag {flag} is changed until the next start",
                    self.upstream.name,
                    self.model
                );
                return Ok(());
            }
        }
        self.wait(error, output)
    }

    /// Changes the flag that a rejection is about, and returns its name, unless that leads back to flags that were tried.
    fn learn(&mut self, rejection: &str) -> Option<&'static str> {
        let mut changed = self.flags.clone();
        let flag = changed.learn(rejection)?;
        if self.tried.contains(&changed) {
            return None;
        }
        self.tried.push(std::mem::replace(&mut self.flags, changed));
        self.upstream.remember(self.model, &self.flags);
        Some(flag)
    }

    /// Waits for the next attempt, if the request can succeed later.
    fn wait(&mut self, error: &Error, output: &Output<'_>) -> Result<(), Failure> {
        let retries = self.upstream.retries;
        let asked = failure::retry_after(error);
        let wait = asked.unwrap_or_else(|| retries.wait.saturating_mul(2u32.saturating_pow(self.repeats)));
        if self.repeats >= retries.most || wait > retries.longest_wait || !failure::is_temporary(error) {
            return Err(failure::of(error, &self.upstream.name, self.model));
        }
        self.repeats += 1;
        log::info!(
            "a request to the upstream server '{}' is repeated after {wait:?}: {error}",
            self.upstream.name
        );
        output.wait(wait)?;
        Ok(())
    }

    /// Shortens the conversation, once. Returns whether there was anything to leave out.
    fn shorten(&mut self, context_tokens: Option<u64>) -> bool {
        if self.shortened {
            return false;
        }
        self.shortened = true;
        let estimate = self.request.prompt_tokens();
        // The upstream counts with its own tokenizer, so what the estimate says must be well below.
        let most = match context_tokens {
            Some(most) => room(most, &self.request) * 9 / 10,
            None => estimate / 2,
        };
        let fits = self.request.fit(most.min(estimate * 9 / 10));
        if fits {
            log::info!(
                "the conversation is longer than the context of {:?}: messages from its middle are left out",
                self.model
            );
        }
        fits
    }

    /// Warns if far fewer tokens arrived than were sent: some servers cut a prompt without an error.
    pub(super) fn check_usage(&self, prompt_tokens: u64) {
        let estimate = self.request.prompt_tokens();
        if estimate >= LEAST_CHECKED && prompt_tokens > 0 && prompt_tokens < estimate / 2 {
            log::warn!(
                "run {}: the upstream server '{}' has read {prompt_tokens} tokens of a prompt of about {estimate}: it cuts \
                 prompts that are longer than its context (with Ollama, raise OLLAMA_CONTEXT_LENGTH)",
                self.request.run_id.as_deref().unwrap_or("(chat)"),
                self.upstream.name
            );
            self.upstream.count_cut_prompt();
        }
    }
}

/// The tokens of a context that are left for the prompt.
fn room(context_tokens: u64, request: &ModelRequest) -> u64 {
    let answer = request.max_completion_tokens.unwrap_or(context_tokens / 4);
    context_tokens.saturating_sub(answer.min(context_tokens / 2))
}

fn too_long(error: &Error) -> Failure {
    Failure::new(
        "invalid_prompt",
        format!(
            "The conversation is longer than the context of the model. {}",
            failure::words(error)
        ),
    )
}
