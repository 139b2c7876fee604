//! The code interpreter, with the program's own executor, which follows commands instead of executing code.

use assistants_local::{Builder, CodeInterpreter, LocalServer};
use serde_json::{Value, json};

use super::binary::{PROGRAM, Program};
use super::client::{Client, Event, Events, id, names, start};
use super::files::upload_bytes;
use super::follow::{check_every_cut, read_all};

fn executor() -> CodeInterpreter {
    CodeInterpreter::new(PROGRAM).args(["scripted-code"])
}

fn builder() -> Builder {
    LocalServer::builder().code_interpreter(executor())
}

/// Returns an assistant with the tool.
fn assistant(client: &Client) -> String {
    let tools = json!([{"type": "code_interpreter"}, {"type": "function", "function": {"name": "f"}}]);
    id(&client
        .post("/assistants", json!({"model": "test", "tools": tools}))
        .ok())
}

/// Streams a run after one more message.
fn stream(client: &Client, thread: &str, text: &str) -> Events {
    let message = json!({"role": "user", "content": text});
    client.post(&format!("/threads/{thread}/messages"), message).ok();
    let body = json!({"assistant_id": assistant(client), "stream": true});
    client.stream(&format!("/threads/{thread}/runs"), body)
}

/// Runs a message to the end, and returns its answer, which is the newest message of the thread.
#[track_caller]
fn answer(client: &Client, thread: &str, text: &str) -> String {
    let events: Vec<Event> = stream(client, thread, text).collect();
    let last = &events[events.len() - 2];
    assert_eq!(last.name, "run.completed", "{}", last.data);
    let messages = client.get(&format!("/threads/{thread}/messages?limit=1")).ok();
    let content = messages["data"][0]["content"].as_array().unwrap().clone();
    let text = content.iter().find(|part| part["type"] == "text").unwrap();
    text["text"]["value"].as_str().unwrap().to_owned()
}

fn content(client: &Client, file_id: &Value) -> String {
    let url = format!("{}/files/{}/content", client.base_url, file_id.as_str().unwrap());
    ureq::get(&url).call().unwrap().into_body().read_to_string().unwrap()
}

/// The step of an execution, as it is read back.
fn step(client: &Client, run: &Value) -> Value {
    let path = format!(
        "/threads/{}/runs/{}/steps?order=asc",
        run["thread_id"].as_str().unwrap(),
        id(run)
    );
    client.get(&path).ok()["data"][0].clone()
}

#[test]
fn a_run_executes_code_in_a_step_of_its_own() {
    let (_server, client) = start(builder());
    let thread = client.thread("Hello");
    let events: Vec<Event> = stream(&client, &thread, "code print 1 + 1 = 2").collect();
    assert_eq!(
        names(&events),
        "run.created run.queued run.in_progress run.step.created run.step.in_progress run.step.delta* \
         run.step.completed run.step.created run.step.in_progress message.created message.in_progress message.delta* \
         message.completed run.step.completed run.completed done"
    );
    assert_eq!(
        events[3].data["step_details"],
        json!({"type": "tool_calls", "tool_calls": []})
    );
    let deltas: Vec<&Value> = events[5..8]
        .iter()
        .map(|event| &event.data["delta"]["step_details"]["tool_calls"][0])
        .collect();
    let call_id = deltas[0]["id"].as_str().unwrap();
    let of =
        |code_interpreter: Value| json!({"index": 0, "type": "code_interpreter", "code_interpreter": code_interpreter});
    let mut begun = of(json!({"input": "", "outputs": []}));
    begun["id"] = call_id.into();
    assert_eq!(deltas[0], &begun);
    assert_eq!(deltas[1], &of(json!({"input": "print 1 + 1 = 2"})));
    let logs = json!({"index": 0, "type": "logs", "logs": "1 + 1 = 2\n"});
    assert_eq!(deltas[2], &of(json!({"outputs": [logs]})));
    let details = json!({"type": "tool_calls", "tool_calls": [{
        "id": call_id, "type": "code_interpreter",
        "code_interpreter": {"input": "print 1 + 1 = 2", "outputs": [{"type": "logs", "logs": "1 + 1 = 2\n"}]},
    }]});
    assert_eq!(events[8].data["step_details"], details);
    let stored = step(&client, &events[0].data);
    assert_eq!(
        (&stored["step_details"], &stored["status"]),
        (&details, &json!("completed"))
    );
    assert_eq!(answer(&client, &thread, "code print 3"), "The code wrote: 3\n");
}

#[test]
fn variables_are_kept_between_the_runs_of_a_thread() {
    let (_server, client) = start(builder());
    let (thread, other) = (client.thread("Hello"), client.thread("Hello"));
    answer(&client, &thread, "code set x secret");
    assert_eq!(answer(&client, &thread, "code get x"), "The code wrote: secret\n");
    let unknown = "The code wrote: NameError: name 'x' is not defined\n";
    assert_eq!(answer(&client, &other, "code get x"), unknown);
}

#[test]
fn an_executor_that_ends_costs_its_session_but_not_the_run() {
    let (_server, client) = start(builder());
    let thread = client.thread("Hello");
    answer(&client, &thread, "code set x 1");
    let lost = "[The session has ended unexpectedly. Its variables and files are lost.]";
    for code in ["exit", "raw nonsense", "raw {\"type\":\"ready\"}"] {
        assert_eq!(
            answer(&client, &thread, &format!("code {code}")),
            format!("The code wrote: {lost}")
        );
        let text = answer(&client, &thread, "code get x");
        assert!(text.contains("NameError"), "{code}: {text}");
    }
}

#[test]
fn code_that_runs_too_long_is_ended() {
    let limit = std::time::Duration::from_secs(1);
    let (_server, client) = start(LocalServer::builder().code_interpreter(executor().time_limit(limit)));
    let thread = client.thread("Hello");
    let text = answer(&client, &thread, "code sleep 3600000");
    assert!(text.contains("longer than 1 seconds"), "{text}");
    assert_eq!(answer(&client, &thread, "code print again"), "The code wrote: again\n");
}

#[test]
fn a_program_that_cannot_be_started_fails_the_run() {
    for program in [
        CodeInterpreter::new("/nonexistent/executor"),
        // It ends at once, and speaks another protocol.
        CodeInterpreter::new(PROGRAM).args(["--version"]),
    ] {
        let (_server, client) = start(LocalServer::builder().code_interpreter(program));
        let thread = client.thread("Hello");
        let events: Vec<Event> = stream(&client, &thread, "code print 1").collect();
        let names = names(&events);
        assert!(names.ends_with("run.step.failed run.failed done"), "{names}");
        let run = &events[events.len() - 2].data;
        let error = json!({"code": "server_error",
            "message": "Sorry, something went wrong. The code interpreter could not be started."});
        assert_eq!(run["last_error"], error);
        assert_eq!(step(&client, run)["last_error"], error);
    }
}

/// Returns the newest message of a thread.
fn newest(client: &Client, thread: &str) -> Value {
    client.get(&format!("/threads/{thread}/messages?limit=1")).ok()["data"][0].clone()
}

#[test]
fn code_gets_the_files_of_the_assistant_the_thread_and_the_messages() {
    let (_server, client) = start(builder());
    let files: Vec<String> = [("a.csv", 3), ("b.bin", 200_000), ("a.csv", 5), ("c.txt", 1)]
        .iter()
        .map(|(name, size)| upload_bytes(&client, name, &vec![b'7'; *size]))
        .collect();
    let resources = |id: &str| json!({"code_interpreter": {"file_ids": [id]}});
    let tools = json!([{"type": "code_interpreter"}]);
    let assistant = json!({"model": "test", "tools": tools, "tool_resources": resources(&files[0])});
    let assistant = id(&client.post("/assistants", assistant).ok());
    let thread = id(&client
        .post("/threads", json!({"tool_resources": resources(&files[1])}))
        .ok());
    let run = |code: &str, file: &str| {
        let attachments = json!([{"file_id": file, "tools": tools}]);
        let message = json!({"role": "user", "content": code, "attachments": attachments});
        client.post(&format!("/threads/{thread}/messages"), message).ok();
        let body = json!({"assistant_id": assistant, "stream": true});
        client
            .stream(&format!("/threads/{thread}/runs"), body)
            .skip_to("run.completed");
        newest(&client, &thread)["content"][0]["text"]["value"].clone()
    };
    let renamed = format!("{}-a.csv", files[2]);
    let listed = format!("The code wrote: a.csv=3 b.bin=200000 {renamed}=5\n");
    assert_eq!(run("code list", &files[2]), listed);
    // A file that is attached later arrives in the same session.
    assert_eq!(run("code read a.csv", &files[3]), "The code wrote: 777\n");
    let listed = format!("The code wrote: a.csv=3 b.bin=200000 c.txt=1 {renamed}=5\n");
    assert_eq!(run("code list", &files[3]), listed);
    let ids = &client.get(&format!("/threads/{thread}")).ok()["tool_resources"]["code_interpreter"]["file_ids"];
    assert_eq!(ids, &json!(files[1..]));
}

#[test]
fn files_of_code_become_files_images_and_links() {
    let (_server, client) = start(builder());
    let thread = client.thread("Hello");
    let large = ".".repeat(200_000);
    answer(&client, &thread, "code fill é.bin 200000");
    let message = newest(&client, &thread);
    let text = &message["content"][0]["text"];
    let link = "sandbox:/mnt/data/é.bin";
    let annotation = &text["annotations"][0];
    let value = text["value"].as_str().unwrap();
    let start = value[..value.find(link).unwrap()].chars().count();
    let want = json!({"type": "file_path", "text": link, "start_index": start, "end_index": start + 23,
        "file_path": {"file_id": annotation["file_path"]["file_id"]}});
    assert_eq!(annotation, &want);
    let file_id = &annotation["file_path"]["file_id"];
    assert_eq!(content(&client, file_id), large);
    let file = client.get(&format!("/files/{}", file_id.as_str().unwrap())).ok();
    assert_eq!(file["purpose"], "assistants_output");
    assert_eq!((&file["filename"], &file["bytes"]), (&json!("é.bin"), &json!(200_000)));

    // An image precedes the text of its message, and is an output of its step.
    let body = json!({"assistant_id": assistant(&client), "stream": true});
    let question = json!({"role": "user", "content": "code write plot.png PNG"});
    client.post(&format!("/threads/{thread}/messages"), question).ok();
    let path = format!("/threads/{thread}/runs");
    let events: Vec<Event> = client.stream(&path, body).collect();
    let message = newest(&client, &thread);
    let image =
        json!({"type": "image_file", "image_file": {"file_id": message["content"][0]["image_file"]["file_id"]}});
    let parts = message["content"].as_array().unwrap();
    assert_eq!(
        (parts.len(), &parts[0]["image_file"]["file_id"]),
        (2, &image["image_file"]["file_id"])
    );
    assert_eq!(parts[1]["text"]["annotations"][0]["file_path"], image["image_file"]);
    assert_eq!(content(&client, &image["image_file"]["file_id"]), "PNG");
    let step = step(&client, &events[0].data);
    let outputs = &step["step_details"]["tool_calls"][0]["code_interpreter"]["outputs"];
    assert_eq!(outputs, &json!([{"type": "image", "image": image["image_file"]}]));
    let deltas = |events: &[Event]| -> Vec<Value> {
        let deltas = events.iter().filter(|event| event.name == "message.delta");
        deltas.map(|event| event.data["delta"]["content"][0].clone()).collect()
    };
    let first = &deltas(&events)[0];
    assert_eq!(
        (&first["index"], &first["image_file"]),
        (&json!(0), &image["image_file"])
    );
    assert!(deltas(&events)[1..].iter().all(|delta| delta["index"] == 1));
}

#[test]
fn a_run_with_code_can_be_followed_after_any_event() {
    let (_server, client) = start(builder());
    for code in [
        "code write plot.png PNG\ncode print 🦀\ncode write a.csv 1,2",
        // An image without a text after it, before a call.
        "code write plot.png PNG\ncall f",
        "code set x 1\ncode exit",
    ] {
        let runs = format!("/threads/{}/runs", client.thread(code));
        let body = json!({"assistant_id": assistant(&client), "stream": true});
        let events = read_all(client.stream(&runs, body));
        check_every_cut(&client, &format!("{runs}/{}", id(&events[0].data)), &events);
    }
}

#[test]
fn a_client_accumulates_what_the_server_has_stored() {
    use assistants_blocking::openai::{Client, CreateMessage, CreateRun};
    let (server, raw) = start(builder());
    let client = Client::builder().base_url(server.base_url()).build().unwrap();
    let thread = raw.thread("Hello");
    let question = "code write plot.png PNG\ncode print 1\ncode write a.csv 1,2";
    client
        .messages(&thread)
        .create(CreateMessage::user(question))
        .send()
        .unwrap();
    let stream = client
        .runs(&thread)
        .stream(CreateRun::new(assistant(&raw)))
        .send()
        .unwrap();
    let finished = stream.finish().unwrap().completed().unwrap();
    let mut stored = raw.get(&format!("/threads/{thread}/messages")).ok()["data"].clone();
    stored.as_array_mut().unwrap().truncate(3);
    stored.as_array_mut().unwrap().reverse();
    assert_eq!(serde_json::to_value(&finished.messages).unwrap(), stored);
    let steps = raw
        .get(&format!("/threads/{thread}/runs/{}/steps?order=asc", finished.run.id))
        .ok();
    assert_eq!(serde_json::to_value(&finished.steps).unwrap(), steps["data"]);
}

#[test]
fn what_code_writes_is_limited() {
    let (_server, client) = start(builder());
    let thread = client.thread("Hello");
    let text = answer(&client, &thread, "code repeat 60000");
    assert!(text.ends_with("[The output was longer than 262144 bytes, and is cut off here.]"));
    assert!(text.len() < 263_000, "{}", text.len());
    // More than fits into a line.
    assert!(answer(&client, &thread, "code repeat 300000").contains("ended unexpectedly"));
}

#[test]
fn a_thread_gives_up_its_session_when_there_are_too_many() {
    let (_server, client) = start(LocalServer::builder().code_interpreter(executor().max_sessions(1)));
    let (thread, other) = (client.thread("Hello"), client.thread("Hello"));
    answer(&client, &thread, "code set x 1");
    answer(&client, &other, "code set x 2");
    assert!(answer(&client, &thread, "code get x").contains("NameError"));
    // While all are in use, a run waits.
    let mut busy = stream(&client, &thread, "code sleep 3600000");
    let run = busy.skip_to("run.in_progress").data;
    busy.skip_to("run.step.delta");
    let mut waiting = stream(&client, &other, "code print now");
    waiting.skip_to("run.step.delta");
    let cancel = format!("/threads/{thread}/runs/{}/cancel", id(&run));
    client.post(&cancel, json!({})).ok();
    waiting.skip_to("run.completed");
    let text = &newest(&client, &other)["content"][0]["text"]["value"];
    assert_eq!(text, "The code wrote: now\n");
}

#[test]
fn links_to_files_of_earlier_runs_survive_a_restart_and_sessions_do_not() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let (server, client) = start(builder().database(&database));
    let thread = client.thread("Hello");
    answer(&client, &thread, "code write a.csv 1,2\ncode set x 1");
    drop(server);
    let (_server, client) = start(builder().database(&database));
    let text = answer(&client, &thread, "See sandbox:/mnt/data/a.csv.");
    let annotations = &newest(&client, &thread)["content"][0]["text"]["annotations"];
    assert_eq!(
        (text.as_str(), &annotations[0]["text"]),
        ("See sandbox:/mnt/data/a.csv.", &json!("sandbox:/mnt/data/a.csv"))
    );
    assert_eq!(content(&client, &annotations[0]["file_path"]["file_id"]), "1,2");
    assert!(answer(&client, &thread, "code get x").contains("NameError"));
}

#[test]
fn a_run_without_the_tool_executes_nothing() {
    let (_server, client) = start(builder());
    let thread = client.thread("code print 1");
    let runs = format!("/threads/{thread}/runs");
    for body in [
        json!({"assistant_id": assistant(&client), "tools": []}),
        json!({"assistant_id": assistant(&client), "tool_choice": "none"}),
    ] {
        let run = client.post(&runs, body).ok();
        client.wait_for(&format!("{runs}/{}", id(&run)), "completed");
        let text = &newest(&client, &thread)["content"][0]["text"]["value"];
        assert_eq!(text, "The run may not execute code.");
    }
}

#[test]
fn the_program_takes_the_command_as_words() {
    let mut command = std::process::Command::new(PROGRAM);
    command.args(["serve", "--listen", "127.0.0.1:0", "--in-memory", "--code-interpreter"]);
    let program = Program::start(command.arg(format!(" {PROGRAM}  scripted-code ")));
    let thread = program.client.thread("Hello");
    assert_eq!(answer(&program.client, &thread, "code print 1"), "The code wrote: 1\n");
}

/// The executor for Python, if there is one on this machine.
#[test]
fn python_is_executed() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/executors/python.py");
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let (_server, client) =
        start(LocalServer::builder().code_interpreter(CodeInterpreter::new("python3").args([script])));
    let thread = client.thread("Hello");
    let file = upload_bytes(&client, "data.csv", b"1,2");
    let message = json!({"role": "user", "content": "Hello", "attachments":
        [{"file_id": file, "tools": [{"type": "code_interpreter"}]}]});
    client.post(&format!("/threads/{thread}/messages"), message).ok();
    assert_eq!(
        answer(&client, &thread, "code x = open('/mnt/data/data.csv').read(); x"),
        "The code wrote: '1,2'\n"
    );
    let text = answer(&client, &thread, "code import os; os.system('echo sub'); print(x); 1/0");
    assert!(text.starts_with("The code wrote: sub\n1,2\nTraceback"), "{text}");
    assert!(text.ends_with("ZeroDivisionError: division by zero\n"), "{text}");
    answer(
        &client,
        &thread,
        "code open('/mnt/data/out.png', 'w').write('PNG'); open('out.csv', 'w').write('3')",
    );
    let message = newest(&client, &thread);
    let ids = [
        &message["content"][0]["image_file"],
        &message["content"][1]["text"]["annotations"][0]["file_path"],
    ];
    let contents: Vec<String> = ids.iter().map(|id| content(&client, &id["file_id"])).collect();
    assert_eq!(contents, ["PNG", "3"]);
    let text = answer(&client, &thread, "code import sys; sys.stdin.read(); exit(3)");
    assert_eq!(text, "The code wrote: ");
}

#[cfg(target_os = "linux")]
mod processes {
    //! Processes end when nothing needs them.

    use super::*;

    /// Returns how many processes were started with this word on their command line.
    fn count(word: &str) -> usize {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        lines
            .filter(|line| String::from_utf8_lossy(line).split('\0').any(|part| part == word))
            .count()
    }

    /// Waits until there are none. Each look takes a while, so no pause is needed.
    #[track_caller]
    fn wait_for_none(word: &str) {
        let start = std::time::Instant::now();
        while count(word) > 0 {
            assert!(start.elapsed().as_secs() < 60, "{word} is still running");
        }
    }

    /// A server whose executors have a unique name.
    struct Stage {
        server: LocalServer,
        client: Client,
        name: String,
        _directory: tempfile::TempDir,
    }

    fn stage() -> Stage {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("executor");
        std::os::unix::fs::symlink(PROGRAM, &path).unwrap();
        let executor = CodeInterpreter::new(&path).args(["scripted-code"]);
        let (server, client) = start(LocalServer::builder().code_interpreter(executor));
        Stage {
            server,
            client,
            name: path.to_str().unwrap().to_owned(),
            _directory: directory,
        }
    }

    #[test]
    fn a_session_ends_with_its_thread_or_its_server() {
        let Stage {
            server, client, name, ..
        } = &stage();
        let (thread, other) = (client.thread("Hello"), client.thread("Hello"));
        answer(client, &thread, "code print 1");
        answer(client, &other, "code print 1");
        assert_eq!(count(name), 2);
        client.delete(&format!("/threads/{thread}")).ok();
        while count(name) > 1 {}
        assert_eq!(answer(client, &other, "code print 1"), "The code wrote: 1\n");
        let _ = server;
    }

    #[test]
    fn a_session_ends_with_a_cancelled_run_and_with_the_server() {
        let Stage {
            server,
            client,
            name,
            _directory,
        } = stage();
        let thread = client.thread("Hello");
        answer(&client, &thread, "code set x 1");
        let mut events = stream(&client, &thread, "code sleep 3600000");
        let run = events.skip_to("run.in_progress").data;
        events.skip_to("run.step.delta");
        client
            .post(&format!("/threads/{thread}/runs/{}/cancel", id(&run)), json!({}))
            .ok();
        events.skip_to("run.cancelled");
        wait_for_none(&name);
        let step = step(&client, &run);
        assert_eq!(step["status"], "cancelled");
        let call = &step["step_details"]["tool_calls"][0]["code_interpreter"];
        assert_eq!(call, &json!({"input": "sleep 3600000", "outputs": []}));
        assert!(answer(&client, &thread, "code get x").contains("NameError"));

        let mut events = stream(&client, &thread, "code sleep 3600000");
        events.skip_to("run.step.delta");
        drop(server);
        assert_eq!(count(&name), 0);
    }

    #[test]
    fn a_program_that_ignores_its_input_is_killed_with_its_children() {
        // The duration makes the command unique.
        let seconds = format!("86400.{}", std::process::id());
        let script = format!("echo '{{\"type\":\"ready\"}}'; sleep {seconds} & sleep {seconds}");
        let executor = CodeInterpreter::new("sh").args(["-c", &script]);
        let limit = std::time::Duration::from_secs(1);
        let (server, client) = start(LocalServer::builder().code_interpreter(executor.time_limit(limit)));
        let thread = client.thread("Hello");
        assert!(answer(&client, &thread, "code anything").contains("longer than 1 seconds"));
        wait_for_none(&seconds);
        drop(server);
    }
}
