//! How many messages several connections create in a second.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use assistants_blocking::openai::{Client, CreateMessage, CreateThread};

use crate::server::Server;

/// How long each number of connections is measured.
const TIME: Duration = Duration::from_secs(5);

pub fn measure(program: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::start(program, &[])?;
    println!("| connections | messages a second | × one connection |");
    println!("| --- | --- | --- |");
    let mut one = None;
    for connections in [1, 8, 64] {
        // The first connections are slower: the server starts threads.
        create(&server, connections, Duration::from_millis(500))?;
        let rate = create(&server, connections, TIME)?;
        let ratio = rate / *one.get_or_insert(rate);
        println!("| {connections} | {rate:.0} | {ratio:.1} |");
    }
    Ok(())
}

/// Creates messages over this many connections, each in a thread of its own, and returns how many in a second.
fn create(server: &Server, connections: usize, time: Duration) -> Result<f64, Box<dyn Error>> {
    let over = AtomicBool::new(false);
    let begun = Instant::now();
    let counts = thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| create_until(server.url(), &over)))
            .collect();
        thread::sleep(time);
        over.store(true, Ordering::Relaxed);
        let counts = workers.into_iter().map(|worker| match worker.join() {
            Ok(count) => count.map_err(|error| error.to_string()),
            Err(_) => Err("a connection panicked".to_owned()),
        });
        counts.collect::<Result<Vec<_>, _>>()
    })?;
    let all: u32 = counts.into_iter().sum();
    Ok(f64::from(all) / begun.elapsed().as_secs_f64())
}

fn create_until(url: &str, over: &AtomicBool) -> Result<u32, assistants_blocking::Error> {
    let client = Client::builder().base_url(url).build()?;
    let thread = client.threads().create(CreateThread::default()).send()?;
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        client
            .messages(&thread)
            .create(CreateMessage::user("How are you?"))
            .send()?;
        count += 1;
    }
    Ok(count)
}
