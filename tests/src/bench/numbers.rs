//! Medians and percentiles.

use std::time::Duration;

use nix::sys::time::TimeSpec;

/// Milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Milliseconds of nanoseconds.
pub fn ms_of(nanoseconds: u64) -> f64 {
    ms(Duration::from_nanos(nanoseconds))
}

/// A clock's time in nanoseconds.
pub fn nanoseconds(time: TimeSpec) -> u64 {
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    part(time.tv_sec()) * 1_000_000_000 + part(time.tv_nsec())
}

/// The value below which so many percent of the samples lie (nearest rank); 0 of none.
pub fn percentile(samples: &[f64], percent: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

/// The median.
pub fn median(samples: impl IntoIterator<Item = f64>) -> f64 {
    percentile(&samples.into_iter().collect::<Vec<_>>(), 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let found = [50, 99, 100].map(|percent| percentile(&hundred, percent));
        assert!(found.iter().eq(&[50.0, 99.0, 100.0]), "{found:?}");
        assert!(percentile(&[7.0], 99).total_cmp(&7.0).is_eq());
        assert!(median([3.0, 1.0, 2.0]).total_cmp(&2.0).is_eq());
    }
}
