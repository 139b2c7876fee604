//! What every program of the measurements does around its work.

use std::time::Instant;

use cpu_time::ProcessTime;

/// Does the work that the program's arguments name (contender and URL), then says what it took: seconds of CPU, seconds
/// of the clock, peak memory in KiB, and a count that proves the work was done.
pub fn contend(work: impl FnOnce(&str, &str) -> usize) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [contender, url] = args.as_slice() else { panic!("a contender and a url are wanted, not {args:?}") };
    let (cpu, clock) = (ProcessTime::now(), Instant::now());
    let count = work(contender, url);
    println!("{} {} {} {count}", cpu.elapsed().as_secs_f64(), clock.elapsed().as_secs_f64(), peak_kib());
}

/// The peak of resident memory, from `VmHWM` of the process status; 0 where there is no such file.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
