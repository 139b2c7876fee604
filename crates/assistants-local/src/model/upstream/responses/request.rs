//! The request for a response.

use assistants_blocking::responses::{
    CreateResponse, ResponseContent, ResponseFunction, ResponseFunctionChoice, ResponseInclude, ResponseInputImage,
    ResponseInputText, ResponseItem, ResponseMessage, ResponseReasoningOptions, ResponseRole, ResponseTextFormat,
    ResponseTextOptions, ResponseToolChoice,
};
use assistants_types::Field;
use serde_json::Value;

use super::items::adapt;
use crate::model::upstream::flags::Flags;
use crate::model::upstream::request::{Forced, format, instructions, offer, read_format, sampling, user_message};
use crate::model::upstream::rounds::Question;
use crate::model::upstream::state::{State, output};
use crate::model::{Failure, Function, ModelMessage, Role};

/// Converts a question.
pub(super) fn build(question: &Question<'_, ResponseItem>) -> Result<CreateResponse, Failure> {
    let Question { request, flags, .. } = *question;
    let mut input = Vec::new();
    for message in question.conversation() {
        push(&mut input, message, question)?;
    }
    input.extend(question.state.items().iter().cloned());
    adapt(&mut input, flags);
    let mut params = CreateResponse::new(question.model, input).store(false);
    if flags.reasoning_back {
        // Without it, the reasoning of a response that is not stored is lost.
        params = params.include([ResponseInclude::EncryptedReasoning]);
    }
    let format = format(request, flags);
    params.instructions = field(instructions(request, &format));
    params.text = format.sent.map(text_options).transpose()?;
    params.temperature = field(sampling(request.temperature));
    params.top_p = field(sampling(request.top_p));
    params.max_output_tokens = field(request.max_completion_tokens.map(|most| {
        let most = most.max(flags.min_output_tokens);
        i64::try_from(most).unwrap_or(i64::MAX)
    }));
    if let Some(effort) = request.reasoning_effort.as_deref().filter(|_| flags.reasoning_effort) {
        params = params.reasoning(ResponseReasoningOptions::default().effort(effort));
    }
    if let Some(offer) = offer(request, flags) {
        params = params.tools(offer.functions.into_iter().map(tool));
        if offer.one_by_one {
            params = params.parallel_tool_calls(false);
        }
        params.tool_choice = offer.choice.map(|choice| match choice {
            Forced::Any => ResponseToolChoice::Required,
            Forced::Function(name) => ResponseFunctionChoice::new(name).into(),
        });
    }
    Ok(params)
}

fn field<T>(value: Option<T>) -> Field<T> {
    value.map_or(Field::Keep, Field::Set)
}

/// Returns the options for a response format in the form of chat completions, which nests the schema.
fn text_options(format: Value) -> Result<ResponseTextOptions, Failure> {
    let format = match format {
        Value::Object(mut members) => {
            if let Some(Value::Object(nested)) = members.remove("json_schema") {
                members.extend(nested);
            }
            Value::Object(members)
        }
        other => other,
    };
    let format: ResponseTextFormat = read_format(format)?;
    Ok(ResponseTextOptions::default().format(format))
}

/// Appends a message of the conversation.
fn push(
    input: &mut Vec<ResponseItem>,
    message: &ModelMessage,
    question: &Question<'_, ResponseItem>,
) -> Result<(), Failure> {
    if message.role == Role::User {
        input.push(user(message, question.flags)?);
        return Ok(());
    }
    let stored = message.state.as_ref();
    match stored.and_then(|stored| State::of(stored, question.upstream.name(), question.model)) {
        Some(state) => input.extend(state.with_outputs(&message.calls)?),
        None => answer(input, message),
    }
    Ok(())
}

fn user(message: &ModelMessage, flags: &Flags) -> Result<ResponseItem, Failure> {
    let user = user_message(message, flags)?;
    let mut content: Vec<ResponseContent> = Vec::new();
    if !user.text.is_empty() || user.images.is_empty() {
        content.push(ResponseInputText::new(user.text).into());
    }
    for (image, url) in user.images {
        let mut part = ResponseInputImage::default().image_url(url);
        part.detail = image.detail.as_deref().map(Into::into);
        content.push(part.into());
    }
    Ok(ResponseMessage::new(ResponseRole::User, content).into())
}

/// Appends an answer of the assistant, with its calls and their outputs.
fn answer(input: &mut Vec<ResponseItem>, message: &ModelMessage) {
    if !message.text.is_empty() {
        input.push(ResponseItem::assistant(&message.text));
    }
    for call in &message.calls {
        input.push(ResponseItem::function_call(&call.id, &call.name, &call.arguments));
    }
    for call in &message.calls {
        input.push(ResponseItem::function_output(&call.id, output(call)));
    }
}

/// Converts a function. `strict` is always sent: unlike in chat completions and runs, it is true by default.
fn tool(function: Function) -> ResponseFunction {
    let mut tool = ResponseFunction::new(function.name).strict(function.strict == Some(true));
    tool.description = field(function.description);
    tool.parameters = field(function.parameters);
    tool
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::upstream::server::{Endpoint, Upstream};
    use crate::model::{CompletedCall, ModelRequest, ToolChoice};

    /// The request for a response, without what every one has.
    #[track_caller]
    fn check(request: &ModelRequest, flags: &Flags, want: Value) {
        let upstream = Upstream::new("up", Endpoint::new("http://127.0.0.1:9/v1")).unwrap();
        let question = Question {
            upstream: &upstream,
            model: "m",
            request,
            flags,
            state: &State::default(),
            passages: &[],
        };
        let Value::Object(mut built) = json!(build(&question).unwrap()) else {
            panic!("an object")
        };
        for (name, value) in [
            ("model", json!("m")),
            ("store", json!(false)),
            ("include", json!(["reasoning.encrypted_content"])),
        ] {
            assert_eq!(built.remove(name), Some(value), "{name}");
        }
        assert_eq!(Value::Object(built), want);
    }

    fn user_text(text: &str) -> Value {
        json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
    }

    fn request() -> ModelRequest {
        ModelRequest {
            messages: vec![ModelMessage::new(Role::User, "Hello")],
            parallel_tool_calls: true,
            ..ModelRequest::default()
        }
    }

    #[test]
    fn only_what_is_needed_is_sent() {
        let plain = ModelRequest {
            temperature: Some(1.0),
            top_p: Some(1.0),
            reasoning_effort: Some("low".to_owned()),
            response_format: Some(json!({"type": "text"})),
            ..request()
        };
        check(&plain, &Flags::default(), json!({"input": [user_text("Hello")]}));
    }

    #[test]
    fn a_limit_is_raised_to_the_lowest_that_is_accepted() {
        let limited = ModelRequest {
            max_completion_tokens: Some(2),
            ..request()
        };
        for (flags, want) in [(Flags::default(), 2), (Flags::of_server("api.openai.com", None), 16)] {
            check(
                &limited,
                &flags,
                json!({"input": [user_text("Hello")], "max_output_tokens": want}),
            );
        }
    }

    #[test]
    fn options_have_the_names_of_the_dialect() {
        let schema = json!({"type": "object"});
        let all = ModelRequest {
            instructions: Some("Be brief.".to_owned()),
            temperature: Some(0.5),
            reasoning_effort: Some("low".to_owned()),
            max_completion_tokens: Some(100),
            response_format: Some(json!({"type": "json_schema", "json_schema": {
                "name": "n", "schema": schema, "strict": true,
            }})),
            ..request()
        };
        check(
            &all,
            &Flags::of_server("api.openai.com", None),
            json!({
                "instructions": "Be brief.", "input": [user_text("Hello")], "temperature": 0.5,
                "reasoning": {"effort": "low"}, "max_output_tokens": 100,
                "text": {"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": true}},
            }),
        );
    }

    #[test]
    fn functions_say_whether_they_are_strict() {
        let mut strict = Function::new("f");
        strict.strict = Some(true);
        let functions = ModelRequest {
            functions: vec![strict, Function::new("g")],
            tool_choice: ToolChoice::Function("f".to_owned()),
            parallel_tool_calls: false,
            ..request()
        };
        let parameters = json!({"type": "object", "properties": {}});
        check(
            &functions,
            &Flags::of_server("api.openai.com", None),
            json!({
                "input": [user_text("Hello")], "parallel_tool_calls": false,
                "tools": [
                    {"type": "function", "name": "f", "parameters": parameters, "strict": true},
                    {"type": "function", "name": "g", "parameters": parameters, "strict": false},
                ],
                "tool_choice": {"type": "function", "name": "f"},
            }),
        );
    }

    #[test]
    fn answers_become_items() {
        let mut answer = ModelMessage::new(Role::Assistant, "One moment.");
        answer.calls = vec![CompletedCall::new("c", "f", "{}", "")];
        let conversation = ModelRequest {
            rounds: vec![answer],
            ..request()
        };
        check(
            &conversation,
            &Flags::default(),
            json!({"input": [
                user_text("Hello"),
                {"type": "message", "role": "assistant", "content": [
                    {"type": "output_text", "text": "One moment.", "annotations": []},
                ]},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "(no output)"},
            ]}),
        );
    }
}
