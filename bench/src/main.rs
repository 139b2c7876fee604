//! Side-by-side measurements: each contender does the same work against the same server, in a separate process.
//!
//! `cargo run --release` (after `cargo build --release -p peers`) prints, for each workload, the CPU time, the wall-clock
//! time and the peak memory of each contender, as medians of several rounds, and the ratios to `floor`: the least that a
//! program over ureq has to do. Each round measures all contenders in turn, so that a slow phase of the machine affects
//! all of them.

mod contenders;
mod server;

use std::io::Write as _;
use std::process::Command;

const ROUNDS: usize = 7;

/// The workloads and their contenders: those of this program, or another program and its name for the workload. The
/// first one is the floor.
const WORKS: &[(&str, &[(&str, &str)])] = &[
    (
        "stream of 200,000 text deltas",
        &[
            ("bench", "floor"),
            ("bench", "events"),
            ("bench", "next_text"),
            ("async-openai", "stream"),
        ],
    ),
    (
        "the same, each with a number of its own, so that no delta is like the one before",
        &[
            ("bench", "numbered-floor"),
            ("bench", "numbered-events"),
            ("bench", "numbered-next_text"),
        ],
    ),
    (
        "list of 10,000 assistants, 100 a page",
        &[("bench", "list-floor"), ("bench", "list"), ("async-openai", "list")],
    ),
    (
        "5,000 small GETs on one connection",
        &[("bench", "get-floor"), ("bench", "get")],
    ),
    ("start, one event", &[("bench", "first-floor"), ("bench", "first")]),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [serve] if serve == "serve" => serve_until_killed(),
        [] => compare(),
        _ => bench::contend(contenders::run),
    }
}

/// Prints the server's address and serves, for a contender that is started manually, for example under a profiler.
fn serve_until_killed() {
    println!("{}", server::start());
    loop {
        std::thread::park();
    }
}

/// The measurements of one contender.
struct Took {
    cpu: f64,
    clock: f64,
    peak_kib: f64,
    count: usize,
}

fn compare() {
    let url = server::start();
    for (work, contenders) in WORKS {
        let mut took: Vec<Vec<Took>> = contenders.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for ((program, contender), took) in contenders.iter().zip(&mut took) {
                took.push(start(program, contender, &url));
            }
        }
        let count = took[0][0].count;
        assert!(
            took.iter().flatten().all(|one| one.count == count),
            "the contenders did different work: {work}"
        );
        println!("\n{work}");
        println!(
            "{:<22} {:>9} {:>8} {:>10} {:>8} {:>9}",
            "contender", "CPU ms", "x floor", "clock ms", "x floor", "peak MiB"
        );
        let floor = &took[0];
        for ((program, contender), took) in contenders.iter().zip(&took) {
            let name = if *program == "bench" { contender } else { program };
            let (cpu, clock) = (median(took, |one| one.cpu), median(took, |one| one.clock));
            println!(
                "{name:<22} {:>9.1} {:>8.2} {:>10.1} {:>8.2} {:>9.1}",
                cpu * 1e3,
                cpu / median(floor, |one| one.cpu),
                clock * 1e3,
                clock / median(floor, |one| one.clock),
                median(took, |one| one.peak_kib) / 1024.0
            );
        }
    }
}

/// Runs a contender of another program.
fn start(program: &str, contender: &str, url: &str) -> Took {
    let path = std::env::current_exe()
        .expect("the path of this program")
        .with_file_name(program);
    let output = Command::new(&path).args([contender, url]).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}; were the peers built?", path.display()));
    std::io::stderr()
        .write_all(&output.stderr)
        .expect("pass the contender's words on");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut words = text.split_whitespace();
    let mut next = || words.next().unwrap_or_else(|| panic!("{program} {contender} failed"));
    Took {
        cpu: next().parse().expect("seconds"),
        clock: next().parse().expect("seconds"),
        peak_kib: next().parse().expect("kib"),
        count: next().parse().expect("a count"),
    }
}

fn median(took: &[Took], of: fn(&Took) -> f64) -> f64 {
    let mut all: Vec<f64> = took.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
