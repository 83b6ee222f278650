//! A table from rows, or from the result of a query.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::layout::{line, shrink, total};
use crate::output::query::Selection;
use crate::output::{text, tsv};

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
