//! Every fault of a server against every kind of call: what the caller gets, after how many requests, how soon, and
//! with how much memory.
//!
//! `cargo xtask reliability` writes the outcomes to `docs/reliability.md`. They do not depend on the machine: times are
//! given as the limit that ended the call, memory as an upper bound.

mod calls;
mod cell;
mod faults;
mod table;

use std::collections::VecDeque;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use calls::{CALLS, Call};
use cell::Outcome;
use faults::{FAULTS, Fault};

/// The file for the table; without it, the test only checks the outcomes.
const OUTPUT: &str = "RELIABILITY_TABLE";
/// Number of threads: nearly all cells spend nearly all of their time waiting.
const WORKERS: usize = 64;
/// Several times as long as all cells take on a busy machine.
const LONGEST: Duration = Duration::from_secs(300);

type Cell = (&'static Fault, &'static Call);

/// All cells, those that wait for a limit first.
fn cells() -> VecDeque<Cell> {
    let all = || {
        FAULTS
            .iter()
            .flat_map(|fault| CALLS.iter().map(move |call| (fault, call)))
    };
    let cells = all().filter(|(fault, call)| call.is_stream || !fault.needs_stream);
    let (slow, quick): (Vec<_>, Vec<_>) = cells.partition(|(fault, _)| fault.stalls);
    slow.into_iter().chain(quick).collect()
}

fn run_all() -> Vec<(Cell, Outcome)> {
    let cells = cells();
    let expected = cells.len();
    let queue = Mutex::new(cells);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let (sender, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some((fault, call)) = next() {
                    sender
                        .send(((fault, call), cell::run(fault, call)))
                        .expect("the test listens");
                }
            });
        }
        drop(sender);
        let mut all = Vec::new();
        while all.len() < expected {
            all.push(outcomes.recv_timeout(LONGEST).expect("every cell comes to an end"));
        }
        all
    })
}

#[test]
fn every_fault_has_an_outcome_that_the_user_can_act_on() {
    let mut outcomes = run_all();
    let place = |fault: &Fault, call: &Call| {
        let fault = FAULTS.iter().position(|other| other.name == fault.name);
        (fault, CALLS.iter().position(|other| other.title() == call.title()))
    };
    outcomes.sort_by_key(|((fault, call), _)| place(fault, call));
    let bad: Vec<String> = outcomes
        .iter()
        .filter_map(|((fault, call), outcome)| {
            let fault = fault.name;
            Some(format!("{fault} × {}: {}", call.title(), outcome.failure.as_ref()?))
        })
        .collect();
    assert!(
        bad.is_empty(),
        "{} of {}:\n{}",
        bad.len(),
        outcomes.len(),
        bad.join("\n")
    );
    if let Some(path) = std::env::var_os(OUTPUT) {
        std::fs::write(path, table::render(&outcomes)).expect("the file that was asked for");
    }
}
