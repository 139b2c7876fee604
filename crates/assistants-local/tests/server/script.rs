//! Scripts: each member of a rule, over runs, chats and responses, and the examples of `docs/testing.md`.

use std::fs;
use std::io::Read;
use std::process::Command;

use assistants_blocking::openai::{self, CreateRun};
use assistants_local::{LocalServer, Script};
use serde_json::{Value, json};

use super::binary::PROGRAM;
use super::client::{Client, id, start};
use super::files::upload;

const GUIDE: &str = include_str!("../../../../docs/testing.md");

/// Returns the examples of the guide.
fn examples() -> Vec<&'static str> {
    let blocks = GUIDE.split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

fn scripted(script: &str) -> (LocalServer, Client) {
    let script = Script::parse(script).unwrap_or_else(|error| panic!("{error}"));
    start(LocalServer::builder().script(script))
}

/// Who is asked what.
struct Prompt<'a> {
    model: &'a str,
    instructions: &'a str,
    text: &'a str,
}

fn prompt(text: &str) -> Prompt<'_> {
    Prompt {
        model: "m",
        instructions: "Be kind.",
        text,
    }
}

/// Formats an answer: its text, each call, and how it ended unless it is complete.
fn said(text: &Value, calls: &[Value], end: &str) -> String {
    let mut parts: Vec<String> = text.as_str().map(str::to_owned).into_iter().collect();
    for call in calls {
        let part = |name: &str| call[name].as_str().unwrap();
        parts.push(format!("{}({})", part("name"), part("arguments")));
    }
    if !end.is_empty() {
        parts.push(format!("[{end}]"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

fn chat(client: &Client, prompt: &Prompt<'_>) -> String {
    let messages =
        json!([{"role": "system", "content": prompt.instructions}, {"role": "user", "content": prompt.text}]);
    let answer = client.post(
        "/chat/completions",
        json!({"model": prompt.model, "messages": messages}),
    );
    if answer.status != 200 {
        return said(&Value::Null, &[], answer.json["error"]["code"].as_str().unwrap());
    }
    let choice = &answer.json["choices"][0];
    let calls = choice["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
    let calls: Vec<Value> = calls.iter().map(|call| call["function"].clone()).collect();
    let end = match choice["finish_reason"].as_str().unwrap() {
        "stop" | "tool_calls" => "",
        other => other,
    };
    said(&choice["message"]["content"], &calls, end)
}

fn respond(client: &Client, prompt: &Prompt<'_>) -> String {
    let body = json!({"model": prompt.model, "instructions": prompt.instructions, "input": prompt.text});
    let answer = client.post("/responses", body);
    if answer.status != 200 {
        return said(&Value::Null, &[], answer.json["error"]["code"].as_str().unwrap());
    }
    let items = answer.json["output"].as_array().unwrap();
    let text = items
        .iter()
        .find(|item| item["type"] == "message")
        .map_or(Value::Null, |item| item["content"][0]["text"].clone());
    let calls: Vec<Value> = items
        .iter()
        .filter(|item| item["type"] == "function_call")
        .cloned()
        .collect();
    let end = match answer.json["incomplete_details"]["reason"].as_str() {
        Some("max_output_tokens") => "length",
        other => other.unwrap_or(""),
    };
    said(&text, &calls, end)
}

/// Creates an assistant and a thread, and returns the path of the runs with the body that starts one.
fn run_of(client: &Client, prompt: &Prompt<'_>) -> (String, Value) {
    let function = json!({"type": "function", "function": {"name": "f"}});
    let assistant = json!({"model": prompt.model, "instructions": prompt.instructions, "tools": [function]});
    let assistant = id(&client.post("/assistants", assistant).ok());
    let path = format!("/threads/{}/runs", client.thread(prompt.text));
    (path, json!({"assistant_id": assistant}))
}

/// Formats a run that has ended or waits for outputs, with its first message.
fn ended(client: &Client, run: &Value) -> String {
    let thread = run["thread_id"].as_str().unwrap();
    let messages = client
        .get(&format!("/threads/{thread}/messages?run_id={}", id(run)))
        .ok();
    let text = &messages["data"][0]["content"][0]["text"]["value"];
    let calls = run["required_action"]["submit_tool_outputs"]["tool_calls"].as_array();
    let calls = calls.into_iter().flatten().map(|call| call["function"].clone());
    let calls: Vec<Value> = calls.collect();
    let end = match run["incomplete_details"]["reason"].as_str() {
        Some("max_completion_tokens") => "length",
        Some(reason) => reason,
        None => run["last_error"]["code"].as_str().unwrap_or(""),
    };
    said(text, &calls, end)
}

/// Executes a run and follows its stream. Returns the run and the texts of its deltas.
fn stream(client: &Client, path: &str, mut body: Value) -> (Value, Vec<String>) {
    body["stream"] = true.into();
    let mut last = Value::Null;
    let mut texts = Vec::new();
    for event in client.stream(path, body) {
        texts.extend(event.text().map(str::to_owned));
        if event.data["object"] == "thread.run" {
            last = event.data;
        }
    }
    (last, texts)
}

/// Asks over a run, a chat and a response, and compares each answer.
#[track_caller]
fn check(client: &Client, prompt: &Prompt<'_>, want: &str) {
    let (path, body) = run_of(client, prompt);
    let (run, texts) = stream(client, &path, body);
    assert_eq!(ended(client, &run), want, "run");
    assert!(want.starts_with(&texts.concat()), "{texts:?}");
    // A failed request has no text.
    let whole = if want.contains("_error]") || want.contains("_exceeded]") || want.contains("_prompt]") {
        want.trim_start_matches(|character| character != '[')
    } else {
        want
    };
    assert_eq!(chat(client, prompt), whole, "chat");
    assert_eq!(respond(client, prompt), whole, "response");
}

#[test]
fn every_condition_decides() {
    let (_server, client) = scripted(
        r#"
        [[answers]]
        model = "gpt-4*"
        text = "model"
        [[answers]]
        prompt = "whole"
        text = "prompt"
        [[answers]]
        prompt_contains = "part"
        text = "prompt_contains"
        [[answers]]
        instructions_contain = "agent"
        prompt_contains = "Who"
        text = "instructions_contain"
        "#,
    );
    let model = |model| Prompt { model, ..prompt("x") };
    check(&client, &model("gpt-4o"), "model");
    check(&client, &model("gpt-5"), "x");
    check(&client, &prompt("whole"), "prompt");
    check(&client, &prompt("wholesale"), "wholesale");
    check(&client, &prompt("a party"), "prompt_contains");
    let agent = |text| Prompt {
        instructions: "You are an agent.",
        ..prompt(text)
    };
    check(&client, &agent("Who?"), "instructions_contain");
    check(&client, &agent("What?"), "What?");
    check(&client, &prompt("Who?"), "Who?");
    // Commands in messages stay.
    check(&client, &prompt("fail server_error"), "[server_error]");
}

#[test]
fn every_kind_of_answer_is_given() {
    let (_server, client) = scripted(
        r#"
        [[answers]]
        prompt = "calls"
        text = "Wait."
        calls = [{ name = "f", arguments = { b = [1, "é"], a = {} } }, { name = "g", arguments = "{no" }, { name = "h" }]
        [[answers]]
        prompt = "error"
        text = "Half of"
        error = { code = "server_error", message = "Broken." }
        [[answers]]
        prompt = "rate"
        error = { code = "rate_limit_exceeded" }
        [[answers]]
        prompt = "length"
        text = "Too lo"
        finish = "length"
        [[answers]]
        prompt = "filter"
        finish = "content_filter"
        [[answers]]
        prompt = "pieces"
        text = ["on", "e two", " three"]
        usage = { prompt_tokens = 12, completion_tokens = 34 }
        piece_delay_ms = 1
        "#,
    );
    let calls = r#"Wait. f({"a":{},"b":[1,"é"]}) g({no) h({})"#;
    check(&client, &prompt("calls"), calls);
    check(&client, &prompt("error"), "Half of [server_error]");
    check(&client, &prompt("rate"), "[rate_limit_exceeded]");
    check(&client, &prompt("length"), "Too lo [length]");
    check(&client, &prompt("filter"), "[content_filter]");

    let rate = json!({"model": "m", "messages": [{"role": "user", "content": "rate"}]});
    let rate = client.post("/chat/completions", rate);
    assert_eq!(rate.status, 429);
    let message = rate.json["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Rate limit reached for requests. Please try again in 1 second."),
        "{message}"
    );

    let (path, body) = run_of(&client, &prompt("pieces"));
    let (run, texts) = stream(&client, &path, body);
    assert_eq!(texts, ["on", "e two", " three"]);
    let usage = json!({"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46});
    for (name, tokens) in usage.as_object().unwrap() {
        assert_eq!(&run["usage"][name], tokens);
    }
}

#[test]
fn a_rule_applies_only_so_many_times() {
    let (_server, client) = scripted("[[answers]]\ntimes = 2\ntext = 'first'\n[[answers]]\ntext = 'then'");
    let answers = [(); 4].map(|()| chat(&client, &prompt("x")));
    assert_eq!(answers, ["first", "first", "then", "then"]);
}

#[test]
fn a_strict_script_reports_prompts_without_a_rule() {
    let (_server, client) = scripted("strict = true\n[[answers]]\nprompt = 'known'\ntext = 'yes'");
    check(&client, &prompt("known"), "yes");
    check(&client, &prompt("other"), "[invalid_prompt]");
    let body = json!({"model": "gpt", "input": "other"});
    assert_eq!(
        client.post("/responses", body).error(),
        "400 - invalid_prompt: No answer of the script matches the model 'gpt', round 0 and the prompt 'other'."
    );
}

#[test]
fn a_script_is_toml_or_json_and_its_errors_name_the_place() {
    let json = r#"{"strict": true, "answers": [{"text": "hello", "calls": [{"name": "f", "arguments": {"a": 1}}]}]}"#;
    let (_server, client) = scripted(json);
    check(&client, &prompt("x"), r#"hello f({"a":1})"#);
    for (script, line, word) in [
        ("[[answers]]\ntext = 'a'\ncals = []", 3, "`cals`"),
        ("strikt = true", 1, "`strikt`"),
        (
            "[[answers]]\ntext = 'a'\n[[answers]]\nprompt = 'b'",
            3,
            "an answer needs",
        ),
        ("[[answers]]\ntext = 5", 2, "a string or a list of strings"),
        ("[[answers]]\nfinish = 'end'", 2, "`end`"),
        ("[[answers]]\ntext = 'a'\ntimes = 0", 3, "nonzero"),
        (
            "[[answers]]\ncalls = [{ name = 'f', arguments = 1 }]",
            2,
            "expected a table",
        ),
        (
            "[[answers]]\ncalls = [{ name = 'f', arguments = { d = 2020-01-01 } }]",
            2,
            "in quotes",
        ),
        ("[[requests]]\nstatus = 99", 2, "200 to 599"),
        ("[[requests]]\nstatus = 200\nheaders = { 'a b' = 'c' }", 3, "'a b'"),
        (
            "[[requests]]\nstatus = 200\nheaders = { content-length = '1' }",
            3,
            "content-length",
        ),
        ("[[requests]]\nbody = 'a'", 1, "need `status`"),
        (
            "[[requests]]\nstatus = 200\nbreak_stream_after = 1",
            1,
            "exclude each other",
        ),
        ("{\"answers\": [{\"text\": \"a\",\n\"b\": 1}]}", 2, "`b`"),
        ("[[answers]", 1, ""),
    ] {
        let error = Script::parse(script).unwrap_err().to_string();
        assert!(
            error.contains(&format!("line {line}")) && error.contains(word),
            "{script}: {error}"
        );
    }
    let error = Script::from_file("/no/such/file").unwrap_err();
    assert_eq!(error.to_string(), "reading the script /no/such/file");
}

#[test]
fn the_examples_of_the_guide_work() {
    let examples = examples();
    assert_eq!(examples.len(), 3);
    let (_server, client) = scripted(examples[0]);
    let (path, body) = run_of(&client, &prompt("What about the weather?"));
    let rejected = client.post(&path, body.clone());
    assert_eq!(rejected.headers["retry-after"], "1");
    assert!(rejected.headers["x-request-id"].to_str().unwrap().starts_with("req_"));
    assert_eq!(
        rejected.error(),
        "429 - rate_limit_exceeded: The script responds with status 429."
    );
    let (run, _) = stream(&client, &path, body);
    assert_eq!(ended(&client, &run), r#"get_weather({"city":"Paris"})"#);
    let call = &run["required_action"]["submit_tool_outputs"]["tool_calls"][0]["id"];
    let outputs = json!({"tool_outputs": [{"tool_call_id": call, "output": "sunny"}]});
    client
        .post(&format!("{path}/{}/submit_tool_outputs", id(&run)), outputs)
        .ok();
    let run = client.wait_for(&format!("{path}/{}", id(&run)), "completed");
    assert_eq!(ended(&client, &run), "It is sunny in Paris.");

    let (_server, client) = scripted(examples[1]);
    let summary = Prompt {
        model: "gpt-4o",
        ..prompt("Summarize the report.")
    };
    assert_eq!(chat(&client, &summary), "[server_error]");
    check(&client, &summary, "Sales have doubled.");
    let agent = Prompt {
        instructions: "You are a travel agent.",
        ..prompt("Oslo, please")
    };
    let (path, body) = run_of(&client, &agent);
    let (run, _) = stream(&client, &path, body);
    let want = r#"Let me see. flights({"adults":2,"to":"Oslo"}) hotels({not json)"#;
    assert_eq!(ended(&client, &run), want);
    let calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        .as_array()
        .unwrap();
    let output = |call: &Value| json!({"tool_call_id": call["id"], "output": "There are no flights."});
    let outputs = json!({"tool_outputs": calls.iter().map(output).collect::<Vec<_>>()});
    let (run, _) = stream(&client, &format!("{path}/{}/submit_tool_outputs", id(&run)), outputs);
    assert_eq!(ended(&client, &run), "There are no flights to Oslo.");
}

#[test]
fn an_answer_can_search_and_cite_files() {
    let (_server, client) = scripted(examples()[1]);
    let file = id(&upload(&client, "30 days of holidays"));
    let store = client.post("/vector_stores", json!({"file_ids": [file]})).ok();
    client.wait_for(&format!("/vector_stores/{}", id(&store)), "completed");
    let resources = json!({"file_search": {"vector_store_ids": [store["id"]]}});
    let assistant = json!({"model": "m", "tools": [{"type": "file_search"}], "tool_resources": resources});
    let assistant = id(&client.post("/assistants", assistant).ok());
    let path = format!("/threads/{}/runs", client.thread("See the handbook"));
    let (run, _) = stream(&client, &path, json!({"assistant_id": assistant}));
    let thread = run["thread_id"].as_str().unwrap();
    let messages = client.get(&format!("/threads/{thread}/messages")).ok();
    let text = &messages["data"][0]["content"][0]["text"];
    assert_eq!(
        text["annotations"][0]["file_citation"]["file_id"],
        file.as_str(),
        "{text}"
    );
    let value = text["value"].as_str().unwrap();
    assert!(
        value.starts_with("You have 30 days of holiday.") && value.contains('【'),
        "{value}"
    );
}

#[test]
fn requests_are_answered_by_method_path_and_body() {
    let (_server, client) = scripted(examples()[2]);
    let ask = |text: &str| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": text}]});
        client.post("/chat/completions", body)
    };
    assert_eq!(ask("hello").status, 200);
    // In the body the text can be escaped.
    let escaped = r#"{"model": "m", "messages": [{"role": "user", "content": "\u0069nvoice"}]}"#;
    let rejected = client.call("POST", "/chat/completions", escaped);
    assert_eq!(
        (rejected.status, &rejected.headers["retry-after"]),
        (429, &"0".parse().unwrap())
    );
    assert_eq!(rejected.headers["x-ratelimit-remaining-requests"], "0");
    assert_eq!(ask("hello").status, 200);
    assert_eq!(ask("my invoice").status, 429);
    assert_eq!(ask("my invoice").ok()["choices"][0]["message"]["content"], "my invoice");
    // A long body is not matched, and arrives whole.
    let long = format!("invoice {}", "word ".repeat(100_000));
    assert_eq!(ask(&long).ok()["usage"]["prompt_tokens"], 100_001);

    let url = format!("{}/files/file_1", client.base_url);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut page = agent.get(&url).call().unwrap();
    assert_eq!(
        (page.status(), page.headers()["content-type"].as_bytes()),
        (502_u16.try_into().unwrap(), &b"text/html"[..])
    );
    assert_eq!(page.body_mut().read_to_string().unwrap(), "<h1>Bad Gateway</h1>");
    assert_eq!(
        client.get("/files/file_1").error(),
        "404 - -: No such File object: file_1"
    );

    let outputs = json!({"tool_outputs": []});
    let late = client.post("/threads/thread_1/runs/run_1/submit_tool_outputs", outputs.clone());
    assert_eq!(late.error(), "400 tool_outputs too_late: Too late.");
    let late = client.post("/threads/thread_1/runs/run_1/submit_tool_outputs", outputs);
    assert!(!late.error().contains("too_late"));
}

/// Sends a request, and reads its response until the connection breaks off. Returns what has arrived.
fn read_broken(url: &str, body: &Value) -> String {
    let response = ureq::post(url)
        .content_type("application/json")
        .send(body.to_string())
        .unwrap();
    let mut bytes = Vec::new();
    let ended = response.into_body().into_reader().read_to_end(&mut bytes);
    assert!(ended.is_err(), "the stream ended as if complete");
    String::from_utf8(bytes).unwrap()
}

#[test]
fn streams_break_off_after_a_number_of_events() {
    let (_server, client) = scripted(examples()[2]);
    let (path, mut body) = run_of(&client, &prompt("hello"));
    let (run, _) = stream(&client, &path, body.clone());
    assert_eq!(run["status"], "completed");
    body["stream"] = true.into();
    let text = read_broken(&format!("{}{path}", client.base_url), &body);
    assert_eq!(text.matches("\n\n").count(), 6, "{text}");
    assert!(
        text.ends_with("\n\n") && !text.contains("thread.run.completed"),
        "{text}"
    );
    // The run goes on.
    let created = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let run = serde_json::from_str::<Value>(created).unwrap();
    client.wait_for(&format!("{path}/{}", id(&run)), "completed");

    for (events, path, body) in [
        (
            0,
            "/chat/completions",
            json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "a b c d"}]}),
        ),
        (
            3,
            "/chat/completions",
            json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "a b c d"}]}),
        ),
        (
            4,
            "/responses",
            json!({"model": "m", "stream": true, "input": "a b c d"}),
        ),
    ] {
        let (_server, client) = scripted(&format!("[[requests]]\nbreak_stream_after = {events}"));
        let text = read_broken(&format!("{}{path}", client.base_url), &body);
        assert_eq!(text.matches("\n\n").count(), events, "{text}");
        // Responses that are not streams stay whole.
        client.get("/models").ok();
    }
}

#[test]
fn the_client_repeats_requests_that_a_script_rejects() {
    let (server, client) = scripted(
        r#"
        [[requests]]
        method = "POST"
        path = "/v1/threads/*/runs"
        times = 1
        status = 429
        headers = { retry-after-ms = "1" }
        [[requests]]
        method = "POST"
        path = "/v1/threads/*/runs"
        times = 1
        status = 500
        headers = { retry-after-ms = "1" }
        "#,
    );
    let (path, body) = run_of(&client, &prompt("hello"));
    let thread = path.split('/').nth(2).unwrap();
    let assistant = body["assistant_id"].as_str().unwrap();
    let repeating = openai::Client::builder().base_url(server.base_url()).build().unwrap();
    let finished = repeating
        .runs(thread)
        .stream(CreateRun::new(assistant))
        .send()
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(finished.completed().unwrap().text(), "hello");
    let runs = client.get(&path).ok();
    assert_eq!(runs["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_delay_ends_with_its_run() {
    let script = Script::parse("[[answers]]\nprompt = 'slow'\ndelay_ms = 3600000\ntext = 'never'").unwrap();
    let (_server, client) = start(LocalServer::builder().script(script).max_running_runs(1));
    let (path, body) = run_of(&client, &prompt("slow"));
    let slow = format!("{path}/{}", id(&client.post(&path, body).ok()));
    client.wait_for(&slow, "in_progress");
    client.post(&format!("{slow}/cancel"), json!({})).ok();
    client.wait_for(&slow, "cancelled");
    // There is one thread for runs, so this one can only begin when the other has returned.
    let (path, body) = run_of(&client, &prompt("fast"));
    assert_eq!(ended(&client, &stream(&client, &path, body).0), "fast");
}

#[test]
fn a_denied_request_does_not_use_up_a_rule() {
    let script = Script::parse("[[requests]]\ntimes = 1\nstatus = 503").unwrap();
    let (_server, client) = start(LocalServer::builder().script(script).api_key("k"));
    assert_eq!(client.get("/models").status, 401);
    let client = client.header("authorization", "Bearer k");
    assert_eq!([(); 2].map(|()| client.get("/models").status), [503, 200]);
}

#[test]
fn a_scripted_model_exists() {
    let (_server, client) =
        scripted("[[answers]]\nmodel = 'tiny'\ntext = 'a'\n[[answers]]\nmodel = 'big-*'\ntext = 'b'");
    let models = client.get("/models").ok();
    let names: Vec<&Value> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["id"])
        .collect();
    assert_eq!(json!(names), json!(["scripted", "tiny"]));
}

#[test]
fn the_program_reads_a_script() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("script.toml"), "[[answers]]\ntext = 'scripted'").unwrap();
    fs::write(folder.path().join("config.toml"), "script = 'script.toml'").unwrap();
    let script = folder.path().join("script.toml");
    let config = folder.path().join("config.toml");
    let serve = || {
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]);
        command
    };
    let mut by_option = serve();
    by_option.arg("--script").arg(&script);
    let mut by_variable = serve();
    by_variable.env("ASSISTANTS_LOCAL_SCRIPT", &script);
    let mut by_file = serve();
    by_file.arg("--config").arg(&config);
    for mut command in [by_option, by_variable, by_file] {
        let program = super::binary::Program::start(&mut command);
        assert_eq!(chat(&program.client, &prompt("x")), "scripted");
    }
    fs::write(&script, "[[answers]]\ntexts = 'a'").unwrap();
    let failed = serve().arg("--script").arg(&script).output().unwrap();
    let error = String::from_utf8_lossy(&failed.stderr);
    assert!(
        !failed.status.success() && error.contains("script.toml: TOML parse error at line 2"),
        "{error}"
    );
}
