//! The program: its output, its exit, and what it keeps when it is killed.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::{Client, id};
use super::files::upload;
use super::raw::{Raw, request};

pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_assistants-local");

pub(super) struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
    pub(super) client: Client,
    /// The temporary directory of the program, which a killed program leaves behind.
    _temporary: TempDir,
}

impl Program {
    /// Starts the program on a free port, and reads the line that reports the address.
    pub(super) fn start(command: &mut Command) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        if !command.get_envs().any(|(name, _)| name == "TMPDIR") {
            command.env("TMPDIR", temporary.path());
        }
        command.stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let rest = line
            .strip_prefix("assistants-local listens on ")
            .unwrap_or_else(|| panic!("{line:?}"));
        let (url, models) = rest.split_once(' ').unwrap_or_else(|| panic!("{line:?}"));
        assert!(
            models.starts_with("(model: scripted, which repeats the question"),
            "{line:?}"
        );
        let client = Client::new(url);
        Self {
            child,
            output,
            client,
            _temporary: temporary,
        }
    }

    pub(super) fn on(database: &Path) -> Self {
        Self::start(
            Command::new(PROGRAM)
                .args(["serve", "--listen", "127.0.0.1:0", "--database"])
                .arg(database),
        )
    }

    /// Returns the address that the program listens on.
    pub(super) fn address(&self) -> SocketAddr {
        let url = self.client.base_url.strip_prefix("http://").unwrap();
        url.split('/').next().unwrap().parse().unwrap()
    }

    /// Returns the peak memory of the program, in bytes.
    #[cfg(target_os = "linux")]
    pub(super) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        peak * 1024
    }

    /// Sends SIGKILL, so that the program cannot clean up.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program may have ended already; otherwise it must not outlive the test.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn the_program_has_a_strict_mode() {
    let directory = tempfile::tempdir().unwrap();
    for (strict, status) in [("false", 200), ("true", 400)] {
        let program = Program::start(
            Command::new(PROGRAM)
                .args(["serve", "--listen", "127.0.0.1:0", "--database"])
                .arg(directory.path().join(strict))
                .env("ASSISTANTS_LOCAL_STRICT", strict),
        );
        assert_eq!(program.client.post("/threads", json!({"mood": "fine"})).status, status);
    }
}

#[test]
fn acknowledged_writes_survive_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let program = Program::on(&database);
    let client = &program.client;
    let assistants: Vec<Value> = (0..5)
        .map(|_| client.get(&format!("/assistants/{}", client.assistant())).ok())
        .collect();
    let thread = client.thread("Hello");
    let done = client
        .post(
            &format!("/threads/{thread}/runs"),
            json!({"assistant_id": assistants[0]["id"]}),
        )
        .ok();
    let done = client.wait_for(&format!("/threads/{thread}/runs/{}", id(&done)), "completed");
    let messages = client.get(&format!("/threads/{thread}/messages")).ok();
    let keyed = client.header("idempotency-key", "key").post("/threads", json!({})).ok();
    program.kill();

    let program = Program::on(&database);
    let client = &program.client;
    for assistant in &assistants {
        assert_eq!(&client.get(&format!("/assistants/{}", id(assistant))).ok(), assistant);
    }
    assert_eq!(client.get(&format!("/threads/{thread}/runs/{}", id(&done))).ok(), done);
    assert_eq!(client.get(&format!("/threads/{thread}/messages")).ok(), messages);
    assert_eq!(
        client.header("idempotency-key", "key").post("/threads", json!({})).ok(),
        keyed
    );
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill_during_writes() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let mut program = Program::on(&database);
    let client = program.client.clone();
    // Writers continue until the server has ended; each reports what was acknowledged.
    let (report, acknowledged) = std::sync::mpsc::channel();
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (url, report) = (format!("{}/threads", client.base_url), report.clone());
            std::thread::spawn(move || {
                while let Ok(response) = ureq::post(&url).content_type("application/json").send("{}") {
                    let Ok(text) = response.into_body().read_to_string() else {
                        return;
                    };
                    let Ok(thread) = serde_json::from_str::<Value>(&text) else {
                        return;
                    };
                    if report.send(id(&thread)).is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    drop(report);
    let mut threads: Vec<String> = acknowledged.iter().take(40).collect();
    assert_eq!(threads.len(), 40, "the writers stopped before the kill");
    program.child.kill().unwrap();
    threads.extend(acknowledged);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    drop(program);

    let program = Program::on(&database);
    for thread in &threads {
        program.client.get(&format!("/threads/{thread}")).ok();
    }
}

#[test]
fn a_run_in_progress_when_the_program_was_killed_has_failed() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let program = Program::on(&database);
    let client = &program.client;
    let (assistant, thread) = (client.assistant(), client.thread("repeat 2\nsleep 3600000"));
    let runs = format!("/threads/{thread}/runs");
    let mut events = client.stream(&runs, json!({"assistant_id": assistant, "stream": true}));
    let run = id(&events.skip_to("run.in_progress").data);
    events.skip_to("message.delta");
    program.kill();

    let program = Program::on(&database);
    let client = &program.client;
    let failed = client.get(&format!("{runs}/{run}")).ok();
    assert_eq!(
        (&failed["status"], &failed["last_error"]["code"]),
        (&json!("failed"), &json!("server_error"))
    );
    let steps = client.get(&format!("{runs}/{run}/steps")).ok();
    assert_eq!(steps["data"][0]["status"], "failed");
    let messages = client.get(&format!("/threads/{thread}/messages?limit=1")).ok();
    assert_eq!(messages["data"][0]["status"], "incomplete");
    // The thread accepts messages again.
    client
        .post(
            &format!("/threads/{thread}/messages"),
            json!({"role": "user", "content": "Next."}),
        )
        .ok();
    let next = client.post(&runs, json!({"assistant_id": assistant})).ok();
    client.wait_for(&format!("{runs}/{}", id(&next)), "completed");
}

#[test]
fn two_programs_do_not_share_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let _program = Program::on(&database);
    let second = Command::new(PROGRAM)
        .args(["serve", "--listen", "127.0.0.1:0", "--database"])
        .arg(&database)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let message = String::from_utf8(second.stderr).unwrap();
    assert!(
        message.contains("another process, such as a running server, uses the database"),
        "{message}"
    );
}

#[test]
fn settings_come_from_the_environment() {
    let program = Program::start(
        Command::new(PROGRAM)
            .arg("serve")
            .env("ASSISTANTS_LOCAL_LISTEN", "127.0.0.1:0")
            .env("ASSISTANTS_LOCAL_IN_MEMORY", "true")
            .env("ASSISTANTS_LOCAL_API_KEY", "secret"),
    );
    assert_eq!(program.client.get("/assistants").status, 401);
    program
        .client
        .header("authorization", "Bearer secret")
        .get("/assistants")
        .ok();
}

#[test]
fn an_address_for_other_machines_requires_a_key() {
    let refused = Command::new(PROGRAM)
        .args(["serve", "--listen", "0.0.0.0:0", "--in-memory"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(
        message,
        "error: listening on 0.0.0.0:0, which other machines can reach, needs an API key\n"
    );
}

#[cfg(unix)]
#[test]
fn signals_stop_it() {
    for signal in ["INT", "TERM"] {
        let mut program =
            Program::start(Command::new(PROGRAM).args(["serve", "--listen", "127.0.0.1:0", "--in-memory"]));
        let thread = program.client.thread("sleep 3600000");
        let body = json!({"assistant_id": program.client.assistant(), "stream": true});
        let mut events = program.client.stream(&format!("/threads/{thread}/runs"), body);
        events.skip_to("run.in_progress");
        let pid = program.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(super::client::names(&events.collect::<Vec<_>>()), "run.failed done");
        assert_eq!(program.child.wait().unwrap().code(), Some(0));
        let mut rest = String::new();
        program.output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

/// A limit on the size of files simulates a full disk.
#[cfg(unix)]
#[test]
fn a_full_disk_acknowledges_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("a.db");
    let script = "trap '' XFSZ; ulimit -f 600; exec \"$0\" serve --listen 127.0.0.1:0 --database \"$1\"";
    let program = Program::start(Command::new("sh").args(["-c", script, PROGRAM]).arg(&database));
    let mut kept = Vec::new();
    let refused = loop {
        assert!(kept.len() < 10_000, "the disk is never full");
        let answer = program.client.post(
            "/assistants",
            json!({"model": "test", "instructions": "x".repeat(2000)}),
        );
        if answer.status != 200 {
            break answer;
        }
        kept.push(id(&answer.json));
    };
    assert_eq!(
        (refused.status, &refused.json["error"]["type"]),
        (500, &json!("server_error"))
    );
    let message = refused.json["error"]["message"].as_str().unwrap();
    assert!(message.contains("The storage failed: "), "{message}");
    // Reading still works.
    assert_eq!(program.client.get(&format!("/assistants/{}", kept[0])).status, 200);
    program.kill();

    let program = Program::on(&database);
    let client = &program.client;
    for id in &kept {
        client.get(&format!("/assistants/{id}")).ok();
    }
    let newest = client.get("/assistants?limit=1").ok();
    assert_eq!(newest["data"][0]["id"].as_str(), kept.last().map(String::as_str));
}

#[test]
fn the_spelling_of_the_other_protocol_can_be_chosen() {
    for (names, want) in [("camel", "{}"), ("snake", r#"{"next_page_token":"","users":[]}"#)] {
        let program = Program::start(Command::new(PROGRAM).args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--in-memory",
            "--yandex-names",
            names,
        ]));
        let client = super::client::Client::new(program.client.base_url.trim_end_matches("/v1"));
        let users = client.get("/users/v1/users?folderId=f").ok();
        assert_eq!(users, serde_json::from_str::<serde_json::Value>(want).unwrap());
    }
}

/// The standard error of a program.
struct Log {
    lines: mpsc::Receiver<String>,
    seen: String,
}

impl Log {
    /// Starts a program at the default log level, and reads its log.
    fn of(command: &mut Command) -> (Program, Self) {
        let mut program = Program::start(command.env_remove("RUST_LOG").stderr(Stdio::piped()));
        let stderr = BufReader::new(program.child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            stderr
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let seen = String::new();
        (program, Self { lines, seen })
    }

    /// Reads up to a line that contains all these texts.
    #[track_caller]
    fn expect(&mut self, words: &[&str]) {
        loop {
            // Generous for slow machines: the line is written before the response.
            let Ok(line) = self.lines.recv_timeout(Duration::from_secs(60)) else {
                panic!("no line with {words:?} in {}", self.seen);
            };
            self.seen.push_str(&format!("{line}\n"));
            if words.iter().all(|word| line.contains(word)) {
                return;
            }
        }
    }

    /// Returns the whole log, once the program has ended.
    fn whole(mut self) -> String {
        self.lines
            .iter()
            .for_each(|line| self.seen.push_str(&format!("{line}\n")));
        self.seen
    }
}

#[test]
fn the_log_reports_problems_and_no_contents() {
    const KEY: &str = "zqxkey-of-the-server";
    const TEXT: &str = "zqxtext";
    let (program, mut log) = Log::of(
        Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--in-memory"])
            .env("ASSISTANTS_LOCAL_API_KEY", KEY),
    );
    log.expect(&["INFO", "listening on 127.0.0.1:", "everything in memory", "an API key"]);

    let wrong = program.client.header("authorization", "Bearer zqxkey-of-somebody");
    assert_eq!(wrong.get("/assistants").status, 401);
    log.expect(&[
        "WARN",
        "401 for GET /v1/assistants from 127.0.0.1:",
        "the API key is wrong",
    ]);
    assert_eq!(program.client.post("/threads", json!({})).status, 401);
    log.expect(&[
        "WARN",
        "401 for POST /v1/threads from 127.0.0.1:",
        "no API key was given",
    ]);

    let client = program.client.header("authorization", &format!("Bearer {KEY}"));
    let assistant = json!({"model": "test", "instructions": TEXT, "metadata": {"k": TEXT}});
    let assistant = id(&client.post("/assistants", assistant).ok());
    upload(&client, TEXT);
    assert_eq!(client.call("POST", "/threads", &format!("{{\"{TEXT}")).status, 400);
    let thread = client.thread(TEXT);
    let (messages, runs) = (format!("/threads/{thread}/messages"), format!("/threads/{thread}/runs"));
    client
        .post(
            &messages,
            json!({"role": "user", "content": "fail rate_limit_exceeded"}),
        )
        .ok();
    let mut events = client.stream(&runs, json!({"assistant_id": assistant, "stream": true}));
    let run = id(&events.skip_to("run.failed").data);
    log.expect(&[
        "WARN",
        &format!("run {run} of {thread} failed: \"rate_limit_exceeded\""),
    ]);
    program.kill();
    let log = log.whole();
    assert!(!log.contains("zqx"), "{log}");

    let (program, mut log) = Log::of(Command::new(PROGRAM).args(["serve", "--listen", "127.0.0.1:0", "--in-memory"]));
    log.expect(&["INFO", "listening on", "no API key: this machine only"]);
    let headers = format!("host: evil.example\r\nauthorization: Bearer {KEY}\r\n");
    assert_eq!(request(program.address(), "GET", "/v1/assistants", &headers, "").0, 403);
    log.expect(&[
        "WARN",
        "403 for GET /v1/assistants from 127.0.0.1:",
        "The host 'evil.example' is not a name of this machine",
    ]);
    program.kill();
    let log = log.whole();
    assert!(!log.contains("zqx"), "{log}");
}

#[cfg(unix)]
#[test]
fn the_log_reports_connections_that_cannot_be_accepted() {
    let script = "ulimit -n 48; exec \"$0\" serve --listen 127.0.0.1:0 --in-memory";
    let (program, mut log) = Log::of(Command::new("sh").args(["-c", script, PROGRAM]));
    let address = program.address();
    // The system accepts connections before the server does.
    let connections: Vec<Raw> = (0..64).map(|_| Raw::connect(address)).collect();
    log.expect(&["WARN", "could not accept a connection: "]);
    drop(connections);
}
