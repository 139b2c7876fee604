//! Code shared by all measured programs.

use std::time::Instant;

use cpu_time::ProcessTime;

/// Runs the workload that the program's arguments name (contender and URL), then prints CPU seconds, wall-clock seconds,
/// peak memory in KiB, and a count that proves that the work was done.
pub fn contend(work: impl FnOnce(&str, &str) -> usize) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [contender, url] = args.as_slice() else {
        panic!("a contender and a url are wanted, not {args:?}")
    };
    let (cpu, clock) = (ProcessTime::now(), Instant::now());
    let count = work(contender, url);
    println!(
        "{} {} {} {count}",
        cpu.elapsed().as_secs_f64(),
        clock.elapsed().as_secs_f64(),
        peak_kib()
    );
}

/// Peak resident memory, from `VmHWM` in the process status; 0 where there is no such file.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
