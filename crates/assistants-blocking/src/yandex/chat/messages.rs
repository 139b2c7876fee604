//! Conversations, converted from strings, messages and completions.

use assistants_types::Field;

use crate::chat::{ChatChoice, ChatCompletion, ChatMessage, ChatToolCall};

/// A conversation for a model to answer. It is converted from:
///
/// | source | meaning |
/// | --- | --- |
/// | a string | a text of the user |
/// | a pair of strings | a role (`system`, `user`, `assistant`) and its text |
/// | a [`ChatMessage`] | any message: with images ([`ChatUserPart::image`](crate::chat::ChatUserPart::image)), with the output of a tool by the id of its call ([`ChatMessage::tool`]) |
/// | a [`ChatCompletion`], a [`ChatChoice`] | an earlier answer: its text, or the calls it makes |
/// | [`tool_result`](Self::tool_result) | the output of a tool by its name |
/// | an array, slice or `Vec` of these | one after the other; [`and`](Self::and) joins different kinds |
///
/// ```
/// use assistants_blocking::yandex::chat::ChatMessages;
/// # use assistants_blocking::yandex::Client;
/// # let server = assistants_local::LocalServer::builder().start()?;
/// # let client = Client::builder().folder_id("f").base_url(format!("http://{}", server.address())).build()?;
/// # let schema = serde_json::json!({"type": "object"});
/// # let model = client.chat().model("yandexgpt");
/// # let model = model.tool(assistants_blocking::chat::ChatTool::function("add", schema));
///
/// let question = ChatMessages::from([("system", "Be brief."), ("user", "call add {\"a\": 1}")]);
/// let answer = model.run(question.clone()).send()?;
/// assert_eq!(answer.function_calls().count(), 1);
/// let conversation = question.and(&answer).and(ChatMessages::tool_result("add", "2"));
/// assert_eq!(model.run(conversation).send()?.text(), "add returned 2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatMessages(Vec<Entry>);

#[derive(Clone, Debug, PartialEq)]
enum Entry {
    Message(ChatMessage),
    /// A result that does not have the id of its call yet.
    Result {
        name: String,
        output: String,
    },
}

impl ChatMessages {
    /// The output of a tool, by its name. It answers the call of that name in the preceding message of the assistant; if there
    /// are several, the first one without an output.
    ///
    /// If no such call precedes it, sending the conversation is an [`Error::Config`](crate::Error::Config).
    #[must_use]
    pub fn tool_result(name: impl Into<String>, output: impl Into<String>) -> Self {
        Self(vec![Entry::Result {
            name: name.into(),
            output: output.into(),
        }])
    }

    /// Appends messages to the conversation.
    #[must_use]
    pub fn and(mut self, more: impl Into<Self>) -> Self {
        self.0.extend(more.into().0);
        self
    }

    /// The messages as they are sent; an error is the name of a result for which there is no call.
    pub(super) fn resolve(self) -> Result<Vec<ChatMessage>, String> {
        let mut messages = Vec::with_capacity(self.0.len());
        let mut open: Vec<Open> = Vec::new();
        for entry in self.0 {
            messages.push(match entry {
                Entry::Message(message) => {
                    note(&message, &mut open);
                    message
                }
                Entry::Result { name, output } => {
                    let of_name = |call: &Open| call.name == name;
                    let at = open
                        .iter()
                        .position(|call| of_name(call) && !call.answered)
                        .or_else(|| open.iter().rposition(of_name))
                        .ok_or(name.as_str())?;
                    open[at].answered = true;
                    ChatMessage::tool(&open[at].id, output)
                }
            });
        }
        Ok(messages)
    }
}

/// A call that a result may be for.
struct Open {
    name: String,
    id: String,
    answered: bool,
}

/// Records the calls that a message makes or answers. Any other message discards those that are open.
fn note(message: &ChatMessage, open: &mut Vec<Open>) {
    match message {
        ChatMessage::Assistant(message) if message.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty()) => {
            let calls = message
                .tool_calls
                .iter()
                .flatten()
                .filter_map(ChatToolCall::as_function);
            open.extend(calls.map(|call| Open {
                name: call.function.name.clone(),
                id: call.id.clone(),
                answered: false,
            }));
        }
        ChatMessage::Tool(output) => {
            let answered = open
                .iter_mut()
                .find(|call| !call.answered && call.id == output.tool_call_id);
            if let Some(call) = answered {
                call.answered = true;
            }
        }
        _ => open.clear(),
    }
}

impl From<ChatMessage> for ChatMessages {
    fn from(message: ChatMessage) -> Self {
        Self(vec![Entry::Message(message)])
    }
}

impl From<&ChatMessage> for ChatMessages {
    fn from(message: &ChatMessage) -> Self {
        message.clone().into()
    }
}

impl From<&str> for ChatMessages {
    fn from(text: &str) -> Self {
        ChatMessage::user(text).into()
    }
}

impl From<String> for ChatMessages {
    fn from(text: String) -> Self {
        ChatMessage::user(text).into()
    }
}

impl From<&String> for ChatMessages {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl<R: AsRef<str>, T: Into<String>> From<(R, T)> for ChatMessages {
    fn from((role, text): (R, T)) -> Self {
        let (role, text) = (role.as_ref(), text.into());
        match role {
            "user" => ChatMessage::user(text),
            "system" => ChatMessage::system(text),
            "developer" => ChatMessage::developer(text),
            "assistant" => ChatMessage::assistant(text),
            // Which other roles exist is up to the server.
            _ => ChatMessage::Unknown(serde_json::json!({"role": role, "content": text})),
        }
        .into()
    }
}

impl From<&ChatChoice> for ChatMessages {
    fn from(choice: &ChatChoice) -> Self {
        let mut message = ChatMessage::from(choice.message.clone());
        // Yandex's models send an empty text with their calls, and accept the calls without it.
        if let ChatMessage::Assistant(message) = &mut message
            && message.tool_calls.is_some()
            && choice.text().is_empty()
        {
            message.content = Field::Keep;
        }
        message.into()
    }
}

impl From<&ChatCompletion> for ChatMessages {
    /// The first answer.
    fn from(answer: &ChatCompletion) -> Self {
        answer.choice().map(Self::from).unwrap_or_default()
    }
}

impl From<ChatChoice> for ChatMessages {
    fn from(choice: ChatChoice) -> Self {
        (&choice).into()
    }
}

impl From<ChatCompletion> for ChatMessages {
    fn from(answer: ChatCompletion) -> Self {
        (&answer).into()
    }
}

impl<T: Into<Self>> FromIterator<T> for ChatMessages {
    fn from_iter<I: IntoIterator<Item = T>>(parts: I) -> Self {
        Self(parts.into_iter().flat_map(|part| part.into().0).collect())
    }
}

impl<T: Into<Self>> From<Vec<T>> for ChatMessages {
    fn from(parts: Vec<T>) -> Self {
        parts.into_iter().collect()
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for ChatMessages {
    fn from(parts: [T; N]) -> Self {
        parts.into_iter().collect()
    }
}

impl<T: Clone + Into<Self>> From<&[T]> for ChatMessages {
    fn from(parts: &[T]) -> Self {
        parts.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::ChatUserPart;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(messages: impl Into<ChatMessages>, want: Value) {
        let messages = messages.into().resolve().unwrap();
        assert_eq!(serde_json::to_value(messages).unwrap(), want);
    }

    fn answer(message: Value) -> ChatCompletion {
        serde_json::from_value(json!({"choices": [{"index": 0, "message": message}]})).unwrap()
    }

    fn calls(calls: &[(&str, &str)]) -> ChatCompletion {
        let calls: Value = calls
            .iter()
            .enumerate()
            .map(|(index, (id, name))| {
                json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": "{}"}})
            })
            .collect();
        answer(json!({"role": "assistant", "content": "", "tool_calls": calls}))
    }

    fn output(id: &str, content: &str) -> Value {
        json!({"role": "tool", "tool_call_id": id, "content": content})
    }

    #[test]
    fn everything_turns_into_messages() {
        let user = json!({"role": "user", "content": "Hi"});
        check("Hi", json!([user]));
        check("Hi".to_owned(), json!([user]));
        check(("user", "Hi"), json!([user]));
        check(ChatMessage::user("Hi"), json!([user]));
        check(vec!["Hi", "Hi"], json!([user, user]));
        check(&["Hi".to_owned()][..], json!([user]));
        check(
            [("system", "s"), ("assistant", "a"), ("developer", "d"), ("critic", "c")],
            json!([
                {"role": "system", "content": "s"}, {"role": "assistant", "content": "a"},
                {"role": "developer", "content": "d"}, {"role": "critic", "content": "c"},
            ]),
        );
        check(
            answer(json!({"role": "assistant", "content": "Hello", "reasoning_content": "Hm"})),
            json!([{"role": "assistant", "content": "Hello"}]),
        );
        check(
            ChatMessage::user([ChatUserPart::image_url("https://a.b/c.png")]),
            json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}]}]),
        );
        check(ChatMessages::default(), json!([]));
    }

    #[test]
    fn calls_go_back_as_they_came() {
        let call = json!({"index": 0, "id": "add", "type": "function", "function": {"name": "add", "arguments": "{}"}});
        check(
            calls(&[("add", "add")]),
            json!([{"role": "assistant", "tool_calls": [call]}]),
        );
    }

    #[test]
    fn results_find_their_calls_by_name() {
        let results = |names: &[&str]| -> ChatMessages {
            names
                .iter()
                .map(|name| ChatMessages::tool_result(*name, format!("of {name}")))
                .collect()
        };
        let outputs = |messages: ChatMessages| -> Result<Value, String> {
            let messages = messages.resolve()?;
            let tools = messages
                .into_iter()
                .filter(|message| matches!(message, ChatMessage::Tool(_)));
            Ok(tools.map(|message| serde_json::to_value(message).unwrap()).collect())
        };
        let both = ChatMessages::from(calls(&[("c1", "add"), ("c2", "mul")]));
        assert_eq!(
            outputs(both.clone().and(results(&["mul", "add"]))),
            Ok(json!([output("c2", "of mul"), output("c1", "of add")]))
        );
        // Calls of the same name get the results in order; surplus results go to the last call.
        let twice = ChatMessages::from(calls(&[("c1", "add"), ("c2", "add")]));
        assert_eq!(
            outputs(twice.clone().and(results(&["add", "add", "add"]))),
            Ok(json!([
                output("c1", "of add"),
                output("c2", "of add"),
                output("c2", "of add")
            ]))
        );
        // Also beside a result by id.
        assert_eq!(
            outputs(twice.and(ChatMessage::tool("c1", "1")).and(results(&["add"]))),
            Ok(json!([output("c1", "1"), output("c2", "of add")]))
        );
        // Ids that are the names.
        assert_eq!(
            outputs(ChatMessages::from(calls(&[("add", "add"), ("add", "add")])).and(results(&["add", "add"]))),
            Ok(json!([output("add", "of add"), output("add", "of add")]))
        );
        // Nothing or another function was called, or the call is too far back.
        assert_eq!(outputs(results(&["add"])), Err("add".to_owned()));
        assert_eq!(outputs(both.clone().and(results(&["div"]))), Err("div".to_owned()));
        assert_eq!(outputs(both.and("Well?").and(results(&["add"]))), Err("add".to_owned()));
    }
}
