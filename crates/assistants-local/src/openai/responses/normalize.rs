//! The short forms of a request, brought to the form of the spec.

use serde_json::{Map, Value, json};

use crate::openai::ApiError;

/// Parameters that need stored responses.
const STORED: [&str; 3] = ["previous_response_id", "conversation", "background"];

/// Rejects parameters that need stored responses, and replaces short forms: a text as the input or as the content of a
/// message, messages without a type, and outputs as lists of parts.
pub(super) fn normalize(body: &mut Value) -> Result<(), ApiError> {
    let Value::Object(members) = body else { return Ok(()) };
    for name in STORED {
        if !matches!(members.remove(name), None | Some(Value::Null | Value::Bool(false))) {
            let message = format!(
                "This server does not store responses, so '{name}' is not supported. Send the whole conversation as \
                 'input'."
            );
            return Err(ApiError::invalid(message).param(name).code("unsupported_parameter"));
        }
    }
    match members.get_mut("input") {
        Some(input @ Value::String(_)) => {
            let content = input.take();
            *input = json!([{"role": "user", "content": content}]);
            items(input);
        }
        Some(input) => items(input),
        None => {}
    }
    Ok(())
}

fn items(input: &mut Value) {
    for item in input.as_array_mut().into_iter().flatten() {
        let Value::Object(item) = item else { continue };
        if item.contains_key("role") {
            item.entry("type").or_insert_with(|| "message".into());
            message(item);
        } else if let Some(output @ Value::Array(_)) = item.get_mut("output") {
            *output = joined(output);
        }
    }
}

fn message(message: &mut Map<String, Value>) {
    let is_answer = message.get("role").is_some_and(|role| role == "assistant");
    let Some(content) = message.get_mut("content") else {
        return;
    };
    if content.is_string() {
        let type_ = if is_answer { "output_text" } else { "input_text" };
        *content = json!([{"type": type_, "text": content.take()}]);
    }
    for part in content.as_array_mut().into_iter().flatten() {
        if let Value::Object(part) = part
            && part.get("type").is_some_and(|type_| type_ == "output_text")
        {
            part.entry("annotations").or_insert_with(|| json!([]));
        }
    }
}

/// The texts of an output. Models receive no images and files from functions.
fn joined(parts: &Value) -> Value {
    let texts = parts.as_array().into_iter().flatten();
    let texts: Vec<&str> = texts
        .filter_map(|part| part.get("text").and_then(Value::as_str))
        .collect();
    texts.join("\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: Value, want: Value) {
        let mut body = json!({"model": "m", "input": input, "previous_response_id": null});
        normalize(&mut body).unwrap();
        assert_eq!(body, json!({"model": "m", "input": want}));
    }

    #[test]
    fn short_forms_become_long_ones() {
        let hello = json!({"type": "input_text", "text": "Hello"});
        let user = json!([{"type": "message", "role": "user", "content": [hello]}]);
        check(json!("Hello"), user.clone());
        check(json!([{"role": "user", "content": "Hello"}]), user.clone());
        check(user.clone(), user);
        check(
            json!([{"role": "assistant", "content": "Hi"}]),
            json!([{"type": "message", "role": "assistant", "content": [
                {"type": "output_text", "text": "Hi", "annotations": []},
            ]}]),
        );
        check(
            json!([{"type": "function_call_output", "call_id": "c", "output": [
                {"type": "input_text", "text": "a"}, {"type": "input_image"}, {"type": "input_text", "text": "b"},
            ]}]),
            json!([{"type": "function_call_output", "call_id": "c", "output": "a\nb"}]),
        );
    }

    #[test]
    fn what_is_no_input_is_left_to_the_schema() {
        for input in [
            json!(1),
            json!(["x"]),
            json!([{"role": 1, "content": 2}, {"output": null}]),
        ] {
            let mut body = json!({"input": input});
            normalize(&mut body).unwrap();
        }
    }

    #[test]
    fn stored_responses_are_rejected() {
        for (name, value) in [
            ("previous_response_id", json!("resp_1")),
            ("conversation", json!({"id": "conv_1"})),
            ("background", json!(true)),
        ] {
            let error = normalize(&mut json!({"input": "Hello", name: value})).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(name));
            assert!(error.message.contains("does not store responses"), "{}", error.message);
        }
        normalize(&mut json!({"background": false})).unwrap();
    }
}
