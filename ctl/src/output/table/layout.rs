//! How wide columns are, and how a line is drawn.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::build::Column;

/// What stands between columns.
const GAP: usize = 2;
/// No shrunken column is narrower.
const SHRUNK_MIN: usize = 8;

/// The width of a line.
pub fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Takes from the widest column that may shrink, until all fit or none can give more.
pub fn shrink(mut widths: Vec<usize>, columns: &[Column], width: usize) -> Vec<usize> {
    while total(&widths) > width {
        let excess = total(&widths) - width;
        let able = |(index, column): (usize, &Column)| {
            let least = SHRUNK_MIN.max(column.title.width());
            (column.shrinks && widths[index] > least).then_some((widths[index], index, least))
        };
        let mut candidates: Vec<_> = columns.iter().enumerate().filter_map(able).collect();
        candidates.sort_unstable();
        let Some((size, index, least)) = candidates.pop() else {
            break;
        };
        // Down to the next widest, so that they shrink together.
        let next = candidates.last().map_or(least, |(size, ..)| *size);
        let take = excess.min((size - next.max(least)).max(1));
        widths[index] = size - take;
    }
    widths
}

/// A line of cells in columns of these widths.
pub fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let mut out = String::new();
    for (cell, width) in cells.zip(widths) {
        let cut = cut(cell, *width);
        out.push_str(&cut);
        out.push_str(&" ".repeat(width.saturating_sub(cut.width()) + GAP));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// A cell in no more than `width` columns.
fn cut(cell: &str, width: usize) -> String {
    if cell.width() <= width {
        return cell.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for character in cell.chars() {
        used += character.width().unwrap_or(0);
        if used + 1 > width {
            break;
        }
        out.push(character);
    }
    out.push('…');
    out
}
