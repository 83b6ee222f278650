//! Names for jobs that have none: `adjective_noun_suffix`, as Azure ML's client makes them.

/// The suffix has no vowels, so that it spells nothing.
const SUFFIX_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxyz0123456789";
/// How long the suffix is.
const SUFFIX_LENGTH: usize = 10;

const ADJECTIVES: [&str; 32] = [
    "amber", "ample", "bold", "brave", "brisk", "calm", "clear", "clever", "coral", "crisp",
    "eager", "fair", "fleet", "gentle", "golden", "green", "happy", "honest", "jolly", "keen",
    "kind", "lively", "loyal", "mellow", "nimble", "patient", "quiet", "sharp", "silver", "steady",
    "warm", "witty",
];
const NOUNS: [&str; 32] = [
    "acorn", "anchor", "basil", "beacon", "birch", "brook", "cactus", "cedar", "comet", "crane",
    "delta", "falcon", "fern", "garden", "harbor", "heron", "island", "kettle", "lantern", "maple",
    "meadow", "orchid", "otter", "pebble", "pine", "quartz", "river", "sparrow", "thistle",
    "tundra", "walnut", "willow",
];

/// The name that belongs to a random number.
#[must_use]
pub fn generate(random: u64) -> String {
    let mut rest = random;
    let mut take = |count: usize| {
        // Both fit: the tables hold a few dozen entries.
        let count = count as u64;
        let index = rest % count;
        rest /= count;
        index as usize
    };
    let adjective = ADJECTIVES[take(ADJECTIVES.len())];
    let noun = NOUNS[take(NOUNS.len())];
    let suffix: String = (0..SUFFIX_LENGTH)
        .map(|_| char::from(SUFFIX_LETTERS[take(SUFFIX_LETTERS.len())]))
        .collect();
    format!("{adjective}_{noun}_{suffix}")
}

#[cfg(test)]
mod tests {
    use super::generate;

    #[test]
    fn names_have_three_parts_and_differ() {
        let names: std::collections::BTreeSet<_> = (0..1000u64)
            .map(|n| generate(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .collect();
        assert_eq!(names.len(), 1000);
        for name in names {
            assert_eq!(name.split('_').count(), 3, "{name}");
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            );
        }
    }
}
