//! Samples, medians and percentiles.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::Outcome;

/// Milliseconds.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The moment, in nanoseconds of the monotonic clock, which the jobs' programs read too.
///
/// # Errors
/// When there is no such clock.
pub fn now() -> Outcome<u64> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(part(time.tv_sec()) * 1_000_000_000 + part(time.tv_nsec()))
}

/// From one moment to another, both in nanoseconds; below 0 when the other was before.
pub fn ms_between(from: u64, to: u64) -> f64 {
    match to.checked_sub(from) {
        Some(after) => ms(Duration::from_nanos(after)),
        None => -ms(Duration::from_nanos(from - to)),
    }
}

/// A whole number as it is needed to divide by it: what is counted here is far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn float(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or(u64::MAX) as f64
}

/// The value below which so many percent of the samples lie (nearest rank); none of none.
pub fn percentile(samples: &[f64], percent: usize) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// What was measured again and again: the samples of each measure and of each contestant.
#[derive(Debug, Default)]
pub struct Samples {
    all: BTreeMap<(&'static str, String), Vec<f64>>,
}

impl Samples {
    /// Adds one.
    pub fn push(&mut self, measure: &'static str, who: &str, value: f64) {
        let samples = self.all.entry((measure, who.into())).or_default();
        samples.push(value);
    }

    /// Their percentile; none when it was never measured.
    pub fn percentile(&self, measure: &'static str, who: &str, percent: usize) -> Option<f64> {
        let samples = self.all.get(&(measure, who.into()))?;
        percentile(samples, percent)
    }

    /// Their median.
    pub fn median(&self, measure: &'static str, who: &str) -> Option<f64> {
        self.percentile(measure, who, 50)
    }
}

/// One number in terms of another, if both were measured.
pub fn ratio(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one? / other?).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let found = [50, 99, 100].map(|percent| percentile(&hundred, percent));
        assert!(found.iter().eq(&[50.0, 99.0, 100.0].map(Some)), "{found:?}");
        assert_eq!(percentile(&[7.0], 99), Some(7.0));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn samples_are_kept_apart() {
        let mut samples = Samples::default();
        for value in [3.0, 1.0, 2.0] {
            samples.push("rate", "jobd", value);
        }
        samples.push("rate", "nq", 9.0);
        assert_eq!(samples.median("rate", "jobd"), Some(2.0));
        assert_eq!(samples.median("time", "jobd"), None);
    }

    #[test]
    fn a_ratio_needs_both() {
        assert_eq!(ratio(Some(1.0), Some(2.0)), Some(0.5));
        assert_eq!(ratio(Some(1.0), Some(0.0)), None);
        assert_eq!(ratio(None, Some(2.0)), None);
    }

    #[test]
    fn times_go_both_ways() {
        assert!((ms_between(0, 1_500_000) - 1.5).abs() < 1e-9);
        assert!((ms_between(1_500_000, 0) + 1.5).abs() < 1e-9);
    }
}
