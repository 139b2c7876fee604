//! A turn of a run: one call of the model, whose answer becomes steps, a message and events.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use assistants_types::openai::{
    Message, MessageCreation, MessageCreationDetails, MessageStatus, Role, Run, RunError, RunErrorCode,
    RunIncompleteReason, RunStatus, RunStepType, StreamEvent, ToolCallsDetails,
};

use super::code_files;
use super::completion::{complete, complete_message, open_message_of, require_outputs};
use super::deltas::image_delta;
use super::end_run;
use super::generated_files::GeneratedFiles;
use super::live_run::{Ending, LiveRun, LiveState, OpenCalls, OpenMessage, Turn};
use super::prompt::{model_request, unsupported};
use super::records::state_event;
use super::records::{RunIds, new_step};
use crate::clock::now;
use crate::engine::workers::Submitted;
use crate::engine::{Engine, History, RunNotes};
use crate::ids;
use crate::model::{Execution, Failure, Finish, FinishReason, ModelRequest, Output, Piece, Stop, Usage};
use crate::storage::object::{insert, load};
use crate::storage::{ACTIVE, StorageError, Transaction};

/// A turn that is in progress, as seen by its thread.
struct ActiveTurn {
    run_ids: RunIds,
    live_run: Arc<LiveRun>,
    stop: Arc<Stop>,
    /// The request for the model, or the error if the run is not supported.
    request: Result<ModelRequest, RunError>,
}

/// The state of a queued run at the start of its turn.
enum BeginOutcome {
    /// `None` if another thread has started the turn already.
    Started(Option<Box<StartedTurn>>),
    /// The run ended while it was queued.
    Ended(Box<Run>),
    Deleted,
}

struct StartedTurn {
    run: Run,
    request: Result<ModelRequest, RunError>,
    /// The stored history, if it is to be continued and is not in memory yet.
    history: Option<History>,
    /// The files that code has created in the thread.
    generated: GeneratedFiles,
}

impl Engine {
    /// Queues the next turn of a queued run.
    pub(crate) fn queue_turn(self: &Arc<Self>, run_id: &str) {
        let (engine, id) = (Arc::downgrade(self), run_id.to_owned());
        let turn = move || {
            if let Some(engine) = engine.upgrade() {
                engine.turn_or_end(&id);
            }
        };
        match self.run_workers.submit(Box::new(turn)) {
            Submitted::Queued => {}
            Submitted::NoThread => self.start_threads_later(),
            Submitted::Closed => self.with_live(run_id, |_, live| {
                live.suspend();
                self.forget(run_id, live);
            }),
        }
    }

    /// Executes the next turn of a run. A panic fails the run.
    pub(in crate::engine) fn turn_or_end(&self, run_id: &str) {
        if catch_unwind(AssertUnwindSafe(|| self.turn(run_id))).is_err() {
            log::error!("the turn of the run {run_id} panicked");
            // Otherwise the run would only end when it expires.
            let ending = Ending::server_error("The server had an internal error.");
            self.end_surely(run_id, &ending);
        }
    }

    fn turn(&self, run_id: &str) {
        let work = match self.begin(run_id) {
            Ok(Some(work)) => work,
            Ok(None) => return,
            Err(error) => return self.break_off(run_id, &error),
        };
        let request = match &work.request {
            Ok(request) => request,
            Err(unsupported) => return self.end_surely(run_id, &Ending::Failed(unsupported.clone())),
        };
        let mut broken = None;
        let mut take = |piece: Piece<'_>| match self.piece(&work, piece) {
            Ok(flow) => flow,
            Err(error) => {
                broken = Some(error);
                ControlFlow::Break(())
            }
        };
        let mut output = Output::new(&mut take, &work.stop);
        let answered = catch_unwind(AssertUnwindSafe(|| self.model.respond(request, &mut output)));
        if let Some(error) = broken {
            return self.break_off(run_id, &error);
        }
        match answered {
            Ok(Ok(finish)) => {
                if let Err(error) = self.finish(&work, finish) {
                    self.break_off(run_id, &error);
                }
            }
            // The run has ended, and that was reported by what ended it.
            Ok(Err(Failure::Stopped)) if work.stop.is_set() => {}
            Ok(Err(Failure::Stopped)) => {
                self.end_surely(
                    run_id,
                    &Ending::server_error("The model stopped before its answer was complete."),
                );
            }
            Ok(Err(Failure::Failed { code, message })) => {
                let error = RunError {
                    code: RunErrorCode::from(code.as_str()),
                    message,
                    ..RunError::default()
                };
                self.end_surely(run_id, &Ending::Failed(error));
            }
            Err(_) => self.end_surely(run_id, &Ending::server_error("The model panicked.")),
        }
    }

    /// Changes a run from `queued` to `in_progress`. `None` if it is not queued any more.
    fn begin(&self, run_id: &str) -> Result<Option<ActiveTurn>, StorageError> {
        self.with_live(run_id, |live_run, live| {
            // Checked under the lock. A server that stops closes the queue before it looks at the live runs, so it
            // either prevents this turn from starting or finds it running. The run stays queued for the next server.
            if self.run_workers.is_closed() {
                live.suspend();
                self.forget(run_id, live);
                return Ok(None);
            }
            let begun = self
                .storage
                .transact(|transaction| self.begin_run(transaction, run_id, live))?;
            let StartedTurn {
                run,
                request,
                history,
                generated,
            } = match begun {
                BeginOutcome::Started(Some(begun)) => *begun,
                BeginOutcome::Started(None) => return Ok(None),
                BeginOutcome::Ended(run) => {
                    live.end(&[state_event(*run)]);
                    self.forget(run_id, live);
                    return Ok(None);
                }
                BeginOutcome::Deleted => {
                    live.end_deleted();
                    self.forget(run_id, live);
                    return Ok(None);
                }
            };
            live.begin_history(history);
            let turn = Turn {
                generated,
                ..Turn::default()
            };
            let work = ActiveTurn {
                run_ids: RunIds {
                    run_id: run.id.clone(),
                    thread_id: run.thread_id.clone(),
                    assistant_id: run.assistant_id.clone(),
                },
                live_run: Arc::clone(live_run),
                stop: Arc::clone(&turn.stop),
                request,
            };
            live.turn = Some(turn);
            live.publish(&[state_event(run)]);
            Ok(Some(work))
        })
    }

    /// Processes a piece of the answer.
    fn piece(&self, work: &ActiveTurn, piece: Piece<'_>) -> Result<ControlFlow<()>, StorageError> {
        let mut vectors = None;
        if let Piece::Search { queries, .. } = &piece {
            // Wait for files that were just attached, and for vectors. The lock is not held, so that the run can be ended
            // meanwhile.
            self.wait_for_attached(&work.run_ids, &work.stop)?;
            vectors = self.query_vectors(queries);
        }
        if let Piece::Code { code, execution } = piece {
            return self.code(work, code, execution);
        }
        let mut live = work.live_run.lock();
        // Checked under the lock, which is also held to end a run.
        if work.stop.is_set() {
            return Ok(ControlFlow::Break(()));
        }
        match piece {
            Piece::Text("") => {}
            Piece::Text(text) => {
                self.open_message(&work.run_ids, &mut live)?;
                live.push_text(text);
            }
            Piece::Citation(passage) => {
                self.open_message(&work.run_ids, &mut live)?;
                live.push_citation(passage);
            }
            Piece::Search { queries, found } => {
                self.close_message(&mut live, None)?;
                *found = self.file_search(&work.run_ids, &mut live, queries, vectors.as_ref())?;
            }
            Piece::Call { name } => {
                if live.turn.as_ref().is_some_and(|turn| !turn.images.is_empty()) {
                    self.open_message(&work.run_ids, &mut live)?;
                }
                self.close_message(&mut live, None)?;
                self.open_calls(&work.run_ids, &mut live)?;
                live.push_call(name);
            }
            Piece::Arguments { index, text } => live.push_arguments(index, text),
            Piece::State(state) => live.set_state(state),
            Piece::Code { .. } => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Executes code. The lock of the live run is not held meanwhile.
    fn code(&self, work: &ActiveTurn, code: &str, execution: &mut Execution) -> Result<ControlFlow<()>, StorageError> {
        if self.code.is_none() {
            return Ok(ControlFlow::Continue(()));
        }
        let step = {
            let mut live = work.live_run.lock();
            if work.stop.is_set() {
                return Ok(ControlFlow::Break(()));
            }
            self.close_message(&mut live, None)?;
            self.begin_code(&work.run_ids, &live, code)?
        };
        let Some(ready) = self.execute_code(&work.run_ids, &work.stop, code)? else {
            return Ok(ControlFlow::Break(()));
        };
        let mut live = work.live_run.lock();
        if work.stop.is_set() {
            return Ok(ControlFlow::Break(()));
        }
        *execution = self.complete_code(&work.run_ids, &mut live, step, ready)?;
        Ok(ControlFlow::Continue(()))
    }

    /// Creates the message and its step, unless a message is being written.
    fn open_message(&self, run_ids: &RunIds, live: &mut LiveState) -> Result<(), StorageError> {
        if live.turn.as_ref().is_some_and(|turn| turn.message.is_some()) {
            return Ok(());
        }
        let message = Message {
            id: ids::new("msg_"),
            created_at: Some(now()),
            thread_id: run_ids.thread_id.clone(),
            status: MessageStatus::InProgress,
            role: Role::Assistant,
            assistant_id: Some(run_ids.assistant_id.clone()),
            run_id: Some(run_ids.run_id.clone()),
            attachments: Some(Vec::new()),
            metadata: Some(std::collections::BTreeMap::new()),
            ..Message::default()
        };
        let message_creation = MessageCreation {
            message_id: message.id.clone(),
            ..MessageCreation::default()
        };
        let details = MessageCreationDetails {
            message_creation,
            ..MessageCreationDetails::default()
        };
        let step = new_step(run_ids, RunStepType::MessageCreation, details.into());
        self.storage.transact(|transaction| {
            insert(transaction, &step, Some(&run_ids.run_id), Some(ACTIVE))?;
            insert(transaction, &message, Some(&run_ids.thread_id), Some(&run_ids.run_id))
        })?;
        let images = live.turn.as_mut().map(|turn| std::mem::take(&mut turn.images));
        let images = images.unwrap_or_default();
        let parts = images.iter().enumerate();
        let deltas: Vec<StreamEvent> = parts.map(|(part, id)| image_delta(&message.id, part, id)).collect();
        if let Some(turn) = &mut live.turn {
            turn.message = Some(OpenMessage {
                id: message.id.as_str().into(),
                step_id: step.id.as_str().into(),
                images,
                text: String::new(),
                annotations: Vec::new(),
                published: 0,
            });
        }
        let (step, message) = (Box::new(step), Box::new(message));
        live.publish(&[
            StreamEvent::RunStepCreated(step.clone()),
            StreamEvent::RunStepInProgress(step),
            StreamEvent::MessageCreated(message.clone()),
            StreamEvent::MessageInProgress(message),
        ]);
        live.publish(&deltas);
        Ok(())
    }

    /// Completes the message that is being written, if there is one.
    fn close_message(&self, live: &mut LiveState, usage: Option<Usage>) -> Result<(), StorageError> {
        live.publish_text(true);
        let Some(open) = open_message_of(live) else {
            return Ok(());
        };
        let events = self
            .storage
            .transact(|transaction| complete_message(transaction, open, usage))?;
        if let Some(turn) = &mut live.turn {
            turn.message = None;
        }
        live.publish(&events);
        Ok(())
    }

    /// Creates the step for function calls, unless there is one.
    fn open_calls(&self, run_ids: &RunIds, live: &mut LiveState) -> Result<(), StorageError> {
        if live.turn.as_ref().is_some_and(|turn| turn.calls.is_some()) {
            return Ok(());
        }
        let step = new_step(run_ids, RunStepType::ToolCalls, ToolCallsDetails::default().into());
        self.storage
            .transact(|transaction| insert(transaction, &step, Some(&run_ids.run_id), Some(ACTIVE)))?;
        if let Some(turn) = &mut live.turn {
            turn.calls = Some(OpenCalls {
                step_id: step.id.as_str().into(),
                calls: Vec::new(),
                state: None,
            });
        }
        let step = Box::new(step);
        live.publish(&[
            StreamEvent::RunStepCreated(step.clone()),
            StreamEvent::RunStepInProgress(step),
        ]);
        Ok(())
    }

    /// Ends the turn after the model's answer: the run is completed, waits for tool outputs, or has reached a limit.
    fn finish(&self, work: &ActiveTurn, finish: Finish) -> Result<(), StorageError> {
        let run_id = &work.run_ids.run_id;
        let mut live = work.live_run.lock();
        if work.stop.is_set() {
            return Ok(());
        }
        let limit = match finish.reason {
            FinishReason::Stop => None,
            FinishReason::MaxCompletionTokens => Some(RunIncompleteReason::MaxCompletionTokens),
            FinishReason::MaxPromptTokens => Some(RunIncompleteReason::MaxPromptTokens),
            FinishReason::ContentFilter => Some(RunIncompleteReason::from("content_filter")),
        };
        let calls = live.turn.as_mut().and_then(|turn| turn.calls.take());
        let over = limit.is_some() || calls.is_none();
        if over && limit.is_none() {
            // A completed run has a message, even if the answer is empty.
            self.open_message(&work.run_ids, &mut live)?;
        }
        live.publish_text(true);
        let events = self.storage.transact(|transaction| match (&limit, &calls) {
            (Some(reason), _) => {
                let ending = Ending::Incomplete(reason.clone());
                Ok(end_run(transaction, run_id, &ending, &live, Some(finish.usage))?.unwrap_or_default())
            }
            (None, Some(calls)) => require_outputs(transaction, run_id, &live, calls, finish.usage),
            (None, None) => complete(transaction, run_id, &live, finish.usage),
        })?;
        live.end(&events);
        if over {
            self.forget(run_id, &mut live);
        } else {
            self.forget_unused(run_id, &mut live);
        }
        Ok(())
    }

    /// Fails the run when the storage works again, because something in it could not be stored.
    fn break_off(&self, run_id: &str, error: &StorageError) {
        let ending = Ending::server_error("The server could not store the run.");
        self.end_later(run_id, &ending, error);
    }

    fn begin_run(
        &self,
        transaction: &dyn Transaction,
        run_id: &str,
        live: &LiveState,
    ) -> Result<BeginOutcome, StorageError> {
        let Some(mut run) = load::<Run>(transaction, run_id)? else {
            return Ok(BeginOutcome::Deleted);
        };
        match &run.object.status {
            RunStatus::Queued => {}
            status if status.is_terminal() => return Ok(BeginOutcome::Ended(Box::new(run.object))),
            _ => return Ok(BeginOutcome::Started(None)),
        }
        let notes = RunNotes::of(&run.document)?;
        let request = match unsupported(&run.object.tools, self.code.is_some()) {
            None => Ok(model_request(transaction, &self.files, &run.object, &notes)?),
            Some(error) => Err(error),
        };
        let generated = match code_files::is_on(&run.object) {
            true => GeneratedFiles::of_thread(transaction, &run.object.thread_id)?,
            false => GeneratedFiles::default(),
        };
        let history = match &live.history {
            None if notes.history.is_some() => Some(History::load(transaction, &run)?),
            _ => None,
        };
        run.object.status = RunStatus::InProgress;
        run.object.started_at = run.object.started_at.or_else(|| Some(now()));
        run.save(transaction)?;
        Ok(BeginOutcome::Started(Some(Box::new(StartedTurn {
            run: run.object,
            request,
            history,
            generated,
        }))))
    }
}
