//! The code interpreter of a run: a step with the code and its outputs.

use std::sync::Arc;

use assistants_types::openai::{
    CodeInterpreter, CodeInterpreterCall, CodeInterpreterOutput, File, FilePurpose, FileStatus, ImageOutput,
    LogsOutput, OutputImage, RunStep, RunStepStatus, RunStepType, StepDetails, StepToolCall, StreamEvent,
    ToolCallsDetails,
};

use super::code_deltas::{begun_delta, input_delta, outputs_delta};
use super::code_files::attached;
use super::live_run::{Ending, LiveState};
use super::records::{RunIds, new_step};
use super::step_notes::StepNotes;
use crate::clock::now;
use crate::code::{Broken, Executed, Lease, Produced};
use crate::engine::Engine;
use crate::engine::deadlines::DueTask;
use crate::ids;
use crate::model::{Execution, GeneratedFile, Stop};
use crate::storage::blobs::Staged;
use crate::storage::object::{insert, load};
use crate::storage::{ACTIVE, StorageError};

/// An execution whose files are on disk, but not stored as objects yet.
pub(super) struct Ready {
    lease: Lease,
    /// Whether the session can be used again.
    survives: bool,
    logs: String,
    files: Vec<(File, bool, Staged)>,
}

impl Engine {
    /// Creates the step of an execution.
    pub(super) fn begin_code(&self, run_ids: &RunIds, live: &LiveState, code: &str) -> Result<RunStep, StorageError> {
        let mut step = new_step(run_ids, RunStepType::ToolCalls, ToolCallsDetails::default().into());
        let begun = Box::new(step.clone());
        let call = call(ids::new("call_"), code, Vec::new());
        step.step_details = details(call.clone()).into();
        self.storage
            .transact(|transaction| insert(transaction, &step, Some(&run_ids.run_id), Some(ACTIVE)))?;
        live.publish(&[
            StreamEvent::RunStepCreated(begun.clone()),
            StreamEvent::RunStepInProgress(begun),
            begun_delta(&step.id, &call),
            input_delta(&step.id, code),
        ]);
        Ok(step)
    }

    /// Executes code. The caller does not hold the lock of the live run, so that the run can be ended meanwhile. `None` if it
    /// has.
    pub(super) fn execute_code(
        &self,
        run_ids: &RunIds,
        stop: &Arc<Stop>,
        code: &str,
    ) -> Result<Option<Ready>, StorageError> {
        match self.try_execute(run_ids, stop, code) {
            Ok(ready) => Ok(Some(ready)),
            Err(Broken::Stopped) => Ok(None),
            Err(Broken::Storage(error)) => Err(error),
            Err(broken @ (Broken::CannotStart(_) | Broken::TimedOut | Broken::Ended(_))) => {
                log::error!("the code interpreter cannot be started: {broken}");
                let ending = Ending::server_error("The code interpreter could not be started.");
                self.end_surely(&run_ids.run_id, &ending);
                Ok(None)
            }
        }
    }

    fn try_execute(&self, run_ids: &RunIds, stop: &Arc<Stop>, code: &str) -> Result<Ready, Broken> {
        let Some(sessions) = &self.code else {
            return Err(Broken::Stopped);
        };
        let RunIds {
            assistant_id,
            thread_id,
            ..
        } = run_ids;
        let files = self
            .storage
            .read(|transaction| attached(transaction, assistant_id, thread_id))?;
        let mut lease = sessions.take(thread_id, stop)?;
        self.deadlines.remove(DueTask::CodeSession(thread_id.clone()));
        let (executed, survives) = lease.execute(code, &files, &self.files, stop)?;
        let Executed { logs, files } = executed;
        let files = files.into_iter().map(stage).collect::<Result<_, _>>()?;
        Ok(Ready {
            lease,
            survives,
            logs,
            files,
        })
    }

    /// Completes the step of an execution with its outputs, and keeps the session for the next one.
    pub(super) fn complete_code(
        &self,
        run_ids: &RunIds,
        live: &mut LiveState,
        step: RunStep,
        ready: Ready,
    ) -> Result<Execution, StorageError> {
        let mut execution = Execution {
            logs: ready.logs,
            ..Execution::default()
        };
        for (file, is_image, _) in &ready.files {
            execution.files.push(GeneratedFile {
                name: file.filename.clone(),
                file_id: file.id.clone(),
                is_image: *is_image,
            });
        }
        let (mut step, outputs) = (step, outputs(&execution));
        if let StepDetails::ToolCalls(details) = &mut step.step_details
            && let Some(StepToolCall::CodeInterpreter(call)) = details.tool_calls.first_mut()
        {
            call.code_interpreter.outputs.clone_from(&outputs);
        }
        step.status = RunStepStatus::Completed;
        step.completed_at = Some(now());
        self.store_execution(&step, &execution, ready.files)?;
        live.publish(&outputs_delta(&step.id, &outputs));
        live.publish(&[StreamEvent::RunStepCompleted(Box::new(step))]);
        if let Some(turn) = &mut live.turn {
            turn.generated.add(&execution.files);
            let images = execution.files.iter().filter(|file| file.is_image);
            turn.images.extend(images.map(|file| file.file_id.clone()));
        }
        if let Some(sessions) = &self.code
            && ready.survives
            && ready.lease.keep()
        {
            let due = DueTask::CodeSession(run_ids.thread_id.clone());
            self.deadlines.set_after(due, sessions.idle_limit());
        }
        Ok(execution)
    }

    /// Stores a completed step, and its files as objects.
    fn store_execution(
        &self,
        step: &RunStep,
        execution: &Execution,
        files: Vec<(File, bool, Staged)>,
    ) -> Result<(), StorageError> {
        let mut stored = false;
        let committed = self.storage.transact(|transaction| {
            stored = false;
            let Some(mut document) = load::<RunStep>(transaction, &step.id)? else {
                return Ok::<_, StorageError>(());
            };
            for (file, _, _) in &files {
                insert(transaction, file, None, Some(file.purpose.as_str()))?;
            }
            document.object = step.clone();
            document.document.tag = None;
            document.document.notes = Some(StepNotes::of_code(execution.files.clone()).to_text());
            document.save(transaction)?;
            stored = true;
            Ok(())
        });
        for (_, _, bytes) in files {
            bytes.settle(stored, committed.is_ok());
        }
        committed
    }
}

/// Stages a file, and returns its object and whether it is an image.
fn stage(produced: Produced) -> Result<(File, bool, Staged), StorageError> {
    let file = File {
        id: ids::new("file-"),
        bytes: i64::try_from(produced.contents.length()).unwrap_or(i64::MAX),
        created_at: Some(now()),
        filename: produced.name,
        purpose: FilePurpose::AssistantsOutput,
        status: FileStatus::Processed,
        ..File::default()
    };
    let staged = produced.contents.stage(&file.id)?;
    Ok((file, produced.is_image, staged))
}

fn call(id: String, input: &str, outputs: Vec<CodeInterpreterOutput>) -> CodeInterpreterCall {
    CodeInterpreterCall {
        id,
        code_interpreter: CodeInterpreter {
            input: input.to_owned(),
            outputs,
            ..CodeInterpreter::default()
        },
        ..CodeInterpreterCall::default()
    }
}

fn details(call: CodeInterpreterCall) -> ToolCallsDetails {
    ToolCallsDetails {
        tool_calls: vec![call.into()],
        ..ToolCallsDetails::default()
    }
}

fn outputs(execution: &Execution) -> Vec<CodeInterpreterOutput> {
    let logs = (!execution.logs.is_empty()).then(|| {
        CodeInterpreterOutput::from(LogsOutput {
            logs: execution.logs.clone(),
            ..LogsOutput::default()
        })
    });
    let images = execution.files.iter().filter(|file| file.is_image).map(|file| {
        CodeInterpreterOutput::from(ImageOutput {
            image: OutputImage {
                file_id: file.file_id.clone(),
                ..OutputImage::default()
            },
            ..ImageOutput::default()
        })
    });
    logs.into_iter().chain(images).collect()
}
