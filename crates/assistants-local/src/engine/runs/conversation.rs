//! What a model sees of a thread: its messages, and the function calls between them.

use std::collections::{BTreeMap, HashSet};

use assistants_types::openai::{CodeInterpreterOutput, Message, MessageContent, Role, Run, StepToolCall};

use super::records::steps;
use super::step_notes::StepNotes;
use crate::model::{self, CompletedCall, Execution, Image, ImageSource, ModelMessage, code};
use crate::storage::blobs::FileStore;
use crate::storage::object::{Loaded, load};
use crate::storage::{Kind, List, Order, StorageError, Transaction};

/// Returns the messages of the run's thread before the run, oldest first, each run's calls where they were made.
pub(super) fn messages(
    transaction: &dyn Transaction,
    files: &FileStore,
    run: &Run,
) -> Result<Vec<ModelMessage>, StorageError> {
    let messages = thread_messages(transaction, run)?;
    let mut texts = BTreeMap::new();
    for message in messages.iter().filter(|message| message.run_id.is_some()) {
        texts.insert(message.id.clone(), text(message));
    }
    let mut conversation = Vec::new();
    let mut seen = HashSet::new();
    for message in messages {
        if message.run_id.as_deref() == Some(&run.id) {
            continue;
        }
        if let Some(run_id) = &message.run_id
            && seen.insert(run_id.clone())
        {
            conversation.extend(answers(transaction, run_id, &mut texts)?);
        }
        // What precedes a call is a part of the answer with the call.
        if message.run_id.is_none() || texts.contains_key(&message.id) {
            conversation.push(model_message(transaction, files, &message)?);
        }
    }
    Ok(conversation)
}

/// Returns the answers of a run that have called functions or executed code, with the outputs of the calls, oldest first.
pub(super) fn rounds(transaction: &dyn Transaction, run: &Run) -> Result<Vec<ModelMessage>, StorageError> {
    let list = List {
        kind: Kind::Message,
        parent: Some(&run.thread_id),
        tag: Some(&run.id),
        order: Order::Ascending,
        after: None,
        before: None,
        limit: usize::MAX,
    };
    let mut texts = BTreeMap::new();
    for document in transaction.list(&list)?.documents {
        let message = Loaded::<Message>::parse(document)?.object;
        texts.insert(message.id.clone(), text(&message));
    }
    answers(transaction, &run.id, &mut texts)
}

/// Returns the answers of a run that have called functions or executed code. `texts` are the messages that the run has written,
/// by id; the text of an answer comes before its calls, and is taken out.
fn answers(
    transaction: &dyn Transaction,
    run_id: &str,
    texts: &mut BTreeMap<String, String>,
) -> Result<Vec<ModelMessage>, StorageError> {
    let mut answers: Vec<ModelMessage> = Vec::new();
    let mut before = None;
    // Whether a text of the current turn was deleted, and its first answer.
    let (mut is_deleted, mut turn) = (false, 0);
    for step in steps(transaction, run_id, None)? {
        if let Some(id) = step.object.message_id() {
            before = Some(id.to_owned());
            is_deleted |= load::<Message>(transaction, id)?.is_none();
        }
        let notes = StepNotes::of(&step.document)?.unwrap_or_default();
        let calls = step.object.tool_calls().iter();
        let calls: Vec<CompletedCall> = calls.filter_map(|call| completed_call(call, &notes)).collect();
        if calls.is_empty() {
            continue;
        }
        let text = before.take().and_then(|id| texts.remove(&id));
        let mut answer = ModelMessage::new(model::Role::Assistant, text.unwrap_or_default());
        answer.calls = calls;
        if step.object.tool_calls().iter().any(is_function) {
            // The state can contain the texts of the turn, which a user has deleted with their messages.
            answer.state = notes.state.filter(|_| !is_deleted);
            for executed in &mut answers[turn..] {
                executed.in_next_state = answer.state.is_some();
            }
            (is_deleted, turn) = (false, answers.len() + 1);
        }
        answers.push(answer);
    }
    Ok(answers)
}

fn is_function(call: &StepToolCall) -> bool {
    matches!(call, StepToolCall::Function(_))
}

/// Returns a call that has an output.
fn completed_call(call: &StepToolCall, notes: &StepNotes) -> Option<CompletedCall> {
    match call {
        StepToolCall::Function(call) => {
            let function = &call.function;
            let output = function.output.as_ref()?;
            Some(CompletedCall::new(
                &call.id,
                &function.name,
                &function.arguments,
                output,
            ))
        }
        StepToolCall::CodeInterpreter(call) => {
            let mut execution = Execution::default();
            execution.files.clone_from(&notes.files);
            for output in &call.code_interpreter.outputs {
                if let CodeInterpreterOutput::Logs(output) = output {
                    execution.logs.push_str(&output.logs);
                }
            }
            Some(code::completed_call(&call.id, &call.code_interpreter.input, &execution))
        }
        _ => None,
    }
}

/// Returns the messages of the run's thread that its truncation strategy selects, oldest first.
fn thread_messages(transaction: &dyn Transaction, run: &Run) -> Result<Vec<Message>, StorageError> {
    let newest = run
        .truncation_strategy
        .as_ref()
        .and_then(|strategy| strategy.last_messages);
    let list = List {
        kind: Kind::Message,
        parent: Some(&run.thread_id),
        tag: None,
        order: Order::Descending,
        after: None,
        before: None,
        limit: newest.map_or(usize::MAX, |newest| usize::try_from(newest).unwrap_or_default()),
    };
    let newest_first = transaction.list(&list)?.documents;
    let oldest_first = newest_first.into_iter().rev();
    oldest_first
        .map(|document| Ok(Loaded::<Message>::parse(document)?.object))
        .collect()
}

fn model_message(
    transaction: &dyn Transaction,
    files: &FileStore,
    message: &Message,
) -> Result<ModelMessage, StorageError> {
    let role = if message.role == Role::Assistant {
        model::Role::Assistant
    } else {
        model::Role::User
    };
    let mut converted = ModelMessage::new(role, text(message));
    for part in &message.content {
        let (source, detail) = match part {
            MessageContent::ImageUrl(part) => {
                let image = &part.image_url;
                (ImageSource::Url(image.url.clone()), image.detail.clone())
            }
            MessageContent::ImageFile(part) => {
                let image = &part.image_file;
                // A file that has been deleted since is left out.
                let Some(file) = load::<assistants_types::openai::File>(transaction, &image.file_id)? else {
                    continue;
                };
                let source = ImageSource::File {
                    path: files.path(&file.object.id),
                    name: file.object.filename,
                };
                (source, image.detail.clone())
            }
            _ => continue,
        };
        let detail = detail.map(|detail| detail.as_str().to_owned());
        converted.images.push(Image::new(source, detail));
    }
    Ok(converted)
}

fn text(message: &Message) -> String {
    message.texts().collect::<Vec<_>>().join("\n")
}
