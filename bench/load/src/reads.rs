//! How long a request takes that reads an object while the server does something large.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use assistants_blocking::openai::{
    Client, CreateAssistant, CreateMessage, CreateRun, CreateThread, CreateVectorStore, SearchVectorStore, Thread,
};

use crate::server::Server;
use crate::times::range;

/// The words of a passage: common ones, so that a search finds every passage.
const WORDS: &str = "the house and the garden are in the town ";

pub fn measure(program: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::start(program, &[])?;
    let client = Client::builder().base_url(server.url()).build()?;
    println!("| meanwhile | GET of an assistant, ms |");
    println!("| --- | --- |");
    show(&client, "nothing", || {
        thread::sleep(Duration::from_secs(2));
        Ok(())
    })?;

    let store = client.vector_stores().create(CreateVectorStore::default()).send()?;
    let index = |megabytes: usize| {
        let mut text = String::new();
        for line in 0..megabytes * 1_000_000 / (WORDS.len() + 8) {
            writeln!(text, "{line:07}{WORDS}")?;
        }
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("long.txt");
        std::fs::write(&path, text)?;
        let begun = Instant::now();
        let file = client.vector_store_files(&store).upload_and_poll(&path).send()?;
        if let Some(error) = file.last_error {
            return Err(error.message.into());
        }
        eprintln!("indexed {megabytes} MB in {:.1} s", begun.elapsed().as_secs_f64());
        Ok(())
    };
    show(&client, "a file of 30 MB is indexed", || index(30))?;
    show(&client, "20 searches with common words", || {
        for _ in 0..20 {
            let query = SearchVectorStore::new("the house and the garden");
            if client.vector_stores().search(&store, query).send()?.data.is_empty() {
                return Err("a search found nothing".into());
            }
        }
        Ok(())
    })?;

    let thread = fill(&client, 100_000)?;
    let assistant = client.assistants().create(CreateAssistant::new("scripted")).send()?;
    show(&client, "20 runs on a thread of 100,000 messages", || {
        for _ in 0..20 {
            let run = client.runs(&thread).stream(CreateRun::new(&assistant)).send()?;
            run.finish()?.completed()?;
        }
        Ok(())
    })?;
    show(&client, "that thread is deleted", || {
        client.threads().delete(&thread).send()?;
        Ok(())
    })?;
    Ok(())
}

/// Creates a thread with this many messages, over several connections.
fn fill(client: &Client, messages: usize) -> Result<Thread, Box<dyn Error>> {
    const CONNECTIONS: usize = 32;
    let created = client.threads().create(CreateThread::default()).send()?;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..messages / CONNECTIONS {
                        client
                            .messages(&created)
                            .create(CreateMessage::user("How are you?"))
                            .send()?;
                    }
                    Ok::<_, assistants_blocking::Error>(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(filled) => filled.map_err(Into::into),
            Err(_) => Err(Box::<dyn Error>::from("a connection panicked")),
        })
    })?;
    Ok(created)
}

/// Reads an assistant again and again, while `work` is done.
fn show(client: &Client, name: &str, work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let assistant = client.assistants().create(CreateAssistant::new("scripted")).send()?;
    let over = AtomicBool::new(false);
    let (worked, times) = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut times = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                client.assistants().retrieve(&assistant).send()?;
                times.push(begun.elapsed());
                thread::sleep(Duration::from_millis(1));
            }
            times.sort_unstable();
            Ok::<_, assistants_blocking::Error>(times)
        });
        let worked = work();
        over.store(true, Ordering::Relaxed);
        (worked, reader.join())
    });
    worked?;
    let times = times.map_err(|_| "the reader panicked")??;
    println!("| {name} | {} |", range(&times));
    Ok(())
}
