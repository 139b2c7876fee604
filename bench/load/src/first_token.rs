//! How much later the first token of a run arrives through the server than from the upstream server.

use std::error::Error;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use assistants_blocking::chat::{ChatMessage, CreateChatCompletion};
use assistants_blocking::openai::{Client, CreateAssistant, CreateMessage, CreateRun, CreateThread};

use crate::server::Server;
use crate::times::{median, millis, range};
use crate::upstream;

/// The streams that are open at once.
const STREAMS: usize = 200;
/// The time between the starts of two streams, so that all are open before the first one ends.
const APART: Duration = Duration::from_millis(15);

type Failed = Box<dyn Error + Send + Sync>;

pub fn measure(program: &str) -> Result<(), Box<dyn Error>> {
    let slow = upstream::start()?;
    let server = Server::start(program, &["--upstream", &slow])?;
    let through = Client::builder().base_url(server.url()).build()?;
    let direct = Client::builder().base_url(&slow).api_key("any").build()?;
    let assistant = through.assistants().create(CreateAssistant::new("slow")).send()?;

    println!(
        "| {STREAMS} streams, started | to the upstream server, ms | through the server, ms | difference at the median, ms | memory per run, KiB |"
    );
    println!("| --- | --- | --- | --- | --- |");
    for (name, apart) in [("15 ms apart", APART), ("at once", Duration::ZERO)] {
        // Connections are opened and threads started before anything is measured.
        for _ in 0..2 {
            let bare = each(apart, |_| chat(&direct))?;
            let threads = (0..STREAMS)
                .map(|_| {
                    let message = CreateMessage::user("How are you?");
                    through
                        .threads()
                        .create(CreateThread::default().message(message))
                        .send()
                })
                .collect::<Result<Vec<_>, _>>()?;
            let before = server.memory()?;
            let live = Arc::new(Barrier::new(STREAMS + 1));
            let (runs, during) = thread::scope(|scope| {
                let runs = scope.spawn(|| each(apart, |index| run(&through, &threads[index].id, &assistant.id, &live)));
                live.wait();
                let during = server.memory();
                (runs.join(), during)
            });
            let runs = runs.map_err(|_| "a measurement panicked")??;
            let memory = during?.saturating_sub(before) / STREAMS as u64;
            let difference = millis(median(&runs)) - millis(median(&bare));
            println!(
                "| {name} | {} | {} | {difference:.1} | {memory} |",
                range(&bare),
                range(&runs)
            );
        }
    }
    Ok(())
}

/// Measures as many streams as there are, each on a thread of its own, and returns the times to their first tokens.
fn each(apart: Duration, stream: impl Fn(usize) -> Result<Duration, Failed> + Sync) -> Result<Vec<Duration>, String> {
    let ready = Barrier::new(STREAMS);
    let mut times = thread::scope(|scope| {
        let (ready, stream) = (&ready, &stream);
        let streams: Vec<_> = (0..STREAMS)
            .map(|index| {
                scope.spawn(move || {
                    ready.wait();
                    thread::sleep(apart * u32::try_from(index).unwrap_or(u32::MAX));
                    stream(index)
                })
            })
            .collect();
        let results = streams.into_iter().map(|stream| match stream.join() {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err("a stream panicked".to_owned()),
        });
        results.collect::<Result<Vec<_>, _>>()
    })?;
    times.sort_unstable();
    Ok(times)
}

/// Asks the upstream server.
fn chat(client: &Client) -> Result<Duration, Failed> {
    let begun = Instant::now();
    let question = CreateChatCompletion::new("slow", [ChatMessage::user("How are you?")]);
    let mut stream = client.chat().stream(question).send()?;
    let mut first = None;
    let mut words = 0;
    for text in stream.text_deltas() {
        words += text?.matches("word").count();
        first.get_or_insert_with(|| begun.elapsed());
    }
    complete(first, words)
}

/// Runs an assistant; all runs wait for each other after their first word.
fn run(client: &Client, thread_id: &str, assistant_id: &str, live: &Barrier) -> Result<Duration, Failed> {
    let begun = Instant::now();
    let mut stream = client.runs(thread_id).stream(CreateRun::new(assistant_id)).send()?;
    let mut first = None;
    let mut words = 0;
    while let Some(text) = stream.next_text() {
        words += text?.matches("word").count();
        if first.is_none() {
            first = Some(begun.elapsed());
            live.wait();
        }
    }
    complete(first, words)
}

fn complete(first: Option<Duration>, words: usize) -> Result<Duration, Failed> {
    match first {
        Some(first) if words == upstream::WORDS => Ok(first),
        _ => Err(format!("an answer of {words} words").into()),
    }
}
