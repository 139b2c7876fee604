//! Starts and continues runs.

use assistants_types::openai::{Run, StreamEvent};

use super::events::EventStream;
use super::step_content::includes_content;
use crate::engine::{self, Since};
use crate::openai::{ApiError, ApiResponse, Call};
use crate::storage::Transaction;
use crate::storage::object::to_json;

/// Does `work` once, then starts or continues the run that it returns.
///
/// If `streamed`, the response consists of the events that `work` returns and all that follow; otherwise it is the
/// run. A repeated request for a stream gets the events from `since` again.
pub(crate) fn start(
    call: &Call,
    streamed: bool,
    since: Since<'_>,
    mut work: impl FnMut(&dyn Transaction) -> Result<(Run, Vec<StreamEvent>), ApiError>,
) -> Result<ApiResponse, ApiError> {
    let content = includes_content(call)?;
    let (json, created) = call.once(|transaction| {
        let (run, events) = work(transaction)?;
        let position = streamed.then(|| engine::start(transaction, &run.id, since));
        Ok((to_json(&run), (run, events, position.transpose()?)))
    })?;
    let follower = match created {
        Some((run, events, position)) => {
            call.engine.watch_deadline(&run);
            call.engine.launch(&run, &events, position)
        }
        None if streamed => {
            let run: Run = serde_json::from_str(&json)
                .map_err(|error| ApiError::invalid(format!("The stored response is damaged: {error}.")))?;
            Some(call.engine.replay(&run, since)?)
        }
        None => None,
    };
    Ok(match follower {
        Some(follower) => ApiResponse::Events(EventStream::body(follower, content, call.legacy)),
        None => ApiResponse::Run(json),
    })
}
