//! Reads the events of a response.

use assistants_blocking::Error;
use assistants_blocking::responses::{
    Response, ResponseContent, ResponseEvent, ResponseFunctionCall, ResponseIncompleteReason, ResponseItem,
    ResponseItemDoneEvent, ResponseMessage, ResponseStatus, ResponseStream, ResponseUsage,
};

use crate::ids;
use crate::model::upstream::answer::{Answer, AnswerWriter, Broken, Called};
use crate::model::{FinishReason, Output, Stopped, Usage};

/// Reads a stream to its end.
pub(super) fn read(
    mut stream: ResponseStream,
    writer: AnswerWriter<'_>,
    output: &mut Output<'_>,
) -> Result<Answer<ResponseItem>, Broken> {
    let mut reader = Reader {
        writer,
        calls: Vec::new(),
        written: Vec::new(),
    };
    for event in &mut stream {
        let event = event.map_err(|error| reader.writer.broken(error))?;
        reader.take(event, output)?;
    }
    if stream.response().status == ResponseStatus::Failed {
        let undescribed = || Error::Unsupported("the response has failed without a description".into());
        let error = stream.failure().unwrap_or_else(undescribed);
        return Err(reader.writer.broken(error));
    }
    let response = stream.finish().map_err(|error| reader.writer.broken(error))?;
    reader.finish(response, output)
}

struct Reader<'a> {
    writer: AnswerWriter<'a>,
    /// The calls that have begun, with the index of their items.
    calls: Vec<(i64, ResponseFunctionCall)>,
    /// The indexes of the messages whose text was streamed.
    written: Vec<i64>,
}

impl Reader<'_> {
    fn take(&mut self, event: ResponseEvent, output: &mut Output<'_>) -> Result<(), Stopped> {
        match event {
            ResponseEvent::TextDelta(event) => self.text(event.output_index, &event.delta, output),
            ResponseEvent::RefusalDelta(event) => self.text(event.output_index, &event.delta, output),
            ResponseEvent::ItemAdded(event) => {
                if let ResponseItem::FunctionCall(call) = event.item {
                    self.calls.push((event.output_index, call));
                }
                Ok(())
            }
            ResponseEvent::ArgumentsDelta(event) => {
                let Some(at) = self.find(event.output_index, Some(&event.item_id)) else {
                    return Ok(());
                };
                self.calls[at].1.arguments.push_str(&event.delta);
                self.push_call(at, output)
            }
            ResponseEvent::ItemDone(event) => self.item(event, output),
            _ => Ok(()),
        }
    }

    fn text(&mut self, index: i64, text: &str, output: &mut Output<'_>) -> Result<(), Stopped> {
        if !self.written.contains(&index) {
            self.written.push(index);
        }
        self.writer.push_text(text, output)
    }

    /// Takes what the events before have left out: some servers send whole items only.
    fn item(&mut self, event: ResponseItemDoneEvent, output: &mut Output<'_>) -> Result<(), Stopped> {
        match event.item {
            ResponseItem::Message(message) if !self.written.contains(&event.output_index) => {
                self.text(event.output_index, &said(&message), output)
            }
            ResponseItem::FunctionCall(call) => {
                let at = self.find(event.output_index, call.id.as_deref()).unwrap_or_else(|| {
                    self.calls.push((event.output_index, ResponseFunctionCall::default()));
                    self.calls.len() - 1
                });
                self.calls[at].1 = call;
                self.push_call(at, output)
            }
            _ => Ok(()),
        }
    }

    /// Finds the call of an event, by the id of its item or by its index.
    fn find(&self, index: i64, id: Option<&str>) -> Option<usize> {
        let by_id = |(_, call): &(i64, ResponseFunctionCall)| {
            id.is_some_and(|id| !id.is_empty() && call.id.as_deref() == Some(id))
        };
        let by_index = |(of, _): &(i64, ResponseFunctionCall)| *of == index;
        let calls = &self.calls;
        calls
            .iter()
            .rposition(by_id)
            .or_else(|| calls.iter().rposition(by_index))
    }

    fn push_call(&mut self, at: usize, output: &mut Output<'_>) -> Result<(), Stopped> {
        self.writer.push_call(at, called(&self.calls[at].1), false, output)
    }

    fn finish(mut self, response: Response, output: &mut Output<'_>) -> Result<Answer<ResponseItem>, Broken> {
        let mut items = response.output;
        for call in self.writer.end_text(output)? {
            items.push(ResponseItem::function_call("", call.name, call.arguments));
        }
        for item in &mut items {
            if let ResponseItem::FunctionCall(call) = item
                && call.call_id.is_empty()
            {
                call.call_id = ids::new("call_");
            }
        }
        let calls = items.iter().filter_map(|item| match item {
            ResponseItem::FunctionCall(call) => Some(called(call)),
            _ => None,
        });
        let calls: Vec<(usize, Called<'_>)> = calls.enumerate().collect();
        for (index, call) in &calls {
            self.writer.push_call(*index, *call, true, output)?;
        }
        let reason = match response.status {
            ResponseStatus::Incomplete => {
                let details = response.incomplete_details.and_then(|details| details.reason);
                match details {
                    Some(ResponseIncompleteReason::ContentFilter) => FinishReason::ContentFilter,
                    _ => FinishReason::MaxCompletionTokens,
                }
            }
            _ => FinishReason::Stop,
        };
        let text: String = items.iter().map(said_in).collect();
        let mut answer = self
            .writer
            .finish(calls, reason, response.usage.map(|used| usage(&used)), &text);
        answer.items = items;
        Ok(answer)
    }
}

fn called(call: &ResponseFunctionCall) -> Called<'_> {
    Called {
        id: &call.call_id,
        name: &call.name,
        arguments: &call.arguments,
    }
}

fn said_in(item: &ResponseItem) -> String {
    match item {
        ResponseItem::Message(message) => said(message),
        _ => String::new(),
    }
}

/// The text of a message, or of a refusal.
fn said(message: &ResponseMessage) -> String {
    let texts = message.content.iter().filter_map(|part| match part {
        ResponseContent::OutputText(part) => Some(part.text.as_str()),
        ResponseContent::Refusal(part) => Some(part.refusal.as_str()),
        _ => None,
    });
    texts.collect()
}

fn usage(usage: &ResponseUsage) -> Usage {
    let count = |tokens: i64| u64::try_from(tokens).unwrap_or_default();
    Usage {
        prompt_tokens: count(usage.input_tokens),
        completion_tokens: count(usage.output_tokens),
    }
}
