//! The text of an answer, without what does not belong in it.
//!
//! Some servers return the reasoning of a model within its text, in `<think>` tags, and calls as text, because they do not
//! know the template of the model. Both can be split over any number of pieces.

use serde_json::Value;

/// Where the reasoning is written as a part of the text.
const THINK: (&str, &str) = ("<think>", "</think>");

/// What calls that are written as text begin with.
const CALLS: [&str; 2] = ["<tool_call>", "<function="];

/// A call that was written as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrittenCall {
    pub(super) name: String,
    /// JSON text.
    pub(super) arguments: String,
}

/// Separates the text for the user from reasoning and calls.
#[derive(Debug)]
pub(super) struct TextFilter {
    /// Whether the answer may contain calls.
    calls: bool,
    state: State,
    /// Text that is not decided yet.
    held: String,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Before the first character that is not white space.
    Start,
    Thinking,
    /// After the reasoning: line breaks before the text are dropped.
    AfterThinking,
    Text,
    /// From the first call to the end of the answer.
    Calls,
}

impl TextFilter {
    /// `calls`: whether the model may call functions.
    pub(super) fn new(calls: bool) -> Self {
        Self {
            calls,
            state: State::Start,
            held: String::new(),
        }
    }

    /// Takes a piece of the answer, and returns the text that can be shown.
    pub(super) fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let mut shown = String::new();
        while self.step(&mut shown) {}
        shown
    }

    /// Ends the answer: returns the rest of its text, and the calls that were written.
    pub(super) fn finish(&mut self) -> (String, Vec<WrittenCall>) {
        let rest = std::mem::take(&mut self.held);
        match self.state {
            State::Thinking => (String::new(), Vec::new()),
            State::Calls => match written_calls(&rest) {
                Some(calls) => (String::new(), calls),
                // What only looks like a call is text.
                None => (rest, Vec::new()),
            },
            State::AfterThinking => (rest.trim_start().to_owned(), Vec::new()),
            State::Start | State::Text => (rest, Vec::new()),
        }
    }

    /// Decides about the start of the held text. Returns whether there is more to decide.
    fn step(&mut self, shown: &mut String) -> bool {
        match self.state {
            State::Start => self.start(),
            State::Thinking => self.skip_reasoning(),
            State::AfterThinking => {
                self.held = self.held.trim_start().to_owned();
                let has_text = !self.held.is_empty();
                if has_text {
                    self.state = State::Text;
                }
                has_text
            }
            State::Text => {
                self.show(shown);
                false
            }
            State::Calls => false,
        }
    }

    /// Decides whether the answer begins with reasoning.
    fn start(&mut self) -> bool {
        let text = self.held.trim_start();
        if let Some(rest) = text.strip_prefix(THINK.0) {
            self.held = rest.to_owned();
            self.state = State::Thinking;
        } else if THINK.0.starts_with(text) {
            return false;
        } else {
            self.state = State::Text;
        }
        true
    }

    fn skip_reasoning(&mut self) -> bool {
        if let Some((_, rest)) = self.held.split_once(THINK.1) {
            self.held = rest.to_owned();
            self.state = State::AfterThinking;
            return true;
        }
        // The end tag may be split.
        let keep = partial(&self.held, &[THINK.1]);
        self.held.drain(..self.held.len() - keep);
        false
    }

    /// Shows the held text up to the first call, or up to what may be the start of one.
    fn show(&mut self, shown: &mut String) {
        let call = self
            .calls
            .then(|| CALLS.iter().filter_map(|start| self.held.find(start)).min());
        let shows = match call {
            None => self.held.len(),
            Some(None) => self.held.len() - partial(&self.held, &CALLS),
            Some(Some(at)) => {
                self.state = State::Calls;
                at
            }
        };
        shown.push_str(&self.held[..shows]);
        self.held.drain(..shows);
    }
}

/// The length of the longest end of `text` with which one of the `words` could begin.
fn partial(text: &str, words: &[&str]) -> usize {
    let starts = |at: &usize| words.iter().any(|word| word.starts_with(&text[*at..]));
    let ends = text.char_indices().map(|(at, _)| at);
    ends.filter(|at| text.len() - at < 16)
        .find(starts)
        .map_or(0, |at| text.len() - at)
}

/// Reads calls up to the end of the text. `None` if there is anything else in it.
fn written_calls(text: &str) -> Option<Vec<WrittenCall>> {
    let mut calls = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let call;
        (call, rest) = if let Some(body) = rest.strip_prefix("<tool_call>") {
            let (body, rest) = body.split_once("</tool_call>").unwrap_or((body, ""));
            (in_tag(body.trim())?, rest)
        } else {
            let end = rest
                .find("</function>")
                .map_or(rest.len(), |at| at + "</function>".len());
            (function(&rest[..end])?, &rest[end..])
        };
        calls.push(call);
        rest = rest.trim_start();
    }
    (!calls.is_empty()).then_some(calls)
}

/// `{"name": "…", "arguments": {…}}`, or a `<function=…>` within the tag.
fn in_tag(body: &str) -> Option<WrittenCall> {
    if body.starts_with("<function=") {
        return function(body);
    }
    json_call(&serde_json::from_str(body).ok()?)
}

fn json_call(call: &Value) -> Option<WrittenCall> {
    let function = call
        .get("function")
        .filter(|function| function.is_object())
        .unwrap_or(call);
    let arguments = ["arguments", "parameters"]
        .iter()
        .find_map(|name| function.get(name).or_else(|| call.get(name)));
    Some(WrittenCall {
        name: function.get("name")?.as_str()?.to_owned(),
        arguments: match arguments {
            None | Some(Value::Null) => "{}".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(arguments) => arguments.to_string(),
        },
    })
}

/// `<function=name>{…}</function>`, or with `<parameter=name>value</parameter>` for each argument. Models also write
/// `<function=name={…}</function>` and `<function=name{…}</function>`.
fn function(text: &str) -> Option<WrittenCall> {
    let text = text.strip_prefix("<function=")?;
    let (name, body) = text.split_at(text.find(['>', '=', '{', ','])?);
    let body = body.trim_start_matches(['>', '=', ',', ' ']);
    let body = body.strip_suffix("</function>").unwrap_or(body).trim();
    let arguments = if body.is_empty() {
        "{}".to_owned()
    } else if body.starts_with("<parameter=") {
        parameters(body)?
    } else {
        serde_json::from_str::<Value>(body).ok()?;
        body.to_owned()
    };
    Some(WrittenCall {
        name: name.trim().trim_matches('"').to_owned(),
        arguments,
    })
}

/// Reads calls that a server could not read, in any form: as [`written_calls`], as JSON, or as `name{…}</function>`.
pub(super) fn misread_calls(text: &str) -> Option<Vec<WrittenCall>> {
    let text = text.trim().trim_matches('`').trim();
    let text = text.strip_prefix("json").unwrap_or(text).trim();
    if let Ok(json) = serde_json::from_str::<Value>(text) {
        let list = match json.get("tool_calls").unwrap_or(&json) {
            Value::Array(calls) => calls.clone(),
            call => vec![call.clone()],
        };
        return list
            .iter()
            .map(json_call)
            .collect::<Option<Vec<_>>>()
            .filter(|calls| !calls.is_empty());
    }
    written_calls(text).or_else(|| {
        Some(vec![function(&format!(
            "<function={}",
            text.strip_suffix("</function>")?
        ))?])
    })
}

fn parameters(mut text: &str) -> Option<String> {
    let mut arguments = serde_json::Map::new();
    while !text.is_empty() {
        let (name, rest) = text.strip_prefix("<parameter=")?.split_once('>')?;
        let (value, rest) = rest.split_once("</parameter>")?;
        let value = value.trim();
        // A value that is no JSON is text without its quotes.
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        arguments.insert(name.trim().to_owned(), value);
        text = rest.trim_start();
    }
    Some(Value::Object(arguments).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text and the calls of an answer, whatever the size of its pieces.
    #[track_caller]
    fn check(answer: &str, calls: bool, text: &str, want: &[(&str, &str)]) {
        let characters: Vec<String> = answer.chars().map(String::from).collect();
        for step in 1..=characters.len() {
            let mut filter = TextFilter::new(calls);
            let mut shown: String = characters
                .chunks(step)
                .map(|piece| filter.push(&piece.concat()))
                .collect();
            let (rest, found) = filter.finish();
            shown.push_str(&rest);
            let found: Vec<(&str, &str)> = found
                .iter()
                .map(|call| (call.name.as_str(), call.arguments.as_str()))
                .collect();
            assert_eq!(
                (shown.as_str(), &found[..]),
                (text, want),
                "{step} characters at a time"
            );
        }
    }

    #[test]
    fn reasoning_is_not_text() {
        check("<think>Hm, a < b.</think>\n\nYes.", true, "Yes.", &[]);
        check("<think>never ended", true, "", &[]);
        check("I <think> so</think>", true, "I <think> so</think>", &[]);
        check(" <thin air", false, " <thin air", &[]);
    }

    #[test]
    fn calls_that_are_written_as_text_are_calls() {
        let want = &[("add", r#"{"a":1}"#)];
        check(
            r#"<tool_call>{"name":"add","arguments":{"a":1}}</tool_call>"#,
            true,
            "",
            want,
        );
        check("Sure. <function=add>{\"a\":1}</function>", true, "Sure. ", want);
        check(
            "<tool_call>\n<function=add>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>",
            true,
            "",
            want,
        );
        check(
            r#"<tool_call>{"name":"a"}</tool_call><tool_call>{"name":"b","arguments":"{}"}"#,
            true,
            "",
            &[("a", "{}"), ("b", "{}")],
        );
    }

    #[test]
    fn calls_that_a_server_could_not_read_are_read() {
        for text in [
            r#"<function=add={"a":1}</function>"#,
            r#"<function=add{"a":1}</function>"#,
            r#"add{"a":1}</function>"#,
            r#"{"name":"add","parameters":{"a":1}}"#,
            "```json\n[{\"name\":\"add\",\"arguments\":\"{\\\"a\\\":1}\"}]\n```",
            r#"{"tool_calls":[{"type":"function","function":{"name":"add"},"parameters":{"a":1}}]}"#,
        ] {
            let calls = misread_calls(text).unwrap_or_default();
            let found: Vec<_> = calls.iter().map(|call| (&*call.name, &*call.arguments)).collect();
            assert_eq!(found, [("add", r#"{"a":1}"#)], "{text}");
        }
        for text in ["", "add the numbers", "[]", "{}", "7", "</function>"] {
            assert_eq!(misread_calls(text), None, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_call_is_text() {
        check("Write <tool_call> first.", true, "Write <tool_call> first.", &[]);
        check("<function=add>{", true, "<function=add>{", &[]);
        check("<function=add", true, "<function=add", &[]);
        let call = r#"<tool_call>{"name":"add"}</tool_call>"#;
        check(call, false, call, &[]);
        check("a <b> c <", true, "a <b> c <", &[]);
    }
}
