//! `history [N…]`: what the daemon costs with so many ended jobs (100,000 and 1,000,000), beside
//! few in the same run.

use jobd_tests::harness::{Home, JobFile};
use jobd_tests::history::{Figures, measure, seed};

/// Enough for a page.
const FEW: usize = 100;

fn main() {
    let asked: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let asked = if asked.is_empty() {
        vec![100_000, 1_000_000]
    } else {
        asked
    };
    println!("    jobs  start ms  page ms  rare ms  show ms  submit ms  RSS MiB");
    for jobs in [FEW].into_iter().chain(asked) {
        let mut home = Home::running(&["--slots", "1"]);
        drop(home.wait(&home.submit(&JobFile::new("true"))));
        home.kill();
        if let Err(error) = seed(&home.path().join("state/jobd.db"), jobs) {
            eprintln!("history: {error}");
            std::process::exit(1);
        }
        print(jobs, measure(&mut home));
    }
}

fn print(jobs: usize, figures: Figures) {
    let Figures {
        start,
        page,
        rare,
        show,
        submit,
        rss_kib,
    } = figures;
    println!(
        "{jobs:>8}  {start:>8.1}  {page:>7.2}  {rare:>7.2}  {show:>7.2}  {submit:>9.2}  {:>7.1}",
        rss_kib as f64 / 1024.0
    );
}
