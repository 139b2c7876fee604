//! A server that is killed repeatedly while all kinds of requests are in progress.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use serde_json::{Value, json};
use ureq::http::Request;
use ureq::{Agent, RequestExt};

use super::backup::report;
use super::binary::Program;
use super::client::Client;

/// The number of kills, unless `ASSISTANTS_KILLS` is set.
const KILLS: usize = 8;

/// The number of acknowledgements before a kill. It varies, so that each kill interrupts something else.
fn patience(round: usize) -> usize {
    5 + round * 17 % 60
}

/// Something that a server has acknowledged.
#[derive(Debug)]
enum Acknowledged {
    /// The object at this path, as it was returned.
    Object { path: String, shown: Value },
    /// A file with this text.
    File { id: String, text: String },
    /// The object at this path was deleted.
    Deleted { path: String },
    /// A run at this path.
    Run { path: String },
}

/// A client that uses the server until it is killed.
struct User {
    agent: Agent,
    url: String,
    report: Sender<Acknowledged>,
}

impl User {
    /// Sends a request. Returns `None` unless the response has status 200, as nothing is acknowledged then.
    fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Option<Value> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let sent = if method == "POST" {
            let request = request.header("content-type", content_type).body(body.to_owned());
            request.unwrap().with_agent(&self.agent).run()
        } else {
            request.body(()).unwrap().with_agent(&self.agent).run()
        };
        let mut answer = sent.ok()?;
        let text = answer.body_mut().read_to_string().ok()?;
        serde_json::from_str(&text).ok()
    }

    fn post(&self, path: &str, body: &Value) -> Option<Value> {
        self.send("POST", path, "application/json", &body.to_string())
    }

    fn upload(&self, path: &str, name: &str, text: &str) -> Option<Value> {
        let purpose = "--XX\r\ncontent-disposition: form-data; name=purpose\r\n\r\nassistants\r\n";
        let purpose = if name == "file" { purpose } else { "" };
        let body = format!(
            "{purpose}--XX\r\ncontent-disposition: form-data; name={name}; filename=a.txt\r\n\r\n{text}\r\n--XX--"
        );
        self.send("POST", path, "multipart/form-data; boundary=XX", &body)
    }

    fn report(&self, acknowledged: Acknowledged) -> Option<()> {
        self.report.send(acknowledged).ok()
    }

    fn delete(&self, path: String) -> Option<()> {
        self.send("DELETE", &path, "", "")?;
        self.report(Acknowledged::Deleted { path })
    }

    fn id(object: &Value) -> Option<&str> {
        object["id"].as_str()
    }

    /// Creates threads and messages, and deletes every third thread. Ends with the server, like the others.
    fn write(&self) -> Option<()> {
        for number in 0.. {
            let thread = self.post("/threads", &json!({"metadata": {"number": number.to_string()}}))?;
            let path = format!("/threads/{}", Self::id(&thread)?);
            let body = json!({"role": "user", "content": "word ".repeat(number % 50 * 20 + 1)});
            let message = self.post(&format!("{path}/messages"), &body)?;
            let message_path = format!("{path}/messages/{}", Self::id(&message)?);
            if number % 3 == 0 {
                self.delete(path)?;
                continue;
            }
            self.report(Acknowledged::Object { path, shown: thread })?;
            let path = message_path;
            self.report(Acknowledged::Object { path, shown: message })?;
        }
        None
    }

    /// Uploads files, whole and in parts, and deletes every third one.
    fn upload_files(&self) -> Option<()> {
        for number in 0.. {
            let text = format!("text {number} {}", "more ".repeat(number % 5 * 5000));
            let file = match number % 2 {
                0 => self.upload("/files", "file", &text)?,
                _ => self.upload_in_parts(&text)?,
            };
            let id = Self::id(&file)?.to_owned();
            match number % 3 {
                0 => self.delete(format!("/files/{id}"))?,
                _ => self.report(Acknowledged::File { id, text })?,
            }
        }
        None
    }

    fn upload_in_parts(&self, text: &str) -> Option<Value> {
        let body =
            json!({"filename": "a.txt", "bytes": text.len(), "mime_type": "text/plain", "purpose": "assistants"});
        let upload = self.post("/uploads", &body)?;
        let path = format!("/uploads/{}", Self::id(&upload)?);
        let (one, other) = text.split_at(text.len() / 2);
        let one = self.upload(&format!("{path}/parts"), "data", one)?;
        let other = self.upload(&format!("{path}/parts"), "data", other)?;
        let part_ids = [Self::id(&one)?, Self::id(&other)?];
        let done = self.post(&format!("{path}/complete"), &json!({"part_ids": part_ids}))?;
        Some(done["file"].clone())
    }

    /// Runs an assistant on new threads.
    fn run(&self) -> Option<()> {
        let assistant = self.post("/assistants", &json!({"model": "test"}))?;
        for number in 0.. {
            let text = ["hello", "repeat 50", "sleep 20", "repeat 3\nfail server_error"][number % 4];
            let thread = json!({"messages": [{"role": "user", "content": text}]});
            let run = self.post(
                "/threads/runs",
                &json!({"assistant_id": Self::id(&assistant)?, "thread": thread}),
            )?;
            let thread = run["thread_id"].as_str()?;
            let path = format!("/threads/{thread}/runs/{}", Self::id(&run)?);
            self.report(Acknowledged::Run { path })?;
        }
        None
    }

    /// Adds files to vector stores, and deletes every third store.
    fn index(&self) -> Option<()> {
        for number in 0.. {
            let file = self.upload("/files", "file", &format!("{} {number}", "indexed words ".repeat(300)))?;
            let store = self.post("/vector_stores", &json!({"file_ids": [Self::id(&file)?]}))?;
            let path = format!("/vector_stores/{}", Self::id(&store)?);
            match number % 3 {
                0 => self.delete(path)?,
                _ => self.report(Acknowledged::Run { path })?,
            }
        }
        None
    }
}

/// Lets clients work until this much is acknowledged, kills the server, and returns everything that was acknowledged.
fn work_and_kill(database: &Path, patience: usize) -> Vec<Acknowledged> {
    let program = Program::on(database);
    let (report, acknowledged) = channel();
    let work: [fn(&User) -> Option<()>; 5] = [User::write, User::write, User::upload_files, User::run, User::index];
    let users: Vec<_> = work
        .into_iter()
        .map(|work| {
            let user = User {
                agent: Agent::config_builder().build().into(),
                url: program.client.base_url.clone(),
                report: report.clone(),
            };
            thread::spawn(move || work(&user))
        })
        .collect();
    drop(report);
    let mut all: Vec<Acknowledged> = acknowledged.iter().take(patience).collect();
    assert_eq!(all.len(), patience, "the clients stopped before the kill");
    program.kill();
    all.extend(acknowledged);
    for user in users {
        user.join().unwrap();
    }
    all
}

/// Checks that everything acknowledged exists unchanged, and nothing that was deleted.
fn check(client: &Client, acknowledged: &[Acknowledged]) {
    for one in acknowledged {
        match one {
            Acknowledged::Object { path, shown } => assert_eq!(&client.get(path).ok(), shown, "{path}"),
            Acknowledged::Deleted { path } => assert_eq!(client.get(path).status, 404, "{path}"),
            Acknowledged::File { id, text } => {
                assert_eq!(client.get(&format!("/files/{id}")).ok()["bytes"], text.len(), "{id}");
                let content = ureq::get(format!("{}/files/{id}/content", client.base_url)).call();
                assert_eq!(&content.unwrap().body_mut().read_to_string().unwrap(), text, "{id}");
            }
            Acknowledged::Run { path } => drop(settled(client, path)),
        }
    }
}

/// Returns a run or a vector store once nothing in it is in progress.
fn settled(client: &Client, path: &str) -> Value {
    let start = std::time::Instant::now();
    loop {
        let seen = client.get(path).ok();
        if !["queued", "in_progress"].contains(&seen["status"].as_str().unwrap()) {
            return seen;
        }
        assert!(start.elapsed().as_secs() < 60, "it is stuck: {seen}");
    }
}

#[test]
fn a_repeatedly_killed_server_loses_nothing_and_leaves_nothing() {
    let kills = std::env::var("ASSISTANTS_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut before: Vec<Acknowledged> = Vec::new();
    for round in 0..kills {
        let acknowledged = work_and_kill(&database, patience(round));
        for one in &acknowledged {
            *counts
                .entry(match one {
                    Acknowledged::Object { .. } => "objects",
                    Acknowledged::File { .. } => "files",
                    Acknowledged::Deleted { .. } => "deletions",
                    Acknowledged::Run { .. } => "runs and stores",
                })
                .or_default() += 1;
        }
        let program = Program::on(&database);
        check(&program.client, &acknowledged);
        // Data from an earlier round must survive another kill too.
        check(&program.client, &before);
        before = acknowledged;
        let report = report(&database);
        assert_eq!(report["faults"], json!([]), "after kill {round}");
        assert_eq!(
            (&report["lost"], &report["unfinished"]),
            (&json!(0), &json!(0)),
            "after kill {round}"
        );
        program.kill();
    }
    println!("{kills} kills under load, and as many while idle: acknowledged {counts:?}");
}
