//! What a reader lacks of texts and calls.

use assistants_types::openai::{
    Annotation, CodeInterpreterCall, Message, MessageContent, MessageStatus, RunStep, StepToolCall, StreamEvent,
    ToolCall,
};

use super::code_deltas::{begun_delta, input_delta, outputs_delta};
use super::deltas::{annotation_delta, arguments_delta, call_delta, image_delta, text_delta};
use super::file_search::search_delta;
use super::live_run::LiveState;
use super::position::UnknownPosition;

/// The lengths that a reader has, of the texts to which more is added.
#[derive(Clone, Copy)]
pub(super) struct Missing<'a> {
    pub(super) had: &'a [usize],
    /// The texts ended before they were stored, so the reader may have more than the storage.
    pub(super) is_lost: bool,
}

impl Missing<'_> {
    /// Returns the rest of a text. A length that no text of the run can have is an error.
    fn rest<'t>(&self, text: &'t str, had: usize) -> Result<&'t str, UnknownPosition> {
        match text.get(had..) {
            Some(rest) => Ok(rest),
            None if self.is_lost && had > text.len() => Ok(""),
            None => Err(UnknownPosition),
        }
    }
}

/// Adds the rest of a message: images, then the text, divided at citations and links, each of which comes with its text.
pub(super) fn push_text(
    message: &Message,
    live: &LiveState,
    had: &[usize],
    events: &mut Vec<StreamEvent>,
) -> Result<(), UnknownPosition> {
    let open = live.message(&message.id);
    let stored = message.text();
    let text = open.map_or(&*stored, |open| &open.text[..open.published]);
    let stored: Vec<Annotation> = message.annotations().cloned().collect();
    let annotations = open.map_or(&stored, |open| &open.annotations);
    let stored = images(message);
    let images = open.map_or(&stored, |open| &open.images);
    let missing = Missing {
        had,
        is_lost: message.status == MessageStatus::Incomplete,
    };
    let mut at = missing.had.first().copied().unwrap_or_default();
    missing.rest(text, at)?;
    let id = &message.id;
    let part = images.len();
    let had_images = missing.had.get(1).copied().unwrap_or_default();
    if had_images > part {
        return Err(UnknownPosition);
    }
    for (index, file_id) in images.iter().enumerate().skip(had_images) {
        events.push(image_delta(id, index, file_id));
    }
    let is_first = |at| part == 0 && at == 0;
    for (index, annotation) in annotations.iter().enumerate() {
        let Some((start, end)) = place(text, annotation).filter(|(_, end)| *end > at) else {
            continue;
        };
        if let Some(before) = text.get(at..start).filter(|before| !before.is_empty()) {
            events.push(text_delta(id, part, is_first(at), before, Vec::new()));
        }
        let marker = text.get(start.max(at)..end).unwrap_or_default();
        events.push(annotation_delta(id, part, index, annotation, marker));
        at = end;
    }
    let rest = missing.rest(text, at)?;
    if !rest.is_empty() {
        events.push(text_delta(id, part, is_first(at), rest, Vec::new()));
    }
    Ok(())
}

/// Returns the ids of the images of a message.
fn images(message: &Message) -> Vec<String> {
    let images = message.content.iter().filter_map(|part| match part {
        MessageContent::ImageFile(image) => Some(image.image_file.file_id.clone()),
        _ => None,
    });
    images.collect()
}

/// Returns where the marker of a citation, or a link, is, in bytes. The protocol counts characters.
fn place(text: &str, annotation: &Annotation) -> Option<(usize, usize)> {
    let (start, end) = match annotation {
        Annotation::FileCitation(citation) => (citation.start_index, citation.end_index),
        Annotation::FilePath(link) => (link.start_index, link.end_index),
        _ => return None,
    };
    let byte = |characters: i64| {
        let ends = text.char_indices().map(|(index, _)| index).chain([text.len()]);
        ends.into_iter().nth(usize::try_from(characters).ok()?)
    };
    Some((byte(start)?, byte(end)?))
}

/// Adds the calls of a step that the reader does not know, and the rest of the arguments of those it knows.
pub(super) fn push_calls(
    step: &RunStep,
    calls: &[ToolCall],
    missing: Missing<'_>,
    events: &mut Vec<StreamEvent>,
) -> Result<(), UnknownPosition> {
    if let [StepToolCall::FileSearch(search)] = step.tool_calls() {
        if missing.had.is_empty() {
            events.push(search_delta(&step.id, search));
        }
        return Ok(());
    }
    if let [StepToolCall::CodeInterpreter(call)] = step.tool_calls() {
        return push_code(step, call, missing, events);
    }
    // A step without calls may be a search that was interrupted.
    if missing.had.len() > calls.len() && !missing.is_lost {
        return Err(UnknownPosition);
    }
    for (index, call) in calls.iter().enumerate() {
        let had = missing.had.get(index);
        if had.is_none() {
            events.push(call_delta(&step.id, index, call));
        }
        let rest = missing.rest(&call.function.arguments, had.copied().unwrap_or_default())?;
        if !rest.is_empty() {
            events.push(arguments_delta(&step.id, index, rest));
        }
    }
    Ok(())
}

/// Adds what the reader does not have of an execution. Of its lengths, the second is the number of outputs.
fn push_code(
    step: &RunStep,
    call: &CodeInterpreterCall,
    missing: Missing<'_>,
    events: &mut Vec<StreamEvent>,
) -> Result<(), UnknownPosition> {
    if missing.had.is_empty() {
        events.push(begun_delta(&step.id, call));
    }
    let had = missing.had.first().copied().unwrap_or_default();
    let rest = missing.rest(&call.code_interpreter.input, had)?;
    if !rest.is_empty() {
        events.push(input_delta(&step.id, rest));
    }
    let outputs = &call.code_interpreter.outputs;
    match missing.had.get(1) {
        None => events.extend(outputs_delta(&step.id, outputs)),
        Some(had) if *had == outputs.len() => {}
        Some(_) => return Err(UnknownPosition),
    }
    Ok(())
}
