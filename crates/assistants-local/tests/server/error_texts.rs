//! The error messages that programs match, as listed in `docs/error-texts.md`.

use std::collections::BTreeMap;
use std::path::Path;

use assistants_local::LocalServer;
use assistants_local::model::{Failure, Finish, Model, ModelRequest, Output};
use serde_json::{Value, json};

use super::client::{Answer, Client, id, serve, start};

/// A row of the document.
#[derive(Debug)]
struct Row {
    status: String,
    code: String,
    text: String,
}

fn table() -> BTreeMap<String, Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/error-texts.md");
    let document = std::fs::read_to_string(path).unwrap();
    let rows = document
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'));
    let rows = rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 6, "{line}");
        let text = cells[3].split('`').nth(1).unwrap().to_owned();
        let (status, code) = (cells[1].to_owned(), cells[2].to_owned());
        (cells[0].to_owned(), Row { status, code, text })
    });
    rows.collect()
}

/// Returns whether a text matches a pattern, in which `{…}` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(before) else {
        return false;
    };
    let (_, after) = rest.split_once('}').unwrap();
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.into_iter().any(|at| fits(after, &text[at..]))
}

/// An observed error: its status, code and message.
type Seen = [String; 3];

fn refused(answer: &Answer) -> Seen {
    let error = &answer.json["error"];
    let code = error["code"].as_str().unwrap_or("-").to_owned();
    [
        answer.status.to_string(),
        code,
        error["message"].as_str().unwrap().to_owned(),
    ]
}

fn failed(client: &Client, message: &str) -> Seen {
    let thread = client.thread(message);
    let runs = format!("/threads/{thread}/runs");
    let run = client.post(&runs, json!({"assistant_id": client.assistant()})).ok();
    let run = client.wait_for(&format!("{runs}/{}", id(&run)), "failed");
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let error = &run["last_error"];
    [word(&run["status"]), word(&error["code"]), word(&error["message"])]
}

/// A model that returns before it has answered.
#[derive(Debug)]
struct Quitter;

impl Model for Quitter {
    fn name(&self) -> &str {
        "quitter"
    }

    fn respond(&self, _: &ModelRequest, _: &mut Output<'_>) -> Result<Finish, Failure> {
        Err(Failure::Stopped)
    }
}

fn of_runs(client: &Client) -> Vec<(&'static str, Seen)> {
    let assistant = client.assistant();
    let begin = |message: &str, status: &str| {
        let thread = client.thread(message);
        let runs = format!("/threads/{thread}/runs");
        let run = client.post(&runs, json!({"assistant_id": assistant})).ok();
        let run = format!("{runs}/{}", id(&run));
        client.wait_for(&run, status);
        (format!("/threads/{thread}"), run)
    };
    let (thread, waiting) = begin("call f\ncall g", "requires_action");
    let (_, ended) = begin("Hello", "completed");
    let message = json!({"role": "user", "content": "Hello"});
    let outputs = json!({"tool_outputs": [{"tool_call_id": "call_x", "output": "x"}]});
    let post = |path: String, body: &Value| refused(&client.post(&path, body.clone()));
    vec![
        ("message_while_running", post(format!("{thread}/messages"), &message)),
        (
            "run_while_running",
            post(format!("{thread}/runs"), &json!({"assistant_id": assistant})),
        ),
        ("cancel_ended_run", post(format!("{ended}/cancel"), &json!({}))),
        (
            "outputs_for_ended_run",
            post(format!("{ended}/submit_tool_outputs"), &outputs),
        ),
        (
            "outputs_incomplete",
            post(format!("{waiting}/submit_tool_outputs"), &outputs),
        ),
        ("unknown_run", refused(&client.get(&format!("{thread}/runs/run_x")))),
    ]
}

fn of_objects(client: &Client) -> Vec<(&'static str, Seen)> {
    let store = id(&client.post("/vector_stores", json!({})).ok());
    let get = |path: &str| refused(&client.get(path));
    let unknown = get(&format!("/vector_stores/{store}/files/file-x"));
    vec![
        ("unknown_assistant", get("/assistants/asst_x")),
        ("unknown_thread", get("/threads/thread_x")),
        ("unknown_vector_store", get("/vector_stores/vs_x")),
        ("unknown_file", get("/files/file-x")),
        ("unknown_vector_store_file", unknown),
        ("unknown_url", get("/nowhere")),
        ("wrong_method", refused(&client.delete("/threads"))),
        ("no_json", refused(&client.call("POST", "/threads", "{"))),
        ("large_integer", get("/assistants?limit=1000")),
        ("small_integer", get("/assistants?limit=0")),
    ]
}

fn of_bodies(client: &Client) -> Vec<(&'static str, Seen)> {
    let assistant = |body: Value| {
        let mut whole = json!({"model": "test"});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        refused(&client.post("/assistants", whole))
    };
    let message = |body: Value| refused(&client.post("/threads", json!({"messages": [body]})));
    let function = |name: &str| json!({"tools": [{"type": "function", "function": {"name": name}}]});
    let many: serde_json::Map<_, _> = (0..17).map(|number| (number.to_string(), "".into())).collect();
    let (_server, strict) = start(LocalServer::builder().strict(true));
    vec![
        ("missing_parameter", refused(&client.post("/assistants", json!({})))),
        ("wrong_type", assistant(json!({"name": 1}))),
        ("null_for_required", assistant(json!({"model": null}))),
        ("unknown_value", message(json!({"role": "system", "content": "x"}))),
        ("empty_message", message(json!({"role": "user", "content": ""}))),
        ("empty_list", message(json!({"role": "user", "content": []}))),
        ("long_string", assistant(json!({"name": "n".repeat(257)}))),
        ("empty_name", assistant(function(""))),
        ("function_name", assistant(function("look up"))),
        (
            "many_items",
            assistant(json!({"tools": vec![json!({"type": "file_search"}); 129]})),
        ),
        ("many_properties", assistant(json!({"metadata": many}))),
        (
            "long_property_name",
            assistant(json!({"metadata": {"n".repeat(65): ""}})),
        ),
        ("large_decimal", assistant(json!({"temperature": 99}))),
        (
            "unknown_parameter",
            refused(&strict.post("/threads", json!({"mood": "fine"}))),
        ),
    ]
}

fn of_chats(client: &Client) -> Vec<(&'static str, Seen)> {
    let user = |text: &str| json!({"role": "user", "content": text});
    let ask = |messages: Value| {
        refused(&client.post("/chat/completions", json!({"model": "scripted", "messages": messages})))
    };
    let fail = |code: &str| ask(json!([user(&format!("fail {code}"))]));
    let called = json!({"role": "assistant", "tool_calls": [
        {"type": "function", "id": "call_x", "function": {"name": "f", "arguments": "{}"}}
    ]});
    vec![
        (
            "orphan_tool_message",
            ask(json!([user("x"), {"role": "tool", "tool_call_id": "call_x", "content": "x"}])),
        ),
        ("unanswered_tool_call", ask(json!([user("x"), called, user("y")]))),
        ("chat_quota", fail("insufficient_quota")),
        ("chat_context", fail("context_length_exceeded")),
        ("chat_rate_limit", fail("rate_limit_exceeded")),
        ("chat_server_error", fail("server_error")),
    ]
}

fn of_keys() -> Vec<(&'static str, Seen)> {
    let (_server, client) = start(LocalServer::builder().api_key("secret"));
    vec![
        ("no_key", refused(&client.get("/assistants"))),
        (
            "wrong_key",
            refused(&client.header("authorization", "Bearer wrong").get("/assistants")),
        ),
    ]
}

fn of_failures(client: &Client) -> Vec<(&'static str, Seen)> {
    let (_server, quitting) = start(LocalServer::builder().model(Quitter));
    vec![
        ("run_rate_limit", failed(client, "fail rate_limit_exceeded")),
        ("run_server_error", failed(client, "fail server_error")),
        ("run_invalid_prompt", failed(client, "fail invalid_prompt")),
        ("run_stopped_model", failed(&quitting, "Hello")),
    ]
}

#[test]
fn every_error_text_is_that_of_the_table() {
    let (_server, client) = serve();
    let parts = [
        of_runs(&client),
        of_objects(&client),
        of_bodies(&client),
        of_chats(&client),
        of_keys(),
        of_failures(&client),
    ];
    let mut table = table();
    for (name, [status, code, text]) in parts.into_iter().flatten() {
        let row = table.remove(name).unwrap_or_else(|| panic!("{name} has no row"));
        assert_eq!((&status, &code), (&row.status, &row.code), "{name}: {text}");
        assert!(fits(&row.text, &text), "{name}: {text}, not {}", row.text);
    }
    assert!(table.is_empty(), "not caused: {:?}", table.keys());
}

#[test]
fn the_regular_expressions_of_frameworks_find_the_ids() {
    let (_server, client) = serve();
    let seen = of_runs(&client);
    let text = &seen[0].1[2];
    // agency-swarm: Can't add messages to thread_([a-zA-Z0-9]+) while a run run_([a-zA-Z0-9]+) is active\.
    let rest = text.strip_prefix("Can't add messages to thread_").unwrap();
    let (thread, rest) = rest.split_once(" while a run run_").unwrap();
    let run = rest.strip_suffix(" is active.").unwrap();
    for id in [thread, run] {
        assert!(
            !id.is_empty() && id.chars().all(|one| one.is_ascii_alphanumeric()),
            "{id}"
        );
    }
    let [_, _, limited] = failed(&client, "fail rate_limit_exceeded");
    let limited = limited.to_lowercase();
    let seconds = limited
        .split_once("try again in ")
        .unwrap()
        .1
        .split_once(" second")
        .unwrap()
        .0;
    assert!(
        limited.contains("rate limit") && seconds.parse::<u32>().is_ok(),
        "{limited}"
    );
}
