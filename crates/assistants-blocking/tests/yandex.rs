//! The client of Yandex against the local server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use assistants_blocking::yandex::{
    Assistant, Client, CreateAssistant, CreateFile, CreateRun, CreateThread, CreateUser, EventType, ExpirationConfig,
    FunctionResult, FunctionTool, MessageData, RunStatus, Thread, UpdateAssistant, UpdateFile, UpdateThread,
    UpdateUser,
};
use assistants_blocking::{CancelToken, Error, Options, Tools};
use assistants_local::LocalServer;
use serde_json::{Value, json};

struct World {
    client: Client,
    server: LocalServer,
}

fn world() -> World {
    let server = LocalServer::builder().start().unwrap();
    let client = Client::builder()
        .base_url(server.yandex_url())
        .folder_id("fld_1")
        .api_key("any")
        .build()
        .unwrap();
    World { client, server }
}

impl World {
    fn assistant(&self) -> Assistant {
        let params = CreateAssistant::new("", "scripted").tool(FunctionTool::new("add"));
        self.client.assistants().create(params).send().unwrap()
    }

    fn thread(&self, text: &str) -> Thread {
        let thread = self.client.threads().create(CreateThread::new("")).send().unwrap();
        self.client.messages(&thread).create(text).send().unwrap();
        thread
    }
}

#[test]
fn assistants_and_their_versions() {
    let world = world();
    let assistants = world.client.assistants();
    let params = CreateAssistant::new(world.client.folder_id(), "scripted")
        .name("Clerk")
        .description("d")
        .temperature(0.5)
        .max_tokens(200)
        .labels([("k", "v")]);
    let made = assistants.create(params).send().unwrap();
    assert_eq!(made.model_uri, "gpt://fld_1/scripted/latest");
    assert_eq!(made.completion_options.as_ref().unwrap().temperature, Some(0.5));
    assert!(made.created_at.is_some() && made.expires_at.is_some());
    assert_eq!(assistants.get(&made).send().unwrap(), made);

    // Set, cleared, kept.
    let update = UpdateAssistant::new(&made).instruction("Be brief.").clear_description();
    let changed = assistants.update(update).send().unwrap();
    assert_eq!((changed.name.as_str(), changed.description.as_str()), ("Clerk", ""));
    assert_eq!(changed.instruction, "Be brief.");
    assert_eq!(changed.completion_options, made.completion_options);

    let versions: Vec<_> = assistants
        .list_versions(&made)
        .page_size(1)
        .into_iter()
        .map(|version| version.unwrap().assistant.unwrap().instruction)
        .collect();
    assert_eq!(versions, ["Be brief.", ""]);

    let ids: Vec<String> = (0..4).map(|_| world.assistant().id).rev().collect();
    let listed: Vec<String> = assistants
        .list()
        .page_size(2)
        .into_iter()
        .map(|one| one.unwrap().id)
        .collect();
    let newest_first: Vec<String> = ids.into_iter().rev().rev().chain([made.id.clone()]).collect();
    assert_eq!(listed.len(), newest_first.len());
    assert_eq!(listed.last(), newest_first.last());

    assistants.delete(&made).send().unwrap();
    let error = assistants.get(&made.id).send().unwrap_err();
    assert_eq!(error.status(), Some(404));
    assert!(error.request_id().is_some());
}

#[test]
fn threads_and_messages() {
    let world = world();
    let threads = world.client.threads();
    let thread = threads
        .create(CreateThread::new("").name("n").message("zero"))
        .send()
        .unwrap();
    assert_eq!(threads.get(&thread).send().unwrap(), thread);
    let changed = threads
        .update(UpdateThread::new(&thread).name("m").ttl_days(30))
        .send()
        .unwrap();
    assert_eq!(changed.name, "m");
    assert_eq!(changed.expiration_config.unwrap().ttl_days, 30);

    let messages = world.client.messages(&thread);
    let first = messages.create("first").send().unwrap();
    assert!(first.is_from_user());
    assert_eq!(first.author.as_ref().unwrap().id, thread.default_message_author_id);
    messages
        .create(MessageData::assistant("as", "second").labels([("a", "b")]))
        .send()
        .unwrap();
    let texts: Vec<String> = messages
        .list()
        .into_iter()
        .map(|message| message.unwrap().text())
        .collect();
    assert_eq!(texts, ["second", "first", "zero"]);
    assert_eq!(messages.get(&first).send().unwrap(), first);

    assert!(threads.list().into_iter().any(|one| one.unwrap().id == thread.id));
    threads.delete(&thread).send().unwrap();
    assert_eq!(messages.list().send().unwrap_err().status(), Some(404));
}

#[test]
fn a_run_is_waited_for() {
    let world = world();
    let (assistant, thread) = (world.assistant(), world.thread("Hello there"));
    let run = world
        .client
        .assistants()
        .run(&assistant, &thread)
        .custom_temperature(0.1)
        .send()
        .unwrap();
    assert_eq!(run.custom_completion_options.as_ref().unwrap().temperature, Some(0.1));
    let runs = world.client.runs();
    let result = runs
        .wait(&run)
        .poll_interval(Duration::from_millis(2))
        .send()
        .unwrap()
        .succeeded()
        .unwrap();
    assert!(result.text().unwrap().contains("Hello there"));
    assert!(result.usage().unwrap().total_tokens > 0);
    assert_eq!(runs.get(&run).send().unwrap().id, run.id);
    assert_eq!(runs.get_last_by_thread(&thread).send().unwrap().id, run.id);
    assert_eq!(runs.get_status(&run).send().unwrap(), RunStatus::Completed);
    assert_eq!(runs.get_result(&run).send().unwrap(), result);
    assert!(runs.list().into_iter().any(|one| one.unwrap().id == run.id));
    assert!(matches!(runs.cancel(&run).send(), Err(Error::Unsupported(_))));
    // A run that is not streamed has one event, which can be received again.
    for _ in 0..2 {
        let events: Vec<_> = runs.listen(&run).send().unwrap().map(|event| event.unwrap()).collect();
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].index(), events[0].status()), (0, RunStatus::Completed));
    }
    assert!(runs.listen(&run).events_start_idx(1).send().unwrap().next().is_none());
}

#[test]
fn a_streamed_run_shows_its_text_as_it_grows() {
    let world = world();
    let (assistant, thread) = (world.assistant(), world.thread("repeat 40"));
    let mut stream = world
        .client
        .assistants()
        .run_stream(&assistant, &thread)
        .send()
        .unwrap();
    let mut text = String::new();
    let mut pieces = 0;
    for delta in stream.text_deltas() {
        let delta = delta.unwrap();
        assert!(!delta.replaces);
        text += &delta;
        pieces += 1;
    }
    assert!(pieces > 1, "{text}");
    let first = stream.run_id().to_owned();
    let next = stream.next_index();
    let result = stream.finish().unwrap();
    assert_eq!(result.text(), Some(text));
    // Past events can be received again, from any index.
    let indexes: Vec<i64> = world
        .client
        .runs()
        .listen(&first)
        .events_start_idx(2)
        .send()
        .unwrap()
        .map(|event| event.unwrap().index())
        .collect();
    assert_eq!(indexes, (2..next).collect::<Vec<_>>());
}

#[test]
fn tool_results_are_submitted_explicitly_and_automatically() {
    let world = world();
    let assistant = world.assistant();
    let calls = "call add {\"a\":3,\"b\":4}\ncall add {\"a\":1,\"b\":1}";
    let thread = world.thread(calls);
    let mut stream = world
        .client
        .assistants()
        .run_stream(&assistant, &thread)
        .send()
        .unwrap();
    let mut called = Vec::new();
    for event in &mut stream {
        let event = event.unwrap();
        called.extend(event.function_calls().map(|call| call.name.clone()));
    }
    assert_eq!(called, ["add", "add"]);
    let results = [FunctionResult::new("add", "seven"), FunctionResult::new("add", "two")];
    stream.submit_tool_results(results).unwrap();
    let last = stream.by_ref().last().unwrap().unwrap();
    assert_eq!(last.event_type, EventType::Done);
    let text = stream.finish().unwrap().text().unwrap();
    assert!(text.contains("seven") && text.contains("two"), "{text}");

    let tools = Tools::new().function("add", json!({"type": "object"}), |sum: Value| {
        Ok::<_, String>(sum["a"].as_i64().ok_or("no integer")? + sum["b"].as_i64().ok_or("no integer")?)
    });
    let runs = world.client.runs();
    for streamed in [false, true] {
        let call = runs.run_with_tools(CreateRun::new(&assistant, &world.thread(calls)), &tools);
        let result = if streamed { call.stream(|_| {}) } else { call.send() };
        let text = result.unwrap().text().unwrap();
        assert!(text.contains('7') && text.contains('2'), "{text}");
    }
}

#[test]
fn a_failed_run_reports_the_reason() {
    let world = world();
    let thread = world.thread("fail server_error");
    let mut stream = world
        .client
        .assistants()
        .run_stream(&world.assistant(), &thread)
        .send()
        .unwrap();
    let last = stream.by_ref().last().unwrap().unwrap();
    assert!(last.status().is_failed() && !last.error().unwrap().message.is_empty());
    let error = stream.finish().unwrap().succeeded().unwrap_err();
    assert!(matches!(error, Error::YandexRunFailed(_)), "{error}");
}

#[test]
fn files_are_downloaded_as_they_were_uploaded() {
    let world = world();
    let files = world.client.files();
    let content: Vec<u8> = (0..=255).collect();
    let file = files
        .create(CreateFile::new("", content.clone()).name("bytes"))
        .send()
        .unwrap();
    assert_eq!(files.download(&file).send().unwrap(), content);
    let mut streamed = Vec::new();
    std::io::Read::read_to_end(&mut files.download(&file).send_streaming().unwrap(), &mut streamed).unwrap();
    assert_eq!(streamed, content);
    let mut written = Vec::new();
    assert_eq!(files.download(&file).write_to(&mut written).unwrap(), 256);
    assert_eq!(written, content);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bytes");
    assert_eq!(files.download(&file).save_to(&path).unwrap(), 256);
    assert_eq!(std::fs::read(&path).unwrap(), content);
    let raw = files.download(&file).send_raw().unwrap();
    assert_eq!((raw.status(), raw.bytes()), (200, &content[..]));
    let changed = files
        .update(UpdateFile::new(&file).description("all of them"))
        .send()
        .unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.description.as_str()),
        ("bytes", "all of them")
    );
    assert_eq!(files.get(&file).send().unwrap(), changed);
    let expiration = ExpirationConfig::default().ttl_days(2);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let plain = files
        .upload("text")
        .file_name("text.md")
        .content_type("text/markdown")
        .expires_after(expiration)
        .on_progress(move |sent, size| log.lock().unwrap().push((sent, size)))
        .send()
        .unwrap();
    assert_eq!(
        (
            plain.name.as_str(),
            plain.mime_type.as_str(),
            plain.expiration_config.as_ref().map(|config| config.ttl_days)
        ),
        ("text.md", "text/markdown", Some(2))
    );
    assert_eq!(seen.lock().unwrap().last(), Some(&(4, 4)));
    assert_eq!(
        files
            .list()
            .into_iter()
            .map(|file| file.unwrap().id)
            .collect::<Vec<_>>(),
        [plain.id, file.id.clone()]
    );
    files.delete(&file).send().unwrap();
    assert_eq!(files.download(&file).send().unwrap_err().status(), Some(404));
}

#[test]
fn users_and_tokens() {
    let world = world();
    let users = world.client.users();
    let user = users
        .create(CreateUser::new("").name("Ada").source("test"))
        .send()
        .unwrap();
    let changed = users
        .update(UpdateUser::new(&user).clear_name().labels([("a", "b")]))
        .send()
        .unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.source.as_str(), changed.labels.len()),
        ("", "test", 1)
    );
    assert_eq!(users.get(&user).send().unwrap(), changed);
    assert_eq!(users.list().into_iter().count(), 1);
    users.delete(&user).send().unwrap();
    assert_eq!(users.list().into_iter().count(), 0);

    let tokens = world.client.tokenize("scripted", "two words").send().unwrap();
    assert!(tokens.tokens.len() >= 2);
}

#[test]
fn options_and_raw_responses_work_as_elsewhere() {
    let world = world();
    let raw = world
        .client
        .users()
        .create(CreateUser::new("").name("x"))
        .send_raw()
        .unwrap();
    assert_eq!((raw.status(), raw.attempts()), (200, 1));
    assert!(raw.request_id().is_some());
    assert_eq!(raw.parse().unwrap().name, "x");
    let strange = world
        .client
        .request("POST", "/users/v1/users")
        .body_field("folderId", "fld_1")
        .send()
        .unwrap();
    assert!(strange["id"].is_string());
    let cancelled = CancelToken::new();
    cancelled.cancel();
    let client = world.client.with_options(Options::new().cancel_with(&cancelled));
    assert!(matches!(client.users().list().send(), Err(Error::Cancelled(_))));
    drop(world.server);
}
