//! A long history costs next to nothing. The bounds are generous: they tell a scan of the whole
//! history from a look at its end, not a fast machine from a slow one.

use jobd_tests::harness::{Home, JobFile};
use jobd_tests::history::{measure, seed};

const JOBS: usize = 100_000;
/// Times what it costs without a history.
const FACTOR: f64 = 5.0;
/// And so many milliseconds for a busy machine. A scan of 100,000 rows takes longer.
const MARGIN_MS: f64 = 25.0;
const RSS_KIB_MAX: u64 = 24 << 10;

#[test]
fn a_hundred_thousand_ended_jobs_are_not_noticed() {
    let mut home = Home::running(&["--slots", "1"]);
    drop(home.wait(&home.submit(&JobFile::new("true"))));
    home.kill();
    seed(&home.path().join("state/jobd.db"), 100).unwrap();
    let without = measure(&mut home);
    seed(&home.path().join("state/jobd.db"), JOBS).unwrap();
    let with = measure(&mut home);
    println!("{without:?}\n{with:?}");
    for (what, before, after) in [
        ("a page", without.page, with.page),
        ("a page of a rare status", without.rare, with.rare),
        ("one job", without.show, with.show),
        ("a submission", without.submit, with.submit),
    ] {
        let most = before * FACTOR + MARGIN_MS;
        assert!(after < most, "{what}: {before:.2} ms, now {after:.2} ms");
    }
    assert!(with.start < without.start * FACTOR + 1_000.0, "{with:?}");
    assert!(with.rss_kib < RSS_KIB_MAX, "{with:?}");
}
