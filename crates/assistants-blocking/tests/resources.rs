//! Every operation against the local server.

use assistants_blocking::openai::{
    Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, CreateThreadAndRun, Role, Run, RunStatus,
    SortOrder, StreamEvent, Thread, Tool, UpdateAssistant, UpdateMessage, UpdateRun, UpdateThread,
};
use assistants_blocking::{Error, OnToolError, Options, Tools};
use assistants_local::LocalServer;
use serde_json::{Value, json};

struct World {
    client: Client,
    _server: LocalServer,
}

fn world() -> World {
    let server = LocalServer::builder().start().unwrap();
    let client = Client::builder()
        .base_url(server.base_url())
        .api_key("any")
        .build()
        .unwrap();
    World {
        client,
        _server: server,
    }
}

impl World {
    fn thread(&self, text: &str) -> Thread {
        self.client
            .threads()
            .create(CreateThread::default().message(CreateMessage::user(text)))
            .send()
            .unwrap()
    }

    fn assistant(&self) -> assistants_blocking::openai::Assistant {
        let add = Tool::function("add", json!({"type": "object"}));
        self.client
            .assistants()
            .create(CreateAssistant::new("scripted").tool(add))
            .send()
            .unwrap()
    }
}

#[test]
fn assistants() {
    let world = world();
    let assistants = world.client.assistants();
    let params = CreateAssistant::new("scripted")
        .name("Ada")
        .description("d")
        .temperature(0.5)
        .metadata([("k", "v")]);
    let made = assistants.create(params).send().unwrap();
    assert_eq!((made.name.as_deref(), made.temperature), (Some("Ada"), Some(0.5)));
    assert!(made.created_at.is_some() && made.id.starts_with("asst_"));
    assert_eq!(assistants.retrieve(&made).send().unwrap(), made);

    // Kept, cleared, set.
    let update = UpdateAssistant::default().clear_description().instructions("Be brief.");
    let changed = assistants.update(&made, update).send().unwrap();
    assert_eq!(changed.name.as_deref(), Some("Ada"));
    assert_eq!(changed.description, None);
    assert_eq!(changed.instructions.as_deref(), Some("Be brief."));

    let gone = assistants.delete(&made.id).send().unwrap();
    assert!(gone.deleted);
    assert_eq!(assistants.retrieve(&made).send().unwrap_err().status(), Some(404));
}

#[test]
fn lists_iterate_in_both_directions() {
    let world = world();
    let assistants = world.client.assistants();
    let ids: Vec<String> = (0..7)
        .map(|_| assistants.create(CreateAssistant::new("m")).send().unwrap().id)
        .collect();
    let walk = |call: assistants_blocking::ListCall<_>| -> Vec<String> {
        call.into_iter()
            .map(|item: Result<assistants_blocking::openai::Assistant, _>| item.unwrap().id)
            .collect()
    };
    assert_eq!(walk(assistants.list().limit(2).order(SortOrder::Asc)), ids);
    let newest_first: Vec<String> = ids.iter().rev().cloned().collect();
    assert_eq!(walk(assistants.list().limit(3)), newest_first);
    assert_eq!(walk(assistants.list().order("asc").after(&ids[4])), ids[5..]);
    assert_eq!(walk(assistants.list().order("asc").before(&ids[2])), ids[..2]);

    let page = assistants.list().limit(3).order("asc").send().unwrap();
    assert!(page.has_more);
    assert_eq!(page.first_id.as_ref(), Some(&ids[0]));
    assert_eq!(page.last_id.as_ref(), Some(&ids[2]));

    // An iteration can continue where another one stopped.
    let mut pages = assistants.list().limit(3).order("asc").pages();
    assert_eq!(pages.cursor(), None);
    assert_eq!(pages.next().unwrap().unwrap().data.len(), 3);
    let cursor = pages.cursor().unwrap().to_owned();
    assert_eq!(walk(assistants.list().order("asc").after(&cursor)), ids[3..]);
    assert_eq!(pages.map(|page| page.unwrap().data.len()).sum::<usize>(), 4);
}

#[test]
fn threads_and_messages() {
    let world = world();
    let threads = world.client.threads();
    let thread = world.thread("first");
    assert_eq!(threads.retrieve(&thread).send().unwrap().id, thread.id);
    let changed = threads
        .update(&thread, UpdateThread::default().metadata([("a", "b")]))
        .send()
        .unwrap();
    assert_eq!(changed.metadata.unwrap()["a"], "b");

    let messages = world.client.messages(&thread);
    let second = messages
        .create(CreateMessage::user(vec!["two".into(), "parts".into()]))
        .send()
        .unwrap();
    assert_eq!(second.content.len(), 2);
    assert_eq!(messages.retrieve(&second).send().unwrap().text(), "twoparts");
    let changed = messages
        .update(&second, UpdateMessage::default().metadata([("x", "y")]))
        .send()
        .unwrap();
    assert_eq!(changed.metadata.unwrap()["x"], "y");
    let texts: Vec<String> = messages
        .list()
        .order("asc")
        .into_iter()
        .map(|one| one.unwrap().text())
        .collect();
    assert_eq!(texts, ["first", "twoparts"]);
    assert!(messages.delete(&second).send().unwrap().deleted);
    assert_eq!(messages.list().into_iter().count(), 1);

    assert!(threads.delete(&thread).send().unwrap().deleted);
    let error = messages.list().send().unwrap_err();
    assert_eq!(error.status(), Some(404), "{error}");
}

#[test]
fn runs_and_steps() {
    let world = world();
    let assistant = world.assistant();
    let thread = world.thread("hello there");
    let runs = world.client.runs(&thread);
    let created = runs.create(CreateRun::new(&assistant)).send().unwrap();
    let run = runs.poll(&created).send().unwrap();
    assert_eq!(run.status, RunStatus::Completed);
    assert!(run.usage.is_some());
    assert_eq!(runs.retrieve(&run).send().unwrap(), run);
    assert_eq!(
        runs.update(&run, UpdateRun::default().metadata([("a", "b")]))
            .send()
            .unwrap()
            .metadata
            .unwrap()["a"],
        "b"
    );
    assert_eq!(runs.list().into_iter().count(), 1);

    let steps = world.client.run_steps(&thread, &run);
    let all: Vec<_> = steps.list().into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(all.len(), 1);
    let step = steps.retrieve(&all[0]).send().unwrap();
    let message = world
        .client
        .messages(&thread)
        .retrieve(step.message_id().unwrap())
        .send()
        .unwrap();
    assert_eq!(
        (message.role, message.run_id.as_deref()),
        (Role::Assistant, Some(run.id.as_str()))
    );

    let error = runs.cancel(&run).send().unwrap_err();
    assert_eq!(
        error.status(),
        Some(400),
        "a run that has ended cannot be cancelled: {error}"
    );
}

#[test]
fn a_run_in_progress_is_cancelled() {
    let world = world();
    let assistant = world.assistant();
    let thread = world.thread("call add {}");
    let runs = world.client.runs(&thread);
    let run = runs.create_and_poll(CreateRun::new(&assistant)).send().unwrap();
    assert_eq!(run.status, RunStatus::RequiresAction);

    let error = world
        .client
        .messages(&thread)
        .create(CreateMessage::user("more"))
        .send()
        .unwrap_err();
    assert_eq!(error.status(), Some(400), "{error}");
    let error = runs.create(CreateRun::new(&assistant)).send().unwrap_err();
    assert_eq!(error.status(), Some(400), "{error}");

    runs.cancel(&run).send().unwrap();
    assert_eq!(runs.poll(&run).send().unwrap().status, RunStatus::Cancelled);
}

#[test]
fn tool_outputs_in_every_form() {
    let world = world();
    let assistant = world.assistant();
    for form in ["call", "poll", "stream"] {
        let thread = world.thread("call add {\"a\":1}\ncall add {\"a\":2}");
        let runs = world.client.runs(&thread);
        let run = runs.create_and_poll(CreateRun::new(&assistant)).send().unwrap();
        let calls = run.tool_calls();
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[1].arguments::<Value>().unwrap(), json!({"a": 2}));
        let outputs: Vec<_> = calls.iter().map(|call| call.output("42")).collect();

        let wrong = runs.submit_tool_outputs(&run, [outputs[0].clone()]).send().unwrap_err();
        assert_eq!(wrong.status(), Some(400), "all outputs must come at once: {wrong}");

        let done: Run = match form {
            "call" => {
                let run = runs.submit_tool_outputs(&run, outputs.clone()).send().unwrap();
                runs.poll(&run).send().unwrap()
            }
            "poll" => runs.submit_tool_outputs_and_poll(&run, outputs.clone()).send().unwrap(),
            _ => {
                runs.submit_tool_outputs_stream(&run, outputs.clone())
                    .send()
                    .unwrap()
                    .finish()
                    .unwrap()
                    .run
            }
        };
        assert_eq!(done.status, RunStatus::Completed, "{form}");
        let again = runs.submit_tool_outputs(&run, outputs).send().unwrap_err();
        assert_eq!(again.status(), Some(400), "{form}: {again}");
    }
}

#[test]
fn a_thread_created_with_its_run() {
    let world = world();
    let assistant = world.assistant();
    let params = || {
        let thread = CreateThread::default().message(CreateMessage::user("hi you"));
        CreateThreadAndRun::new(&assistant).thread(thread)
    };
    let threads = world.client.threads();
    let run = threads.create_and_run(params()).send().unwrap();
    assert_eq!(
        world.client.runs(&run.thread_id).poll(&run).send().unwrap().status,
        RunStatus::Completed
    );
    assert_eq!(
        threads.create_and_run_poll(params()).send().unwrap().status,
        RunStatus::Completed
    );

    let mut stream = threads.create_and_run_stream(params()).send().unwrap();
    assert!(matches!(stream.next(), Some(Ok(StreamEvent::ThreadCreated(_)))));
    assert!(stream.thread().is_some());
    let texts: Vec<String> = stream.text_deltas().collect::<Result<_, _>>().unwrap();
    assert_eq!(texts.concat(), "hi you");
    assert_eq!(stream.message().unwrap().text(), "hi you");
    let finished = stream.finish().unwrap().completed().unwrap();
    assert_eq!(finished.text(), "hi you");
    assert_eq!(finished.steps.len(), 1);
}

#[test]
fn next_text_returns_the_text_of_the_deltas() {
    let world = world();
    let assistant = world.assistant();
    let thread = world.thread("repeat 50");
    let mut stream = world
        .client
        .runs(&thread)
        .stream(CreateRun::new(&assistant))
        .send()
        .unwrap();
    let mut text = String::new();
    while let Some(piece) = stream.next_text() {
        text.push_str(piece.unwrap());
    }
    let finished = stream.finish().unwrap();
    assert_eq!(text.split_whitespace().count(), 50);
    assert_eq!(finished.text(), text);
}

fn adder() -> Tools {
    Tools::new().function("add", json!({"type": "object"}), |args: Value| {
        args["a"].as_i64().map(|a| a + 1).ok_or("`a` is missing")
    })
}

#[test]
fn run_with_tools_loops_until_the_end() {
    let world = world();
    let assistant = world.assistant();
    let thread = world.thread("call add {\"a\":41}");
    let runs = world.client.runs(&thread);
    let finished = runs
        .run_with_tools(CreateRun::new(&assistant), &adder())
        .send()
        .unwrap()
        .completed()
        .unwrap();
    assert!(finished.text().contains("42"), "{}", finished.text());
    assert_eq!(finished.steps.len(), 2);

    let thread = world.thread("call add {\"a\":41}\ncall add {}");
    let runs = world.client.runs(&thread);
    let mut names = Vec::new();
    let mut handler = |event: &StreamEvent| names.push(event.name().to_owned());
    let finished = runs
        .run_with_tools(CreateRun::new(&assistant), &adder().parallel(2))
        .stream(&mut handler)
        .unwrap();
    assert!(
        finished.text().contains("42") && finished.text().contains("`a` is missing"),
        "{}",
        finished.text()
    );
    assert_eq!(finished.steps.len(), 2);
    assert_eq!(names.first().map(String::as_str), Some("thread.run.created"));
    assert_eq!(names.last().map(String::as_str), Some("thread.run.completed"));
}

#[test]
fn a_failed_tool_can_cancel_the_run() {
    let world = world();
    let assistant = world.assistant();
    let thread = world.thread("call add {}");
    let runs = world.client.runs(&thread);
    for tools in [adder().on_error(OnToolError::Stop), adder().max_rounds(0)] {
        let error = runs
            .run_with_tools(CreateRun::new(&assistant), &tools)
            .send()
            .unwrap_err();
        assert!(matches!(error, Error::Tool(_)), "{error}");
        let run = runs.list().into_iter().next().unwrap().unwrap();
        assert_eq!(runs.poll(&run).send().unwrap().status, RunStatus::Cancelled);
    }
}

#[test]
fn a_failed_run_is_returned_or_an_error() {
    let world = world();
    let assistant = world.assistant();
    let thread = world.thread("fail rate_limit_exceeded");
    let finished = world
        .client
        .runs(&thread)
        .stream(CreateRun::new(&assistant))
        .send()
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(finished.run.status, RunStatus::Failed);
    let error = finished.completed().unwrap_err();
    assert!(
        matches!(&error, Error::RunFailed(run) if run.status == RunStatus::Failed),
        "{error}"
    );
    assert!(error.to_string().contains("rate_limit_exceeded"), "{error}");
}

#[test]
fn an_error_code_of_the_server_is_returned_unchanged() {
    let world = world();
    let params = CreateAssistant::new("scripted").tools([Tool::code_interpreter()]);
    let assistant = world.client.assistants().create(params).send().unwrap();
    let thread = world.thread("Hello");
    let runs = world.client.runs(&thread);
    let polled = runs.create_and_poll(CreateRun::new(&assistant)).send().unwrap();
    let streamed = runs
        .stream(CreateRun::new(&assistant))
        .send()
        .unwrap()
        .finish()
        .unwrap();
    for run in [&polled, &streamed.run] {
        assert_eq!(run.status, RunStatus::Failed);
        let error = run.last_error.as_ref().unwrap();
        assert_eq!(error.code.as_str(), "unsupported_tool");
        assert!(error.message.contains("Leave the tool out"), "{error:?}");
    }
    let error = streamed.completed().unwrap_err();
    assert!(error.to_string().contains("unsupported_tool"), "{error}");
}

#[test]
fn a_dropped_stream_can_cancel_its_run() {
    let world = world();
    let assistant = world.assistant();
    let thread = world.thread("sleep 600000");
    let runs = world.client.runs(&thread);
    let mut stream = runs
        .stream(CreateRun::new(&assistant))
        .cancel_run_on_drop(true)
        .send()
        .unwrap();
    while stream.run().is_none() {
        stream.next().unwrap().unwrap();
    }
    let id = stream.run().unwrap().id.clone();
    drop(stream);
    assert_eq!(runs.poll(&id).send().unwrap().status, RunStatus::Cancelled);
}

#[test]
fn ids_never_reach_another_route() {
    let world = world();
    let client = &world.client;
    for id in ["", ".", ".."] {
        assert!(
            matches!(client.assistants().retrieve(id).send(), Err(Error::Config(_))),
            "{id:?}"
        );
        assert!(
            matches!(client.messages(id).list().send(), Err(Error::Config(_))),
            "{id:?}"
        );
        assert!(matches!(
            client
                .runs("thread_1")
                .stream(CreateRun::new("a"))
                .cancel_run_on_drop(true)
                .header("x", "a\nb")
                .send(),
            Err(Error::Config(_))
        ));
    }
    world.assistant();
    for id in ["../assistants", "a/b", "a?limit=1", "a#b", "%2e%2e"] {
        let error = client.threads().retrieve(id).send().unwrap_err();
        assert_eq!(error.status(), Some(404), "{id}: {error}");
    }
}

#[test]
fn errors_of_limits_name_the_parameter() {
    let world = world();
    let assistants = world.client.assistants();
    let create = || CreateAssistant::new("m");
    let pairs: Vec<(String, String)> = (0..17).map(|n| (format!("k{n}"), String::new())).collect();
    let tools: Vec<Tool> = (0..129).map(|n| Tool::function(format!("f{n}"), json!({}))).collect();
    for (call, param) in [
        (create().metadata(pairs), "metadata"),
        (create().name("n".repeat(257)), "name"),
        (create().tools(tools), "tools"),
        (create().temperature(2.5), "temperature"),
    ] {
        let Err(Error::Api(error)) = assistants.create(call).send() else {
            panic!("{param} is within its limit")
        };
        assert_eq!(
            (error.status, error.param.as_deref()),
            (Some(400), Some(param)),
            "{error}"
        );
    }
    let Err(Error::Api(error)) = assistants.list().limit(101).send() else {
        panic!("101 is too much")
    };
    assert_eq!((error.status, error.param.as_deref()), (Some(400), Some("limit")));
    let Err(Error::Api(error)) = world.client.request("POST", "/assistants").send() else {
        panic!("a model is required")
    };
    assert_eq!((error.status, error.param.as_deref()), (Some(400), Some("model")));
}

#[test]
fn a_wrong_key_is_reported() {
    let server = LocalServer::builder().api_key("right").start().unwrap();
    let client = |key: &str| {
        Client::builder()
            .base_url(server.base_url())
            .api_key(key)
            .build()
            .unwrap()
    };
    let Err(Error::Api(error)) = client("wrong").assistants().list().send() else {
        panic!("the key is wrong")
    };
    assert_eq!(
        (error.status, error.code.as_deref()),
        (Some(401), Some("invalid_api_key"))
    );
    assert!(error.request_id.is_some());
    assert!(!format!("{error:?} {error}").contains("wrong\""), "{error:?}");
    assert!(client("right").assistants().list().send().is_ok());
}

#[test]
fn raw_responses_and_requests() {
    let world = world();
    let raw = world
        .client
        .assistants()
        .create(CreateAssistant::new("m"))
        .body_field("name", "raw")
        .send_raw()
        .unwrap();
    assert_eq!((raw.status(), raw.attempts()), (200, 1));
    assert!(raw.request_id().is_some_and(|id| id.starts_with("req_")));
    assert_eq!(raw.parse().unwrap().name.as_deref(), Some("raw"));
    let page = world
        .client
        .request("GET", "/assistants")
        .query("limit", "1")
        .send()
        .unwrap();
    assert_eq!(page["data"][0]["name"], "raw");
    let mut text = String::new();
    let mut body = world.client.request("GET", "/assistants").send_streaming().unwrap();
    std::io::Read::read_to_string(&mut body, &mut text).unwrap();
    assert!(text.contains("\"raw\""));
    let other = world.client.with_options(Options::new().query("limit", "101"));
    assert_eq!(other.assistants().list().send().unwrap_err().status(), Some(400));
}
