//! How far something has come: one line on standard error that a terminal shows anew, and that is
//! a line for each part where there is no terminal.

mod file;
mod line;
mod text;

pub use file::read;
pub use line::Line;
pub use text::amounts;
