//! What a reader lacks of texts and calls.

use assistants_types::openai::{Annotation, Message, MessageStatus, RunStep, StepToolCall, StreamEvent, ToolCall};

use super::deltas::{arguments_delta, call_delta, text_delta};
use super::file_search::{annotation_delta, search_delta};
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

/// Adds the rest of a message's text, divided at the citations, each of which comes with its marker.
pub(super) fn push_text(
    message: &Message,
    live: &LiveState,
    had: &[usize],
    events: &mut Vec<StreamEvent>,
) -> Result<(), UnknownPosition> {
    let stored = message.text();
    let text = live.text_of(&message.id).unwrap_or(&stored);
    let stored: Vec<Annotation> = message.annotations().cloned().collect();
    let annotations = live.annotations_of(&message.id).unwrap_or(&stored);
    let missing = Missing {
        had,
        is_lost: message.status == MessageStatus::Incomplete,
    };
    let mut at = missing.had.first().copied().unwrap_or_default();
    missing.rest(text, at)?;
    let id = &message.id;
    for (index, annotation) in annotations.iter().enumerate() {
        let Some((start, end)) = place(text, annotation).filter(|(_, end)| *end > at) else {
            continue;
        };
        if let Some(before) = text.get(at..start).filter(|before| !before.is_empty()) {
            events.push(text_delta(id, at == 0, before, Vec::new()));
        }
        let marker = text.get(start.max(at)..end).unwrap_or_default();
        events.push(annotation_delta(id, index, annotation, marker));
        at = end;
    }
    let rest = missing.rest(text, at)?;
    if !rest.is_empty() {
        events.push(text_delta(id, at == 0, rest, Vec::new()));
    }
    Ok(())
}

/// Returns where the marker of a citation is, in bytes. The protocol counts characters.
fn place(text: &str, annotation: &Annotation) -> Option<(usize, usize)> {
    let Annotation::FileCitation(citation) = annotation else {
        return None;
    };
    let byte = |characters: i64| {
        let ends = text.char_indices().map(|(index, _)| index).chain([text.len()]);
        ends.into_iter().nth(usize::try_from(characters).ok()?)
    };
    Some((byte(citation.start_index)?, byte(citation.end_index)?))
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
