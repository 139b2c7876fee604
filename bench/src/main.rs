//! Side by side measurements: each contender does the same work against the same server in a process of its own.
//!
//! `cargo run --release` prints, for each work, the CPU time and peak memory of each contender as the median of several
//! rounds, and ratios to `floor`: the least a program over ureq can do. Rounds go through all contenders in turn, so
//! that a slow moment of the machine meets all of them.

mod contenders;
mod server;

use std::io::Write as _;
use std::process::Command;

use cpu_time::ProcessTime;

const ROUNDS: usize = 7;

/// The works, and who does them.
const WORKS: &[(&str, &[&str])] = &[
    ("stream of 200,000 text deltas", &["floor", "events", "next_text", "async-openai"]),
    ("the same, each with a number of its own, so that no delta is like the one before", &["numbered-floor", "numbered-events", "numbered-next_text"]),
    ("list of 10,000 assistants, 100 a page", &["list-floor", "list", "list-async-openai"]),
    ("start, one event", &["first-floor", "first"]),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [serve] if serve == "serve" => serve_until_killed(),
        [contender, url] => contend(contender, url),
        _ => compare(),
    }
}

/// Prints the server's address and serves, for a contender that is started by hand, under a profiler for example.
fn serve_until_killed() {
    println!("{}", server::start());
    loop {
        std::thread::park();
    }
}

/// Does one work, then says what it took: CPU seconds, peak memory in KiB, and a count that proves the work was done.
fn contend(contender: &str, url: &str) {
    let start = ProcessTime::now();
    let count = contenders::run(contender, url);
    println!("{} {} {count}", start.elapsed().as_secs_f64(), peak_kib());
}

/// The peak of resident memory, from `VmHWM` of the process status; 0 where there is no such file.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn compare() {
    let url = server::start();
    let program = std::env::current_exe().expect("the path of this program");
    for (work, contenders) in WORKS {
        println!("\n{work}");
        let mut figures: Vec<Vec<(f64, u64)>> = vec![Vec::new(); contenders.len()];
        let mut counts = Vec::new();
        for _ in 0..ROUNDS {
            for (contender, figures) in contenders.iter().zip(&mut figures) {
                let output = Command::new(&program).args([contender, url.as_str()]).output().expect("start a contender");
                std::io::stderr().write_all(&output.stderr).expect("pass the contender's words on");
                let text = String::from_utf8(output.stdout).expect("text");
                let mut words = text.split_whitespace();
                let mut next = || words.next().unwrap_or_else(|| panic!("{contender} failed"));
                figures.push((next().parse().expect("seconds"), next().parse().expect("kib")));
                counts.push((contender.to_string(), next().to_owned()));
            }
        }
        let counted = &counts[0].1;
        assert!(counts.iter().all(|(_, count)| count == counted), "contenders did different work: {counts:?}");
        let median = |figures: &[(f64, u64)], of: fn(&(f64, u64)) -> f64| {
            let mut all: Vec<f64> = figures.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let floor = median(&figures[0], |one| one.0);
        println!("{:<20} {:>10} {:>8} {:>12}", "contender", "CPU ms", "x floor", "peak MiB");
        for (contender, figures) in contenders.iter().zip(&figures) {
            let (cpu, peak) = (median(figures, |one| one.0), median(figures, |one| one.1 as f64));
            println!("{contender:<20} {:>10.1} {:>8.2} {:>12.1}", cpu * 1e3, cpu / floor, peak / 1024.0);
        }
    }
}
