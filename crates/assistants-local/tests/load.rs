//! A measurement with thousands of live streams at once:
//!
//! ```sh
//! cargo test --release -p assistants-local --test load -- --ignored --nocapture
//! ```
//!
//! The first runs occupy all threads of the server until all streams are open. Then all of them are answered.
//!
//! The test checks that every stream is complete and in order. It prints the number of streams that were open at once,
//! the latency of a request made meanwhile, the time to the first event of a stream, and the memory of the server.
//! `ASSISTANTS_LOCAL_STREAMS` is the number of streams (default 5,000), and `ASSISTANTS_LOCAL_HOLD` the time for which
//! the first runs occupy the threads, in seconds (default 30). `ASSISTANTS_LOCAL_MAX_RUNNING_RUNS` is passed to the
//! server; `ASSISTANTS_LOCAL_IN_MEMORY=true` excludes the disk.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// The message of all runs after the first: ten words, a second of silence, ten words.
const MESSAGE: &str = "repeat 10\nsleep 1000\nrepeat 10";

/// The number of runs that execute at a time, unless `ASSISTANTS_LOCAL_MAX_RUNNING_RUNS` is set.
const MAX_RUNNING_RUNS: usize = 256;

/// The number of connections being established at a time. More would overflow the backlog of the listening socket.
const CONNECTING: usize = 64;

/// The program, which is killed at the end of the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The current and the peak number of open streams.
#[derive(Default)]
struct Open {
    now: AtomicUsize,
    most: AtomicUsize,
    ended: AtomicUsize,
}

impl Open {
    fn begin(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn end(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns the phase in which a request is made, given the total number of streams.
    fn phase(&self, count: usize) -> usize {
        let (most, ended) = (self.most.load(Ordering::SeqCst), self.ended.load(Ordering::SeqCst));
        match ended {
            0 if most < count => 0,
            0 => 1,
            _ => 2,
        }
    }
}

/// The names of the phases.
const PHASES: [&str; 3] = [
    "while streams are opened",
    "while all are open and none has ended",
    "while they are answered and end",
];

/// The result of one stream.
struct Seen {
    first_event: Duration,
    whole: Duration,
    text: String,
}

async fn send(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Follows a run from its creation to the end of its stream.
async fn follow(address: SocketAddr, body: Arc<str>, connecting: Arc<Semaphore>, open: Arc<Open>) -> io::Result<Seen> {
    let permit = connecting.acquire().await.expect("the semaphore is not closed");
    let stream = TcpStream::connect(address).await?;
    let start = Instant::now();
    // HTTP/1.0, so that the body is not chunked and ends with the connection.
    let head = format!(
        "POST /v1/threads/runs HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    send(&stream, head.as_bytes()).await?;
    send(&stream, body.as_bytes()).await?;
    let (mut received, mut first_event, mut permit) = (Vec::new(), None, Some(permit));
    let mut buffer = vec![0; 16 * 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => received.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if first_event.is_none() && received.windows(7).any(|window| window == b"event: ") {
            first_event = Some(start.elapsed());
            open.begin();
            drop(permit.take());
        }
    }
    open.end();
    let received = String::from_utf8(received).map_err(io::Error::other)?;
    Ok(Seen {
        first_event: first_event.ok_or_else(|| io::Error::other(format!("no event came: {received}")))?,
        whole: start.elapsed(),
        text: received,
    })
}

/// Returns the distinct names of the events of a stream, and its text.
fn read(response: &str) -> (Vec<&str>, String) {
    let (mut names, mut text) = (Vec::new(), String::new());
    for event in response.split("\n\n") {
        let Some((name, data)) = event
            .lines()
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .rchunks(2)
            .next()
            .and_then(|lines| {
                Some((
                    lines.first()?.strip_prefix("event: ")?,
                    lines.get(1)?.strip_prefix("data: ")?,
                ))
            })
        else {
            continue;
        };
        if names.last() != Some(&name) {
            names.push(name);
        }
        if name == "thread.message.delta" {
            let data: Value = serde_json::from_str(data).unwrap();
            text.push_str(data["delta"]["content"][0]["text"]["value"].as_str().unwrap());
        }
    }
    (names, text)
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    format!(
        "p50 {:?}, p99 {:?}, worst {:?} of {}",
        at(50),
        at(99),
        at(100),
        times.len()
    )
}

fn status(pid: u32, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().trim_start_matches(':').trim().to_owned()
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |number| number.parse().unwrap())
}

#[test]
#[ignore = "a measurement"]
fn thousands_of_live_streams_are_complete_and_in_order() {
    let count = number("ASSISTANTS_LOCAL_STREAMS", 5000);
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_assistants-local"))
        .args(["serve", "--listen", "127.0.0.1:0", "--database"])
        .arg(directory.path().join("a.db"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let program = Program(child);
    let pid = program.0.id();
    let url = line
        .split_whitespace()
        .find(|word| word.starts_with("http"))
        .unwrap()
        .to_owned();
    let address: SocketAddr = url["http://".len()..url.len() - "/v1".len()].parse().unwrap();
    let made = ureq::post(format!("{url}/assistants"))
        .content_type("application/json")
        .send(r#"{"model": "test"}"#);
    let made: Value = serde_json::from_str(&made.unwrap().into_body().read_to_string().unwrap()).unwrap();
    let assistant = made["id"].as_str().unwrap().to_owned();
    let idle = status(pid, "VmRSS");

    let (going, open) = (Arc::new(AtomicBool::new(true)), Arc::new(Open::default()));
    let probe = {
        let (going, open) = (Arc::clone(&going), Arc::clone(&open));
        let place = format!("{url}/assistants/{assistant}");
        thread::spawn(move || {
            let agent = ureq::Agent::new_with_defaults();
            let (mut times, mut threads) = (Vec::new(), 0);
            while going.load(Ordering::SeqCst) {
                let (start, phase) = (Instant::now(), open.phase(count));
                agent.get(&place).call().unwrap().into_body().read_to_string().unwrap();
                times.push((phase, start.elapsed()));
                threads = threads.max(status(pid, "Threads").parse().unwrap_or(0));
                thread::sleep(Duration::from_millis(10));
            }
            (times, threads)
        })
    };
    let body = |message: &str| -> Arc<str> {
        let thread = json!({"messages": [{"role": "user", "content": message}]});
        let body = json!({"assistant_id": assistant, "stream": true, "thread": thread});
        body.to_string().into()
    };
    let hold = number("ASSISTANTS_LOCAL_HOLD", 30) * 1000;
    let (first, other) = (body(&format!("repeat 10\nsleep {hold}\nrepeat 10")), body(MESSAGE));
    let held = number("ASSISTANTS_LOCAL_MAX_RUNNING_RUNS", MAX_RUNNING_RUNS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let start = Instant::now();
    let seen: Vec<Seen> = runtime.block_on(async {
        let connecting = Arc::new(Semaphore::new(CONNECTING));
        let streams: Vec<_> = (0..count)
            .map(|index| {
                let body = Arc::clone(if index < held { &first } else { &other });
                tokio::spawn(follow(address, body, Arc::clone(&connecting), Arc::clone(&open)))
            })
            .collect();
        let mut seen = Vec::new();
        for stream in streams {
            seen.push(stream.await.unwrap().unwrap());
        }
        seen
    });
    let whole = start.elapsed();
    going.store(false, Ordering::SeqCst);
    let (times, threads) = probe.join().unwrap();

    let words: Vec<String> = (1..=10).map(|number| format!("word{number}")).collect();
    let words = words.join(" ");
    for stream in &seen {
        let (names, text) = read(&stream.text);
        let want = "thread.created thread.run.created thread.run.queued thread.run.in_progress thread.run.step.created \
            thread.run.step.in_progress thread.message.created thread.message.in_progress thread.message.delta \
            thread.message.completed thread.run.step.completed thread.run.completed done";
        assert_eq!(names.join(" "), want);
        assert_eq!(text.replace(' ', ""), format!("{words}{words}").replace(' ', ""));
    }
    println!(
        "{count} streams in {whole:?}, load {}",
        fs::read_to_string("/proc/loadavg").unwrap().trim()
    );
    println!(
        "first event: {}",
        quantiles(seen.iter().map(|stream| stream.first_event).collect())
    );
    println!(
        "whole stream: {}",
        quantiles(seen.iter().map(|stream| stream.whole).collect())
    );
    println!("open at once: {}", open.most.load(Ordering::SeqCst));
    for (number, phase) in PHASES.iter().enumerate() {
        let of_phase = times.iter().filter(|(phase, _)| *phase == number);
        let of_phase: Vec<Duration> = of_phase.map(|(_, time)| *time).collect();
        if !of_phase.is_empty() {
            println!("GET {phase}: {}", quantiles(of_phase));
        }
    }
    println!(
        "GET in all: {}",
        quantiles(times.iter().map(|(_, time)| *time).collect())
    );
    println!(
        "memory: {idle} idle, {} at most; {threads} threads at most",
        status(pid, "VmHWM")
    );
}
