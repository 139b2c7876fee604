//! Values that deviate from the published types are converted when read, and written back unchanged.

use assistants_types::openai::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[track_caller]
fn read<T: Serialize + DeserializeOwned>(sent: &Value) -> T {
    let object = serde_json::from_str(&sent.to_string()).unwrap();
    assert_eq!(serde_json::to_value(&object).unwrap(), *sent, "written back");
    object
}

#[test]
fn null_is_written_back_as_null_and_a_missing_member_is_not() {
    let sent = json!({
        "id": "run_1", "object": null, "status": "queued", "started_at": null, "last_error": null, "tools": null,
        "usage": null, "temperature": null, "instructions": null, "metadata": null, "x": null,
    });
    let mut run: Run = read(&sent);
    assert_eq!((run.usage.clone(), run.tools.len(), run.temperature), (None, 0, None));
    // A value replaces the null.
    run.usage = Some(Usage::default());
    run.instructions = "Be brief.".to_owned();
    let written = serde_json::to_value(&run).unwrap();
    assert_eq!(written["instructions"], "Be brief.");
    assert!(written["usage"].is_object());
    assert!(written["last_error"].is_null() && written.get("completed_at").is_none());
    // An object created by a program has no nulls.
    let made = Run {
        id: "run_2".to_owned(),
        ..Run::default()
    };
    let nulls = serde_json::to_value(made).unwrap();
    assert!(nulls.as_object().unwrap().values().all(|value| !value.is_null()));
}

#[test]
fn null_in_a_page_is_written_back() {
    let sent = json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false});
    let page: Page<Message> = read(&sent);
    assert!(page.first_id.is_none());
    read::<Page<Message>>(&json!({"object": null, "data": [], "has_more": null}));
}

#[test]
fn integers_may_be_floats_without_a_fraction() {
    let usage: Usage = read(&json!({"prompt_tokens": 100.0, "completion_tokens": 1e2, "total_tokens": 200}));
    assert_eq!(
        (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens),
        (100, 100, 200)
    );
    let run: Run = read(&json!({"id": "r", "max_prompt_tokens": -256.0}));
    assert_eq!(run.max_prompt_tokens, Some(-256));
    // A changed value is written in its usual form.
    let usage = Usage {
        prompt_tokens: 7,
        ..usage
    };
    assert_eq!(serde_json::to_value(usage).unwrap()["prompt_tokens"], json!(7));
    for wrong in [
        json!(1.5),
        json!(1e300),
        json!("1"),
        json!(9_223_372_036_854_775_808_u64),
    ] {
        assert!(
            serde_json::from_value::<Usage>(json!({"prompt_tokens": wrong})).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn metadata_may_contain_values_other_than_strings() {
    let mut thread: Thread = read(&json!({"id": "t", "metadata": {"n": 5, "f": 1.50, "b": true, "s": "text"}}));
    let metadata = thread.metadata.as_mut().unwrap();
    assert_eq!(
        (metadata["n"].as_str(), metadata["b"].as_str(), metadata["s"].as_str()),
        ("5", "true", "text")
    );
    metadata.insert("n".to_owned(), "6".to_owned());
    assert_eq!(serde_json::to_value(thread).unwrap()["metadata"]["n"], "6");
}

#[test]
fn codes_may_be_numbers() {
    let run: Run = read(&json!({"id": "r", "last_error": {"code": 429, "message": "slow"}}));
    assert_eq!(run.last_error.unwrap().code.as_str(), "429");
    let error: ErrorResponse = read(&json!({"error": {"message": "m", "code": 404, "param": null}}));
    assert_eq!(error.error.code.as_deref(), Some("404"));
}

#[test]
fn an_error_may_be_a_plain_string() {
    let error: ErrorResponse = read(&json!({"error": "no such model"}));
    assert_eq!(error.error.message, "no such model");
}

#[test]
fn a_search_query_may_be_one_string() {
    let page: VectorStoreSearchResults = read(&json!({
        "object": "vector_store.search_results.page", "search_query": "What is the return policy?", "data": [],
        "has_more": false, "next_page": null,
    }));
    assert_eq!(page.search_query, ["What is the return policy?"]);
}

fn message(deltas: &[Value]) -> Message {
    let mut message = Message::default();
    for delta in deltas {
        message.apply(&serde_json::from_str(&json!({"id": "m", "delta": delta}).to_string()).unwrap());
    }
    message
}

fn text_delta(index: i64, value: &str) -> Value {
    json!({"content": [{"index": index, "type": "text", "text": {"value": value}}]})
}

#[test]
fn deltas_keep_unknown_members() {
    let part = |value: &str, more: Value| {
        let mut delta = text_delta(0, value);
        delta["content"][0]["text"]["lang"] = more.clone();
        delta["content"][0]["scores"] = json!([more]);
        delta["thinking"] = json!(value);
        // The message has a member of this name, which no delta can change.
        delta["status"] = json!("odd");
        delta
    };
    let message = message(&[part("a", json!("e")), part("b", json!("n"))]);
    assert_eq!(
        serde_json::to_value(&message).unwrap()["content"],
        json!([{"type": "text", "text": {"value": "ab", "lang": "en", "annotations": []}, "scores": ["e", "n"]}])
    );
    assert_eq!(message.extra["thinking"], "ab");
    assert!(!message.extra.contains_key("status"));

    let mut step = RunStep::default();
    for arguments in ["{", "}"] {
        let delta = json!({"id": "s", "delta": {"step_details": {"type": "tool_calls", "tool_calls": [
            {"index": 0, "type": "function", "server": "x", "function": {"arguments": arguments, "signature": arguments}}
        ]}}});
        step.apply(&serde_json::from_value(delta).unwrap());
    }
    let call = serde_json::to_value(&step.tool_calls()[0]).unwrap();
    assert_eq!(call["function"]["signature"], "{}");
    assert_eq!(call["server"], "xx", "text grows");
}

#[test]
fn skipped_indexes_take_no_space() {
    let far = message(&[
        text_delta(0, "a"),
        text_delta(1_000_000_000, "far"),
        text_delta(7, "near"),
        text_delta(1_000_000_000, " out"),
        text_delta(1, "b"),
        text_delta(7, "er"),
        text_delta(i64::MAX, "end"),
    ]);
    let texts: Vec<&str> = far.texts().collect();
    assert_eq!(texts, ["a", "b", "nearer", "far out", "end"]);
    assert_eq!(
        (far.place_of(7), far.place_of(1_000_000_000), far.place_of(2)),
        (Some(2), Some(3), None)
    );
    // The remembered indexes are not part of the JSON.
    assert!(!serde_json::to_string(&far).unwrap().contains("index"));

    // 3,000 deltas of 80 bytes, each with an index far above the last: as many parts, not a hundred times as many.
    let sparse: Vec<Value> = (0..3_000).map(|n| text_delta(n * 129, "x")).collect();
    assert_eq!(message(&sparse).content.len(), 3_000);
}

#[test]
fn an_event_returns_its_object_and_serializes_completely() {
    let run = StreamEvent::parse("thread.run.queued", r#"{"id":"run_1","status":"queued"}"#).unwrap();
    assert_eq!(run.run().map(|run| run.id.as_str()), Some("run_1"));
    assert!(run.message().is_none() && run.run_step().is_none() && run.thread().is_none() && run.error().is_none());
    let data: Value = serde_json::from_str(&run.complete_data().unwrap()).unwrap();
    assert_eq!((&data["usage"], data.get("tools")), (&Value::Null, None));
    assert!(data.as_object().unwrap().contains_key("usage"), "sent without a value");

    let step = json!({"id": "step_1", "step_details": {"type": "tool_calls", "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}});
    let step = StreamEvent::parse("thread.run.step.completed", &step.to_string()).unwrap();
    assert_eq!(step.run_step().map(|step| step.id.as_str()), Some("step_1"));
    let data: Value = serde_json::from_str(&step.complete_data().unwrap()).unwrap();
    let function = data["step_details"]["tool_calls"][0]["function"].as_object().unwrap();
    assert_eq!(function.get("output"), Some(&Value::Null));

    let thread = StreamEvent::parse("thread.created", r#"{"id":"thread_1"}"#).unwrap();
    assert_eq!(thread.thread().map(|thread| thread.id.as_str()), Some("thread_1"));
    assert_eq!(StreamEvent::Done.complete_data().unwrap(), "[DONE]");
}
