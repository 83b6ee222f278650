//! How long the reader takes for hostile files: `cargo run --release -p jobd-tests --bin reading`.
//! Only a release build on an idle machine is worth reading; no test judges these numbers.

use std::hint::black_box;
use std::time::{Duration, Instant};

use jobd_tests::hostile;
use proto::job;

/// Each file is read so often; the shortest time counts.
const TRIES: usize = 3;

fn main() {
    let mut rows: Vec<_> = hostile::files()
        .into_iter()
        .map(|(name, text)| (shortest(&text), text.len(), name))
        .collect();
    rows.sort_by_key(|(took, ..)| std::cmp::Reverse(*took));
    for (took, bytes, name) in rows {
        println!(
            "{:9.3} ms {bytes:8} bytes  {name}",
            took.as_secs_f64() * 1e3
        );
    }
}

fn shortest(text: &[u8]) -> Duration {
    let once = |_| {
        let began = Instant::now();
        black_box(job::read_any(text, Some("job.yml"), None));
        began.elapsed()
    };
    (0..TRIES).map(once).min().unwrap_or_default()
}
