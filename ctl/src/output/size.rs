//! Sizes for people.

const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/// Bytes such as `812 B`, `1.5 KiB` or `12 GiB`: two digits at least.
pub fn bytes(count: u64) -> String {
    if count < 1024 {
        return format!("{count} B");
    }
    let mut unit = 0;
    let mut whole = count;
    while whole >= 1024 * 1024 && unit + 1 < UNITS.len() {
        whole /= 1024;
        unit += 1;
    }
    let name = UNITS[unit];
    match whole / 1024 {
        few @ ..10 => format!("{few}.{} {name}", whole % 1024 * 10 / 1024),
        many => format!("{many} {name}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes() {
        for (count, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10 << 10, "10 KiB"),
            ((1 << 20) - 1, "1023 KiB"),
            (3 << 29, "1.5 GiB"),
            (u64::MAX, "16383 PiB"),
        ] {
            assert_eq!(super::bytes(count), expected);
        }
    }
}
