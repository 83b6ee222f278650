//! Standard output and standard error.

use std::io::{self, IsTerminal, Write};

use super::{OutputError, text};

/// Prints a result. On a terminal nothing in it is obeyed.
///
/// # Errors
/// `Stdout`.
pub fn stdout(result: &str) -> Result<(), OutputError> {
    let mut stdout = io::stdout().lock();
    let shown = if stdout.is_terminal() {
        text::in_block(result)
    } else {
        result.into()
    };
    stdout
        .write_all(shown.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(OutputError::Stdout)
}

/// Tells the user something on standard error. Further lines are indented: none of them can be
/// taken for something that jobctl says.
pub fn say(message: &str) {
    let message = text::in_block(message).replace('\n', "\n  ");
    stderr(&format!("jobctl: {message}\n"));
}

/// Prints text that is harmless already on standard error.
pub fn stderr(text: &str) {
    // There is no place left to tell that standard error is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The width of the terminal that standard output is; none for a pipe or a file.
pub fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let asked = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    asked.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0.into()))
}
