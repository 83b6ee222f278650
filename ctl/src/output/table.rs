//! Tables for people. On a terminal they fit its width: columns that may shrink do, then the
//! least important ones go. In a pipe nothing is cut.

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::query::Selection;
use super::{text, tsv};

/// What stands between columns.
const GAP: usize = 2;
/// No shrunken column is narrower.
const SHRUNK_MIN: usize = 8;

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// What stands above it.
    pub title: String,
    /// Whether it may be cut to fit.
    pub shrinks: bool,
    /// Columns with the highest number go first when there is no room; 0 stays.
    pub rank: u8,
}

impl Column {
    /// A column that stays as it is.
    pub fn fixed(title: &str, rank: u8) -> Column {
        Column {
            title: title.into(),
            shrinks: false,
            rank,
        }
    }

    /// A column that may be cut.
    pub fn shrinking(title: &str, rank: u8) -> Column {
        Column {
            shrinks: true,
            ..Column::fixed(title, rank)
        }
    }
}

/// A table of text.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: Vec<Column>) -> Table {
        let rows = Vec::new();
        Table { columns, rows }
    }

    /// Adds a row with a cell for each column.
    pub fn push(&mut self, row: Vec<String>) {
        let safe = row.iter().map(|cell| text::in_line(cell).into_owned());
        self.rows.push(safe.collect());
    }

    /// The table of a query's result: its objects' keys are the columns.
    pub fn of(selection: &Selection) -> Table {
        let rows = match &selection.value {
            Value::Array(rows) => rows.as_slice(),
            Value::Null => &[],
            single => std::slice::from_ref(single),
        };
        let titles = match &selection.columns {
            Some(columns) => columns.clone(),
            None => titles(rows),
        };
        let mut table = Table::new(titles.iter().map(|t| Column::shrinking(t, 0)).collect());
        for row in rows {
            table.push(cells(row, &titles));
        }
        table
    }

    /// The text, at most `width` columns wide where one is given.
    pub fn render(mut self, width: Option<usize>) -> String {
        if self.columns.is_empty() {
            return String::new();
        }
        let widths = match width {
            Some(width) => self.fit(width),
            None => self.widths(),
        };
        let titles = self.columns.iter().map(|column| column.title.as_str());
        let mut out = line(titles, &widths);
        for row in &self.rows {
            out.push_str(&line(row.iter().map(String::as_str), &widths));
        }
        out
    }

    fn widths(&self) -> Vec<usize> {
        let natural = |(index, column): (usize, &Column)| {
            let cells = self.rows.iter().map(|row| row[index].width());
            cells.max().unwrap_or(0).max(column.title.width())
        };
        self.columns.iter().enumerate().map(natural).collect()
    }

    fn fit(&mut self, width: usize) -> Vec<usize> {
        loop {
            let widths = shrink(self.widths(), &self.columns, width);
            let last = self.columns.iter().map(|column| column.rank).max();
            if total(&widths) <= width || last.unwrap_or(0) == 0 {
                return widths;
            }
            self.drop_rank(last.unwrap_or(0));
        }
    }

    fn drop_rank(&mut self, rank: u8) {
        let kept: Vec<bool> = self.columns.iter().map(|c| c.rank != rank).collect();
        let mut keep = kept.iter();
        self.columns.retain(|_| *keep.next().unwrap_or(&true));
        for row in &mut self.rows {
            let mut keep = kept.iter();
            row.retain(|_| *keep.next().unwrap_or(&true));
        }
    }
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Takes from the widest column that may shrink, until all fit or none can give more.
fn shrink(mut widths: Vec<usize>, columns: &[Column], width: usize) -> Vec<usize> {
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

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
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

/// The keys of the first row, as `az` has it; what is no object is in a column `Result`, the
/// values of a list are in `Column1` and so on.
fn titles(rows: &[Value]) -> Vec<String> {
    match rows.first() {
        Some(Value::Object(object)) => object
            .iter()
            .filter(|(_, value)| !value.is_object() && !value.is_array())
            .map(|(key, _)| key.clone())
            .collect(),
        Some(Value::Array(values)) => (1..=values.len()).map(|n| format!("Column{n}")).collect(),
        Some(_) => vec!["Result".into()],
        None => Vec::new(),
    }
}

fn cells(row: &Value, titles: &[String]) -> Vec<String> {
    let cell = |(index, title): (usize, &String)| match row {
        Value::Object(object) => object.get(title).map(tsv::cell).unwrap_or_default(),
        Value::Array(values) => values.get(index).map(tsv::cell).unwrap_or_default(),
        scalar if index == 0 => tsv::cell(scalar),
        _ => String::new(),
    };
    titles.iter().enumerate().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> Table {
        let mut table = Table::new(vec![
            Column::fixed("NAME", 0),
            Column::fixed("STATUS", 0),
            Column::shrinking("DISPLAY NAME", 2),
            Column::shrinking("EXPERIMENT", 3),
            Column::fixed("EXIT", 1),
        ]);
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        table.push(row([
            "calm_river_1",
            "Completed",
            "a display name of some length\n",
            "basics-of-the-house",
            "0",
        ]));
        table.push(row(["old_tree_2", "Failed", "日本語の名前", "x", "139"]));
        table
    }

    #[test]
    fn a_pipe_gets_everything() {
        insta::assert_snapshot!(sample().render(None));
    }

    #[test]
    fn a_terminal_gets_what_fits() {
        let mut shown = String::new();
        for width in [100, 70, 60, 40, 10] {
            let text = sample().render(Some(width));
            if width > 10 {
                let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap();
                assert!(widest <= width, "{widest} > {width}");
            }
            shown.push_str(&format!("--- {width}\n{text}"));
        }
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn results_of_queries() {
        let mut shown = String::new();
        for value in [
            json!([{"Name": "a", "S": "Failed", "deep": {}}, {"Name": "b"}]),
            json!([["a", 1], ["b", 2]]),
            json!("one"),
            json!({"a": 1, "b": null}),
            json!([]),
        ] {
            let columns = None;
            shown.push_str(&Table::of(&Selection { value, columns }).render(None));
            shown.push_str("---\n");
        }
        insta::assert_snapshot!(shown);
    }
}
