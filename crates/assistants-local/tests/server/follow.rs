//! Following a run again, after any of its events.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use assistants_local::LocalServer;
use assistants_local::model::{Failure, Finish, Model, ModelRequest, Output};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::binary::Program;
use super::client::{Client, Event, Events, id, names, serve, start};
use super::files::upload_bytes;

/// What a reader knows after these events, however the texts were divided.
#[derive(Debug, Default, PartialEq)]
struct Known {
    /// The names of all events but the deltas, sorted.
    names: Vec<String>,
    /// By message.
    texts: BTreeMap<String, String>,
    roles: Vec<String>,
    /// And images.
    annotations: Vec<Value>,
    /// The name and arguments by step and index.
    calls: BTreeMap<(String, u64), String>,
    last: Value,
}

impl Known {
    fn after(events: &[Event]) -> Self {
        let mut known = Self::default();
        for event in events {
            let delta = &event.data["delta"];
            match event.name.as_str() {
                "message.delta" => known.message(&event.data),
                "run.step.delta" => {
                    for call in delta["step_details"]["tool_calls"].as_array().unwrap() {
                        let key = (id(&event.data), call["index"].as_u64().unwrap());
                        let known = known.calls.entry(key).or_default();
                        let function = &call["function"];
                        if call["id"].is_string() {
                            assert_eq!(known, "", "a call begins once: {call}");
                            *known = format!("{} {} ", call["type"], function["name"]);
                        }
                        *known += function["arguments"].as_str().unwrap_or_default();
                        *known += call["code_interpreter"]["input"].as_str().unwrap_or_default();
                        for output in call["code_interpreter"]["outputs"].as_array().into_iter().flatten() {
                            *known += &output.to_string();
                        }
                    }
                }
                name => known.names.push(name.to_owned()),
            }
        }
        known.names.sort();
        known.last = events
            .iter()
            .rev()
            .find(|event| event.name != "done")
            .unwrap()
            .data
            .clone();
        known
    }

    fn message(&mut self, data: &Value) {
        if data["delta"]["role"].is_string() {
            self.roles.push(id(data));
        }
        let part = &data["delta"]["content"][0];
        if part["type"] == "image_file" {
            self.annotations.push(part.clone());
            return;
        }
        let text = &part["text"];
        let value = text["value"].as_str().unwrap();
        self.annotations
            .extend(text["annotations"].as_array().into_iter().flatten().cloned());
        *self.texts.entry(id(data)).or_default() += value;
    }
}

/// Checks that a reader misses nothing and gets nothing twice, after whichever event it was disconnected.
#[track_caller]
pub(super) fn check_every_cut(client: &Client, run: &str, whole: &[Event]) {
    let want = Known::after(whole);
    for cut in 0..whole.len() {
        let seen = &whole[..cut];
        let after = seen
            .iter()
            .rev()
            .map(|event| event.id.as_str())
            .find(|id| !id.is_empty());
        let rest: Vec<Event> = client.follow(run, after).collect();
        let joined = [seen, &rest[..]].concat();
        assert_eq!(Known::after(&joined), want, "after {after:?}: {}", names(&rest));
    }
}

/// Reads to the end, and checks that all events but the last have ids, which all differ.
pub(super) fn read_all(stream: Events) -> Vec<Event> {
    let events: Vec<Event> = stream.collect();
    let (done, rest) = events.split_last().unwrap();
    assert_eq!((done.name.as_str(), done.id.as_str()), ("done", ""));
    for (index, event) in rest.iter().enumerate() {
        assert_ne!(event.id, "", "{}", event.name);
        assert!(
            rest[..index].iter().all(|earlier| earlier.id != event.id),
            "{}",
            event.id
        );
    }
    events
}

#[test]
fn a_run_that_has_ended_can_be_followed_after_any_event() {
    let (_server, client) = serve();
    for (message, limit, end) in [
        ("Hello big 🦀 world", None, "completed"),
        ("repeat 2\nfail server_error", None, "failed"),
        ("fail server_error", None, "failed"),
        ("repeat 260", Some(256), "incomplete"),
        ("repeat 0", None, "completed"),
    ] {
        let runs = format!("/threads/{}/runs", client.thread(message));
        let body = json!({"assistant_id": client.assistant(), "stream": true, "max_completion_tokens": limit});
        let events = read_all(client.stream(&runs, body));
        let ended = &events[events.len() - 2];
        assert_eq!(ended.name, format!("run.{end}"));
        check_every_cut(&client, &format!("{runs}/{}", id(&ended.data)), &events);
    }
}

#[test]
fn a_run_that_was_started_with_its_thread_can_be_followed() {
    let (_server, client) = serve();
    let thread = json!({"messages": [{"role": "user", "content": "Hello"}]});
    let body = json!({"assistant_id": client.assistant(), "thread": thread, "stream": true});
    let events = read_all(client.stream("/threads/runs", body));
    let run = &events[1].data;
    let path = format!("/threads/{}/runs/{}", run["thread_id"].as_str().unwrap(), id(run));
    // The thread is not part of the run.
    for after in [None, Some(events[0].id.as_str())] {
        assert_eq!(
            Known::after(&client.follow(&path, after).collect::<Vec<_>>()),
            Known::after(&events[1..])
        );
    }
    check_every_cut(&client, &path, &events[1..]);
}

#[test]
fn a_search_and_its_citations_are_not_repeated() {
    let (_server, client) = serve();
    let text = b"The sky is blue.\nThe grass is green and the sky is wide.";
    let file = upload_bytes(&client, "colours.txt", text);
    let store = id(&client.post("/vector_stores", json!({"file_ids": [file]})).ok());
    client.wait_for(&format!("/vector_stores/{store}/files/{file}"), "completed");
    let body = json!({
        "model": "test",
        "tools": [{"type": "file_search"}],
        "tool_resources": {"file_search": {"vector_store_ids": [store]}},
    });
    let assistant = id(&client.post("/assistants", body).ok());
    let runs = format!("/threads/{}/runs", client.thread("Is the sky blue?"));
    let events = read_all(client.stream(&runs, json!({"assistant_id": assistant, "stream": true})));
    assert!(!Known::after(&events).annotations.is_empty());
    check_every_cut(&client, &format!("{runs}/{}", id(&events[0].data)), &events);
}

/// The request that submits the outputs that a run waits for.
fn outputs(waits: &Value) -> Value {
    let calls = waits["required_action"]["submit_tool_outputs"]["tool_calls"]
        .as_array()
        .unwrap();
    let output = |call: &Value| json!({"tool_call_id": call["id"], "output": "1"});
    json!({"tool_outputs": calls.iter().map(output).collect::<Vec<_>>(), "stream": true})
}

#[test]
fn a_run_with_calls_can_be_followed_across_its_turns_and_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let program = Program::on(&database);
    let client = &program.client;
    let message = "call f {\"city\":\"Paris in the spring\"}\ncall g";
    let runs = format!("/threads/{}/runs", client.thread(message));
    let body = json!({"assistant_id": client.assistant(), "stream": true});
    let first = read_all(client.stream(&runs, body));
    let waits = &first[first.len() - 2];
    assert_eq!(waits.name, "run.requires_action");
    let run = format!("{runs}/{}", id(&waits.data));
    check_every_cut(client, &run, &first);
    program.kill();

    let program = Program::on(&database);
    let client = &program.client;
    check_every_cut(client, &run, &first);
    let second = read_all(client.stream(&format!("{run}/submit_tool_outputs"), outputs(&waits.data)));
    let whole = [&first[..first.len() - 1], &second[..]].concat();
    check_every_cut(client, &run, &whole);
    program.kill();

    let program = Program::on(&database);
    check_every_cut(&program.client, &run, &whole);
}

#[test]
fn calls_that_were_not_answered_can_be_followed() {
    let (_server, client) = serve();
    let runs = format!("/threads/{}/runs", client.thread("call f {}"));
    let body = json!({"assistant_id": client.assistant(), "stream": true});
    let mut whole = read_all(client.stream(&runs, body));
    whole.pop();
    let run = format!("{runs}/{}", id(&whole[0].data));
    client.post(&format!("{run}/cancel"), json!({})).ok();
    let last = whole.last().unwrap().id.clone();
    let rest = read_all(client.follow(&run, Some(&last)));
    assert_eq!(names(&rest), "run.step.cancelled run.cancelling run.cancelled done");
    whole.extend(rest);
    check_every_cut(&client, &run, &whole);
}

#[test]
fn a_run_in_progress_that_was_killed_ends_for_its_readers() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let program = Program::on(&database);
    let client = &program.client;
    let runs = format!("/threads/{}/runs", client.thread("repeat 3\nsleep 3600000"));
    let body = json!({"assistant_id": client.assistant(), "stream": true});
    let mut stream = client.stream(&runs, body);
    let run = format!("{runs}/{}", id(&stream.expect("run.created").data));
    let text = stream.skip_to("message.delta");
    let more = stream.expect("message.delta");
    // A second reader gets what the first one lacks, and no more.
    let mut late = client.follow(&run, Some(&text.id));
    let missed = late.expect("message.delta");
    assert!(missed.text().unwrap().starts_with(more.text().unwrap()));
    program.kill();

    let program = Program::on(&database);
    let rest = read_all(program.client.follow(&run, Some(&missed.id)));
    // The text that was not stored is lost, and was not sent twice.
    assert_eq!(names(&rest), "message.incomplete run.step.failed run.failed done");
}

#[test]
fn ids_that_are_not_of_the_run_are_rejected() {
    let (_server, client) = serve();
    let runs = format!("/threads/{}/runs", client.thread("🦀 and words"));
    let body = json!({"assistant_id": client.assistant(), "stream": true});
    let events = read_all(client.stream(&runs, body));
    let run = format!("{runs}/{}", id(&events[0].data));
    let rejected = "400 Last-Event-ID -: Invalid 'Last-Event-ID': it is not the id of an event of this run.";
    for wrong in [
        "1",
        "msg_1",
        "0.0",
        "0.8.0",
        "0.3.0-",
        "0.3.2",
        "1.2.1",
        "0.3.1-2.1",
        "0.3.1-1.9",
        "0.3.1-1.4.1",
        "0.3.1-1.4.999",
        "0.3.1-1.4.18446744073709551616",
        "00.3.1",
        "é",
    ] {
        let answer = client.header("last-event-id", wrong).get(&format!("{run}/events"));
        assert_eq!(answer.error(), rejected, "{wrong}");
    }
    // The standard sends no header for an empty id, and means the beginning.
    assert_eq!(
        read_all(client.follow(&run, Some(""))).len(),
        client.follow(&run, None).count()
    );
    let other = client.thread("Hello");
    let missing = client.get(&format!("/threads/{other}/runs/{}/events", id(&events[0].data)));
    assert_eq!(missing.status, 404);
}

/// A part of an answer.
#[derive(Clone, Copy, Debug)]
enum Part {
    Text(&'static str),
    Call,
    /// Of the call with this index, if there is one.
    Arguments(usize, &'static str),
}

/// Writes each part that the test sends, and ends its answer when the test sends `None`.
struct Led(Arc<Mutex<Receiver<Option<Part>>>>);

impl Model for Led {
    fn name(&self) -> &str {
        "led"
    }

    fn respond(&self, _: &ModelRequest, output: &mut Output<'_>) -> Result<Finish, Failure> {
        while let Ok(Some(part)) = self.0.lock().unwrap().recv() {
            match part {
                Part::Text(text) => output.text(text)?,
                Part::Call => drop(output.call("f")?),
                Part::Arguments(index, text) => output.arguments(index, text)?,
            }
        }
        Ok(Finish::default())
    }
}

/// A run whose answer is written by the test.
struct Written {
    _server: LocalServer,
    client: Client,
    lead: Sender<Option<Part>>,
    run: String,
    stream: Events,
    seen: Vec<Event>,
    /// What readers that came later had before, and their streams.
    late: Vec<(usize, Events)>,
    calls: usize,
}

impl Written {
    fn begin() -> Self {
        let (lead, led) = channel();
        let (server, client) = start(LocalServer::builder().model(Led(Arc::new(Mutex::new(led)))));
        let runs = format!("/threads/{}/runs", client.thread("Go."));
        let body = json!({"assistant_id": client.assistant(), "stream": true});
        let mut written = Self {
            stream: client.stream(&runs, body),
            _server: server,
            client,
            lead,
            run: String::new(),
            seen: Vec::new(),
            late: Vec::new(),
            calls: 0,
        };
        written.read_to("run.in_progress");
        written.run = format!("{runs}/{}", id(&written.seen[0].data));
        written
    }

    fn read_to(&mut self, name: &str) {
        loop {
            let event = self.stream.next().unwrap();
            let is_it = event.name == name;
            self.seen.push(event);
            if is_it {
                return;
            }
        }
    }

    /// Has a part written, and reads its event.
    fn write(&mut self, part: Part) {
        let name = match part {
            Part::Text(_) => "message.delta",
            Part::Call => {
                self.calls += 1;
                "run.step.delta"
            }
            Part::Arguments(index, _) if index < self.calls => "run.step.delta",
            Part::Arguments(..) => return,
        };
        self.lead.send(Some(part)).unwrap();
        self.read_to(name);
    }

    /// Adds a reader that was disconnected after so many of the events so far.
    fn follow_after(&mut self, cut: usize) {
        let after = cut.checked_sub(1).map(|last| self.seen[last].id.as_str());
        let events = self.client.follow(&self.run, after);
        self.late.push((cut, events));
    }

    /// Reads to the end of the turn.
    fn finish_turn(&mut self) {
        loop {
            let event = self.stream.next().unwrap();
            if event.name == "done" {
                return;
            }
            self.seen.push(event);
        }
    }

    fn check_late(&mut self) {
        let done = Event {
            name: "done".to_owned(),
            data: Value::Null,
            id: String::new(),
        };
        let want = Known::after(&[&self.seen[..], &[done]].concat());
        for (cut, stream) in std::mem::take(&mut self.late) {
            let rest: Vec<Event> = stream.collect();
            let joined = [&self.seen[..cut], &rest[..]].concat();
            assert_eq!(Known::after(&joined), want, "after {cut} events: {}", names(&rest));
        }
        let mut whole = Known::after(&self.client.follow(&self.run, None).collect::<Vec<_>>());
        if self.seen.last().unwrap().name == "run.cancelled" {
            // Calls that were being written when a run ended are not stored.
            whole.calls.clone_from(&want.calls);
        }
        assert_eq!(whole, want);
    }
}

fn part() -> impl Strategy<Value = Part> {
    let text = prop::sample::select(vec!["a", " word", "é", "🦀\n", "\"quoted\""]);
    prop_oneof![
        4 => text.clone().prop_map(Part::Text),
        1 => Just(Part::Call),
        4 => (0..3_usize, text).prop_map(|(index, text)| Part::Arguments(index, text)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Readers come at any time, after any event; the answer calls functions and writes text in any order, and is
    /// completed, cancelled, or continued after outputs.
    #[test]
    fn a_reader_that_comes_at_any_time_after_any_event_misses_nothing(
        parts in prop::collection::vec((part(), prop::option::of(any::<prop::sample::Index>())), 0..14),
        is_cancelled in any::<bool>(),
        more in prop::collection::vec(prop::sample::select(vec!["x", "y z"]), 1..4),
    ) {
        let mut written = Written::begin();
        for (part, cut) in parts {
            written.write(part);
            if let Some(cut) = cut {
                let cut = cut.index(written.seen.len() + 1);
                written.follow_after(cut);
            }
        }
        if is_cancelled {
            written.client.post(&format!("{}/cancel", written.run), json!({})).ok();
            written.lead.send(None).unwrap();
        } else {
            written.lead.send(None).unwrap();
        }
        written.finish_turn();
        written.check_late();
        if written.seen.last().unwrap().name == "run.requires_action" {
            let body = outputs(&written.seen.last().unwrap().data);
            written.stream = written.client.stream(&format!("{}/submit_tool_outputs", written.run), body);
            written.read_to("run.in_progress");
            for text in more {
                written.follow_after(written.seen.len() / 2);
                written.write(Part::Text(text));
                written.follow_after(written.seen.len());
            }
            written.lead.send(None).unwrap();
            written.finish_turn();
            written.check_late();
        }
    }
}
