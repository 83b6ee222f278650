//! All numbers, and the tables for people: the losses stand beside the rest.

use std::fmt::Write;

use serde::Serialize;

/// The table in which all contestants stand side by side.
pub const COMPARISON: &str = "side by side";
/// Its columns.
pub const CONTESTANTS: [&str; 8] = [
    "direct",
    "xargs",
    "parallel",
    "jobd",
    "task-spooler",
    "HyperQueue",
    "nq",
    "pueue",
];

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// On what, and how.
    pub conditions: Vec<String>,
    /// In the order in which they were begun.
    pub tables: Vec<Table>,
    /// What was aimed at.
    pub targets: Vec<Target>,
    /// Who did not take part, or not to the end, and why.
    pub absent: Vec<(String, String)>,
    /// Parts that could not be measured to their end, and why.
    pub failed: Vec<(String, String)>,
    /// What is plotted.
    pub plots: Vec<Plot>,
}

/// Numbers in rows and columns.
#[derive(Debug, Serialize)]
pub struct Table {
    /// Its name.
    pub title: String,
    /// Their names.
    pub columns: Vec<String>,
    /// With their labels; as many cells as there are columns, or fewer.
    pub rows: Vec<(String, Vec<Option<f64>>)>,
}

/// A number that was aimed at.
#[derive(Debug, Serialize)]
pub struct Target {
    /// Of which of the targets it is a part.
    pub number: u8,
    /// What, and in which unit.
    pub what: String,
    /// None when it was not measured.
    pub measured: Option<f64>,
    /// What it must not pass, one way or the other.
    pub bound: Bound,
}

/// The side on which the good numbers are.
#[derive(Debug, Clone, Copy, Serialize)]
pub enum Bound {
    /// At least that.
    AtLeast(f64),
    /// At most that.
    AtMost(f64),
}

/// A drawing with both axes logarithmic.
#[derive(Debug, Serialize)]
pub struct Plot {
    /// The file's name, without its extension.
    pub name: &'static str,
    /// Above it.
    pub title: &'static str,
    /// Below it and beside it.
    pub axes: [&'static str; 2],
    /// A line for each contestant.
    pub lines: Vec<(String, Vec<[f64; 2]>)>,
}

impl Report {
    /// A report about nothing yet.
    pub fn new(conditions: Vec<String>) -> Report {
        Report {
            conditions,
            tables: vec![Table {
                title: COMPARISON.into(),
                columns: CONTESTANTS.map(String::from).into(),
                rows: Vec::new(),
            }],
            ..Report::default()
        }
    }

    /// Puts a number into a table; table, row and column are made when they are not there.
    pub fn set(&mut self, title: &str, label: &str, column: &str, value: Option<f64>) {
        let at = place_of(
            &mut self.tables,
            |table| table.title == title,
            || Table {
                title: title.into(),
                columns: Vec::new(),
                rows: Vec::new(),
            },
        );
        let Some(table) = self.tables.get_mut(at) else {
            return;
        };
        let column = place_of(&mut table.columns, |one| one == column, || column.into());
        let empty = || (label.into(), Vec::new());
        let row = place_of(&mut table.rows, |(one, _)| one == label, empty);
        let Some((_, cells)) = table.rows.get_mut(row) else {
            return;
        };
        cells.resize(cells.len().max(column + 1), None);
        if let Some(cell) = cells.get_mut(column) {
            *cell = value;
        }
    }

    /// Puts a number where all contestants stand side by side.
    pub fn compare(&mut self, label: &str, who: &str, value: Option<f64>) {
        self.set(COMPARISON, label, who, value);
    }

    /// The same for everybody.
    pub fn compare_all(&mut self, label: &str, value: impl Fn(&str) -> Option<f64>) {
        for who in CONTESTANTS {
            self.compare(label, who, value(who));
        }
    }

    /// Adds a point to a contestant's line in a plot; not to a plot that is not drawn.
    pub fn point(&mut self, plot: &str, who: &str, point: [f64; 2]) {
        let Some(plot) = self.plots.iter_mut().find(|one| one.name == plot) else {
            return;
        };
        let empty = || (who.into(), Vec::new());
        let line = place_of(&mut plot.lines, |(one, _)| one == who, empty);
        if let Some((_, points)) = plot.lines.get_mut(line) {
            points.push(point);
        }
    }

    /// Judges a number.
    pub fn target(&mut self, number: u8, what: &str, measured: Option<f64>, bound: Bound) {
        self.targets.push(Target {
            number,
            what: what.into(),
            measured,
            bound,
        });
    }

    /// The tables as text.
    pub fn text(&self) -> String {
        self.print(false)
    }

    /// The tables as Markdown.
    pub fn markdown(&self) -> String {
        self.print(true)
    }

    fn print(&self, markdown: bool) -> String {
        let mut text = String::new();
        for condition in &self.conditions {
            // Writing to a string cannot fail.
            let _written = writeln!(text, "{}{condition}", if markdown { "* " } else { "" });
        }
        for (name, reason) in self.absent.iter().chain(&self.failed) {
            let _written = writeln!(text, "{}{name}: {reason}", if markdown { "* " } else { "" });
        }
        let mut grids: Vec<Vec<Vec<String>>> = self.tables.iter().map(Table::grid).collect();
        let mut targets = self.targets.iter().collect::<Vec<_>>();
        targets.sort_by_key(|target| target.number);
        let head = ["target", "", "measured", "aim", ""].map(String::from);
        let rows = targets.into_iter().map(Target::cells);
        grids.push(std::iter::once(head.into()).chain(rows).collect());
        for grid in grids.iter().filter(|grid| grid.len() > 1) {
            text.push('\n');
            text += &if markdown { piped(grid) } else { aligned(grid) };
        }
        text
    }
}

impl Table {
    /// Head and rows; a column of which nothing is known is left out.
    fn grid(&self) -> Vec<Vec<String>> {
        let known: Vec<usize> = (0..self.columns.len())
            .filter(|at| {
                self.rows
                    .iter()
                    .any(|(_, cells)| cell(cells, *at).is_some())
            })
            .collect();
        let named = known.iter().filter_map(|at| self.columns.get(*at).cloned());
        let mut grid = vec![std::iter::once(self.title.clone()).chain(named).collect()];
        grid.extend(self.rows.iter().map(|(label, cells)| {
            let cells = known.iter().map(|at| short(cell(cells, *at)));
            std::iter::once(label.clone()).chain(cells).collect()
        }));
        grid
    }
}

impl Target {
    /// Whether it was met; none when it was not measured.
    pub fn is_met(&self) -> Option<bool> {
        Some(match self.bound {
            Bound::AtLeast(bound) => self.measured? >= bound,
            Bound::AtMost(bound) => self.measured? <= bound,
        })
    }

    fn cells(&self) -> Vec<String> {
        let (sign, bound) = match self.bound {
            Bound::AtLeast(bound) => ("≥", bound),
            Bound::AtMost(bound) => ("≤", bound),
        };
        let mark = match self.is_met() {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not measured",
        };
        vec![
            self.number.to_string(),
            self.what.clone(),
            short(self.measured),
            format!("{sign} {}", short(Some(bound))),
            mark.into(),
        ]
    }
}

/// Where one is in a list; it is added if it is not.
fn place_of<T>(list: &mut Vec<T>, is_it: impl Fn(&T) -> bool, make: impl Fn() -> T) -> usize {
    let found = list.iter().position(is_it);
    found.unwrap_or_else(|| {
        list.push(make());
        list.len() - 1
    })
}

fn cell(cells: &[Option<f64>], at: usize) -> Option<f64> {
    cells.get(at).copied().flatten()
}

/// Three digits or so, which is what a measurement is worth.
pub fn short(number: Option<f64>) -> String {
    match number {
        None => "–".into(),
        Some(number) => match number.abs() {
            size if size.fract() == 0.0 => thousands(&format!("{number:.0}")),
            size if size < 0.1 => format!("{number:.3}"),
            size if size < 10.0 => format!("{number:.2}"),
            size if size < 100.0 => format!("{number:.1}"),
            _ => thousands(&format!("{number:.0}")),
        },
    }
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len() - at;
        if left.is_multiple_of(3) && text.ends_with(|last: char| last.is_ascii_digit()) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Numbers stand to the right.
fn aligned(grid: &[Vec<String>]) -> String {
    let columns = grid.iter().map(Vec::len).max().unwrap_or(0);
    let column = |at: usize| grid.iter().filter_map(move |row| row.get(at));
    let is_number = |cell: &String| cell.replace(',', "").parse::<f64>().is_ok();
    let width = |at: usize| column(at).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    let mut text = String::new();
    for row in grid {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Nothing is told by an error: writing to a string cannot fail.
            let _written = match at > 0 && column(at).any(is_number) {
                true => write!(line, "{cell:>width$}  "),
                false => write!(line, "{cell:<width$}  "),
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn piped(grid: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (at, row) in grid.iter().enumerate() {
        let _written = writeln!(text, "| {} |", row.join(" | "));
        if at == 0 {
            let _written = writeln!(text, "|{}", " --- |".repeat(row.len()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_are_worth() {
        let numbers = [0.0, 0.004, 0.25, 42.42, 999.6, 1_234_567.0, -123.0];
        let texts = numbers.map(|number| short(Some(number)));
        assert_eq!(
            texts,
            ["0", "0.004", "0.25", "42.4", "1,000", "1,234,567", "-123"]
        );
        assert_eq!(short(None), "–");
    }

    #[test]
    fn a_table_shows_the_known_columns_and_the_losses() {
        let mut report = Report::new(vec!["somewhere".into()]);
        report.compare("bulk, jobs/s", "jobd", Some(300.0));
        report.compare("bulk, jobs/s", "nq", Some(600.0));
        report.target(1, "bulk / R", Some(0.3), Bound::AtLeast(0.4));
        report.target(2, "submit / nq", Some(0.9), Bound::AtMost(1.0));
        report.target(3, "unknown", None, Bound::AtMost(1.0));
        let text = report.text();
        assert!(text.contains("side by side  jobd   nq\n"), "{text}");
        assert!(text.contains("bulk, jobs/s   300  600\n"), "{text}");
        let marks: Vec<_> = report.targets.iter().map(Target::is_met).collect();
        assert_eq!(marks, [Some(false), Some(true), None]);
        let markdown = report.markdown();
        assert!(markdown.contains("| bulk, jobs/s | 300 | 600 |\n"));
        assert!(markdown.contains("| 1 | bulk / R | 0.30 | ≥ 0.40 | missed |\n"));
    }
}
