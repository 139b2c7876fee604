//! Submits tool outputs to a run that waits for them.

use std::collections::HashSet;

use assistants_types::openai::{Run, RunStatus, RunStepStatus, StepDetails, StepToolCall, StreamEvent, ToolOutput};

use super::records::{load_run, open_steps};
use super::step_notes::StepNotes;
use super::usage::wire_usage;
use crate::clock::now;
use crate::engine::{Engine, EngineError};
use crate::storage::Transaction;

impl Engine {
    /// Stores the tool outputs that a run waits for, and queues it again. The caller passes the returned events to
    /// [`launch`](Self::launch) after the commit.
    pub(crate) fn submit_outputs(
        transaction: &dyn Transaction,
        thread_id: &str,
        run_id: &str,
        outputs: &[ToolOutput],
    ) -> Result<(Run, Vec<StreamEvent>), EngineError> {
        let mut run = load_run(transaction, thread_id, run_id)?;
        if run.object.status != RunStatus::RequiresAction {
            let status = run.object.status.as_str();
            return Err(EngineError::state(format!(
                "Runs in status \"{status}\" do not accept tool outputs."
            )));
        }
        check_outputs(&run.object, outputs)?;
        let mut events = Vec::new();
        for mut step in open_steps(transaction, run_id)? {
            if let StepDetails::ToolCalls(details) = &mut step.object.step_details {
                for call in &mut details.tool_calls {
                    if let StepToolCall::Function(call) = call {
                        let given = outputs
                            .iter()
                            .find(|output| output.tool_call_id.as_ref() == Some(&call.id));
                        call.function.output = given.map(|given| given.output.clone().unwrap_or_default());
                    }
                }
            }
            step.object.status = RunStepStatus::Completed;
            step.object.completed_at = Some(now());
            let notes = StepNotes::of(&step.document)?;
            step.object.usage = notes.map(|notes| wire_usage(notes.usage()));
            step.document.tag = None;
            step.save(transaction)?;
            events.push(StreamEvent::RunStepCompleted(Box::new(step.object)));
        }
        run.object.status = RunStatus::Queued;
        run.object.required_action = None;
        run.save(transaction)?;
        events.push(StreamEvent::RunQueued(Box::new(run.object.clone())));
        Ok((run.object, events))
    }
}

/// Checks that there is exactly one output for each call.
fn check_outputs(run: &Run, outputs: &[ToolOutput]) -> Result<(), EngineError> {
    let wanted: Vec<&str> = run.tool_calls().iter().map(|call| call.id.as_str()).collect();
    let mut given = Vec::new();
    for (index, output) in outputs.iter().enumerate() {
        let Some(id) = output.tool_call_id.as_deref() else {
            let param = format!("tool_outputs[{index}].tool_call_id");
            let message = format!("Missing required parameter: '{param}'.");
            return Err(EngineError::invalid_param(param, message));
        };
        given.push(id);
    }
    let (wanted_once, given_once): (HashSet<_>, HashSet<_>) = (wanted.iter().collect(), given.iter().collect());
    if wanted_once == given_once && given.len() == given_once.len() {
        return Ok(());
    }
    Err(EngineError::state(format!(
        "Expected tool outputs for call_ids {}, got {}",
        list(&wanted),
        list(&given)
    )))
}

/// Formats ids as the provider does in its error messages.
pub(crate) fn list(ids: &[&str]) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    format!("[{}]", quoted.join(", "))
}
