//! Chats: requests as they are sent, and chunks as they are assembled.

use assistants_types::chat::*;
use assistants_types::openai::{FunctionDefinition, JsonSchemaFormat, ResponseFormat, ResponseFormatJsonSchema};
use serde_json::{Value, json};

fn accumulate(chunks: &[Value]) -> ChatAccumulator {
    let mut accumulator = ChatAccumulator::new();
    for chunk in chunks {
        // Through text, as it arrives in a stream.
        accumulator.apply(&serde_json::from_str(&chunk.to_string()).unwrap());
    }
    accumulator
}

/// Chunks with one choice each: its index, its delta, its finish reason.
fn chunk(index: i64, delta: Value, finish_reason: Option<&str>) -> Value {
    json!({"id": "c", "choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}]})
}

fn message(chunks: &[Value]) -> Value {
    serde_json::to_value(&accumulate(chunks).completion().choices[0].message).unwrap()
}

/// The calls assembled from the tool call deltas of one answer.
#[track_caller]
fn check_calls(pieces: &[Value], want: Value) {
    let chunks: Vec<Value> = pieces
        .iter()
        .map(|piece| chunk(0, json!({"tool_calls": piece}), None))
        .collect();
    assert_eq!(message(&chunks)["tool_calls"], want);
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"type": "function", "id": id, "function": {"name": name, "arguments": arguments}})
}

#[test]
fn requests_are_created_from_required_members() {
    let schema = json!({"type": "object"});
    let request = CreateChatCompletion::new("m", [ChatMessage::user("Hi")])
        .tool(FunctionDefinition::new("add").parameters(schema.clone()))
        .tool_choice(ChatToolChoice::function("add"))
        .response_format(ResponseFormat::from(ResponseFormatJsonSchema::new(
            JsonSchemaFormat::new("n"),
        )))
        .stop(ChatStop::Texts(vec!["END".to_owned()]))
        .modality("text")
        .max_tokens(5);
    assert_eq!(
        serde_json::to_value(&request).unwrap(),
        json!({
            "model": "m",
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 5,
            "modalities": ["text"],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n"}},
            "stop": ["END"],
            "tool_choice": {"type": "function", "function": {"name": "add"}},
            "tools": [{"type": "function", "function": {"name": "add", "parameters": schema}}],
        })
    );
}

#[test]
fn each_role_has_a_shortcut() {
    for (message, want) in [
        (ChatMessage::system("a"), json!({"role": "system", "content": "a"})),
        (
            ChatMessage::developer("a"),
            json!({"role": "developer", "content": "a"}),
        ),
        (
            ChatMessage::assistant("a"),
            json!({"role": "assistant", "content": "a"}),
        ),
        (
            ChatMessage::tool("call_1", "4"),
            json!({"role": "tool", "tool_call_id": "call_1", "content": "4"}),
        ),
        (
            ChatMessage::user([ChatUserPart::from("look")]),
            json!({"role": "user", "content": [{"type": "text", "text": "look"}]}),
        ),
    ] {
        assert_eq!(serde_json::to_value(&message).unwrap(), want);
    }
}

#[test]
fn an_answer_becomes_a_message_of_the_next_request() {
    let answer = json!({"choices": [{"index": 0, "message": {
        "role": "assistant", "content": null, "reasoning_content": "hm", "annotations": [],
        "tool_calls": [call("c1", "add", "{}")],
    }, "finish_reason": "tool_calls"}]});
    let completion: ChatCompletion = serde_json::from_value(answer).unwrap();
    assert_eq!(completion.function_calls().next().unwrap().function.name, "add");
    assert_eq!(completion.choices[0].message.reasoning(), Some("hm"));
    assert_eq!(
        serde_json::to_value(completion.to_message()).unwrap(),
        json!({"role": "assistant", "tool_calls": [call("c1", "add", "{}")]})
    );
}

#[test]
fn text_grows_and_empty_deltas_change_nothing() {
    let chunks = [
        json!({"id": "", "model": "", "choices": [], "prompt_filter_results": [1]}),
        chunk(0, json!({"role": "assistant"}), None),
        chunk(0, json!({"content": "Hel", "reasoning_content": "so"}), None),
        chunk(0, json!({}), None),
        chunk(0, json!({"content": null, "reasoning_content": null}), None),
        chunk(
            0,
            json!({"content": "lo", "reasoning_content": " what", "refusal": "n"}),
            None,
        ),
        chunk(0, json!({"refusal": "o"}), Some("stop")),
        json!({"id": "c", "model": "m", "created": 5, "choices": [],
               "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}),
    ];
    let accumulator = accumulate(&chunks);
    assert!(accumulator.is_complete());
    assert_eq!(
        serde_json::to_value(accumulator.completion()).unwrap(),
        json!({
            "id": "c", "object": "chat.completion", "created": 5, "model": "m", "prompt_filter_results": [1],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {
                "role": "assistant", "content": "Hello", "refusal": "no", "reasoning_content": "so what",
            }}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        })
    );
    for upto in 0..6 {
        assert!(!accumulate(&chunks[..upto]).is_complete(), "{upto}");
    }
}

#[test]
fn interleaved_answers_are_assembled_separately() {
    let accumulator = accumulate(&[
        chunk(1, json!({"content": "b"}), None),
        chunk(0, json!({"content": "a"}), None),
        json!({"choices": [{"index": 1, "delta": {"content": "B"}}, {"index": 0, "delta": {"content": "A"}}]}),
        chunk(0, json!({}), Some("length")),
    ]);
    let completion = accumulator.completion();
    let texts: Vec<_> = completion
        .choices
        .iter()
        .map(|choice| (choice.index, choice.message.content.as_deref().unwrap()))
        .collect();
    assert_eq!(texts, [(0, "aA"), (1, "bB")]);
    assert_eq!(completion.text(), "aA");
    assert!(!accumulator.is_complete(), "the second answer goes on");
}

#[test]
fn an_index_identifies_and_does_not_allocate() {
    let far = i64::MAX;
    let accumulator = accumulate(&[
        chunk(
            far,
            json!({"content": "z", "tool_calls": [{"index": far, "function": {"name": "f"}}]}),
            None,
        ),
        chunk(-1, json!({"tool_calls": [{"index": -7, "id": "x"}, {"id": "y"}]}), None),
        chunk(
            far,
            json!({"tool_calls": [{"id": "n", "function": {"name": "g"}}, {"index": far, "id": "o"}]}),
            None,
        ),
    ]);
    let completion = accumulator.completion();
    assert_eq!(
        completion.choices.iter().map(|choice| choice.index).collect::<Vec<_>>(),
        [-1, far]
    );
    assert_eq!(completion.choices[1].message.tool_calls.as_ref().unwrap().len(), 1);
}

#[test]
fn calls_arrive_in_pieces() {
    check_calls(
        &[
            json!([{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]),
            json!([{"index": 0, "id": "a", "type": "", "function": {"name": "f", "arguments": "{\"x\""}}]),
            json!([{"index": 1, "id": "", "type": "", "function": {"name": "", "arguments": "{"}},
                   {"index": 0, "function": {"name": "f", "arguments": ":1}"}}]),
            json!([{"index": 1, "function": {"arguments": "}"}}]),
        ],
        json!([call("a", "f", "{\"x\":1}"), call("b", "g", "{}")]),
    );
}

#[test]
fn calls_with_equal_or_missing_indexes_are_distinguished_by_id() {
    let want = json!([call("a", "f", "1"), call("b", "f", "23")]);
    check_calls(
        &[
            json!([{"id": "a", "function": {"name": "f", "arguments": "1"}},
                   {"id": "b", "function": {"name": "f", "arguments": "2"}}]),
            json!([{"function": {"arguments": "3"}}]),
        ],
        want.clone(),
    );
    check_calls(
        &[
            json!([{"index": 0, "id": "a", "function": {"name": "f", "arguments": "1"}}]),
            json!([{"index": 0, "id": "b", "function": {"name": "f", "arguments": "2"}}]),
            json!([{"index": 0, "function": {"arguments": "3"}}]),
        ],
        want,
    );
    // Two calls of one function, with its name as their id.
    check_calls(
        &[
            json!([{"index": 0, "id": "f", "function": {"name": "f", "arguments": "1"}},
                 {"index": 1, "id": "f", "function": {"name": "f", "arguments": "2"}}]),
        ],
        json!([call("f", "f", "1"), call("f", "f", "2")]),
    );
}

#[test]
fn complete_calls_without_ids_are_distinguished_by_their_arguments() {
    let whole = |arguments: Value| json!([{"function": {"name": "f", "arguments": arguments}}]);
    check_calls(
        &[whole(json!("{}")), whole(json!({"a": 1}))],
        json!([call("", "f", "{}"), call("", "f", "{\"a\":1}")]),
    );
    let repeated = |arguments: &str| json!([{"index": 0, "function": {"name": "f", "arguments": arguments}}]);
    check_calls(
        &[repeated("{\"a\""), repeated(":{}"), repeated("}")],
        json!([call("", "f", "{\"a\":{}}")]),
    );
}

#[test]
fn content_may_be_a_list_of_parts() {
    let thinking = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]);
    let chunks = [
        chunk(0, json!({"content": thinking}), None),
        chunk(0, json!({"content": [{"type": "thinking", "thinking": "."}]}), None),
        chunk(0, json!({"content": [{"type": "text", "text": "Y"}]}), None),
        chunk(0, json!({"content": "es"}), Some("stop")),
    ];
    assert_eq!(
        message(&chunks),
        json!({"role": "assistant", "content": "Yes", "reasoning_content": "Hm."})
    );
    let first: ChatCompletionChunk = serde_json::from_value(chunks[0].clone()).unwrap();
    assert_eq!((first.text(), &*first.reasoning()), ("", "Hm"));
    assert_eq!(serde_json::to_value(&first).unwrap(), chunks[0]);
}

#[test]
fn calls_of_other_types_are_assembled_too() {
    check_calls(
        &[
            json!([{"index": 0, "id": "a", "type": "custom", "custom": {"name": "sh", "input": "l"}}]),
            json!([{"index": 0, "custom": {"input": "s"}}]),
            json!([{"index": 1, "id": "b", "type": "telepathy", "thought": {"of": "a"}}]),
            json!([{"index": 1, "thought": {"of": "b"}}]),
        ],
        json!([
            {"type": "custom", "id": "a", "custom": {"name": "sh", "input": "ls"}},
            {"type": "telepathy", "id": "b", "thought": {"of": "ab"}},
        ]),
    );
}

#[test]
fn members_of_complete_messages_are_assembled_too() {
    let token = |text: &str| json!({"token": text, "logprob": -0.5, "bytes": null, "top_logprobs": []});
    let probable = |list: Value| json!({"choices": [{"index": 0, "delta": {}, "logprobs": {"content": list}}]});
    let citation = json!({"type": "url_citation", "url_citation":
        {"start_index": 0, "end_index": 1, "url": "http://a", "title": "t"}});
    let garbled = json!({"type": "url_citation", "url_citation": "http://a"});
    let chunks = [
        chunk(0, json!({"function_call": {"name": "f", "arguments": "{"}}), None),
        chunk(
            0,
            json!({"function_call": {"arguments": "}"}, "annotations": [citation, garbled]}),
            None,
        ),
        chunk(0, json!({"audio": {"id": "au", "data": "AA", "transcript": "h"}}), None),
        chunk(
            0,
            json!({"audio": {"data": "BB", "transcript": "i", "expires_at": 7}}),
            None,
        ),
        probable(json!([token("a")])),
        probable(json!(null)),
        probable(json!([token("b"), token("c")])),
    ];
    let accumulator = accumulate(&chunks);
    let choice = &accumulator.completion().choices[0];
    assert_eq!(
        message(&chunks),
        json!({
            "role": "assistant",
            "function_call": {"name": "f", "arguments": "{}"},
            "annotations": [citation, garbled],
            "audio": {"id": "au", "data": "AABB", "transcript": "hi", "expires_at": 7},
        })
    );
    let tokens = choice.logprobs.as_ref().unwrap().content.as_ref().unwrap();
    assert_eq!(
        tokens.iter().map(|one| one.token.as_str()).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
}

#[test]
fn a_content_filter_may_retract_text() {
    let said = |last: Value| {
        [
            chunk(0, json!({"content": "Some"}), None),
            chunk(0, json!({"content": "thing bad"}), None),
            chunk(0, last, Some("content_filter")),
            json!({"id": "c", "choices": [], "usage": {"total_tokens": 3}}),
        ]
    };
    for (last, kept, replaced) in [
        (json!({"content": "I cannot."}), "Something badI cannot.", "I cannot."),
        (json!({"content": ""}), "Something bad", ""),
        (json!({}), "Something bad", "Something bad"),
    ] {
        let chunks = said(last);
        assert_eq!(accumulate(&chunks).completion().text(), kept);
        let mut replacing = ChatAccumulator::replacing_filtered();
        replacing.extend(
            chunks
                .iter()
                .map(|chunk| serde_json::from_value(chunk.clone()).unwrap()),
        );
        assert_eq!(replacing.completion().text(), replaced);
        assert_eq!(replacing.completion().status(), ChatStatus::ContentFilter);
    }
}

#[test]
fn answers_return_role_finish_reason_and_text() {
    let answer: ChatCompletion = serde_json::from_value(json!({
        "choices": [
            {"index": 1, "message": {"role": "critic", "content": "no"}, "finish_reason": "length"},
            {"index": 0, "message": {"role": "assistant", "content": "[1, 2]", "reasoning_content": "Hm."},
             "finish_reason": "stop"},
        ],
    }))
    .unwrap();
    assert_eq!(
        (answer.role(), answer.status()),
        (ChatRole::Assistant, ChatStatus::Final)
    );
    assert_eq!(answer.finish_reason(), Some(&ChatFinishReason::Stop));
    assert_eq!(answer.reasoning(), Some("Hm."));
    assert_eq!(answer.parse::<Vec<i64>>().unwrap(), [1, 2]);
    let other = &answer.choices[0];
    assert_eq!((other.text(), other.status()), ("no", ChatStatus::TruncatedFinal));
    assert_eq!(other.role(), ChatRole::from("critic"));
    let nothing = ChatCompletion::default();
    assert_eq!((nothing.status(), nothing.finish_reason()), (ChatStatus::Partial, None));
}

#[test]
fn images_and_tool_choices_have_shortcuts() {
    let message = ChatMessage::user([
        ChatUserPart::from("What is it?"),
        ChatUserPart::image("image/png", [1, 2, 255]),
    ]);
    assert_eq!(
        serde_json::to_value(message).unwrap(),
        json!({"role": "user", "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQL/"}},
        ]})
    );
    let tool = assistants_types::openai::FunctionTool::new(FunctionDefinition::new("add"));
    for (choice, want) in [
        (ChatToolChoice::from("AUTO"), json!("auto")),
        (ChatToolChoice::from("none"), json!("none")),
        (ChatToolChoice::from("Required"), json!("required")),
        (ChatToolChoice::from("newer"), json!("newer")),
        (
            ChatToolChoice::from(&tool),
            json!({"type": "function", "function": {"name": "add"}}),
        ),
    ] {
        assert_eq!(serde_json::to_value(choice).unwrap(), want);
    }
}
