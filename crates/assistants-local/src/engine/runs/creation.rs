//! Creates and launches runs.

use std::sync::Arc;
use std::time::Duration;

use assistants_types::openai::{
    Assistant, CreateRun, ResponseFormat, Run, RunStatus, StreamEvent, ToolChoice, TruncationStrategy, TruncationType,
};

use crate::clock::now;
use crate::engine::deadlines::DueTask;
use crate::engine::messages::{active_run, add_message};
use crate::engine::{Engine, EngineError, Follower, Position, RunNotes};
use crate::ids;
use crate::storage::object::{insert_with_notes, load};
use crate::storage::{ACTIVE, Kind, Transaction};

impl Engine {
    /// Creates a queued run on an existing thread. [`launch`](Self::launch) starts it after the commit.
    pub(crate) fn create_run(
        &self,
        transaction: &dyn Transaction,
        thread_id: &str,
        params: &CreateRun,
    ) -> Result<Run, EngineError> {
        self.create_run_with_notes(transaction, thread_id, params, RunNotes::default())
    }

    /// Creates a run with notes of the protocol that it came over.
    pub(crate) fn create_run_with_notes(
        &self,
        transaction: &dyn Transaction,
        thread_id: &str,
        params: &CreateRun,
        mut notes: RunNotes,
    ) -> Result<Run, EngineError> {
        if transaction.get(Kind::Thread, thread_id)?.is_none() {
            return Err(EngineError::not_found(Kind::Thread, thread_id));
        }
        let Some(assistant) = load::<Assistant>(transaction, &params.assistant_id)? else {
            return Err(EngineError::not_found(Kind::Assistant, &params.assistant_id));
        };
        if let Some(run_id) = active_run(transaction, thread_id)? {
            return Err(EngineError::state(format!(
                "Thread {thread_id} already has an active run {run_id}."
            )));
        }
        for message in params.additional_messages.as_ref().into_iter().flatten() {
            add_message(transaction, thread_id, message)?;
        }
        let own = params
            .reasoning_effort
            .as_ref()
            .map(|effort| effort.as_str().to_owned());
        notes.reasoning_effort = own.or_else(|| {
            // The protocol's assistant does not have this member.
            let effort = assistant.object.extra.get("reasoning_effort")?;
            effort.as_str().map(str::to_owned)
        });
        let run = self.new_run(thread_id, assistant.object, params);
        let notes = (notes != RunNotes::default()).then(|| notes.to_text());
        insert_with_notes(transaction, &run, Some(thread_id), Some(ACTIVE), notes)?;
        Ok(run)
    }

    fn new_run(&self, thread_id: &str, assistant: Assistant, params: &CreateRun) -> Run {
        let created_at = now();
        let mut instructions = params
            .instructions
            .as_ref()
            .cloned()
            .or(assistant.instructions)
            .unwrap_or_default();
        if let Some(more) = params.additional_instructions.as_ref().filter(|more| !more.is_empty()) {
            if !instructions.is_empty() {
                instructions.push('\n');
            }
            instructions.push_str(more);
        }
        Run {
            id: ids::new("run_"),
            created_at: Some(created_at),
            thread_id: thread_id.to_owned(),
            assistant_id: assistant.id,
            status: RunStatus::Queued,
            expires_at: Some(created_at + whole_seconds(self.run_lifetime)),
            model: params.model.as_ref().cloned().unwrap_or(assistant.model),
            instructions,
            tools: params.tools.as_ref().cloned().unwrap_or(assistant.tools),
            metadata: Some(params.metadata.as_ref().cloned().unwrap_or_default()),
            temperature: params.temperature.as_ref().copied().or(assistant.temperature),
            top_p: params.top_p.as_ref().copied().or(assistant.top_p),
            max_prompt_tokens: params.max_prompt_tokens.as_ref().copied(),
            max_completion_tokens: params.max_completion_tokens.as_ref().copied(),
            truncation_strategy: Some(
                params
                    .truncation_strategy
                    .as_ref()
                    .cloned()
                    .unwrap_or_else(|| TruncationStrategy::new(TruncationType::Auto)),
            ),
            tool_choice: Some(params.tool_choice.as_ref().cloned().unwrap_or(ToolChoice::Auto)),
            parallel_tool_calls: params.parallel_tool_calls.unwrap_or(true),
            response_format: Some(
                params
                    .response_format
                    .as_ref()
                    .cloned()
                    .or(assistant.response_format)
                    .unwrap_or(ResponseFormat::Auto),
            ),
            ..Run::default()
        }
    }

    /// Starts a run after its creation, or its tool outputs, were committed. Followers get `events`, which describe
    /// what was committed, and then all later ones. With `follow`, there is a follower, which is at that position.
    pub(crate) fn launch(
        self: &Arc<Self>,
        run: &Run,
        events: &[StreamEvent],
        follow: Option<Position>,
    ) -> Option<Follower> {
        let follower = self.with_live(&run.id, |_, live| {
            live.resume_history();
            let follower = follow.map(|position| self.follow(live, [], position));
            live.publish(events);
            follower
        });
        self.queue_turn(&run.id);
        follower
    }

    /// Sets the deadline of a new run. A run that continues keeps its deadline.
    pub(crate) fn watch_deadline(&self, run: &Run) {
        self.deadlines
            .set_after(DueTask::Expiry(run.id.clone()), self.run_lifetime);
    }
}

fn whole_seconds(duration: Duration) -> time::Duration {
    let seconds = duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0));
    // A thousand years stand for any longer time, and keep the result within the range of `OffsetDateTime`.
    time::Duration::seconds(
        i64::try_from(seconds)
            .unwrap_or(i64::MAX)
            .min(1000 * 365 * 24 * 60 * 60),
    )
}
