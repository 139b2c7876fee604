//! Answering the function calls of a model round after round: one loop for runs and chats of both protocols.

use assistants_types::openai::{ToolCall, ToolOutput};

use crate::error::Result;
use crate::http::watch::Watch;
use crate::tools::Tools;

/// A run or a chat that calls functions, and goes on when it has their outputs.
pub(crate) trait ToolRounds {
    /// What it comes to in the end.
    type End;

    /// Waits for the next calls, or for the end.
    fn wait(&mut self) -> Result<Round<Self::End>>;

    /// Submits the outputs of the calls, which are in the order of the calls.
    fn submit(&mut self, calls: &[ToolCall], outputs: Vec<ToolOutput>) -> Result<()>;
}

/// What comes next in a run or a chat.
pub(crate) enum Round<E> {
    Calls(Vec<ToolCall>),
    End(E),
}

impl Tools {
    /// Answers calls until the end, within the limits of the call that `watch` belongs to.
    ///
    /// # Errors
    ///
    /// [`Error::Tool`](crate::Error::Tool) when the rounds are used up, or a function fails and failures are to stop the
    /// run; those of `rounds`.
    pub(crate) fn answer_rounds<R: ToolRounds>(&self, rounds: &mut R, watch: &Watch) -> Result<R::End> {
        let mut count = 0;
        loop {
            let calls = match rounds.wait()? {
                Round::Calls(calls) => calls,
                Round::End(end) => return Ok(end),
            };
            count += 1;
            if let Some(error) = self.too_many_rounds(count, &calls) {
                return Err(error);
            }
            let outputs = self.answer_within(&calls, watch)?;
            rounds.submit(&calls, outputs)?;
        }
    }
}
