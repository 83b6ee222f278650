//! The line itself.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use proto::stage::Progress;

use super::text;
use crate::output::print;

/// The least time between two drawings.
const DRAW_PAUSE: Duration = Duration::from_millis(100);
/// The width of a terminal that does not tell it.
const COLUMNS_DEFAULT: usize = 80;
/// Goes to the beginning of the line and clears it (ECMA-48 EL).
const CLEAR: &str = "\r\u{1b}[K";

/// A line on standard error.
#[derive(Debug)]
pub struct Line {
    on_terminal: bool,
    /// Whether the terminal shows it now.
    is_drawn: bool,
    drawn_at: Option<Instant>,
    /// The part that was told last.
    what: String,
}

impl Line {
    /// Nothing yet.
    pub fn new() -> Line {
        Line {
            on_terminal: io::stderr().is_terminal(),
            is_drawn: false,
            drawn_at: None,
            what: String::new(),
        }
    }

    /// Shows how far it has come; where there is no terminal only each part as it begins.
    pub fn show(&mut self, progress: &Progress) {
        let is_new = self.what != progress.what;
        self.what.clone_from(&progress.what);
        if !self.on_terminal {
            if is_new {
                print::say(&progress.what);
            }
            return;
        }
        let is_early = self.drawn_at.is_some_and(|at| at.elapsed() < DRAW_PAUSE);
        if self.is_drawn && is_early && !is_new {
            return;
        }
        let line = text::line(progress, columns());
        print::stderr(&format!("{CLEAR}{line}"));
        self.is_drawn = true;
        self.drawn_at = Some(Instant::now());
    }

    /// Makes room for something else.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            print::stderr(CLEAR);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.clear();
    }
}

fn columns() -> usize {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or(COLUMNS_DEFAULT, |(width, _)| width.0.into())
}
