//! Tables as they are printed, at several widths.

use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{Column, Table};
use crate::output::query::Selection;

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
