//! How far something has come, in words and as a bar.

use proto::stage::Progress;
use unicode_width::UnicodeWidthStr;

use crate::output::{size, text};
use crate::time;

/// Columns of a bar at least and at most.
const BAR_COLUMNS: std::ops::RangeInclusive<usize> = 10..=30;
/// What stands between the parts of a line.
const GAP: &str = "  ";

/// Bytes, files, rate and time to go, as far as they are known.
pub fn amounts(progress: &Progress) -> Vec<String> {
    let mut parts = Vec::new();
    let of = |done: String, total: Option<String>| match total {
        Some(total) => format!("{done} of {total}"),
        None => done,
    };
    if progress.bytes > 0 || progress.bytes_total.is_some() {
        let total = progress.bytes_total.map(size::bytes);
        parts.push(of(size::bytes(progress.bytes), total));
    }
    if progress.files > 0 || progress.files_total.is_some() {
        let total = progress.files_total.map(|total| total.to_string());
        let unit = match progress.files_total.unwrap_or(progress.files) {
            1 => " file",
            _ => " files",
        };
        parts.push(of(progress.files.to_string(), total) + unit);
    }
    if progress.rate > 0 {
        parts.push(format!("{}/s", size::bytes(progress.rate)));
    }
    if let Some(secs) = progress.eta_secs {
        parts.push(match secs {
            0..60 => format!("{secs} s left"),
            _ => format!("{} left", time::duration(secs.saturating_mul(1000))),
        });
    }
    parts
}

/// One line that a terminal of that width holds without a break: the later parts give way.
pub fn line(progress: &Progress, columns: usize) -> String {
    let room = columns.saturating_sub(1);
    let mut line = cut(&text::in_line(&progress.what), room);
    let mut rest = String::new();
    for part in amounts(progress) {
        if line.width() + rest.width() + GAP.len() + part.width() > room {
            break;
        }
        rest += GAP;
        rest += &part;
    }
    let left = room.saturating_sub(line.width() + rest.width() + GAP.len() + 2);
    if let (Some(total), true) = (progress.bytes_total, left >= *BAR_COLUMNS.start()) {
        line += &format!(
            "{GAP}[{}]",
            bar(progress.bytes, total, left.min(*BAR_COLUMNS.end()))
        );
    }
    line + &rest
}

fn bar(done: u64, total: u64, columns: usize) -> String {
    let columns_wide = u128::try_from(columns).unwrap_or(0);
    let full = u128::from(done.min(total)) * columns_wide / u128::from(total.max(1));
    let full = usize::try_from(full).unwrap_or(columns);
    format!("{}{}", "#".repeat(full), "-".repeat(columns - full))
}

fn cut(text: &str, columns: usize) -> String {
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if kept.width() > columns {
            kept.pop();
            break;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress {
            what: "downloading inputs.\u{1b}data".into(),
            bytes: 12 << 20,
            bytes_total: Some(40 << 20),
            files: 3,
            files_total: Some(10),
            rate: 5 << 20,
            eta_secs: Some(5),
        }
    }

    #[test]
    fn a_line_fits_and_obeys_nothing() {
        let mut shown = String::new();
        for columns in [140, 100, 60, 30, 5, 0] {
            let line = line(&progress(), columns);
            assert!(line.width() < columns.max(1), "{line}");
            shown += &format!("{columns:3} {line}\n");
        }
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let begun = Progress {
            what: "building".into(),
            ..Progress::default()
        };
        assert_eq!(line(&begun, 80), "building");
        let nothing = Progress {
            bytes_total: Some(0),
            ..begun
        };
        assert_eq!(amounts(&nothing), ["0 B of 0 B"]);
        assert_eq!(bar(7, 0, 10), "----------", "and nothing is divided by it");
        assert_eq!(bar(u64::MAX, u64::MAX, 10), "##########");
    }
}
