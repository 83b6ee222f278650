//! Cases side by side, and the table of what happened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use super::drive::{self, Case};

/// Cases at a time: most of their time is waiting.
const THREADS: usize = 8;

/// What happened in a case.
#[derive(Debug)]
pub struct Row {
    pub name: String,
    /// The labels at which something died or failed.
    pub hits: Vec<String>,
    pub happened: String,
    pub problem: Option<String>,
}

/// Runs all cases; the rows are in their order.
pub fn run_all(cases: Vec<Case>) -> Vec<Row> {
    let next = Mutex::new(cases.iter().enumerate());
    let rows = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some((number, case)) = next.lock().unwrap().next() else {
                        return;
                    };
                    let row = run_one(case);
                    rows.lock().unwrap().push((number, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap();
    rows.sort_by_key(|(number, _)| *number);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn run_one(case: &Case) -> Row {
    let name = case.name.clone();
    catch_unwind(AssertUnwindSafe(|| drive::run(case))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()));
        Row {
            name,
            hits: Vec::new(),
            happened: "stopped".into(),
            problem: Some(text.unwrap_or_default()),
        }
    })
}

/// Prints the table, and fails when a row is not as it must be.
pub fn print(title: &str, rows: &[Row]) {
    println!("{title}:");
    for row in rows {
        let hits = match row.hits.first() {
            None => "nothing hit".into(),
            Some(first) if row.hits.len() == 1 => first.clone(),
            Some(first) => format!("{first} and {} more", row.hits.len() - 1),
        };
        let verdict = row.problem.as_deref().unwrap_or("ok");
        println!("  {} → {hits}; {} → {verdict}", row.name, row.happened);
    }
    let bad: Vec<_> = rows.iter().filter(|row| row.problem.is_some()).collect();
    let hit = rows.iter().filter(|row| !row.hits.is_empty()).count();
    println!("{title}: {} runs, {hit} hit, {} bad", rows.len(), bad.len());
    assert!(bad.is_empty(), "{bad:#?}");
}
