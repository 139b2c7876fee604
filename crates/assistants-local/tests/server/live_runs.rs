//! Runs in progress, with a model whose output is controlled by the test.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assistants_local::model::{Failure, Finish, Model, ModelRequest, Output};
use assistants_local::{Builder, LocalServer};
use serde_json::{Value, json};

use super::client::{Client, Events, id, names, start};

/// Writes one piece each time the test sends one, and ends its answer when the test drops the sender.
struct Led(Mutex<Receiver<&'static str>>);

impl Model for Led {
    fn name(&self) -> &str {
        "led"
    }

    fn respond(&self, _: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
        // A blocked `recv` does not notice that the run was cancelled, like a model behind a slow network.
        while let Ok(word) = self.0.lock().unwrap().recv() {
            match word.strip_prefix("call ") {
                Some(name) => drop(output.call(name)?),
                None => output.text(word)?,
            }
        }
        Ok(Finish::default())
    }
}

struct Stage {
    server: LocalServer,
    client: Client,
    lead: Sender<&'static str>,
    thread: String,
    events: Events,
    run: String,
}

/// Starts a streamed run whose model was called and has written nothing yet.
fn stage(builder: Builder) -> Stage {
    let (lead, led) = channel();
    let (server, client) = start(builder.model(Led(Mutex::new(led))));
    let (assistant, thread) = (client.assistant(), format!("/threads/{}", client.thread("Go.")));
    let mut events = client.stream(
        &format!("{thread}/runs"),
        json!({"assistant_id": assistant, "stream": true}),
    );
    let run = format!("{thread}/runs/{}", id(&events.skip_to("run.in_progress").data));
    Stage {
        server,
        client,
        lead,
        thread,
        events,
        run,
    }
}

#[test]
fn events_arrive_as_they_happen() {
    let Stage {
        server,
        client,
        lead,
        events: mut stream,
        run,
        ..
    } = stage(LocalServer::builder());
    lead.send("one").unwrap();
    assert_eq!(stream.skip_to("message.delta").text(), Some("one"));
    assert_eq!(client.get(&run).ok()["status"], "in_progress");
    lead.send(" two").unwrap();
    assert_eq!(stream.expect("message.delta").text(), Some(" two"));
    drop(lead);
    let rest: Vec<_> = stream.collect();
    assert_eq!(names(&rest), "message.completed run.step.completed run.completed done");
    drop(server);
}

#[test]
fn a_run_continues_when_its_reader_disconnects() {
    let Stage {
        server,
        client,
        lead,
        events: mut stream,
        run,
        thread,
    } = stage(LocalServer::builder());
    lead.send("one").unwrap();
    stream.skip_to("message.delta");
    drop(stream);
    lead.send(" two").unwrap();
    drop(lead);
    client.wait_for(&run, "completed");
    let messages = client.get(&format!("{thread}/messages?limit=1")).ok();
    assert_eq!(messages["data"][0]["content"][0]["text"]["value"], "one two");
    drop(server);
}

#[test]
fn a_cancelled_run_ends_regardless_of_its_model() {
    let Stage {
        server,
        client,
        lead,
        events: mut stream,
        run,
        thread,
    } = stage(LocalServer::builder());
    lead.send("one").unwrap();
    stream.skip_to("message.delta");
    assert_eq!(
        client.post(&format!("{run}/cancel"), json!({})).ok()["status"],
        "cancelling"
    );
    let rest: Vec<_> = stream.collect();
    assert_eq!(
        names(&rest),
        "message.incomplete run.step.cancelled run.cancelling run.cancelled done"
    );
    assert_eq!(rest[0].data["incomplete_details"]["reason"], "run_cancelled");
    assert_eq!(rest[0].data["content"][0]["text"]["value"], "one");
    let cancelled = client.get(&run).ok();
    assert_eq!(cancelled["status"], "cancelled");
    assert!(cancelled["cancelled_at"].is_i64());
    // The model is still blocked; what it writes from now on is dropped.
    client
        .post(
            &format!("{thread}/messages"),
            json!({"role": "user", "content": "Next."}),
        )
        .ok();
    lead.send(" two").unwrap();
    drop(lead);
    drop(server);
}

#[test]
fn a_run_expires_while_its_model_is_running() {
    let lifetime = Duration::from_secs(5);
    let Stage {
        server,
        client,
        lead,
        events,
        run,
        ..
    } = stage(LocalServer::builder().run_lifetime(lifetime));
    let rest: Vec<_> = events.collect();
    assert_eq!(names(&rest), "run.expired done");
    assert_eq!(client.get(&run).ok()["status"], "expired");
    drop(lead);
    drop(server);
}

#[test]
fn queued_runs_are_reported_immediately() {
    let Stage {
        server,
        client,
        lead,
        events,
        ..
    } = stage(LocalServer::builder().max_running_runs(1));
    let queue = || {
        let (assistant, thread) = (client.assistant(), client.thread("Go."));
        let runs = format!("/threads/{thread}/runs");
        let mut events = client.stream(&runs, json!({"assistant_id": assistant, "stream": true}));
        events.expect("run.created");
        let run = format!("{runs}/{}", id(&events.expect("run.queued").data));
        assert_eq!(client.get(&run).ok()["status"], "queued");
        (run, events)
    };
    let (_, first) = queue();
    let (cancelled, second) = queue();
    client.post(&format!("{cancelled}/cancel"), json!({})).ok();
    assert_eq!(names(&second.collect::<Vec<_>>()), "run.cancelling run.cancelled done");
    // No model writes any more.
    drop(lead);
    for events in [events, first] {
        let rest: Vec<_> = events.collect();
        assert!(names(&rest).ends_with("run.completed done"), "{}", names(&rest));
    }
    drop(server);
}

#[test]
fn a_run_expires_in_the_queue() {
    let lifetime = Duration::from_secs(5);
    let Stage {
        server, client, lead, ..
    } = stage(LocalServer::builder().max_running_runs(1).run_lifetime(lifetime));
    let body = json!({"assistant_id": client.assistant(), "stream": true});
    let queued: Vec<_> = client.stream("/threads/runs", body).collect();
    assert_eq!(names(&queued), "created run.created run.queued run.expired done");
    drop(lead);
    drop(server);
}

#[test]
fn a_run_expires_while_it_waits_for_outputs() {
    // On a slow machine a run may expire before it waits.
    for seconds in [1, 8, 64] {
        let (_server, client) = start(LocalServer::builder().run_lifetime(Duration::from_secs(seconds)));
        let (assistant, thread) = (client.assistant(), client.thread("call f"));
        let runs = format!("/threads/{thread}/runs");
        let run = format!(
            "{runs}/{}",
            id(&client.post(&runs, json!({"assistant_id": assistant})).ok())
        );
        let expired = client.wait_for(&run, "expired");
        assert!(expired["expires_at"].is_i64());
        let steps = client.get(&format!("{run}/steps")).ok();
        if steps["data"] == json!([]) {
            continue;
        }
        assert_eq!(steps["data"][0]["status"], "expired");
        let message = json!({"role": "user", "content": "Next."});
        client.post(&format!("/threads/{thread}/messages"), message).ok();
        return;
    }
    panic!("no run waits for its outputs");
}

#[test]
fn a_sleep_is_cancelled() {
    let (_server, client) = start(LocalServer::builder());
    let (assistant, thread) = (client.assistant(), client.thread("sleep 3600000"));
    let run = client
        .post(&format!("/threads/{thread}/runs"), json!({"assistant_id": assistant}))
        .ok();
    let run = format!("/threads/{thread}/runs/{}", id(&run));
    client.post(&format!("{run}/cancel"), json!({})).ok();
    assert_eq!(client.get(&run).ok()["status"], "cancelled");
}

#[test]
fn a_thread_accepts_one_run_at_a_time() {
    let Stage {
        server,
        client,
        lead,
        events,
        run,
        thread,
    } = stage(LocalServer::builder());
    let run_id = run.rsplit('/').next().unwrap();
    let assistant = client.assistant();
    let thread_id = thread.strip_prefix("/threads/").unwrap();
    assert_eq!(
        client
            .post(&format!("{thread}/runs"), json!({"assistant_id": assistant}))
            .error(),
        format!("400 - -: Thread {thread_id} already has an active run {run_id}.")
    );
    assert_eq!(
        client
            .post(&format!("{thread}/messages"), json!({"role": "user", "content": "No."}))
            .error(),
        format!("400 - -: Can't add messages to {thread_id} while a run {run_id} is active.")
    );
    drop(lead);
    assert_eq!(events.last().unwrap().name, "done");
    client
        .post(
            &format!("{thread}/messages"),
            json!({"role": "user", "content": "Yes."}),
        )
        .ok();
    client
        .post(&format!("{thread}/runs"), json!({"assistant_id": assistant}))
        .ok();
    drop(server);
}

#[test]
fn two_concurrent_requests_start_one_run() {
    let (_server, client) = start(LocalServer::builder());
    let (assistant, thread) = (client.assistant(), client.thread("sleep 3600000"));
    let ask = || {
        client
            .post(&format!("/threads/{thread}/runs"), json!({"assistant_id": assistant}))
            .status
    };
    let mut statuses = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
}

#[test]
fn metadata_can_change_while_a_run_is_in_progress() {
    let Stage {
        server,
        client,
        lead,
        events,
        run,
        ..
    } = stage(LocalServer::builder());
    client.post(&run, json!({"metadata": {"seen": "yes"}})).ok();
    drop(lead);
    assert_eq!(events.last().unwrap().name, "done");
    let run = client.get(&run).ok();
    assert_eq!(
        (&run["status"], &run["metadata"]),
        (&json!("completed"), &json!({"seen": "yes"}))
    );
    drop(server);
}

#[test]
fn deleting_a_thread_ends_the_stream_of_its_run() {
    let Stage {
        server,
        client,
        lead,
        events,
        run,
        thread,
    } = stage(LocalServer::builder());
    client.delete(&thread).ok();
    let rest: Vec<_> = events.collect();
    assert_eq!(names(&rest), "error done");
    assert_eq!(client.get(&run).status, 404);
    drop(lead);
    drop(server);
}

#[test]
fn stopping_the_server_ends_streams_and_fails_runs_in_progress() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let Stage {
        server,
        lead,
        events: mut stream,
        run,
        thread,
        ..
    } = stage(LocalServer::builder().database(&database));
    lead.send("one").unwrap();
    stream.skip_to("message.delta");
    // The model returns only when the sender is dropped; the server must not wait for it longer than it promises.
    let stopping = std::thread::spawn(move || drop(server));
    let rest: Vec<_> = stream.collect();
    assert_eq!(names(&rest), "message.incomplete run.step.failed run.failed done");
    drop(lead);
    stopping.join().unwrap();

    let (_server, client) = start(LocalServer::builder().database(&database));
    assert_eq!(client.get(&run).ok()["last_error"]["code"], "server_error");
    let messages = client.get(&format!("{thread}/messages?limit=1")).ok();
    assert_eq!(messages["data"][0]["content"][0]["text"]["value"], "one");
}

#[test]
fn a_run_that_waits_for_outputs_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let builder = || LocalServer::builder().database(directory.path().join("a.db"));
    let (server, client) = start(builder());
    let (assistant, thread) = (client.assistant(), client.thread("call f"));
    let run = id(&client
        .post(&format!("/threads/{thread}/runs"), json!({"assistant_id": assistant}))
        .ok());
    let run = format!("/threads/{thread}/runs/{run}");
    client.wait_for(&run, "requires_action");
    drop(server);

    let (_server, client) = start(builder());
    let waiting = client.get(&run).ok();
    let call = &waiting["required_action"]["submit_tool_outputs"]["tool_calls"][0]["id"];
    let outputs = json!({"tool_outputs": [{"tool_call_id": call, "output": "one"}], "stream": true});
    let events: Vec<_> = client.stream(&format!("{run}/submit_tool_outputs"), outputs).collect();
    let usage = &events[events.len() - 2].data["usage"];
    // The tokens of the turn before the restart are included: 2 for the call, 3 for the answer.
    assert_eq!(usage["completion_tokens"], 5);
}

#[test]
fn damaged_stored_data_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (server, client) = start(LocalServer::builder().database(&database));
    let runs = format!("/threads/{}/runs", client.thread("call f"));
    let run = client.post(&runs, json!({"assistant_id": client.assistant()})).ok();
    let run = format!("{runs}/{}", id(&run));
    let waiting = client.wait_for(&run, "requires_action");
    let upload = json!({"filename": "a", "purpose": "batch", "bytes": 1, "mime_type": "text/plain",
        "expires_after": {"anchor": "created_at", "seconds": 3600}});
    let upload = format!("/uploads/{}", id(&client.post("/uploads", upload).ok()));
    let form = "--XX\r\ncontent-disposition: form-data; name=data; filename=a\r\n\r\nx\r\n--XX--";
    let sending = client.header("content-type", "multipart/form-data; boundary=XX");
    let part = id(&sending.call("POST", &format!("{upload}/parts"), form).ok());
    drop(server);
    let damage = |kinds: &str| {
        let stored = rusqlite::Connection::open(&database).unwrap();
        let sql = format!("UPDATE objects SET notes = '}}' WHERE kind IN ({kinds})");
        stored.execute(&sql, []).unwrap()
    };
    assert_eq!(damage("'run_step', 'upload'"), 2);

    let (server, client) = start(LocalServer::builder().database(&database));
    let call = &waiting["required_action"]["submit_tool_outputs"]["tool_calls"][0]["id"];
    let outputs = json!({"tool_outputs": [{"tool_call_id": call, "output": "one"}]});
    let complete = json!({"part_ids": [part]});
    let said = |client: &Client, place: &str, body: &Value| client.post(place, body.clone()).error();
    for (place, body) in [
        (format!("{run}/submit_tool_outputs"), &outputs),
        (format!("{upload}/complete"), &complete),
    ] {
        let error = said(&client, &place, body);
        assert!(
            error.starts_with("500 ") && error.contains("the stored data is damaged"),
            "{error}"
        );
    }
    drop(server);
    assert_eq!(damage("'upload_part'"), 1);

    let (_server, client) = start(LocalServer::builder().database(&database));
    let error = said(&client, &format!("{upload}/complete"), &complete);
    assert!(error.contains(&format!("notes of {part}")), "{error}");
}

/// A model that panics.
struct Panicking;

impl Model for Panicking {
    fn name(&self) -> &str {
        "panicking"
    }

    fn respond(&self, _: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
        output.text("one")?;
        panic!("this panic is part of the test")
    }
}

#[test]
fn a_model_that_panics_fails_its_run() {
    let (_server, client) = start(LocalServer::builder().model(Panicking));
    let body = json!({"assistant_id": client.assistant(), "stream": true});
    let events: Vec<_> = client.stream("/threads/runs", body).collect();
    assert!(
        names(&events).ends_with("message.incomplete run.step.failed run.failed done"),
        "{}",
        names(&events)
    );
}

/// Records the requests that it receives.
struct Recording(Arc<Mutex<Vec<ModelRequest>>>);

impl Model for Recording {
    fn name(&self) -> &str {
        "recording"
    }

    fn respond(&self, request: &ModelRequest, _: &mut Output<'_>) -> Result<Finish, Failure> {
        self.0.lock().unwrap().push(request.clone());
        Ok(Finish::default())
    }
}

#[test]
fn a_model_gets_the_parameters_of_the_run() {
    use assistants_local::model::ToolChoice;

    let requests = Arc::new(Mutex::new(Vec::new()));
    let (_server, client) = start(LocalServer::builder().model(Recording(Arc::clone(&requests))));
    let assistant = client
        .post(
            "/assistants",
            json!({"model": "first", "instructions": "Be brief.", "temperature": 0.5}),
        )
        .ok();
    let thread = client.thread("one");
    let runs = format!("/threads/{thread}/runs");
    let body = json!({
        "assistant_id": assistant["id"],
        "stream": true,
        "model": "second",
        "additional_instructions": "Be kind.",
        "additional_messages": [{"role": "assistant", "content": "two"}, {"role": "user", "content": [
            {"type": "text", "text": "three"},
            {"type": "text", "text": "four"},
        ]}],
        "tools": [{"type": "file_search"}, {"type": "function", "function": {
            "name": "f", "description": "Does it.", "parameters": {"type": "object"}, "strict": true,
        }}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "truncation_strategy": {"type": "last_messages", "last_messages": 2},
        "parallel_tool_calls": false,
        "max_completion_tokens": 300,
        "metadata": {"a": "b"},
    });
    let run = client
        .stream(&runs, body)
        .last()
        .map(|_| client.get(&format!("{runs}?limit=1")).ok())
        .unwrap();
    let run = &run["data"][0];
    assert_eq!(
        (&run["model"], &run["instructions"]),
        (&json!("second"), &json!("Be brief.\nBe kind."))
    );
    assert_eq!(run["metadata"], json!({"a": "b"}));

    let request = requests.lock().unwrap().pop().unwrap();
    assert_eq!(
        (request.model.as_str(), request.instructions.as_deref()),
        ("second", Some("Be brief.\nBe kind."))
    );
    let texts: Vec<&str> = request.messages.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["two", "three\nfour"]);
    assert_eq!(request.functions.len(), 1);
    assert_eq!(request.functions[0].description.as_deref(), Some("Does it."));
    assert_eq!(request.functions[0].strict, Some(true));
    assert_eq!(request.tool_choice, ToolChoice::Function("f".to_owned()));
    assert!(!request.parallel_tool_calls);
    assert_eq!(
        (request.temperature, request.max_completion_tokens),
        (Some(0.5), Some(300))
    );
}
