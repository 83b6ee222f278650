//! Moments and durations for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

const MICROS_PER_MILLI: i64 = 1000;

/// A moment of RFC 3339 in the given time zone, to the second; as it is when it is no such text.
pub fn moment(text: &str, zone: &TimeZone) -> String {
    match text.parse::<Timestamp>() {
        Ok(at) => at
            .to_zoned_datetime(zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => text.to_owned(),
    }
}

/// A moment in microseconds since the Unix epoch, to the millisecond.
pub fn exact_moment(micros: i64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(micros.div_euclid(MICROS_PER_MILLI)) {
        Ok(at) => at
            .to_zoned_datetime(zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S%.3f")
            .to_string(),
        Err(_) => micros.to_string(),
    }
}

/// The milliseconds between two moments of RFC 3339; none when one is no such text.
pub fn millis_between(from: &str, to: &str) -> Option<u64> {
    let from: Timestamp = from.parse().ok()?;
    let to: Timestamp = to.parse().ok()?;
    u64::try_from(to.as_millisecond() - from.as_millisecond()).ok()
}

/// A duration such as `0.25 s`, `3m 20s` or `2d 3h`: two units at most.
pub fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..10 => format!("{}.{:02} s", seconds, millis % 1000 / 10),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_in_the_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(moment("2026-07-01T10:00:00Z", &zone), "2026-07-01 12:00:00");
        assert_eq!(moment("soon", &zone), "soon");
        assert_eq!(
            exact_moment(1_751_364_000_123_456, &TimeZone::UTC),
            "2025-07-01 10:00:00.123"
        );
        assert_eq!(
            millis_between("2026-07-01T10:00:00Z", "2026-07-01T10:00:01.5Z"),
            Some(1500)
        );
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (millis, expected) in [
            (0, "0.00 s"),
            (259, "0.25 s"),
            (10_999, "10 s"),
            (200_000, "3m 20s"),
            (7_260_000, "2h 1m"),
            (183_600_000, "2d 3h"),
        ] {
            assert_eq!(duration(millis), expected);
        }
    }
}
