//! Measurements, to be asked for: `cargo test -p jobd --test shim -- --ignored --nocapture`.

use std::fs;
use std::time::{Duration, Instant};

use crate::harness::Step;

const STEPS: u32 = 200;

#[test]
#[ignore = "a measurement"]
fn spawn_to_exit_of_true() {
    let mut times: Vec<Duration> = (0..STEPS)
        .map(|_| {
            let step = Step::command(&["/bin/true"]);
            let begun = Instant::now();
            let mut shim = step.start();
            while !shim.has("exit.json") {
                std::thread::yield_now();
            }
            let time = begun.elapsed();
            shim.wait();
            time
        })
        .collect();
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100];
    println!(
        "median {:?}, 99 % {:?}, fastest {:?}",
        at(50),
        at(99),
        at(0)
    );
}

#[test]
#[ignore = "a measurement"]
fn memory_of_an_idle_shim() {
    let shim = Step::shell("$PROBE hold $DIR/end").start();
    shim.started();
    let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", shim.pid())).unwrap();
    for field in ["Rss", "Pss", "Private_Dirty"] {
        println!(
            "{}",
            text.lines().find(|line| line.starts_with(field)).unwrap()
        );
    }
    println!("VmPTE {} kB", shim.status("VmPTE"));
    fs::write(shim.path("end"), "").unwrap();
    shim.finish();
}
